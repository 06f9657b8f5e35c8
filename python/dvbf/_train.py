"""Training."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from . import _dvbf
from ._convert import THREADS, whole
from ._progress import Callback, Progress
from ._recordings import Files, recordings
from ._run import Run
from ._settings import overrides


def train(
    x: ArrayLike | Files,
    u: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    *,
    dt: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    state: ArrayLike | None = None,
    preset: str = "auto",
    seed: int = 0,
    steps: int | None = None,
    threads: int = 0,
    out: str | os.PathLike[str] | None = None,
    progress: bool = True,
    callback: Callback | None = None,
    x_names: Sequence[str] | None = None,
    u_names: Sequence[str] | None = None,
    state_names: Sequence[str] | None = None,
    columns: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Run:
    """Learns a filter and a simulator from recordings.

    The arrays are copied, checked, and written to ``recordings.npz`` in the folder of the run; a part of them is
    held out for validation and test. Nothing of the interpreter is needed while the model is trained, so other
    threads run on. Ctrl-C saves a checkpoint and raises ``KeyboardInterrupt``; :func:`resume` goes on from there.

    Args:
        x: Observations ``(N, T, X)``, ``(N, T)`` or images ``(N, T, height, width)``. NaN is missing. Bytes are
            scaled to ``[0, 1]``. Or the names of files, as ``dvbf train --data`` takes them.
        u: Controls ``(N, T, U)`` or ``(N, T)``; ``u[:, t]`` acts between steps ``t`` and ``t + 1``.
        mask: One where something was observed, zero elsewhere: ``(N, T)``, ``(N, T, X)`` or the shape of ``x``.
        dt: Seconds from every step to the next: a number, ``(T,)`` or ``(N, T)``. Unknown if ``None``.
        lengths: Steps of every sequence ``(N,)``; the rest is padding.
        state: True states ``(N, T, S)``, for the figures of the run only.
        preset: Settings to start from: ``"auto"``, or a name such as ``"pendulum"`` or ``"smoke"``.
        seed: Seed of the parameters and of all noise.
        steps: Updates of the parameters; the preset's number if ``None``.
        threads: As many as there are cores if zero. They change no bit of the result.
        out: Folder of the run; a new one below ``runs`` if ``None``.
        progress: Whether to show on standard error how far the training is.
        callback: Called with a dict for every event: ``{"kind": "record", "step": …, "validation_bound": …}``
            after every evaluation, and the kinds ``phase``, ``note`` (``text``) and ``step`` (``step``,
            ``total``). What it raises ends the training.
        x_names: Names of the observed channels.
        u_names: Names of the controls.
        state_names: Names of the components of the true state; ``"angle"`` is read in radians.
        columns: How tables in files are read, by the names of the command line: lists of columns ``observe``,
            ``control`` and ``state``, the columns ``time`` and ``episode``, and ``every`` or ``resample`` for their
            pace, such as ``{"observe": ["angle"], "control": ["torque"], "every": 10}``.
        **settings: Any other setting by its name of the command line, such as ``training={"batch": 32}`` or
            ``**{"training.batch": 32}``.

    Returns:
        The finished run.

    Raises:
        ValueError: If an array has a shape or a value that cannot be meant, a setting is unknown or impossible,
            or the recordings are too short.
        FileExistsError: If ``out`` holds a run already.
        RuntimeError: If the training broke down.
    """
    given = recordings(
        x,
        u,
        mask,
        dt=dt,
        lengths=lengths,
        state=state,
        names=(x_names, u_names, state_names),
        columns=columns,
    )
    seed = whole(seed, "seed")
    chosen = overrides(settings) + [f"seed={seed}"]
    if steps is not None:
        chosen.append(f"training.steps={whole(steps, 'steps', 1)}")
    folder = unused(f"{preset}-seed{seed}") if out is None else Path(out)
    found = folder.exists()
    watcher = Progress(progress, callback)
    try:
        _dvbf.train(given, (preset, chosen), folder, whole(threads, "threads", 0, THREADS), watcher)
    except (ValueError, RuntimeError):
        # A training that never began leaves no folder that would be in the way of the next.
        if not found and folder.is_dir() and not any(folder.glob("*.dvbf")):
            shutil.rmtree(folder)
        raise
    finally:
        watcher.close()
    return Run(folder)


def resume(
    path: str | os.PathLike[str],
    *,
    threads: int = 0,
    progress: bool = True,
    callback: Callback | None = None,
) -> Run:
    """Brings an interrupted run to its end, to the same bits as if it had not been interrupted.

    Args:
        path: The folder of the run.
        threads: As many as there are cores if zero.
        progress: As of :func:`train`.
        callback: As of :func:`train`.

    Returns:
        The finished run.

    Raises:
        FileNotFoundError: If there is no run.
    """
    watcher = Progress(progress, callback)
    try:
        _dvbf.resume(Path(path), whole(threads, "threads", 0, THREADS), watcher)
    finally:
        watcher.close()
    return Run(path)


def unused(name: str) -> Path:
    """A folder below ``runs`` that does not exist yet."""
    folder, count = Path("runs") / name, 1
    while folder.exists():
        count += 1
        folder = Path("runs") / f"{name}-{count}"
    return folder
