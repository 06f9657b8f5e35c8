"""Held empowerment of a locally linear transition in JAX: `jit` of `vmap` over states.

    python jax_empowerment.py --seconds 2          # one line of JSON

Shapes: states `(N, Z)`, one control held for `K` steps, as in `time-empowerment`. Parameters and states
are the same sines as there, and `mean_nats`, the mean over all states, says that the two compute the same.
"""

import argparse
import json
import os

import measure

# N states, Z of the state, M base matrices, A hidden units of the mixing network, K steps.
N, Z, M, A, K = 4096, 3, 16, 64, 10
TORQUE, RESOLUTION = 2.0, 0.05


def options():
    parser = argparse.ArgumentParser(description="Times held empowerment in JAX.")
    parser.add_argument("--size", default="held", choices=["held"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0, help="time to measure for")
    parser.add_argument("--turns", action="store_true",
                        help="print `ready`, then measure once for every line of standard input")
    parser.add_argument("--derivative", choices=["reverse", "forward"], default="reverse")
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(args.threads)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])
    return args


# Threads are restricted before JAX makes its own.
ARGS = options()
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402


def sines(shape, scale, phase):
    """`scale · sin(0.7 i + phase)`, `i` the place in the flat array."""
    return (scale * np.sin(0.7 * np.arange(np.prod(shape)) + phase)).reshape(shape).astype(np.float32)


def parameters():
    return dict(
        w0=sines((A, Z + 1), 0.8, 1.0), b0=sines((A,), 0.3, 2.0),
        w1=sines((M, A), 0.4, 3.0), b1=sines((M,), 0.3, 4.0),
        a=np.eye(Z, dtype=np.float32) + sines((M, Z, Z), 0.1, 5.0),
        b=sines((M, Z, 1), 0.2, 6.0),
    )


def transition(p, z, u):
    hidden = jax.nn.relu(p["w0"] @ jnp.concatenate([z, u]) + p["b0"])
    alpha = jax.nn.softmax(p["w1"] @ hidden + p["b1"])
    a, b = jnp.tensordot(alpha, p["a"], 1), jnp.tensordot(alpha, p["b"], 1)
    return a @ z + b @ u


DERIVATIVE = {"forward": jax.jacfwd, "reverse": jax.jacrev}[ARGS.derivative]


def held(p, z):
    """`½ ln det(I + P/σ² JᵀJ)` with one control, in units of the state."""
    rest = jnp.zeros(1, dtype=z.dtype)

    def both(z, u):
        following = transition(p, z, u)
        return following, following

    def step(carry, _):
        z, jacobian = carry
        (a, b), following = DERIVATIVE(both, argnums=(0, 1), has_aux=True)(z, rest)
        return (following, a @ jacobian + b), None

    (_, jacobian), _ = jax.lax.scan(step, (z, jnp.zeros((Z, 1), dtype=z.dtype)), None, length=K)
    gain = TORQUE**2 / 3.0 / RESOLUTION**2
    return 0.5 * jnp.log1p(gain * jnp.sum(jacobian**2))


def main():
    p = {name: jnp.asarray(value) for name, value in parameters().items()}
    states = jnp.asarray(sines((N, Z), 1.5, 0.5))
    evaluate = jax.jit(jax.vmap(held, in_axes=(None, 0)))

    def step():
        return evaluate(p, states).block_until_ready()

    values = np.asarray(step())
    for _ in range(3):
        step()

    def turn():
        reading = json.loads(measure.turn(ARGS, "JAX", "held", step, 0.0))
        return json.dumps(reading | dict(mean_nats=round(float(values.mean()), 6)))

    measure.answer(ARGS, turn)


if __name__ == "__main__":
    main()
