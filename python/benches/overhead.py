"""What the interpreter adds to a step of the online filter: least time of many steps, less that in Rust.

    python benches/overhead.py RUN

In one process, in turns, so that both see the same machine.
"""

from __future__ import annotations

import sys
import time

import numpy as np

import dvbf

ROUNDS, STEPS = 100, 200


def overhead(model: dvbf.Model, samples: int) -> tuple[float, float]:
    """Least seconds of a step in Python and in Rust."""
    online = model.online(samples=samples)
    x = np.zeros(model.observation_shape, np.float32)
    u, dt, clock = np.zeros(model.control_size, np.float32), model.dt, time.perf_counter
    python = rust = float("inf")
    for _ in range(ROUNDS):
        online.reset()
        for _ in range(model.initial_frames + 1):
            online.step(x, u, dt)
        for _ in range(STEPS):
            begun = clock()
            online.step(x, u, dt)
            python = min(python, clock() - begun)
        rust = min(rust, online._least_seconds(STEPS))
    return python, rust


def main() -> None:
    model = dvbf.load(sys.argv[1])
    print(model)
    for samples in (0, 32):
        python, rust = overhead(model, samples)
        print(
            f"{samples:3} sample paths: {1e6 * python:7.2f} µs in Python, {1e6 * rust:7.2f} µs in Rust, "
            f"difference {1e6 * (python - rust):5.2f} µs"
        )


if __name__ == "__main__":
    main()
