"""The simulator of a locally linear DVBF in JAX: steps of latent states with noise, and frames.

    python jax_simulator.py --size simulate        # 50 steps of 1024 rollouts, their states kept
    python jax_simulator.py --size draw            # one frame of 16x16 pixels of each of 1024 rollouts

One rollout is written down and mapped over the batch; all steps of a run are one compiled call. The
default generator is the fastest here: with `rbg` a run takes twice as long.
"""

import os

import measure

ARGS = measure.options("JAX", sizes=["simulate", "draw"])
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

N, T, V = 1024, 50, 2


def parameters():
    """Those of size a with a smaller transition, so that states stay finite over any number of steps."""
    p = measure.first_parameters("a")
    rng = np.random.default_rng(2)
    H = measure.SIZES["a"]["H"]
    p["emission.0.weight"] = rng.normal(size=(H, V)).astype(np.float32)
    return {name: jnp.asarray(0.8 * v if name.startswith("transition") else v) for name, v in p.items()}


def move(p, z, u, w):
    zu = jnp.concatenate([z, u])
    hidden = jax.nn.relu(p["transition.mixing.0.weight"] @ zu + p["transition.mixing.0.bias"])
    alpha = jax.nn.softmax(p["transition.mixing.1.weight"] @ hidden + p["transition.mixing.1.bias"])
    maps = jnp.concatenate([p["transition.a"], p["transition.b"], p["transition.c"]], axis=-1)
    mixed = (alpha @ maps.reshape(maps.shape[0], -1)).reshape(maps.shape[1:])
    return mixed @ jnp.concatenate([zu, w])


def draw(p, z):
    hidden = jax.nn.relu(p["emission.0.weight"] @ z[:V] + p["emission.0.bias"])
    return p["emission.1.weight"] @ hidden + p["emission.1.bias"]


def step_for(size):
    p, Z = parameters(), measure.SIZES["a"]["Z"]

    @jax.jit
    def run(p, z, key, controls):
        key, own = jax.random.split(key)

        def step(z, at):
            u, key = at
            w = jax.random.normal(key, (N, Z))
            z = jax.vmap(move, (None, 0, 0, 0))(p, z, u, w)
            return z, z

        z, states = jax.lax.scan(step, z, (controls, jax.random.split(own, T)))
        return z, key, states

    frames = jax.jit(lambda p, z: jax.vmap(draw, (None, 0))(p, z))
    controls = jnp.full((T, N, 1), 0.3, jnp.float32)
    now = [jnp.zeros((N, Z), jnp.float32), jax.random.key(0)]

    def simulate():
        *now[:], states = run(p, *now, controls)
        states.block_until_ready()

    def paint():
        frames(p, now[0]).block_until_ready()

    return simulate if size == "simulate" else paint


if __name__ == "__main__":
    measure.run(ARGS, "jax", step_for)
