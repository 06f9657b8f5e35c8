"""Recordings from arrays or files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike

from . import _dvbf
from ._convert import narrow, observations, wide
from ._settings import toml

Files = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def files_of(x: object) -> list[str] | None:
    """The names of files, if ``x`` is one or a list of some."""
    if isinstance(x, (str, os.PathLike)):
        return [os.fspath(x)]
    if isinstance(x, (list, tuple)) and x and all(isinstance(item, (str, os.PathLike)) for item in x):
        return [os.fspath(item) for item in x]
    return None


def recordings(
    x: ArrayLike | Files,
    u: ArrayLike | None,
    mask: ArrayLike | None,
    *,
    dt: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    state: ArrayLike | None = None,
    names: tuple[Sequence[str] | None, Sequence[str] | None, Sequence[str] | None] = (None, None, None),
    columns: Mapping[str, Any] | None = None,
) -> _dvbf.Recordings:
    """Checked recordings; see :func:`dvbf.train` for the shapes."""
    files = files_of(x)
    if files is not None:
        arrays = {"u": u, "mask": mask, "dt": dt, "lengths": lengths, "state": state}
        arrays |= dict(zip(("x_names", "u_names", "state_names"), names, strict=True))
        for name, value in arrays.items():
            if value is not None:
                raise ValueError(f"{name} is given beside files; files hold their own")
        return _dvbf.Recordings.read(files, toml(columns or {}))
    if columns is not None:
        raise ValueError("columns is given beside arrays; it chooses columns of tables in files")

    def optional(value: ArrayLike | None, name: str) -> object:
        return None if value is None else wide(value, name)

    others = (
        optional(u, "u"),
        None if mask is None else narrow(mask, "mask"),
        optional(lengths, "lengths"),
        optional(dt, "dt"),
        optional(state, "state"),
    )
    listed = tuple(None if some is None else [str(name) for name in some] for some in names)
    return _dvbf.Recordings(observations(x), others, listed)  # type: ignore[arg-type]
