"""The sweep on this machine, with submitit's local executor in the place of Slurm: `pytest test_sweep.py`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import sweep

STEPS = 20


def test_all_trainings_run_and_the_best_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "COMBINATIONS", sweep.COMBINATIONS[:2])
    # Where the jobs find the functions that they are given by name.
    monkeypatch.setenv("PYTHONPATH", str(Path(sweep.__file__).parent))
    scores = sweep.submit(tmp_path, STEPS, cluster="local")
    found = sweep.collect(tmp_path)
    assert sorted(scores) == [value for value, _ in found]
    assert {settings["seed"] for _, settings in found} == {0, 1}
    # What has ended is not trained again.
    before = (tmp_path / "000" / "best.dvbf").stat().st_mtime_ns
    assert sweep.train(tmp_path, 0, STEPS) == scores[0]
    assert (tmp_path / "000" / "best.dvbf").stat().st_mtime_ns == before


def test_a_task_of_an_array_takes_its_number(tmp_path: Path) -> None:
    command = [sys.executable, "sweep.py", str(tmp_path), "--steps", str(STEPS)]
    folder = Path(__file__).parent
    environment = {"SLURM_ARRAY_TASK_ID": "5", "SLURM_CPUS_PER_TASK": "1", "PATH": "/usr/bin"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(sweep.collect(tmp_path)[0][0], abs=1e-5)
    settings = sweep.dvbf.open_run(tmp_path / "005").settings
    expected = sweep.COMBINATIONS[5]
    assert settings["seed"] == expected["seed"]
    assert settings["training"]["batch"] == expected["training.batch"]


def test_the_script_has_a_task_for_every_combination() -> None:
    script = (Path(__file__).parent / "sweep.sbatch").read_text()
    last = re.search(r"--array=0-(\d+)", script)
    assert last is not None and int(last[1]) == len(sweep.COMBINATIONS) - 1
