from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__version__: str

_Wide = NDArray[np.float64]
_Gaussians = tuple[_Wide, _Wide, _Wide, _Wide]
_Function = Callable[..., Any]
_Functions = tuple[_Function, _Function, _Function | None, _Function | None]
_Tell = Callable[[str, str], object]

class Recordings:
    def __new__(
        cls,
        x: NDArray[np.float32] | _Wide,
        others: tuple[_Wide | None, NDArray[np.float32] | None, _Wide | None, _Wide | None, _Wide | None],
        names: tuple[list[str] | None, list[str] | None, list[str] | None],
    ) -> Recordings: ...
    @staticmethod
    def read(files: list[str], columns: str) -> Recordings: ...
    def __len__(self) -> int: ...
    @property
    def remarks(self) -> list[str]: ...

class Model:
    @staticmethod
    def open(path: Path) -> Model: ...
    def facts(self) -> dict[str, Any]: ...
    @property
    def run(self) -> tuple[str | None, str | None]: ...
    @property
    def path(self) -> Path: ...
    def filter(
        self, recordings: Recordings, options: tuple[int, int, float | None], threads: int
    ) -> dict[str, NDArray[Any]]: ...
    def online(self, samples: int, seed: int, gate: float | None) -> OnlineFilter: ...
    def predict(self, controls: _Wide, start: Belief, dt: list[float] | None) -> dict[str, NDArray[Any]]: ...

class OnlineFilter:
    """A filter that takes one observation at a time, made by ``Model.online``."""

    def step(self, x: ArrayLike | None, u: ArrayLike | None = None, dt: float | None = None) -> Belief:
        """Takes an observation.

        Args:
            x: ``(X,)`` or an image ``(height, width)``; NaN is a missing channel, ``None`` a missing observation.
            u: Control ``(U,)`` that acted since the step before; not read at the first step.
            dt: Seconds since the step before; the model's if ``None``.

        Raises:
            ValueError: If a shape or a value is not one that the model takes; the filter is then unchanged.
        """

    @property
    def belief(self) -> Belief:
        """The belief after the last step."""

    def reset(self) -> None:
        """Forgets everything: the next observation is the first of a sequence."""

    def _least_seconds(self, count: int) -> float: ...
    def resume(self, belief: Belief) -> None:
        """Goes on from a belief of a filter of the same model with the same options."""

class Belief:
    """What a filter believes after a step."""

    @property
    def mean(self) -> NDArray[np.float32]:
        """Mean of the latent state ``(Z,)``."""

    @property
    def std(self) -> NDArray[np.float32]:
        """Standard deviation of the latent state ``(Z,)``."""

    @property
    def path(self) -> NDArray[np.float32]:
        """Mean path of the latent state ``(Z,)``."""

    @property
    def predicted_mean(self) -> NDArray[Any]:
        """Mean of the observation before it was seen ``(X,)``; NaN until the filter has started."""

    @property
    def predicted_std(self) -> NDArray[np.float32]:
        """Standard deviation of the observation before it was seen ``(X,)``."""

    @property
    def log_likelihood(self) -> float | None:
        """Log-likelihood of the observation, in nats; ``None`` where nothing was predicted."""

    @property
    def nis(self) -> float | None:
        """Normalized innovation squared; ``None`` where nothing was predicted."""

    @property
    def freedom(self) -> int:
        """Degrees of freedom of ``nis``."""

    @property
    def status(self) -> str:
        """What became of the observation: ``seen``, ``partly``, ``missing``, ``gated`` or ``restarted``."""

    @property
    def steps(self) -> int:
        """Steps since the start of the sequence."""

    @property
    def started(self) -> bool:
        """Whether the first frames have come; until then the belief is the prior."""

class Snapshot: ...

_Flags = NDArray[np.bool_] | None

