"""A sweep over settings and seeds, one training a job: by a job array of Slurm, or by submitit.

    python sweep.py FOLDER --index 3      training number 3; without --index that of SLURM_ARRAY_TASK_ID
    python sweep.py FOLDER --submit       all of them with submitit, on the cluster if there is one, else here
    python sweep.py FOLDER --collect      what came of them, best first
"""

from __future__ import annotations

import argparse
import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np
import submitit

import dvbf

#: Every combination is one training.
GRID: dict[str, list[Any]] = {
    "training.learning_rate": [1e-3, 3e-3],
    "training.batch": [16, 32],
    "seed": [0, 1],
}
COMBINATIONS = [dict(zip(GRID, values, strict=True)) for values in itertools.product(*GRID.values())]
THREADS = int(os.environ.get("SLURM_CPUS_PER_TASK", "1"))


def train(folder: Path, index: int, steps: int) -> float:
    """Training number `index`; a run that was cut off goes on, and one that has ended is left as it is."""
    out, settings = folder / f"{index:03}", dict(COMBINATIONS[index])
    if (out / "summary.json").exists():
        run = dvbf.open_run(out)
    elif (out / "config.toml").exists():
        run = dvbf.resume(out, threads=THREADS, progress=False)
    else:
        system, seed = dvbf.System("pendulum"), settings.pop("seed")
        recorded = system.record(120, 100, seed=0)
        angle = recorded.state[..., 0]
        run = dvbf.train(
            np.stack([np.cos(angle), np.sin(angle)], axis=-1),
            recorded.u,
            dt=system.dt,
            seed=seed,
            steps=steps,
            threads=THREADS,
            out=out,
            progress=False,
            **settings,
        )
    return score(run)


def score(run: dvbf.Run) -> float:
    """Least error of predictions on the validation part, by which settings are chosen, of the trained models."""
    return min(record["open_loop"] for record in run.history if record["step"] > 0)


def submit(folder: Path, steps: int, cluster: str | None = None) -> list[float]:
    """All trainings as one array of jobs, at most four at a time."""
    executor = submitit.AutoExecutor(folder / "jobs", cluster=cluster)
    executor.update_parameters(name="dvbf-sweep", timeout_min=60, cpus_per_task=2, slurm_array_parallelism=4)
    count = len(COMBINATIONS)
    jobs = executor.map_array(train, [folder] * count, range(count), [steps] * count)
    return [job.result() for job in jobs]


def collect(folder: Path) -> list[tuple[float, dict[str, Any]]]:
    """Scores and settings of the trainings that have ended, best first."""
    ended = [i for i in range(len(COMBINATIONS)) if (folder / f"{i:03}" / "summary.json").exists()]
    found = [(score(dvbf.open_run(folder / f"{i:03}")), COMBINATIONS[i]) for i in ended]
    return sorted(found, key=lambda pair: pair[0])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--index", type=int, default=int(os.environ.get("SLURM_ARRAY_TASK_ID", "-1")))
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--submit", action="store_true")
    parser.add_argument("--collect", action="store_true")
    given = parser.parse_args()
    folder = given.folder.absolute()
    if given.submit:
        submit(folder, given.steps)
    if given.collect or given.submit:
        for value, settings in collect(folder):
            print(f"{value:.5f}", *(f"{key}={setting}" for key, setting in settings.items()))
    elif not 0 <= given.index < len(COMBINATIONS):
        parser.error(f"--index or SLURM_ARRAY_TASK_ID must lie between 0 and {len(COMBINATIONS) - 1}")
    else:
        print(f"{train(folder, given.index, given.steps):.5f}")


if __name__ == "__main__":
    main()
