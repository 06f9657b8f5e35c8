"""A training step of the locally linear DVBF in JAX: noise, forward, backward, clipping, Adam.

    python jax_step.py --size b                                  # one line of JSON a size
    python jax_step.py --check ../../tests/golden/dvbf_ll_tempered.npz

The equations are in tests/golden/README.md. Shapes are time-major: `x (T, B, X)`, `u (T, B, U)`,
`eps (T, B, W)`. What does not depend on the recursion is computed for all steps at once.
"""

import functools
import math
import os

import measure

# Threads are restricted before JAX makes its own.
ARGS = measure.options("JAX")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402


def linear(p, name, x):
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def mlp(p, name, x):
    return linear(p, f"{name}.1", jax.nn.relu(linear(p, f"{name}.0", x)))


def head(raw):
    mean, raw = jnp.split(raw, 2, axis=-1)
    return mean, jax.nn.softplus(raw) + measure.STD_FLOOR


def start(p, x, u, k):
    """`q(w_1)` from the first frames."""
    def flat(a):
        return a.swapaxes(0, 1).reshape(a.shape[1], -1)

    return head(mlp(p, "initial.recognition", jnp.concatenate([flat(x[:k]), flat(u[: k - 1])], axis=-1)))


def mixing(p, zu):
    hidden = "transition.mixing.1.weight" in p
    logits = mlp(p, "transition.mixing", zu) if hidden else linear(p, "transition.mixing.0", zu)
    return jax.nn.softmax(logits, axis=-1)


def infer(p, x, u, mask, eps, k):
    """States `(T, B, Z)`, means and standard deviations of `q(w)`, `(T, B, W)`."""
    mean1, std1 = start(p, x, u, k)
    z1 = mlp(p, "initial.state", mean1 + std1 * eps[0])
    weight, channels = p["recognition.0.weight"], x.shape[-1]
    seen = x[1:] @ weight[:, :channels].T + p["recognition.0.bias"]
    inner = weight[:, channels:].T
    maps = jnp.concatenate([p["transition.a"], p["transition.b"], p["transition.c"]], axis=-1)
    bases, states, inputs = maps.shape
    maps = maps.reshape(bases, -1)

    def move(z, at):
        seen, u, eps, *observed = at
        zu = jnp.concatenate([z, u], axis=-1)
        mean, std = head(linear(p, "recognition.1", jax.nn.relu(seen + zu @ inner)))
        if observed:
            m = observed[0][:, None]
            mean, std = mean * m, std * m + (1.0 - m)
        zuw = jnp.concatenate([zu, mean + std * eps], axis=-1)
        mixed = (mixing(p, zu) @ maps).reshape(-1, states, inputs)
        z = jnp.einsum("bij,bj->bi", mixed, zuw)
        return z, (z, mean, std)

    steps = (seen, u[:-1], eps[1:]) + (() if mask is None else (mask[1:],))
    _, (z, mean, std) = jax.lax.scan(move, z1, steps)
    return (jnp.concatenate([z1[None], z]), jnp.concatenate([mean1[None], mean]),
            jnp.concatenate([std1[None], std]))


def loss(p, x, u, mask, eps, c, k):
    """Mean over sequences of `E_q[ln q(w) − c ln p(w)] − c ln p(x | z)`."""
    z, mean, std = infer(p, x, u, mask, eps, k)
    log_std = p["emission.log_std"]
    square = jnp.square((x - mlp(p, "emission", z)) * jnp.exp(-log_std)).sum(-1)
    log_lik = -0.5 * square - x.shape[-1] * (log_std + 0.5 * math.log(2.0 * math.pi))
    if mask is not None:
        log_lik = log_lik * mask
    kl = (0.5 * c * (math.log(2.0 * math.pi) + mean**2 + std**2)
          - 0.5 * math.log(2.0 * math.pi * math.e) - jnp.log(std)).sum(-1)
    return (kl - c * log_lik).sum(0).mean()


def adam(p, gradient, state):
    norm = jnp.sqrt(sum(jnp.vdot(g, g) for g in gradient.values()))
    scale = jnp.minimum(1.0, measure.CLIP / norm)
    first, second, count = state
    count = count + 1
    rest1 = 1.0 - measure.BETA1**count
    rest2 = jnp.sqrt(1.0 - measure.BETA2**count)
    moved, m, v = {}, {}, {}
    for name, g in gradient.items():
        g = g * scale
        m[name] = measure.BETA1 * first[name] + (1.0 - measure.BETA1) * g
        v[name] = measure.BETA2 * second[name] + (1.0 - measure.BETA2) * g * g
        moved[name] = p[name] - measure.RATE * (m[name] / rest1) / (jnp.sqrt(v[name]) / rest2 + measure.EPSILON)
    return moved, (m, v, count)


def step_for(size):
    x, u = (jnp.asarray(a) for a in measure.data(size))
    p = {name: jnp.asarray(value) for name, value in measure.first_parameters(size).items()}
    fixed = {"emission.log_std": jnp.float32(math.log(measure.EMISSION_STD))}
    T, B, _ = x.shape
    width = measure.SIZES[size]["Z"]

    @functools.partial(jax.jit, donate_argnums=(0, 1, 2))
    def step(p, state, key, x, u):
        key, draw = jax.random.split(key)
        eps = jax.random.normal(draw, (T, B, width))
        value, gradient = jax.value_and_grad(lambda p: loss(p | fixed, x, u, None, eps, 1.0, measure.K) / T)(p)
        p, state = adam(p, gradient, state)
        return p, state, key, value

    def zeros():
        return {name: jnp.zeros_like(value) for name, value in p.items()}

    now = [p, (zeros(), zeros(), jnp.float32(0.0)), jax.random.PRNGKey(0)]

    def once():
        *now[:], value = step(*now, x, u)
        value.block_until_ready()
        jax.block_until_ready(now[0])

    return once


def loss_and_gradients(p, x, u, mask, eps, c, k):
    p = {name: jnp.asarray(value) for name, value in p.items()}
    return jax.value_and_grad(lambda p: loss(p, x, u, mask, eps, c, k))(p)


if __name__ == "__main__":
    if ARGS.check:
        jax.config.update("jax_enable_x64", True)
        for path in ARGS.check:
            measure.check(path, loss_and_gradients)
    else:
        measure.run(ARGS, "jax", step_for)
