"""Classical Bayes filters on NumPy arrays.

The models are ``z[t+1] = f(z[t], u[t]) + w``, ``w ~ N(0, Q)`` and ``x[t] = h(z[t]) + v``, ``v ~ N(0, R)``. In an
observation, NaN is a channel that was not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _dvbf
from ._convert import MANY, Array64, matrix, probability, rows, vector, whole, wide

Function = Callable[..., ArrayLike]
G = TypeVar("G", bound="_Gaussian")


class Update(NamedTuple):
    """What became of an observation.

    Attributes:
        nis: Normalized innovation squared.
        log_likelihood: Logarithm of its density before it was seen, in nats.
        accepted: Whether the gate let it pass.
        residual: Observation less its expectation, of the channels that were seen.
        covariance: Covariance of the residual.
        channels: Numbers of the channels that were seen.
    """

    nis: float
    log_likelihood: float
    accepted: bool
    residual: Array64
    covariance: Array64
    channels: list[int]


class Filtered(NamedTuple):
    """Beliefs of a filter over a sequence.

    Attributes:
        mean: ``(T, Z)``, after every observation.
        covariance: ``(T, Z, Z)``, after every observation.
        predicted_mean: ``(T, Z)``, before every observation.
        predicted_covariance: ``(T, Z, Z)``, before every observation.
        nis: Normalized innovation squared ``(T,)``; NaN where nothing was seen.
        log_likelihood: Of the whole sequence, in nats.
    """

    mean: Array64
    covariance: Array64
    predicted_mean: Array64
    predicted_covariance: Array64
    nis: Array64
    log_likelihood: float


class Smoothed(NamedTuple):
    """Beliefs given all observations.

    Attributes:
        mean: ``(T, Z)``.
        covariance: ``(T, Z, Z)``.
        log_likelihood: Of the whole sequence, in nats.
    """

    mean: Array64
    covariance: Array64
    log_likelihood: float


class Forecast(NamedTuple):
    """What follows, if nothing is seen.

    Attributes:
        mean: Of the state, ``(T, Z)``.
        covariance: Of the state, ``(T, Z, Z)``.
        observation_mean: ``(T, X)``.
        observation_covariance: ``(T, X, X)``.
    """

    mean: Array64
    covariance: Array64
    observation_mean: Array64
    observation_covariance: Array64


def _covariances(
    process_noise: ArrayLike, observation_noise: ArrayLike, initial_mean: ArrayLike, initial_covariance: ArrayLike
) -> tuple[Array64, Array64, Array64, Array64]:
    noise = matrix(process_noise, "process_noise")
    z = len(noise)
    return (
        matrix(noise, "process_noise", z, z),
        matrix(observation_noise, "observation_noise"),
        vector(initial_mean, "initial_mean", z),
        matrix(initial_covariance, "initial_covariance", z, z),
    )


def _double(function: Function, name: str) -> Function:
    """``function`` with a check that what it gives can be differentiated numerically."""

    def checked(*given: Any) -> ArrayLike:
        value = function(*given)
        kind = getattr(value, "dtype", None)
        if kind in (np.float16, np.float32):
            raise ValueError(
                f"{name} returned {kind}; its derivatives by differences need float64, or give {name}_jacobian"
            )
        return value

    return checked


class _Gaussian:
    """A filter whose belief is Gaussian."""

    _core: _dvbf.Gaussian

    @property
    def mean(self) -> Array64:
        """Mean of the belief ``(Z,)``."""
        return self._core.mean

    @property
    def covariance(self) -> Array64:
        """Covariance of the belief ``(Z, Z)``."""
        return self._core.covariance

    @property
    def log_likelihood(self) -> float:
        """Of everything that was seen, in nats."""
        return self._core.log_likelihood

    def reset(self) -> None:
        """Back to the first state."""
        self._core.reset()

    def predict(self, u: ArrayLike | None = None) -> None:
        """Carries the belief one step on under control ``u (U,)``."""
        self._core.predict(vector(u, "u", self._core.sizes[0]))

    def update(self, x: ArrayLike | None) -> Update | None:
        """Takes observation ``x (X,)``; ``None`` if nothing was seen."""
        seen = None if x is None else vector(x, "x", self._core.sizes[1])
        found = self._core.update(seen)
        return None if found is None else Update(**found)

    def filter(self, x: ArrayLike, u: ArrayLike | None = None) -> Filtered:
        """Filters a sequence, from where the filter is: the first row of ``x`` belongs to the present state.

        Args:
            x: Observations ``(T, X)``.
            u: Controls ``(T, U)``; row ``t`` acts between ``t`` and ``t + 1``, and the last one is not read.
        """
        return Filtered(**self._core.filter(*self._sequence(x, u)))

    def smooth(self, x: ArrayLike, u: ArrayLike | None = None) -> Smoothed:
        """Filters a sequence, then smooths it; see :func:`rts_smoother`."""
        return Smoothed(**self._core.smooth(*self._sequence(x, u)))

    def forecast(self, u: ArrayLike) -> Forecast:
        """What follows under controls ``u (T, U)``; of a model without controls, ``u`` is ``T``."""
        width = self._core.sizes[0]
        if width == 0 and np.ndim(u) == 0:
            u = np.zeros((whole(u, "u", 0, MANY), 0))  # type: ignore[arg-type]
        return Forecast(**self._core.forecast(rows(u, "u", width)))

    def _sequence(self, x: ArrayLike, u: ArrayLike | None) -> tuple[Array64, Array64]:
        control, observation = self._core.sizes
        seen = rows(x, "x", observation)
        return seen, rows(u, "u", control, len(seen))


class KalmanFilter(_Gaussian):
    """The Kalman filter: ``f(z, u) = A z + B u``, ``h(z) = C z``.

    Args:
        transition: ``A (Z, Z)``.
        emission: ``C (X, Z)``.
        process_noise: Covariance ``Q (Z, Z)``.
        observation_noise: Covariance ``R (X, X)``.
        initial_mean: Mean of the first state ``(Z,)``, before anything was seen.
        initial_covariance: Its covariance ``(Z, Z)``.
        control: ``B (Z, U)``; none if ``None``.
        gate: Probability beyond which an observation counts as missing.

    Raises:
        ValueError: If a shape does not fit, or a covariance is not symmetric and positive.
    """

    def __init__(
        self,
        transition: ArrayLike,
        emission: ArrayLike,
        process_noise: ArrayLike,
        observation_noise: ArrayLike,
        initial_mean: ArrayLike,
        initial_covariance: ArrayLike,
        *,
        control: ArrayLike | None = None,
        gate: float | None = None,
    ) -> None:
        gaussians = _covariances(process_noise, observation_noise, initial_mean, initial_covariance)
        z, x = len(gaussians[0]), len(gaussians[1])
        acting = np.zeros((z, 0)) if control is None else matrix(control, "control", z)
        matrices = matrix(transition, "transition", z, z), acting, matrix(emission, "emission", x, z)
        self._core = _dvbf.Gaussian.kalman(matrices, gaussians, probability(gate))


class ExtendedKalmanFilter(_Gaussian):
    """The extended Kalman filter, which linearizes the model at its belief.

    Args:
        transition: ``f(z, u)``, or ``f(z)`` without controls: arrays ``(Z,)`` and ``(U,)`` to ``(Z,)``.
        emission: ``h(z)``: ``(Z,)`` to ``(X,)``.
        process_noise: Covariance ``Q (Z, Z)``.
        observation_noise: Covariance ``R (X, X)``.
        initial_mean: Mean of the first state ``(Z,)``.
        initial_covariance: Its covariance ``(Z, Z)``.
        transition_jacobian: ``∂f/∂z (Z, Z)``, called like ``f``; by central differences if ``None``.
        emission_jacobian: ``∂h/∂z (X, Z)``, called like ``h``; by central differences if ``None``.
        control: Numbers in a control ``U``.
        gate: Probability beyond which an observation counts as missing.

    Functions without a Jacobian must compute in double precision: differences of single precision say nothing
    of derivatives, and are refused. What a function raises is raised by the method that called it, and leaves the
    filter as it was.
    """

    def __init__(
        self,
        transition: Function,
        emission: Function,
        process_noise: ArrayLike,
        observation_noise: ArrayLike,
        initial_mean: ArrayLike,
        initial_covariance: ArrayLike,
        *,
        transition_jacobian: Function | None = None,
        emission_jacobian: Function | None = None,
        control: int = 0,
        gate: float | None = None,
    ) -> None:
        gaussians = _covariances(process_noise, observation_noise, initial_mean, initial_covariance)
        if transition_jacobian is None:
            transition = _double(transition, "transition")
        if emission_jacobian is None:
            emission = _double(emission, "emission")
        functions = transition, emission, transition_jacobian, emission_jacobian
        self._core = _dvbf.Gaussian.extended(functions, whole(control, "control"), gaussians, probability(gate))


class UnscentedKalmanFilter(_Gaussian):
    """The unscented Kalman filter, which evaluates the model at sigma points of its belief.

    Args:
        transition: ``f(z, u)``, or ``f(z)`` without controls.
        emission: ``h(z)``.
        process_noise: Covariance ``Q (Z, Z)``.
        observation_noise: Covariance ``R (X, X)``.
        initial_mean: Mean of the first state ``(Z,)``.
        initial_covariance: Its covariance ``(Z, Z)``.
        control: Numbers in a control ``U``.
        gate: Probability beyond which an observation counts as missing.
        alpha: Spread of the points, positive.
        beta: 2 for Gaussian beliefs.
        kappa: Zero or positive.
    """

    def __init__(
        self,
        transition: Function,
        emission: Function,
        process_noise: ArrayLike,
        observation_noise: ArrayLike,
        initial_mean: ArrayLike,
        initial_covariance: ArrayLike,
        *,
        control: int = 0,
        gate: float | None = None,
        alpha: float = 1.0,
        beta: float = 2.0,
        kappa: float = 0.0,
    ) -> None:
        gaussians = _covariances(process_noise, observation_noise, initial_mean, initial_covariance)
        functions, control = (transition, emission, None, None), whole(control, "control")
        points = alpha, beta, kappa
        self._core = _dvbf.Gaussian.unscented((functions, control), gaussians, probability(gate), points)


class ParticleFilter:
    """The bootstrap particle filter.

    Args:
        transition: ``f(z, u)``, or ``f(z)`` without controls, called for every particle.
        emission: ``h(z)``.
        process_noise: Covariance ``Q (Z, Z)``.
        observation_noise: Covariance ``R (X, X)``.
        initial_mean: Mean of the first state ``(Z,)``.
        initial_covariance: Its covariance ``(Z, Z)``.
        control: Numbers in a control ``U``.
        particles: Their number.
        threshold: Share of them below which the effective sample size leads to resampling.
        seed: Seed of all noise; the same seed gives the same bits.
    """

    def __init__(
        self,
        transition: Function,
        emission: Function,
        process_noise: ArrayLike,
        observation_noise: ArrayLike,
        initial_mean: ArrayLike,
        initial_covariance: ArrayLike,
        *,
        control: int = 0,
        particles: int = 1000,
        threshold: float = 0.5,
        seed: int = 0,
    ) -> None:
        gaussians = _covariances(process_noise, observation_noise, initial_mean, initial_covariance)
        functions, control = (transition, emission, None, None), whole(control, "control")
        self._sizes = control, len(gaussians[1])
        options = whole(particles, "particles", 1, MANY // len(gaussians[0])), threshold, whole(seed, "seed")
        self._core = _dvbf.Particle((functions, control), gaussians, options)

    @property
    def mean(self) -> Array64:
        """Mean of the belief ``(Z,)``."""
        return self._core.mean

    @property
    def covariance(self) -> Array64:
        """Covariance of the belief ``(Z, Z)``."""
        return self._core.covariance

    @property
    def particles(self) -> Array64:
        """States of the particles ``(particles, Z)``."""
        return self._core.particles

    @property
    def weights(self) -> Array64:
        """Weights of the particles ``(particles,)``, which sum to one."""
        return self._core.weights

    @property
    def log_likelihood(self) -> float:
        """Estimate for everything that was seen, in nats."""
        return self._core.log_likelihood

    @property
    def effective_sample_size(self) -> float:
        """``1 / Σ w²``."""
        return self._core.effective_sample_size

    def reset(self) -> None:
        """Back to the first state."""
        self._core.reset()

    def predict(self, u: ArrayLike | None = None) -> None:
        """Carries the particles one step on under control ``u (U,)``."""
        self._core.predict(vector(u, "u", self._sizes[0]))

    def update(self, x: ArrayLike | None) -> None:
        """Weighs the particles by observation ``x (X,)``; ``None`` if nothing was seen."""
        self._core.update(None if x is None else vector(x, "x", self._sizes[1]))

    def filter(self, x: ArrayLike, u: ArrayLike | None = None) -> tuple[Array64, Array64]:
        """Means ``(T, Z)`` and covariances ``(T, Z, Z)`` after every row of ``x (T, X)`` under ``u (T, U)``.

        After an error the filter is as it was before the call.
        """
        seen = rows(x, "x", self._sizes[1])
        acting = rows(u, "u", self._sizes[0], len(seen))
        means, covariances = [], []
        saved = self._core.save()
        try:
            for t, observation in enumerate(seen):
                if t > 0:
                    self._core.predict(acting[t - 1])
                self._core.update(observation)
                means.append(self.mean)
                covariances.append(self.covariance)
        except BaseException:
            self._core.restore(saved)
            raise
        return np.array(means), np.array(covariances)


def rts_smoother(filter: _Gaussian, x: ArrayLike, u: ArrayLike | None = None) -> Smoothed:
    """Beliefs about every step given all observations (Rauch, Tung and Striebel 1965).

    Args:
        filter: The filter; the smoother begins at its first state and leaves it there, wherever it was.
        x: Observations ``(T, X)``.
        u: Controls ``(T, U)``.
    """
    checked = filter._sequence(x, u)
    filter.reset()
    try:
        return filter.smooth(*checked)
    finally:
        filter.reset()


def _is_sequence(x: Any) -> bool:
    """Whether ``x`` is one sequence: an array of at most two axes, or rows of numbers. A list of arrays is several."""
    if isinstance(x, np.ndarray):
        return x.ndim <= 2
    return all(not isinstance(row, np.ndarray) and np.ndim(row) <= 1 for row in x)


class EmFit(NamedTuple):
    """What expectation maximization found.

    Attributes:
        filter: The Kalman filter of the best parameters.
        log_likelihood: In nats, before every iteration and after the last one.
        best: The iteration with the highest one.
        converged: Whether the last iteration raised the likelihood by less than the tolerance; one that lowered it
            does not count.
        parameters: The matrices by the names of :class:`KalmanFilter`.
    """

    filter: KalmanFilter
    log_likelihood: Array64
    best: int
    converged: bool
    parameters: dict[str, NDArray[np.float64]]


def em(
    filter: KalmanFilter,
    x: ArrayLike | Sequence[ArrayLike],
    u: ArrayLike | Sequence[ArrayLike] | None = None,
    *,
    iterations: int = 100,
    tolerance: float = 1e-6,
    fixed: Sequence[str] = (),
) -> EmFit:
    """Fits a linear Gaussian model to sequences by expectation maximization.

    Args:
        filter: Where it starts.
        x: Observations ``(T, X)``, ``(N, T, X)`` or a list of ``(T, X)``.
        u: Controls in the same form.
        iterations: Their largest number.
        tolerance: A gain of the log-likelihood below which it ends.
        fixed: Names of parameters that stay as they are, such as ``["emission"]``.
    """
    control, observation = filter._core.sizes
    single = _is_sequence(x)
    all_x: list[Any] = [x] if single else list(x)  # type: ignore[arg-type]
    all_u: list[Any] = [None] * len(all_x) if u is None else [u] if single else list(u)  # type: ignore[arg-type]
    if len(all_u) != len(all_x):
        raise ValueError(f"u has {len(all_u)} sequences; x has {len(all_x)}")
    sequences = []
    for seen, acting in zip(all_x, all_u, strict=True):
        taken = rows(seen, "x", observation)
        sequences.append((taken, rows(acting, "u", control, len(taken))))
    found = filter._core.em(sequences, (whole(iterations, "iterations"), tolerance, list(fixed)))
    history, best, converged = (found.pop(key) for key in ("log_likelihood", "best", "converged"))
    return EmFit(KalmanFilter(**found), wide(history, "log_likelihood"), best, converged, found)
