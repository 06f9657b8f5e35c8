"""A trained model: filter, predictions and figures."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _dvbf
from ._convert import MANY, THREADS, numbers, probability, rows, shown, whole, wide
from ._recordings import Files, files_of, recordings
from ._simulate import Policy, Simulated, Simulator, simulate


class Beliefs(NamedTuple):
    """Beliefs after every step. Sequences are padded to the longest, with NaN, and ``freedom`` and ``evidence`` with
    0; what is not known yet, before the filter has started, is NaN. For a single sequence the axis ``N`` is missing.

    Attributes:
        mean: Mean of the latent state ``(N, T, Z)`` over sample paths.
        std: Its standard deviation ``(N, T, Z)``.
        path: Mean path of the latent state ``(N, T, Z)``.
        predicted_mean: Mean of every observation before it was seen ``(N, T, X)``, in the units of ``x``.
        predicted_std: Its standard deviation ``(N, T, X)``.
        log_likelihood: ``ln p(x[t] | x[:t])`` over the observed channels, in nats, ``(N, T)``.
        nis: Normalized innovation squared ``(N, T)``, chi-square distributed if the model is right.
        freedom: Its degrees of freedom ``(N, T)``.
        evidence: What became of every step ``(N, T)``: 0 nothing observed, 1 seen, 2 partly seen, 3 gated, 4 the
            filter began again.
    """

    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    path: NDArray[np.float32]
    predicted_mean: NDArray[np.floating[Any]]
    predicted_std: NDArray[np.float32]
    log_likelihood: NDArray[np.float64]
    nis: NDArray[np.float64]
    freedom: NDArray[np.uint32]
    evidence: NDArray[np.uint8]


class Prediction(NamedTuple):
    """What follows a belief, if nothing is seen: row ``t`` is what the controls up to ``t`` lead to.

    Attributes:
        mean: Mean of the latent state ``(T, Z)``.
        std: Its standard deviation ``(T, Z)``.
        observation_mean: Mean of the observation ``(T, X)``, in the units of ``x``.
        observation_std: Its standard deviation ``(T, X)``, noise of the sensors included.
        path: Mean path of the latent state ``(T, Z)``.
    """

    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    observation_mean: NDArray[np.floating[Any]]
    observation_std: NDArray[np.float32]
    path: NDArray[np.float32]


class Model:
    """A trained model. It can be pickled, and threads may share it.

    Made by :func:`load`, or as :attr:`Run.model`.
    """

    def __init__(self, core: _dvbf.Model) -> None:
        self._core = core
        self._facts: dict[str, Any] = core.facts()

    def __reduce__(self) -> tuple[Callable[[_dvbf.Model], Model], tuple[_dvbf.Model]]:
        return Model, (self._core,)

    @property
    def path(self) -> Path:
        """The file that it was read from."""
        return Path(self._core.path)

    @property
    def dt(self) -> float:
        """Seconds of a step; one where nobody knows them, or where they differ from step to step."""
        return float(self._facts["dt"])

    @property
    def state_size(self) -> int:
        """Latent dimensions ``Z``."""
        return int(self._facts["state"])

    @property
    def control_size(self) -> int:
        """Controls ``U``."""
        return int(self._facts["control"])

    @property
    def observation_size(self) -> int:
        """Observed channels ``X``."""
        return int(self._facts["observation"])

    @property
    def observation_shape(self) -> tuple[int, ...]:
        """``(X,)``, or ``(height, width)`` of images."""
        image = self._facts["image"]
        return (self.observation_size,) if image is None else tuple(image)

    @property
    def observation_names(self) -> list[str]:
        """Names of the observed channels, if they have some."""
        return list(self._facts["observation_names"])

    @property
    def control_names(self) -> list[str]:
        """Names of the controls, if they have some."""
        return list(self._facts["control_names"])

    @property
    def initial_frames(self) -> int:
        """Steps that a filter needs before it has a belief."""
        return int(self._facts["initial_frames"])

    @property
    def is_timed(self) -> bool:
        """Whether steps differ in length, so that every step needs its seconds ``dt``."""
        return bool(self._facts["timed"])

    @property
    def settings(self) -> dict[str, Any] | None:
        """Every setting of its run, by table; ``None`` if the model lies in no run."""
        settings, _ = self._core.run
        return None if settings is None else tomllib.loads(settings)

    @property
    def summary(self) -> dict[str, Any] | None:
        """The figures of its run, as in ``summary.json``; ``None`` if there are none."""
        _, summary = self._core.run
        return None if summary is None else json.loads(summary)

    def filter(
        self,
        x: ArrayLike | Files,
        u: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        *,
        dt: ArrayLike | None = None,
        lengths: ArrayLike | None = None,
        samples: int = 32,
        seed: int = 0,
        gate: float | None = None,
        threads: int = 0,
    ) -> Beliefs:
        """Beliefs after every step of recordings, each of what was seen until then.

        Args:
            x: Observations ``(N, T, X)`` or images ``(N, T, height, width)``, of a single sequence without the
                first axis. NaN is missing, bytes are scaled to ``[0, 1]``. Or names of files.
            u: Controls ``(N, T, U)``, of a single sequence without the first axis.
            mask: One where something was observed, zero elsewhere; ``(N, T)`` or the shape of ``x``.
            dt: Seconds from every step to the next; the model's if ``None``.
            lengths: Steps of every sequence ``(N,)``; the rest is padding.
            samples: Sample paths that carry the spread; zero for the mean path alone.
            seed: Seed of their noise.
            gate: Probability, such as 0.9999, beyond which an observation counts as missing.
            threads: As many as there are cores if zero.

        Raises:
            ValueError: If an array does not fit the model; the message names the axis.
        """
        single = files_of(x) is None and self._is_single(x)

        def batch(value: ArrayLike | None, name: str) -> ArrayLike | None:
            return numbers(value, name)[None] if single and value is not None else value

        given = recordings(
            batch(x, "x") if single else x,  # type: ignore[arg-type]
            batch(u, "u"),
            batch(mask, "mask"),
            dt=dt if dt is None or np.ndim(dt) == 0 else batch(dt, "dt"),
            lengths=lengths,
        )
        found = self._core.filter(given, _options(samples, seed, gate), whole(threads, "threads", 0, THREADS))
        return Beliefs(**{name: array[0] if single else array for name, array in found.items()})

    def online(
        self, samples: int = 32, seed: int = 0, gate: float | None = None
    ) -> _dvbf.OnlineFilter:
        """A filter that takes one observation at a time, at the start of a sequence.

        Args:
            samples: Sample paths that carry the spread; zero for the mean path alone, which costs least.
            seed: Seed of their noise.
            gate: Probability, such as 0.9999, beyond which an observation counts as missing.
        """
        return self._core.online(*_options(samples, seed, gate))

    def predict(
        self, controls: ArrayLike, start: _dvbf.Belief, *, dt: ArrayLike | None = None
    ) -> Prediction:
        """What follows a belief under controls, if nothing is seen.

        Args:
            controls: ``(T, U)``; the first one acts from the step of the belief on. Of a model without controls,
                ``T`` or an array ``(T, 0)``.
            start: The belief, from :meth:`online` with sample paths.
            dt: Seconds of the steps ``(T,)``, where they differ.
        """
        if self.control_size == 0 and np.ndim(controls) == 0:
            controls = np.zeros((whole(controls, "controls", 0, MANY), 0))  # type: ignore[arg-type]
        taken = rows(controls, "controls", self.control_size)
        seconds = None
        if dt is not None:
            given = wide(dt, "dt")
            if given.shape not in ((), (len(taken),)):
                raise ValueError(f"dt has shape {shown(given.shape)}; it must be ({len(taken)},) or one number")
            seconds = np.broadcast_to(given, (len(taken),)).tolist()
        return Prediction(**self._core.predict(taken, start, seconds))

    def simulator(
        self, n: int, seed: int = 0, *, process_noise: bool = True, bound: float | None = None
    ) -> Simulator:
        """``n`` rollouts to be stepped by hand; see :class:`Simulator`."""
        return Simulator(self, n, seed, process_noise=process_noise, bound=bound)

    def simulate(
        self,
        n: int,
        steps: int,
        controls: ArrayLike | Policy | None = None,
        *,
        start: _dvbf.Belief | ArrayLike | None = None,
        seed: int = 0,
        observe: bool = True,
        sensor_noise: bool = False,
        process_noise: bool = True,
        bound: float | None = None,
        dt: float | None = None,
    ) -> Simulated:
        """Sequences that the model makes itself.

        Args:
            n: Sequences ``N``.
            steps: Steps ``T`` of every sequence, the start being the first.
            controls: Controls ``(N, T, U)``, or ``(T, U)`` for all sequences; zeros if ``None``; or a function
                ``policy(t, state, observation)`` that gives ``(N, U)`` from states ``(N, Z)`` and observations.
            start: ``None`` for the model's prior, a belief, or states ``(N, Z)`` or ``(Z,)``.
            seed: Seed of all noise; sequence ``i`` is the same whatever ``n`` is.
            observe: Whether to draw what is seen of the states, which costs more than the states.
            sensor_noise: Whether to add the noise of the sensors.
            process_noise: Whether steps have noise; without, they are mean predictions.
            bound: Clips states to the range of the training and so many of its half-widths around it.
            dt: Seconds of the steps, of a model whose steps differ.

        Raises:
            ValueError: If controls or starts have a shape or a value that the model does not take.
        """
        simulator = self.simulator(n, seed, process_noise=process_noise, bound=bound)
        if start is not None:
            simulator.start(start)
        return simulate(simulator, steps, controls, observe=observe, sensor_noise=sensor_noise, dt=dt)

    def _is_single(self, x: ArrayLike | Files) -> bool:
        """Whether ``x`` is one sequence without its axis."""
        array = numbers(x, "x")  # type: ignore[arg-type]
        shape, flat = self.observation_shape, (self.observation_size,)
        return array.ndim > 1 and (array.shape[1:] == shape or array.shape[1:] == flat)

    def __repr__(self) -> str:
        sizes = f"Z={self.state_size}, X={self.observation_shape}, U={self.control_size}"
        return f"Model({str(self.path)!r}, {sizes}, dt={self.dt:g})"


def _options(samples: int, seed: int, gate: float | None) -> tuple[int, int, float | None]:
    return whole(samples, "samples", 0, MANY), whole(seed, "seed"), probability(gate)


def load(path: str | os.PathLike[str]) -> Model:
    """The best model of the run in a folder, or the model of a file ``.dvbf``.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the file is damaged or no model.
    """
    return Model(_dvbf.Model.open(Path(path)))
