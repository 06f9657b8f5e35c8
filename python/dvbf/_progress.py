"""What somebody who waits for a training is shown."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

Event = Mapping[str, Any]
Callback = Callable[[Event], object]


class Progress:
    """Turns the reports of a training into lines, and into events for a callback."""

    def __init__(self, show: bool, callback: Callback | None, out: TextIO | None = None) -> None:
        self.show, self.callback = show, callback
        self.out = out
        self.width = 0
        self.begun = time.monotonic()

    def __call__(self, kind: str, value: str) -> None:
        if kind == "step":
            step, total = map(int, value.split("/"))
            event: dict[str, Any] = {"kind": kind, "step": step, "total": total}
        elif kind == "record":
            event = {"kind": kind, **json.loads(value)}
        else:
            event = {"kind": kind, "text": value}
        if self.show:
            self._print(event)
        if self.callback is not None:
            self.callback(event)

    def close(self) -> None:
        """Ends the line."""
        if self.width:
            self._stream().write("\n")
            self.width = 0

    def _stream(self) -> TextIO:
        # That of the moment: notebooks and tests put others in its place.
        return sys.stderr if self.out is None else self.out

    def _print(self, event: Event) -> None:
        seconds = time.monotonic() - self.begun
        if event["kind"] == "step":
            if self._stream().isatty():
                share = event["step"] / max(event["total"], 1)
                bar = ("#" * int(30 * share)).ljust(30)
                self._line(f"[{bar}] {event['step']}/{event['total']} updates, {seconds:.0f} s", keep=False)
        elif event["kind"] == "record":
            bound, error = event.get("validation_bound"), event.get("open_loop")
            shown = [f"update {event['step']}"]
            shown += [] if bound is None else [f"bound {bound:.1f} nats"]
            shown += [] if error is None else [f"error of {event['open_loop_horizon']} steps {error:.3g}"]
            self._line(", ".join(shown) + f", {seconds:.0f} s", keep=True)
        else:
            self._line(event["text"], keep=True)

    def _line(self, text: str, keep: bool) -> None:
        stream = self._stream()
        if self.width:
            stream.write("\r" + " " * self.width + "\r")
        stream.write(text + ("\n" if keep else ""))
        stream.flush()
        self.width = 0 if keep else len(text)
