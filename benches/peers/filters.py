"""Kalman filters of filterpy and dynamax over a thousand steps, in double precision.

    python filters.py filterpy --size 4/2 --seconds 2     # one line of JSON

The model and the observations are the same sines as in `time-filter`, and `mean_nats`, the sum of the last
mean and of the diagonal of its covariance, says that all compute the same.
"""

import argparse
import json
import os

import measure

STEPS = 1000
SIZES = {"4/2": (4, 2), "6/3": (6, 3), "15/6": (15, 6)}


def options():
    parser = argparse.ArgumentParser(description="Times Kalman filters of other packages.")
    parser.add_argument("system", choices=["filterpy", "dynamax"])
    parser.add_argument("--size", default="4/2", choices=list(SIZES))
    parser.add_argument("--threads", type=int, default=1, choices=[1])
    parser.add_argument("--seconds", type=float, default=2.0, help="time to measure for")
    parser.add_argument("--turns", action="store_true",
                        help="print `ready`, then measure once for every line of standard input")
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    return args


# Threads are restricted before anything makes its own.
ARGS = options()
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import numpy as np  # noqa: E402


def sines(rows, columns, phase):
    """`sin(0.7 i + phase)`, `i` the place in the matrix, row after row."""
    return np.sin(0.7 * np.arange(rows * columns) + phase).reshape(rows, columns)


def problem(z, x):
    g, h = sines(z, z, 3.0), sines(x, x, 4.0)
    a = 0.8 * np.eye(z) + 0.15 / z * sines(z, z, 1.0)
    q, r = 0.1 * np.eye(z) + 0.01 * g @ g.T, 0.2 * np.eye(x) + 0.05 * h @ h.T
    seen = np.sin(0.3 * np.arange(STEPS)[:, None] + np.arange(x))
    return a, sines(x, z, 2.0), q, r, seen


def filterpy(z, x):
    from filterpy.kalman import KalmanFilter

    a, c, q, r, seen = problem(z, x)

    def step():
        f = KalmanFilter(dim_x=z, dim_z=x)
        f.F, f.H, f.Q, f.R, f.P = a, c, q, r, np.eye(z)
        for observation in seen:
            f.predict()
            f.update(observation)
        return f.x.sum() + np.trace(f.P)

    return step


def dynamax(z, x):
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    from dynamax.linear_gaussian_ssm import LinearGaussianSSM, lgssm_filter

    a, c, q, r, seen = problem(z, x)
    model = LinearGaussianSSM(z, x, has_dynamics_bias=False, has_emissions_bias=False)
    # Its first prior is that before the first observation.
    first = dict(initial_mean=jnp.zeros(z), initial_covariance=jnp.asarray(a @ a.T + q))
    params, _ = model.initialize(
        jax.random.PRNGKey(0), dynamics_weights=jnp.asarray(a), dynamics_covariance=jnp.asarray(q),
        emission_weights=jnp.asarray(c), emission_covariance=jnp.asarray(r), **first)
    run, seen = jax.jit(lgssm_filter), jnp.asarray(seen)

    def step():
        out = run(params, seen)
        return float(out.filtered_means[-1].sum() + jnp.trace(out.filtered_covariances[-1]))

    return step


def main():
    step = dict(filterpy=filterpy, dynamax=dynamax)[ARGS.system](*SIZES[ARGS.size])
    result = step()

    def turn():
        reading = json.loads(measure.turn(ARGS, ARGS.system, ARGS.size, step, 0.0))
        return json.dumps(reading | dict(mean_nats=float(result)))

    measure.answer(ARGS, turn)


if __name__ == "__main__":
    main()
