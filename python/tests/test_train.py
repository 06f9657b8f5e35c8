"""Training from arrays: the folder, settings by their names, interruptions, and what is refused."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import DT, SMALL
from numpy.typing import NDArray

import dvbf

Data = tuple[NDArray[np.float64], NDArray[np.float64]]


def test_a_run_has_figures_settings_and_a_report(run: dvbf.Run) -> None:
    assert run.settings["training"]["steps"] == 40
    assert run.settings["model"]["hidden"] == 8
    assert run.summary is not None and run.summary["steps"] == 40
    assert [record["step"] for record in run.history if record["step"] > 0] == [20, 40]
    page = run.report(threads=1)
    assert page.name == "report.html" and page.stat().st_size > 10_000
    assert dvbf.open_run(run.path).summary == run.summary


def test_true_states_give_figures_and_are_not_read_by_training(pictures: dvbf.Run) -> None:
    summary = pictures.summary
    assert summary is not None
    assert set(summary["r2"]["sample"]) == {"sin", "cos", "velocity"}
    assert pictures.model.observation_shape == (8, 8)


def test_the_same_seed_gives_the_same_bits_whatever_the_threads(
    tmp_path: Path, data: Data, run: dvbf.Run
) -> None:
    x, u = data
    again = dvbf.train(x, u, dt=DT, out=tmp_path / "again", progress=False, threads=2, **SMALL)
    assert (again.path / "best.dvbf").read_bytes() == (run.path / "best.dvbf").read_bytes()
    other = dvbf.train(x, u, dt=DT, out=tmp_path / "other", seed=1, progress=False, **SMALL)
    assert (other.path / "best.dvbf").read_bytes() != (run.path / "best.dvbf").read_bytes()


def test_dotted_names_are_those_of_the_command_line(runs_here: Path, data: Data) -> None:
    x, u = data
    flat: dict[str, Any] = {
        "training.steps": 3,
        "training.batch": 4,
        "training.learning_rate": 1e-3,
        "model.transition": {"kind": "residual", "hidden": 5},
        "evaluation.horizons": [1, 4],
    }
    first = dvbf.train(x, u, dt=DT, progress=False, threads=1, **flat)
    short: dict[str, Any] = {"training.batch": 4}
    second = dvbf.train(x, u, dt=DT, progress=False, threads=1, steps=2, **short)
    assert (first.path, second.path) == (Path("runs/auto-seed0"), Path("runs/auto-seed0-2"))
    assert first.settings["training"]["learning_rate"]["from"] == 1e-3
    assert first.settings["model"]["transition"]["kind"] == "residual"
    assert first.settings["model"]["transition"]["hidden"] == 5
    assert first.settings["evaluation"]["horizons"] == [1, 4]
    assert second.settings["training"]["steps"] == 2


def test_a_mask_is_the_same_as_values_that_are_missing(tmp_path: Path, data: Data) -> None:
    x, u = data
    hidden = np.random.default_rng(0).random(x.shape) < 0.2
    gone = np.where(hidden, np.nan, x)
    few: dict[str, Any] = {**SMALL, "training": {"steps": 4, "batch": 8}}
    one = dvbf.train(x, u, ~hidden, dt=DT, out=tmp_path / "a", progress=False, threads=1, **few)
    two = dvbf.train(gone, u, dt=DT, out=tmp_path / "b", progress=False, threads=1, **few)
    assert (one.path / "best.dvbf").read_bytes() == (two.path / "best.dvbf").read_bytes()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"x": np.zeros((0, 10, 2))}, r"x has shape \[0, 10, 2\]; axis 0 is empty"),
        ({"x": np.zeros(10)}, r"needs the axes \(sequence, step, channel\)"),
        ({"u": np.zeros((30, 49, 1))}, "u has shape .* one step less"),
        ({"u": np.full((30, 50, 1), np.nan)}, "control u of sequence 0 is missing"),
        ({"x": np.full((30, 50, 2), np.inf)}, "observation x0 of sequence 0 is infinite"),
        ({"x": np.full((30, 50, 2), "a")}, "x has the type <U1; it must hold real numbers"),
        ({"x": [[1.0, 2.0], [1.0]]}, "x is no array of numbers"),
        ({"mask": np.full((30, 50), 2.0)}, "mask holds 2"),
        ({"dt": -1.0}, "dt is -1"),
        ({"lengths": [3]}, r"lengths has shape \[1\]; it must be \(30\)"),
        ({"training": {"stebs": 3}}, "unknown setting training.stebs; did you mean training.steps"),
        ({"preset": "pendulm"}, "did you mean pendulum"),
        ({"steps": 0}, "steps is 0; it must be a whole number from 1 on"),
        ({"training": {"steps": None}}, "training.steps is None; it must be a number"),
        ({"x_names": ["a"]}, r"x_names has shape \[1\]; it must be \(2\)"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, data: Data, change: dict[str, Any], problem: str) -> None:
    x, u = data
    given: dict[str, Any] = {"x": x, "u": u, "dt": DT, "out": tmp_path / "run", "progress": False}
    with pytest.raises(ValueError, match=problem):
        dvbf.train(**{**given, **change})
    assert not (tmp_path / "run").exists()


def test_a_training_that_cannot_begin_leaves_no_folder(tmp_path: Path, data: Data) -> None:
    x, u = data
    out = tmp_path / "run"
    with pytest.raises(ValueError, match="image"):
        dvbf.train(x, u, dt=DT, preset="video", out=out, progress=False)
    assert not out.exists()


def test_columns_and_pace_of_tables_are_chosen(tmp_path: Path, data: Data) -> None:
    x, u = data
    for n in range(12):
        rows = np.column_stack([np.arange(50) * DT, x[n], u[n]])
        text = "clock,left,right,push\n" + "\n".join(",".join(f"{v:.6f}" for v in row) for row in rows)
        (tmp_path / f"walk{n}.csv").write_text(text + "\n")
    columns = {"observe": ["right", "left"], "control": ["push"], "time": "clock", "every": 2}
    files = str(tmp_path / "walk*.csv")
    run = dvbf.train(files, columns=columns, out=tmp_path / "run", progress=False, threads=1, **SMALL)
    assert run.model.observation_names == ["right", "left"] and run.model.control_names == ["push"]
    assert run.model.dt == pytest.approx(2 * DT)
    with pytest.raises(ValueError, match="unknown field `observed`"):
        dvbf.train(files, columns={"observed": ["left"]}, out=tmp_path / "other", progress=False)
    with pytest.raises(ValueError, match="columns is given beside arrays"):
        dvbf.train(x, u, dt=DT, columns=columns, out=tmp_path / "other", progress=False)
    with pytest.raises(ValueError, match="x_names is given beside files"):
        dvbf.train(files, columns=columns, x_names=["a", "b"], out=tmp_path / "other", progress=False)
    with pytest.raises(ValueError, match="steps is 2.7"):
        dvbf.train(x, u, dt=DT, steps=2.7, out=tmp_path / "other", progress=False)  # type: ignore[arg-type]


def test_a_folder_with_a_run_is_left_alone(run: dvbf.Run, data: Data) -> None:
    before = (run.path / "best.dvbf").read_bytes()
    with pytest.raises(FileExistsError, match="dvbf.resume"):
        dvbf.train(*data, dt=DT, out=run.path, progress=False)
    assert (run.path / "best.dvbf").read_bytes() == before
    with pytest.raises(FileNotFoundError):
        dvbf.open_run(run.path / "nothing")


def test_an_exception_of_the_callback_ends_the_training_and_comes_out(tmp_path: Path, data: Data) -> None:
    class Enough(Exception):
        pass

    def callback(event: Any) -> None:
        if event["kind"] == "record" and event["step"] == 20:
            raise Enough("seen enough")

    x, u = data
    with pytest.raises(Enough, match="seen enough"):
        dvbf.train(x, u, dt=DT, out=tmp_path / "run", progress=False, callback=callback, **SMALL)
    with pytest.raises(ValueError, match="no finished run"):
        dvbf.open_run(tmp_path / "run").report()
    events: list[str] = []
    dvbf.resume(tmp_path / "run", progress=False, callback=lambda event: events.append(event["kind"]))
    assert {"phase", "record", "step"} <= set(events)


def test_progress_is_shown_line_by_line(
    tmp_path: Path, data: Data, capsys: pytest.CaptureFixture[str]
) -> None:
    few: dict[str, Any] = {**SMALL, "training": {"steps": 4, "batch": 8, "log_interval": 2}}
    dvbf.train(*data, dt=DT, out=tmp_path / "run", threads=1, **few)
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert any(line.startswith("update 4, bound ") for line in lines), lines
    assert "writing the report" in lines


def test_ctrl_c_ends_the_training_which_goes_on_to_the_same_bits(tmp_path: Path, data: Data) -> None:
    x, u = data
    # Long enough for a signal to arrive on the way.
    long: dict[str, Any] = {**SMALL, "training": {"steps": 6000, "log_interval": 100, "batch": 8, "restarts": 1}}
    begun = threading.Event()

    def interrupt() -> None:
        begun.wait()
        os.kill(os.getpid(), signal.SIGINT)

    def callback(event: Any) -> None:
        if event["kind"] == "record" and event["step"] >= 100:
            begun.set()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        dvbf.train(x, u, dt=DT, out=tmp_path / "cut", progress=False, callback=callback, **long)
    thread.join()
    assert dvbf.open_run(tmp_path / "cut").summary is None
    resumed = dvbf.resume(tmp_path / "cut", progress=False)
    whole = dvbf.train(x, u, dt=DT, out=tmp_path / "whole", progress=False, **long)
    assert (resumed.path / "best.dvbf").read_bytes() == (whole.path / "best.dvbf").read_bytes()


def test_other_threads_run_on_while_a_model_is_trained(tmp_path: Path, data: Data) -> None:
    x, u = data
    gaps: list[float] = []
    done = threading.Event()

    def count() -> None:
        last = time.perf_counter()
        while not done.is_set():
            time.sleep(0.001)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    thread = threading.Thread(target=count)
    thread.start()
    long: dict[str, Any] = {**SMALL, "training": {"steps": 300, "log_interval": 100, "batch": 8, "restarts": 1}}
    begun = time.perf_counter()
    dvbf.train(x, u, dt=DT, out=tmp_path / "run", progress=False, threads=1, **long)
    seconds = time.perf_counter() - begun
    done.set()
    thread.join()
    # A training that held the interpreter would leave one gap as long as itself.
    assert max(gaps) < 0.5 * seconds, (max(gaps), seconds)


def test_two_trainings_at_once(tmp_path: Path, data: Data, run: dvbf.Run) -> None:
    x, u = data
    found: dict[int, bytes] = {}

    def work(number: int) -> None:
        out = tmp_path / str(number)
        made = dvbf.train(x, u, dt=DT, out=out, progress=False, threads=1, **SMALL)
        found[number] = (made.path / "best.dvbf").read_bytes()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1] == (run.path / "best.dvbf").read_bytes()


def test_files_are_read_as_the_command_reads_them(tmp_path: Path, run: dvbf.Run) -> None:
    file = run.path / "recordings.npz"
    again = dvbf.train(file, out=tmp_path / "run", progress=False, threads=1, **SMALL)
    assert (again.path / "best.dvbf").read_bytes() == (run.path / "best.dvbf").read_bytes()
    with pytest.raises(ValueError, match="dt is given beside files"):
        dvbf.train(file, dt=DT, out=tmp_path / "other", progress=False)
    with pytest.raises(FileNotFoundError):
        dvbf.train(tmp_path / "nothing.npz", out=tmp_path / "other", progress=False)
