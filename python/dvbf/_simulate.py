"""The learned simulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _dvbf
from ._convert import MANY, flags, narrow, number, rows, shown, whole, wide

if TYPE_CHECKING:
    from ._model import Model

States = NDArray[np.float32]
#: ``policy(t, state, observation)``: controls ``(N, U)`` of step ``t`` from states ``(N, Z)`` and observations.
Policy = Callable[[int, States, NDArray[Any] | None], ArrayLike]


class Simulated(NamedTuple):
    """Sequences that a model made.

    Attributes:
        state: Latent states ``(N, T, Z)``; the first ones are the starts.
        observation: What is seen of them ``(N, T, X)`` or ``(N, T, height, width)``, in the units of the
            recordings; ``None`` if nobody asked.
        controls: Controls ``(N, T, U)``; ``controls[:, t]`` acted between ``t`` and ``t + 1``. Nothing comes after
            the last ones, which are those that were given or zero.
        departure: How far outside of the range of the training every state is ``(N, T)``, in half-widths of that
            range, zero inside; ``None`` if the model file does not know it. What a model says of states far from
            everything it was shown is fantasy.
    """

    state: States
    observation: NDArray[Any] | None
    controls: NDArray[np.float64]
    departure: NDArray[np.float32] | None

    @property
    def inside(self) -> NDArray[np.bool_] | None:
        """Whether every state lies inside of the range of the training ``(N, T)``."""
        return None if self.departure is None else self.departure <= 0.0


class Simulator:
    """Rollouts of a learned model side by side, to be stepped by hand.

    Rollout ``i`` has noise of its own, a function of the seed, ``i`` and its steps: it is the same to the last bit
    whatever else is simulated beside it.

    Args:
        model: The model.
        n: Rollouts ``N``, which begin with draws from the model's prior.
        seed: Seed of all noise.
        process_noise: Whether steps have noise; without, they are mean predictions.
        bound: Clips states to the range of the training and so many of its half-widths around it; free if ``None``.

    Raises:
        ValueError: If there is no rollout, or a bound is wanted and the range not known.
    """

    def __init__(
        self, model: Model, n: int, seed: int = 0, *, process_noise: bool = True, bound: float | None = None
    ) -> None:
        self.model = model
        if not hasattr(model, "_core") or not hasattr(model, "observation_shape"):
            raise ValueError(f"model is a {type(model).__name__}; it must be a Model, such as run.model")
        count = whole(n, "n", 1, MANY)
        margin = None if bound is None else number(bound, "bound", 0.0)
        self._core = _dvbf.Simulator(model._core, count, whole(seed, "seed"), process_noise, margin)

    def __len__(self) -> int:
        return len(self._core)

    @property
    def states(self) -> States:
        """Latent states ``(N, Z)``."""
        return self._core.states

    @property
    def steps(self) -> NDArray[np.uint64]:
        """Steps of every rollout since its start ``(N,)``."""
        return self._core.steps

    @property
    def departures(self) -> NDArray[np.float32] | None:
        """How far outside of the range of the training every rollout is ``(N,)``; see :class:`Simulated`."""
        return self._core.departures

    def start(self, at: _dvbf.Belief | ArrayLike | None = None, mask: ArrayLike | None = None) -> None:
        """Starts rollouts anew.

        Args:
            at: ``None`` for the model's prior; a belief, from whose sample paths rollouts start in turn; or states
                ``(N, Z)`` or ``(Z,)``.
            mask: Which rollouts ``(N,)``; all of them if ``None``.
        """
        chosen = None if mask is None else flags(mask, "mask", len(self))
        if at is None:
            self._core.start_from_prior(chosen)
        elif isinstance(at, _dvbf.Belief):
            self._core.start_from_belief(at, chosen)
        else:
            states = narrow(at, "states")
            if states.ndim == 1:
                states = np.tile(states, (len(self), 1))
            self._core.start_from_states(states, chosen)

    def reseed(self, seed: int) -> None:
        """Takes another seed; a start after it gives the rollouts of a new simulator with this seed."""
        self._core.reseed(whole(seed, "seed"))

    def step(self, controls: ArrayLike | None = None, dt: float | None = None) -> None:
        """Carries every rollout one step on under controls ``(N, U)`` or ``(U,)``.

        Args:
            controls: The controls; zeros if ``None``.
            dt: Seconds of the step, of a model whose steps differ.
        """
        self._core.step(self.controls(controls), dt)

    def observe(self, sensor_noise: bool = False) -> NDArray[Any]:
        """What is seen of the states ``(N, X)`` or ``(N, height, width)``, in the units of the recordings.

        Args:
            sensor_noise: Whether to add the noise of the sensors; asking again gives the same noise.
        """
        return self._core.observe(sensor_noise).reshape(len(self), *self.model.observation_shape)

    def snapshot(self) -> _dvbf.Snapshot:
        """Where all rollouts are, their noise and its seed included."""
        return self._core.snapshot()

    def restore(self, snapshot: _dvbf.Snapshot) -> None:
        """Goes back to where a snapshot of a simulator of this model was taken: the same controls lead to the same
        bits again."""
        self._core.restore(snapshot)

    def controls(self, given: ArrayLike | None) -> NDArray[np.float64]:
        """Controls ``(N, U)`` from those or from one row for all."""
        n, width = len(self), self.model.control_size
        if given is None:
            return np.zeros((n, width))
        array = wide(given, "controls")
        if array.shape == (width,) or (array.ndim == 0 and width == 1):
            array = np.tile(array.reshape(1, width), (n, 1))
        return rows(array, "controls", width, n)


def simulate(
    simulator: Simulator,
    steps: int,
    controls: ArrayLike | Policy | None,
    *,
    observe: bool,
    sensor_noise: bool,
    dt: float | None,
) -> Simulated:
    """Sequences of ``steps`` states from where the simulator is; see :meth:`Model.simulate`."""
    steps = whole(steps, "steps", 1, MANY)
    n, width, shape = len(simulator), simulator.model.control_size, simulator.model.observation_shape
    if not callable(controls):
        acting = planned(controls, (n, steps, width))
        by_step = [np.ascontiguousarray(acting[:, t]) for t in range(steps - 1)]
        found = simulator._core.run(by_step, dt, observe, sensor_noise)
        seen = found.get("observation")
        if seen is not None:
            seen = seen.reshape(n, steps, *shape)
        return Simulated(found["state"], seen, acting, found.get("departure"))
    acting = np.zeros((n, steps, width))
    states = np.zeros((n, steps, simulator.model.state_size), np.float32)
    departures = np.zeros((n, steps), np.float32)
    frames: list[NDArray[Any]] = []
    for t in range(steps):
        states[:, t] = simulator.states
        out = simulator.departures
        if out is not None:
            departures[:, t] = out
        if observe:
            frames.append(simulator.observe(sensor_noise))
        if t + 1 < steps:
            # Whatever a policy does to what it is shown, the result is what the model made.
            told = controls(t, states[:, t].copy(), frames[-1].copy() if observe else None)
            if told is None and width > 0:
                raise ValueError(f"controls returned None at step {t}; a policy returns ({n}, {width})")
            acting[:, t] = simulator.controls(told)
            simulator.step(acting[:, t], dt)
    seen = np.stack(frames, axis=1) if observe else None
    return Simulated(states, seen, acting, None if simulator.departures is None else departures)


def planned(controls: ArrayLike | None, size: tuple[int, int, int]) -> NDArray[np.float64]:
    """Controls ``(N, T, U)`` from those, or ``(T, U)`` for all rollouts; those of the last
    step may be left out, and more than ``T`` are not read."""
    n, steps, width = size
    out = np.zeros(size)
    if controls is None or width == 0:
        return out
    array = wide(controls, "controls")
    if array.ndim == 1 and width == 1:
        array = array[:, None]
    if array.ndim == 2:
        array = np.tile(array[None], (n, 1, 1))
    if array.ndim != 3 or (array.shape[0], array.shape[2]) != (n, width) or array.shape[1] < steps - 1:
        raise ValueError(
            f"controls has shape {shown(np.shape(controls))}; it must be ({n}, {steps}, {width}) or "
            f"({steps}, {width})"
        )
    out[:, : min(steps, array.shape[1])] = array[:, :steps]
    for row, t, i in np.argwhere(~np.isfinite(out))[:1]:
        raise ValueError(f"control {i} of rollout {row} is not finite, at step {t}")
    return out
