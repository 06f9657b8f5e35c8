"""From whatever NumPy takes to arrays in native byte order, with errors that name the argument and the axis."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array64 = NDArray[np.float64]
Array32 = NDArray[np.float32]


def shown(shape: Sequence[int]) -> str:
    """A shape as Python writes it."""
    return str(tuple(shape))


def numbers(value: ArrayLike, name: str) -> NDArray[Any]:
    """``value`` as an array of real numbers of whatever type; what a masked array hides is NaN."""
    try:
        if np.ma.isMaskedArray(value):
            return numbers(_unmasked(value, name), name)
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} is no array of numbers: {error}") from None
    if array.dtype == object or array.dtype.kind not in "biuf":
        raise ValueError(f"{name} has the type {array.dtype}; it must hold real numbers")
    return array


def _unmasked(value: Any, name: str) -> NDArray[Any]:
    """A masked array as a plain one."""
    if not np.ma.is_masked(value):
        return np.asarray(value.data)
    if value.dtype == np.uint8:
        raise ValueError(f"{name} is a masked array of bytes, which have no NaN; give a mask instead")
    return np.asarray((value if value.dtype.kind == "f" else value.astype(np.float64)).filled(np.nan))


def number_array(value: ArrayLike, name: str) -> Array64:
    """``value`` in double precision, row by row; bytes are scaled to ``[0, 1]``."""
    array = numbers(value, name)
    out = np.ascontiguousarray(array, dtype=np.float64).reshape(array.shape)
    return out / 255.0 if array.dtype == np.uint8 else out


def wide(value: ArrayLike, name: str) -> Array64:
    """``value`` in double precision, row by row."""
    array = numbers(value, name)
    return np.ascontiguousarray(array, dtype=np.float64).reshape(array.shape)


def narrow(value: ArrayLike, name: str) -> Array32:
    """``value`` in single precision, row by row."""
    array = numbers(value, name)
    return np.ascontiguousarray(array, dtype=np.float32).reshape(array.shape)


def observations(value: ArrayLike, name: str = "x") -> Array32 | Array64:
    """Observations as an archive of recordings holds them: bytes are scaled to ``[0, 1]``, images are kept in
    single precision, and anything else in double precision."""
    array = numbers(value, name)
    if array.dtype == np.uint8:
        return narrow(array, name) / np.float32(255.0)
    return narrow(array, name) if array.ndim > 3 else wide(array, name)


def vector(value: ArrayLike | None, name: str, size: int) -> Array64:
    """``value`` as ``size`` numbers; zeros of no length for ``None``."""
    array = wide([] if value is None else value, name)
    if array.ndim == 0 and size == 1:
        array = array.reshape(1)
    if array.shape != (size,):
        raise ValueError(f"{name} has shape {shown(array.shape)}; it must be ({size},)")
    return array


def rows(value: ArrayLike | None, name: str, width: int, count: int | None = None) -> Array64:
    """``value`` as ``(T, width)``; one column may come without its axis."""
    if value is None:
        if width > 0:
            raise ValueError(f"{name} is missing; it has shape (T, {width})")
        return np.zeros((count or 0, 0))
    array = wide(value, name)
    if array.ndim == 1 and width == 1:
        array = array[:, None]
    fits = array.ndim == 2 and array.shape[1] == width
    if not fits or (count is not None and array.shape[0] != count):
        needed = f"({'T' if count is None else count}, {width})"
        raise ValueError(f"{name} has shape {shown(array.shape)}; it must be {needed}")
    return array


def matrix(value: ArrayLike, name: str, rows: int | None = None, columns: int | None = None) -> Array64:
    """``value`` as a matrix; a number stands for one by one."""
    array = wide(value, name)
    if array.ndim == 0:
        array = array.reshape(1, 1)
    fits = (
        array.ndim == 2
        and (rows is None or array.shape[0] == rows)
        and (columns is None or array.shape[1] == columns)
    )
    if not fits:
        needed = f"({'any' if rows is None else rows}, {'any' if columns is None else columns})"
        raise ValueError(f"{name} has shape {shown(array.shape)}; it must be {needed}")
    return array


def flags(value: ArrayLike, name: str, size: int) -> NDArray[np.bool_]:
    """``value`` as ``size`` truth values; numbers of rows are none."""
    array = np.asarray(value)
    if array.dtype != np.bool_ or array.shape != (size,):
        raise ValueError(
            f"{name} has the type {array.dtype} and shape {shown(array.shape)}; it must hold truth values ({size},)"
        )
    return np.ascontiguousarray(array)


def number(value: Any, name: str, low: float, high: float = np.inf) -> float:
    """``value`` as a finite number from ``low`` to ``high``."""
    try:
        taken = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {value!r}; it must be a number") from None
    if not (low <= taken <= high and np.isfinite(taken)):
        span = f"from {low:g} on" if high == np.inf else f"from {low:g} to {high:g}"
        raise ValueError(f"{name} is {taken:g}; it must be a number {span}")
    return taken


def probability(gate: float | None) -> float | None:
    """A probability for a gate, above zero and below one."""
    if gate is None:
        return None
    taken = number(gate, "gate", -np.inf)
    if not 0.0 < taken < 1.0:
        raise ValueError(f"gate is {taken:g}; it must lie strictly between zero and one")
    return taken


def whole(value: SupportsIndex, name: str, least: int = 0, most: int = 2**63 - 1) -> int:
    """``value`` as a whole number from ``least`` to ``most``."""
    try:
        number = index(value)
    except TypeError:
        raise ValueError(f"{name} is {value!r}; it must be a whole number") from None
    if not least <= number <= most:
        span = f"from {least} on" if number < least else f"up to {most}"
        raise ValueError(f"{name} is {number}; it must be a whole number {span}")
    return number


#: Rollouts, particles or steps of a forecast; more would not fit into memory.
MANY = 2**28
#: Threads of a computation.
THREADS = 1024
