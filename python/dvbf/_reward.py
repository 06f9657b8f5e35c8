"""Rewards read from latent states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._convert import Array64, matrix, shown, vector, wide

#: ``reward(before, controls, after)``: ``(N,)`` from states ``(N, Z)``, controls ``(N, U)`` and next states.
Reward = Callable[[NDArray[np.float32], NDArray[np.float64], NDArray[np.float32]], ArrayLike]


class Readout:
    """An affine map from latent states to what somebody knows of the truth, ``y = M z + b``.

    Args:
        weights: ``M (Y, Z)``.
        offset: ``b (Y,)``.
    """

    def __init__(self, weights: ArrayLike, offset: ArrayLike) -> None:
        self.weights = matrix(weights, "weights")
        self.offset = vector(offset, "offset", len(self.weights))

    @classmethod
    def fit(cls, states: ArrayLike, truth: ArrayLike) -> Readout:
        """The readout with the least squared error.

        Args:
            states: Latent states ``(…, Z)``, such as the means of :meth:`Model.filter`; rows with NaN are left out.
            truth: What is known of them ``(…, Y)``; of an angle, its sine and cosine.
        """
        z, y = wide(states, "states"), wide(truth, "truth")
        if z.ndim < 2 or z.shape[:-1] != y.shape[:-1]:
            raise ValueError(
                f"truth has shape {shown(y.shape)}; all axes but the last must be those of states, {shown(z.shape)}"
            )
        z, y = z.reshape(-1, z.shape[-1]), y.reshape(-1, y.shape[-1])
        for name, values in (("states", z), ("truth", y)):
            if np.isinf(values).any():
                raise ValueError(f"{name} holds an infinite value")
        known = ~(np.isnan(z).any(axis=1) | np.isnan(y).any(axis=1))
        if known.sum() <= z.shape[1]:
            raise ValueError(f"{known.sum()} known rows are too few to read {z.shape[1]} dimensions out")
        rows = np.column_stack([z[known], np.ones(known.sum())])
        found, *_ = np.linalg.lstsq(rows, y[known], rcond=None)
        return cls(found[:-1].T, found[-1])

    def __call__(self, states: ArrayLike) -> Array64:
        """``y (…, Y)`` of states ``(…, Z)``."""
        z = wide(states, "states")
        if z.ndim == 0 or z.shape[-1] != self.weights.shape[1]:
            raise ValueError(f"states has shape {shown(z.shape)}; its last axis must have {self.weights.shape[1]}")
        return z @ self.weights.T + self.offset

    def r2(self, states: ArrayLike, truth: ArrayLike) -> Array64:
        """Coefficient of determination of every component ``(Y,)``; rows with NaN are left out."""
        y, found = wide(truth, "truth"), self(states)
        if y.shape != found.shape:
            raise ValueError(f"truth has shape {shown(y.shape)}; what is read of the states, {shown(found.shape)}")
        y, found = y.reshape(-1, y.shape[-1]), found.reshape(-1, y.shape[-1])
        known = ~(np.isnan(found).any(axis=1) | np.isnan(y).any(axis=1))
        error = ((y[known] - found[known]) ** 2).sum(axis=0)
        return np.asarray(1.0 - error / ((y[known] - y[known].mean(axis=0)) ** 2).sum(axis=0))


class QuadraticReward:
    """``−(y − target)ᵀ Q (y − target) − uᵀ R u`` with ``y`` read out of the state before the step.

    Args:
        readout: What is read of a state.
        target: Where ``y`` should be ``(Y,)``.
        state_cost: ``Q (Y, Y)``, or its diagonal ``(Y,)``.
        action_cost: ``R (U, U)``, its diagonal ``(U,)``, or a number; nothing if zero.
    """

    def __init__(
        self,
        readout: Callable[[NDArray[Any]], NDArray[Any]],
        target: ArrayLike,
        state_cost: ArrayLike,
        action_cost: ArrayLike = 0.0,
    ) -> None:
        if not callable(readout):
            raise ValueError(f"readout is {readout!r}; it must be a function of states, such as a Readout")
        self.readout = readout
        self.target = np.atleast_1d(wide(target, "target"))
        if self.target.ndim != 1:
            raise ValueError(f"target has shape {shown(self.target.shape)}; it must be (Y,)")
        self.state_cost = square(state_cost, "state_cost", self.target.shape[-1])
        self.action_cost = wide(action_cost, "action_cost")

    def __call__(
        self, before: NDArray[np.float32], action: NDArray[np.float64], after: NDArray[np.float32]
    ) -> Array64:
        """The reward ``(N,)`` of states ``(N, Z)`` and controls ``(N, U)``."""
        read = wide(self.readout(before), "readout")
        if read.shape != (len(before), len(self.target)):
            needed = f"({len(before)}, {len(self.target)}), as target has {len(self.target)}"
            raise ValueError(f"readout returned shape {shown(read.shape)}; it must be {needed}")
        off = read - self.target
        acting = square(self.action_cost, "action_cost", action.shape[1])
        cost = np.einsum("ni,ij,nj->n", off, self.state_cost, off)
        return np.asarray(-cost - np.einsum("ni,ij,nj->n", action, acting, action))


def square(value: ArrayLike, name: str, size: int) -> Array64:
    """A matrix ``(size, size)`` from that, its diagonal, or a number."""
    array = wide(value, name)
    if array.ndim == 0:
        return float(array) * np.eye(size)
    if array.ndim == 1:
        return np.diag(vector(array, name, size))
    return matrix(array, name, size, size)
