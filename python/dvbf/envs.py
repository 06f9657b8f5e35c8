"""Environments of Gymnasium in which a learned model takes the place of the system.

Importing this module registers ``dvbf/Learned-v0``, so that ``gymnasium.make_vec("dvbf.envs:dvbf/Learned-v0",
num_envs=64, model=model, …)`` makes a :class:`LearnedVectorEnv` and ``gymnasium.make`` a :class:`LearnedEnv`.
"""

from __future__ import annotations

from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from . import _dvbf
from ._convert import MANY, flags, number, shown, whole, wide
from ._model import Model
from ._reward import Reward
from ._simulate import Simulator

Observed = Literal["state", "observation", "both"]

#: Values of an observation lie between its negative and it.
LARGEST = float(np.finfo(np.float32).max)
#: Pixels of the shorter side of a picture, at least.
PIXELS = 128


class _Learned:
    """What the environments have in common: rollouts of a model, spaces, rewards and pictures."""

    def __init__(
        self,
        model: Model,
        count: int,
        reward: Reward,
        action_low: ArrayLike,
        action_high: ArrayLike,
        *,
        observe: Observed,
        horizon: int,
        start: _dvbf.Belief | ArrayLike | None,
        process_noise: bool,
        bound: float | None,
        outside: float | None,
    ) -> None:
        if not isinstance(model, Model):
            raise ValueError(f"model is a {type(model).__name__}; it must be a Model, such as run.model")
        if not callable(reward):
            raise ValueError(f"reward is {reward!r}; it must be a function of states, controls and next states")
        if model.is_timed:
            raise ValueError("the steps of this model differ in length; an environment has equal ones")
        if observe not in ("state", "observation", "both"):
            raise ValueError(f"observe is {observe!r}; it must be 'state', 'observation' or 'both'")
        horizon = whole(horizon, "horizon", 1)
        outside = None if outside is None else number(outside, "outside", 0.0)
        self.simulator = Simulator(model, count, process_noise=process_noise, bound=bound)
        if outside is not None and self.simulator.departures is None:
            raise ValueError("outside is given, and the model file does not know the range of its training")
        self.model, self.reward, self.observe = model, reward, observe
        self.horizon, self.start_at, self.outside = horizon, start, outside
        self.middle, self.reach = _range(action_low, action_high, model.control_size)
        self.actions = gymnasium.spaces.Box(-1.0, 1.0, (model.control_size,), np.float32)
        state = gymnasium.spaces.Box(-LARGEST, LARGEST, (model.state_size,), np.float32)
        seen = gymnasium.spaces.Box(-LARGEST, LARGEST, model.observation_shape, np.float32)
        both = gymnasium.spaces.Dict({"observation": seen, "state": state})
        self.observations: gymnasium.Space[Any] = {"state": state, "observation": seen, "both": both}[observe]
        self.seeded = False

    def begin(self, seed: int | None) -> None:
        """Starts all rollouts: with the noise of ``seed``, or with what follows in that of the seed before."""
        if seed is None and not self.seeded:
            seed = int(np.random.default_rng().integers(2**63))
        if seed is not None:
            self.simulator.reseed(seed)
            self.seeded = True
        self.simulator.start(self.start_at)

    def restart(self, mask: NDArray[np.bool_]) -> None:
        """Starts some rollouts."""
        if mask.any():
            self.simulator.start(self.start_at, mask)

    def advance(
        self, actions: NDArray[np.float64], over: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
        """One step of all rollouts under ``actions (N, U)``: rewards, and which end or are at their last step.

        What is asked of rollouts that are ``over`` already, and their rewards, do not count.
        """
        if not self.seeded:
            raise gymnasium.error.ResetNeeded("call reset before the first step")
        actions = np.where(over[:, None], 0.0, actions)
        if not np.isfinite(actions).all():
            raise ValueError("action is not finite")
        controls = self.middle + self.reach * np.clip(actions, -1.0, 1.0)
        before = self.simulator.states
        self.simulator.step(controls)
        after = self.simulator.states
        terminated: NDArray[np.bool_] = np.logical_not(np.isfinite(after).all(axis=1))
        out = self.simulator.departures
        if self.outside is not None and out is not None:
            terminated = terminated | (out > self.outside)
        truncated = (self.simulator.steps >= self.horizon) & ~terminated
        rewards = wide(self.reward(before, controls, after), "reward")
        if rewards.shape != (len(self.simulator),):
            raise ValueError(f"reward returned shape {rewards.shape}; it must be ({len(self.simulator)},)")
        finite = np.isfinite(rewards)
        wrong = ~finite & ~terminated & ~over
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise ValueError(f"reward of rollout {row} is {rewards[row]}, and its state is finite")
        return np.where(finite, rewards, 0.0), terminated, truncated

    def observed(self) -> Any:
        """Observations of all rollouts."""
        if self.observe == "state":
            return _finite(self.simulator.states)
        if self.observe == "observation":
            return _finite(self.simulator.observe())
        return {"observation": _finite(self.simulator.observe()), "state": _finite(self.simulator.states)}

    def pictures(self) -> list[NDArray[np.uint8]]:
        """What the model draws of every rollout, as ``(height, width, 3)``."""
        return [_picture(seen) for seen in _finite(self.simulator.observe())]


class LearnedEnv(gymnasium.Env[Any, NDArray[Any]]):
    """A learned model as an environment. With the same seed it is rollout 0 of a :class:`LearnedVectorEnv`, bit for
    bit: in the mode ``SAME_STEP`` all of its episodes, and in the others, which may step between them, the first.

    Args:
        model: The model.
        reward: ``reward(before, controls, after)`` of latent states ``(N, Z)``, controls ``(N, U)`` and next
            states, which gives ``(N,)``; here ``N`` is one. A reward that is not finite is an
            error, unless it ends an episode; then it counts as zero. See :class:`dvbf.QuadraticReward`.
        action_low: The control ``(U,)``, or a number, of the action −1, in the units of the recordings.
        action_high: The control of the action 1. Actions lie in ``[-1, 1]`` and are clipped to it.
        observe: ``"state"`` for the latent state ``(Z,)``, ``"observation"`` for the mean of what is seen of it, or
            ``"both"`` for a dict of them.
        horizon: Steps after which an episode is truncated.
        start: Where episodes begin: ``None`` for draws from the model's prior; a belief of ``P`` sample paths, where
            rollout ``n`` always begins at path ``n mod P``; or a state ``(Z,)``.
        process_noise: Whether steps have the noise that the model learned.
        bound: Clips states to the range of the training and so many of its half-widths around it.
        outside: Ends an episode whose state is further outside of the range of the training than so many of its
            half-widths; never if ``None``. A state that is not finite ends an episode always. Where rewards are
            negative, an end like that is the best that can happen, unless the reward punishes it.
        render_mode: ``"rgb_array"``: :meth:`render` gives what the model draws.

    ``info["departure"]`` says how far outside of the range of the training the state is, where the model file
    knows that range.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(
        self,
        model: Model,
        reward: Reward,
        action_low: ArrayLike,
        action_high: ArrayLike,
        *,
        observe: Observed = "state",
        horizon: int = 200,
        start: _dvbf.Belief | ArrayLike | None = None,
        process_noise: bool = True,
        bound: float | None = None,
        outside: float | None = None,
        render_mode: str | None = None,
    ) -> None:
        self._learned = _Learned(
            model,
            1,
            reward,
            action_low,
            action_high,
            observe=observe,
            horizon=horizon,
            start=start,
            process_noise=process_noise,
            bound=bound,
            outside=outside,
        )
        self.metadata = {**self.metadata, "render_fps": max(1, round(1.0 / model.dt))}
        self.observation_space = self._learned.observations
        self.action_space = self._learned.actions
        self.render_mode = _mode(render_mode)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts an episode. The same seed gives the same bits; without one, the noise of the seed before goes on."""
        super().reset(seed=seed)
        self._learned.begin(seed)
        return self._now(), self._info()

    def step(self, action: NDArray[Any]) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Takes one step under an action ``(U,)`` in ``[-1, 1]``."""
        size = self._learned.model.control_size
        one = wide(action, "action")
        if one.shape != (size,) and not (one.ndim == 0 and size == 1):
            raise ValueError(f"action has shape {shown(one.shape)}; it must be ({size},)")
        rewards, terminated, truncated = self._learned.advance(one.reshape(1, size), np.zeros(1, np.bool_))
        return self._now(), float(rewards[0]), bool(terminated[0]), bool(truncated[0]), self._info()

    def render(self) -> Any:
        """What the model draws ``(height, width, 3)``, if ``render_mode`` says so."""
        return None if self.render_mode is None else self._learned.pictures()[0]

    def _now(self) -> Any:
        seen = self._learned.observed()
        return {key: value[0] for key, value in seen.items()} if isinstance(seen, dict) else seen[0]

    def _info(self) -> dict[str, Any]:
        out = self._learned.simulator.departures
        return {} if out is None else {"departure": float(out[0])}


class LearnedVectorEnv(VectorEnv[Any, NDArray[Any], NDArray[Any]]):
    """Many rollouts of a learned model as a vector environment; the arguments are those of :class:`LearnedEnv`.

    Args:
        num_envs: Rollouts ``N``.
        autoreset_mode: When an episode that is over begins again: at the next step (``NEXT_STEP``), whose action is
            then not read, and whose row of what the reward is given and returns does not count; at once
            (``SAME_STEP``), with the last observation in ``info["final_obs"]``; or only by
            ``reset(options={"reset_mask": mask})`` (``DISABLED``).
    """

    metadata: dict[str, Any] = {
        "render_modes": ["rgb_array"],
        "render_fps": 10,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        model: Model,
        reward: Reward,
        action_low: ArrayLike,
        action_high: ArrayLike,
        *,
        num_envs: int = 1,
        observe: Observed = "state",
        horizon: int = 200,
        start: _dvbf.Belief | ArrayLike | None = None,
        process_noise: bool = True,
        bound: float | None = None,
        outside: float | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
    ) -> None:
        num_envs = whole(num_envs, "num_envs", 1, MANY)
        self._learned = _Learned(
            model,
            num_envs,
            reward,
            action_low,
            action_high,
            observe=observe,
            horizon=horizon,
            start=start,
            process_noise=process_noise,
            bound=bound,
            outside=outside,
        )
        self.num_envs = num_envs
        try:
            self._mode = AutoresetMode(autoreset_mode)
        except ValueError:
            modes = ", ".join(repr(mode.value) for mode in AutoresetMode)
            raise ValueError(f"autoreset_mode is {autoreset_mode!r}; it must be one of {modes}") from None
        fps = max(1, round(1.0 / model.dt))
        self.metadata = {**self.metadata, "autoreset_mode": self._mode, "render_fps": fps}
        self.single_observation_space = self._learned.observations
        self.single_action_space = self._learned.actions
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.render_mode = _mode(render_mode)
        self._over = np.zeros(num_envs, dtype=np.bool_)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts all episodes, or those of ``options["reset_mask"] (N,)``. The same seed gives the same bits;
        without one, the noise of the seed before goes on. All rollouts share a seed, so there is none for a mask."""
        super().reset(seed=seed)
        mask = None if options is None else options.get("reset_mask")
        if mask is None:
            self._learned.begin(seed)
            self._over[:] = False
        else:
            if seed is not None:
                raise ValueError("seed is that of all rollouts; a reset of those in reset_mask takes none")
            chosen = flags(mask, "reset_mask", self.num_envs)
            self._learned.restart(chosen)
            self._over[chosen] = False
        return self._learned.observed(), self._info()

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[Any, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Takes one step under actions ``(N, U)`` in ``[-1, 1]``."""
        if self._mode is AutoresetMode.DISABLED and self._over.any():
            raise ValueError("an episode is over; reset it with options={'reset_mask': mask}")
        begun = self._over.copy()
        size = self._learned.model.control_size
        given = wide(actions, "actions")
        if given.shape != (self.num_envs, size):
            raise ValueError(f"actions has shape {shown(given.shape)}; it must be ({self.num_envs}, {size})")
        rewards, terminated, truncated = self._learned.advance(given, begun)
        if begun.any():
            self._learned.restart(begun)
            rewards[begun] = 0.0
            terminated[begun] = truncated[begun] = False
        self._over = terminated | truncated
        final: dict[str, Any] = {}
        if self._mode is AutoresetMode.SAME_STEP and self._over.any():
            final = self._final()
            self._learned.restart(self._over)
            self._over = np.zeros(self.num_envs, dtype=np.bool_)
        return self._learned.observed(), rewards, terminated, truncated, {**self._info(), **final}

    def render(self) -> tuple[Any, ...] | None:
        """What the model draws of every rollout, if ``render_mode`` says so."""
        return None if self.render_mode is None else tuple(self._learned.pictures())

    def _info(self) -> dict[str, Any]:
        out = self._learned.simulator.departures
        return {} if out is None else {"departure": out, "_departure": np.ones(self.num_envs, dtype=np.bool_)}

    def _final(self) -> dict[str, Any]:
        """Observations and infos of the episodes that are over, as `SAME_STEP` hands them out."""
        seen, info = self._learned.observed(), self._info()
        last = np.full(self.num_envs, None, dtype=object)
        for index in np.flatnonzero(self._over):
            one = {key: value[index] for key, value in seen.items()} if isinstance(seen, dict) else seen[index]
            last[index] = one
        over = self._over.copy()
        out: dict[str, Any] = {"final_obs": last, "_final_obs": over}
        if info:
            kept = np.where(over, info["departure"], 0.0).astype(np.float32)
            out |= {"final_info": {"departure": kept, "_departure": over}, "_final_info": over}
        return out


def _range(low: ArrayLike, high: ArrayLike, size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middle and half-width of the range of every control."""
    if size == 0:
        raise ValueError("the model has no controls, so nothing can be done in an environment")
    ends = []
    for name, given in (("action_low", low), ("action_high", high)):
        end = wide(given, name)
        if end.shape not in ((), (1,), (size,)):
            raise ValueError(f"{name} has shape {shown(end.shape)}; it must be ({size},) or one number")
        ends.append(np.broadcast_to(end, (size,)))
    if not (np.isfinite(ends).all() and (ends[0] < ends[1]).all()):
        raise ValueError("action_low must be below action_high, and both finite")
    return (ends[0] + ends[1]) / 2.0, (ends[1] - ends[0]) / 2.0


def _mode(render_mode: str | None) -> str | None:
    if render_mode not in (None, "rgb_array"):
        raise ValueError(f"render_mode is {render_mode!r}; there is 'rgb_array'")
    return render_mode


def _finite(values: NDArray[Any]) -> NDArray[np.float32]:
    """Values that an observation may have."""
    return np.nan_to_num(values.astype(np.float32, copy=False), nan=0.0, posinf=LARGEST, neginf=-LARGEST)


def _picture(seen: NDArray[np.float32]) -> NDArray[np.uint8]:
    """An image as it is, and a vector as bars around a line in the middle."""
    if seen.ndim == 1:
        height = 33
        bars = np.zeros((height, 2 * len(seen) + 1), np.float32)
        middle = height // 2
        for i, value in enumerate(np.tanh(seen)):
            end = middle - round(float(value) * middle)
            bars[min(middle, end) : max(middle, end) + 1, 2 * i + 1] = 1.0
        seen = bars
    scale = max(1, -(-PIXELS // min(seen.shape)))
    shades = np.round(255.0 * np.clip(seen, 0.0, 1.0)).astype(np.uint8)
    large = shades.repeat(scale, axis=0).repeat(scale, axis=1)
    return np.repeat(large[:, :, None], 3, axis=2)


gymnasium.register(
    id="dvbf/Learned-v0",
    entry_point="dvbf.envs:LearnedEnv",
    vector_entry_point="dvbf.envs:LearnedVectorEnv",
)
