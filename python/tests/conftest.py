"""Runs that take a moment, shared by all tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import dvbf

DT = 0.1
SMALL: dict[str, Any] = {
    "training": {"steps": 40, "log_interval": 20, "batch": 8, "restarts": 1},
    "model": {"hidden": 8},
    "evaluation": {"importance_samples": 2},
}


def oscillation(count: int, steps: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions ``(N, T, 2)`` of a damped oscillation under a force ``(N, T, 1)``."""
    rng = np.random.default_rng(seed)
    force = rng.normal(size=(count, steps, 1))
    position, speed = rng.normal(size=(2, count))
    x = np.zeros((count, steps, 2))
    for t in range(steps):
        x[:, t, 0] = position + 0.02 * rng.normal(size=count)
        x[:, t, 1] = position - speed + 0.02 * rng.normal(size=count)
        speed = speed + DT * (-3.0 * position - 0.3 * speed + force[:, t, 0])
        position = position + DT * speed
    return x, force


@pytest.fixture(scope="session")
def data() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return oscillation(30, 50, 0)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, data: tuple[NDArray[np.float64], ...]) -> dvbf.Run:
    folder = tmp_path_factory.mktemp("runs") / "vectors"
    x, u = data
    return dvbf.train(x, u, dt=DT, out=folder, progress=False, threads=1, **SMALL)


@pytest.fixture(scope="session")
def model(run: dvbf.Run) -> dvbf.Model:
    return run.model


@pytest.fixture(scope="session")
def frames() -> dvbf._system.Recorded:
    return dvbf.System("pendulum", image={"size": 8}).record(60, 30, seed=1)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory, frames: dvbf._system.Recorded) -> dvbf.Run:
    """A run on images of the pendulum."""
    return dvbf.train(
        frames.x,
        frames.u,
        dt=DT,
        state=frames.state,
        state_names=["angle", "velocity"],
        preset="smoke",
        out=tmp_path_factory.mktemp("runs") / "pictures",
        progress=False,
        threads=1,
        **SMALL,
    )


@pytest.fixture()
def runs_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path