class Simulator:
    def __new__(
        cls, model: Model, count: int, seed: int, process_noise: bool, bound: float | None
    ) -> Simulator: ...
    def __len__(self) -> int: ...
    def reseed(self, seed: int) -> None: ...
    def start_from_prior(self, mask: _Flags) -> None: ...
    def start_from_belief(self, belief: Belief, mask: _Flags) -> None: ...
    def start_from_states(self, states: NDArray[np.float32], mask: _Flags) -> None: ...
    def step(self, controls: _Wide, dt: float | None) -> None: ...
    def run(
        self, controls: list[_Wide], dt: float | None, observe: bool, sensor_noise: bool
    ) -> dict[str, NDArray[Any]]: ...
    @property
    def states(self) -> NDArray[np.float32]: ...
    def observe(self, sensor_noise: bool) -> NDArray[Any]: ...
    @property
    def departures(self) -> NDArray[np.float32] | None: ...
    @property
    def steps(self) -> NDArray[np.uint64]: ...
    def snapshot(self) -> Snapshot: ...
    def restore(self, snapshot: Snapshot) -> None: ...

class System:
    def __new__(cls, name: str, settings: str) -> System: ...
    def facts(self) -> dict[str, Any]: ...
    def record(self, size: tuple[int, int], seed: int) -> dict[str, NDArray[np.float32]]: ...
    def advance(self, states: _Wide, controls: _Wide) -> _Wide: ...
    def observe(self, states: _Wide) -> NDArray[np.float32]: ...

class Gaussian:
    @staticmethod
    def kalman(
        matrices: tuple[_Wide, _Wide, _Wide], gaussians: _Gaussians, gate: float | None
    ) -> Gaussian: ...
    @staticmethod
    def extended(
        functions: _Functions, control: int, gaussians: _Gaussians, gate: float | None
    ) -> Gaussian: ...
    @staticmethod
    def unscented(
        functions: tuple[_Functions, int],
        gaussians: _Gaussians,
        gate: float | None,
        points: tuple[float, float, float],
    ) -> Gaussian: ...
    @property
    def sizes(self) -> tuple[int, int]: ...
    @property
    def mean(self) -> _Wide: ...
    @property
    def covariance(self) -> _Wide: ...
    @property
    def log_likelihood(self) -> float: ...
    def reset(self) -> None: ...
    def predict(self, control: _Wide) -> None: ...
    def update(self, observation: _Wide | None) -> dict[str, Any] | None: ...
    def filter(self, observations: _Wide, controls: _Wide) -> dict[str, Any]: ...
    def smooth(self, observations: _Wide, controls: _Wide) -> dict[str, Any]: ...
    def forecast(self, controls: _Wide) -> dict[str, Any]: ...
    def em(
        self, sequences: list[tuple[_Wide, _Wide]], options: tuple[int, float, list[str]]
    ) -> dict[str, Any]: ...

class Particle:
    def __new__(
        cls, functions: tuple[_Functions, int], gaussians: _Gaussians, options: tuple[int, float, int]
    ) -> Particle: ...
    @property
    def mean(self) -> _Wide: ...
    @property
    def covariance(self) -> _Wide: ...
    @property
    def particles(self) -> _Wide: ...
    @property
    def weights(self) -> _Wide: ...
    @property
    def log_likelihood(self) -> float: ...
    @property
    def effective_sample_size(self) -> float: ...
    def reset(self) -> None: ...
    def save(self) -> Particle: ...
    def restore(self, saved: Particle) -> None: ...
    def predict(self, control: _Wide) -> None: ...
    def update(self, observation: _Wide | None) -> None: ...

def train(
    recordings: Recordings, settings: tuple[str, list[str]], folder: Path, threads: int, tell: _Tell | None
) -> None: ...
def resume(folder: Path, threads: int, tell: _Tell | None) -> None: ...
def report(folder: Path, threads: int) -> tuple[Path, Path]: ...
def run_facts(folder: Path) -> tuple[str, str | None, list[str]]: ...
