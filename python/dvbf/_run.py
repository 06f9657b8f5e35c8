"""A run: the folder of a training, with its model, figures and report."""

from __future__ import annotations

import json
import os
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Any

from . import _dvbf
from ._convert import whole
from ._model import Model, load


class Run:
    """A training and what came of it, in a folder.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        settings, summary, records = _dvbf.run_facts(self.path)
        self._settings, self._summary, self._records = settings, summary, records

    @cached_property
    def model(self) -> Model:
        """The best model of the run."""
        return load(self.path)

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting, by table."""
        return tomllib.loads(self._settings)

    @property
    def summary(self) -> dict[str, Any] | None:
        """The figures on the test part, as in ``summary.json``; ``None`` if the run has not come to its end."""
        return None if self._summary is None else json.loads(self._summary)

    @property
    def history(self) -> list[dict[str, Any]]:
        """One record for every evaluation on the validation part, as in ``metrics.jsonl``."""
        return [json.loads(record) for record in self._records]

    def report(self, threads: int = 0) -> Path:
        """Makes ``report.html`` again.

        Args:
            threads: As many as there are cores if zero.

        Returns:
            Its path.

        Raises:
            ValueError: If the run has not come to its end, or its recordings are no longer there.
        """
        page, _ = _dvbf.report(self.path, whole(threads, "threads"))
        return Path(page)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"


def open_run(path: str | os.PathLike[str]) -> Run:
    """The run in a folder, made by :func:`train` or by the command ``dvbf train``.

    Raises:
        FileNotFoundError: If there is none.
    """
    return Run(path)
