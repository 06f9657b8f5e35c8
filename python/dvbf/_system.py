"""Simulated systems whose true states are known: to try things out, and to compare with the truth."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _dvbf
from ._convert import MANY, rows, whole
from ._settings import toml


class Recorded(NamedTuple):
    """Sequences of a simulated system.

    Attributes:
        x: Observations ``(N, T, X)`` or images ``(N, T, height, width)``, with the noise of the sensors.
        u: Controls ``(N, T, U)``; ``u[:, t]`` acts between steps ``t`` and ``t + 1``.
        state: True states ``(N, T, S)``.
    """

    x: NDArray[np.float32]
    u: NDArray[np.float32]
    state: NDArray[np.float32]


class System:
    """A simulated system: ``"pendulum"``, ``"ball"``, ``"two_balls"``, ``"cart_pole"``, ``"skin"`` or ``"video"``.

    Args:
        name: The name.
        **settings: Its settings by the names of the command line, such as ``damping=0.2``.

    Raises:
        ValueError: If there is no such system or setting.
    """

    def __init__(self, name: str, **settings: Any) -> None:
        self._core = _dvbf.System(name, toml(settings))
        facts = self._core.facts()
        self.name = name
        #: Seconds of a step.
        self.dt: float = facts["dt"]
        #: Names of the components of the state, ``S`` of them.
        self.state_names: list[str] = facts["state_names"]
        #: Controls ``U``.
        self.control_size: int = facts["control"]
        #: Standard deviation of the noise that recordings add to observations.
        self.noise_std: float = facts["noise_std"]
        image = facts["image"]
        #: ``(X,)``, or ``(height, width)`` of images.
        self.observation_shape: tuple[int, ...] = (facts["observation"],) if image is None else tuple(image)

    def record(self, sequences: int, steps: int, seed: int = 0) -> Recorded:
        """Sequences with random starts and random controls; the same seed gives the same bits."""
        count, length = whole(sequences, "sequences", 0, MANY), whole(steps, "steps", 0, MANY)
        values = count * length * int(np.prod(self.observation_shape))
        if values > 2**32:
            raise ValueError(f"sequences and steps are too many: the observations would have {values} values")
        found = self._core.record((count, length), whole(seed, "seed"))
        x = found["x"].reshape(sequences, steps, *self.observation_shape)
        return Recorded(x, found["u"], found["state"])

    def advance(self, states: ArrayLike, controls: ArrayLike) -> NDArray[np.float64]:
        """The states ``(N, S)`` one step after ``states (N, S)`` under ``controls (N, U)``."""
        before = rows(states, "states", len(self.state_names))
        return self._core.advance(before, rows(controls, "controls", self.control_size, len(before)))

    def observe(self, states: ArrayLike) -> NDArray[np.float32]:
        """What is seen of ``states (N, S)``, without noise: ``(N, X)`` or ``(N, height, width)``."""
        before = rows(states, "states", len(self.state_names))
        return self._core.observe(before).reshape(len(before), *self.observation_shape)

    def __repr__(self) -> str:
        return f"System({self.name!r})"
