"""What the examples share: the pendulum, its recordings, and the trained run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dvbf

FOLDER = "runs/pendulum"
#: Largest torque in N m; half of what would hold the pendulum level.
TORQUE = 5.0
SYSTEM = dvbf.System("pendulum", torque_max=TORQUE)


def record(sequences: int, seed: int, steps: int = 100) -> Any:
    """Sequences under random torques: frames, torques and true states."""
    return SYSTEM.record(sequences, steps, seed)


def trained(recorded: Any) -> dvbf.Run:
    """The run on these recordings, trained if it is not there yet."""
    if (Path(FOLDER) / "summary.json").exists():
        return dvbf.open_run(FOLDER)
    if (Path(FOLDER) / "config.toml").exists():
        return dvbf.resume(FOLDER)
    return dvbf.train(
        recorded.x,
        recorded.u,
        dt=SYSTEM.dt,
        state=recorded.state,
        state_names=SYSTEM.state_names,
        preset="pendulum",
        out=FOLDER,
    )


def features(state: NDArray[Any]) -> NDArray[np.float64]:
    """Cosine and sine of the angle, zero when the pendulum hangs, and angular velocity in rad/s: `(…, 3)`."""
    angle, velocity = np.asarray(state, np.float64)[..., 0], np.asarray(state, np.float64)[..., 1]
    return np.stack([np.cos(angle), np.sin(angle), velocity], axis=-1)


def encoder(state: NDArray[Any], seed: int = 0) -> NDArray[np.float64]:
    """What an encoder on the axis reads with noise: cosine and sine of the angle `(…, 2)`."""
    read = features(state)[..., :2]
    return read + 0.02 * np.random.default_rng(seed).normal(size=read.shape)
