"""Settings by the names of the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def text(value: Any, key: str) -> str:
    """A value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(quoted(item, key) for item in value) + "]"
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return text(value.item(), key)
    if isinstance(value, (int, float)):
        return repr(value)
    raise ValueError(f"{key} is {value!r}; it must be a number, a text, a list or a dict")


def quoted(value: Any, key: str) -> str:
    """A value inside a list."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return text(value, key)


def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every dotted key with its value; the kind of a part comes before its settings."""
    for name, value in sorted(settings.items(), key=lambda item: item[0] != "kind"):
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from flat(value, key + ".")
        else:
            yield key, value


def overrides(settings: Mapping[str, Any]) -> list[str]:
    """``key=value`` as ``--set`` takes them: from ``{"training": {"steps": 100}}`` or
    ``{"training.steps": 100}``."""
    return [f"{key}={text(value, key)}" for key, value in flat(settings)]


def toml(settings: Mapping[str, Any]) -> str:
    """Settings as lines of TOML."""
    return "".join(f"{key} = {quoted(value, key)}\n" for key, value in flat(settings))
