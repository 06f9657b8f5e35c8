"""Trains a policy to swing a pendulum up, in the learned simulator alone, and tries it on the true one from pixels.

    python barrel.py && python swing_up.py [--steps 300000] [--seed 0]

PPO of Stable-Baselines3 learns twice with the same settings, steps and seed: in `LearnedVectorEnv`, where it sees
latent states, and in the true simulator, where it sees the true state. The first policy then acts on the true
pendulum through the online filter, which sees frames with the noise of the camera; the second one on the true state.
Both begin in the same 20 states and are paid the same reward of the true state.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from pendulum import SYSTEM, TORQUE, features, record, trained
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv

import dvbf

ROLLOUTS, HORIZON, EPISODES = 32, 150, 20
#: Hanging is cosine 1, upright is cosine −1; (y + target)² of cosine and sine is 2 (1 + cos θ).
TARGET, STATE_COST, ACTION_COST = [-1.0, 0.0, 0.0], [1.0, 1.0, 0.02], 0.002

Act = Callable[[NDArray[Any]], NDArray[Any]]


def reward(readout: Callable[[NDArray[Any]], NDArray[Any]]) -> dvbf.QuadraticReward:
    """The same reward, of what `readout` reads."""
    return dvbf.QuadraticReward(readout, TARGET, STATE_COST, ACTION_COST)


class TruePendulum(gymnasium.vector.VectorEnv):
    """The true simulator as a vector environment that shows the true state."""

    def __init__(self, num_envs: int, seed: int) -> None:
        self.num_envs = num_envs
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.single_observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (3,), np.float32)
        self.single_action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.reward, self.generator = reward(features), np.random.default_rng(seed)

    def draw(self, count: int) -> NDArray[np.float64]:
        """States as recordings begin with them."""
        angles = self.generator.uniform(-np.pi, np.pi, count)
        return np.stack([angles, 2.0 * self.generator.normal(size=count)], axis=1)

    def reset(self, **_: Any) -> tuple[NDArray[Any], dict[str, Any]]:
        self.state, self.taken = self.draw(self.num_envs), 0
        return features(self.state).astype(np.float32), {}

    def step(self, actions: NDArray[Any]) -> tuple[Any, ...]:
        torques = TORQUE * np.clip(np.asarray(actions, np.float64), -1.0, 1.0)
        rewards = self.reward(self.state, torques, self.state)
        self.state, self.taken = SYSTEM.advance(self.state, torques), self.taken + 1
        seen, info = features(self.state).astype(np.float32), {}
        over = np.full(self.num_envs, self.taken >= HORIZON)
        if over.all():
            info = {"final_obs": list(seen)}
            seen, _ = self.reset()
        return seen, rewards, np.zeros(self.num_envs, bool), over, info


class ForStableBaselines(VecEnv):
    """Any vector environment of Gymnasium with `SAME_STEP` as one of Stable-Baselines3."""

    def __init__(self, env: gymnasium.vector.VectorEnv) -> None:
        assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
        self.env, self.first_seed = env, None
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    def reset(self) -> Any:
        seen, _ = self.env.reset(seed=self.first_seed)
        self.first_seed = None
        return seen

    def seed(self, seed: int | None = None) -> list[int | None]:
        self.first_seed = seed
        return [seed] * self.num_envs

    def step_async(self, actions: NDArray[Any]) -> None:
        self.actions = actions

    def step_wait(self) -> Any:
        seen, rewards, terminated, truncated, info = self.env.step(self.actions)
        over = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(over):
            infos[i] = {"terminal_observation": info["final_obs"][i], "TimeLimit.truncated": bool(truncated[i])}
        return seen, np.asarray(rewards, np.float32), over, infos

    def close(self) -> None:
        self.env.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self.env, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        setattr(self.env, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        return [getattr(self.env, method_name)(*args, **kwargs)] * self.num_envs

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs


def learn(env: gymnasium.vector.VectorEnv, steps: int, seed: int) -> tuple[Act, float]:
    """A policy, and the seconds that it took."""
    begun = time.perf_counter()
    agent = PPO(
        "MlpPolicy",
        ForStableBaselines(env),
        n_steps=HORIZON,
        batch_size=480,
        n_epochs=10,
        gamma=0.97,
        gae_lambda=0.95,
        learning_rate=1e-3,
        use_sde=True,
        sde_sample_freq=4,
        seed=seed,
        device="cpu",
    )
    agent.learn(steps)
    return lambda seen: agent.predict(seen, deterministic=True)[0], time.perf_counter() - begun


def returns(policy: Act, model: dvbf.Model | None, before: int) -> NDArray[np.float64]:
    """Returns of 20 episodes on the true pendulum: from pixels through a filter, or of the true state. Nobody acts
    in the `before` steps before, in which a filter takes its first frames."""
    states = TruePendulum(EPISODES, seed=1234).draw(EPISODES)
    camera, paid = np.random.default_rng(99), reward(features)
    filters = [] if model is None else [model.online(seed=i) for i in range(EPISODES)]
    torques, total = np.zeros((EPISODES, 1)), np.zeros(EPISODES)
    for t in range(before + HORIZON):
        frames = SYSTEM.observe(states) + SYSTEM.noise_std * camera.normal(size=(EPISODES, *SYSTEM.observation_shape))
        if model is None:
            seen = features(states).astype(np.float32)
        else:
            seen = np.stack([f.step(frames[i], torques[i]).mean for i, f in enumerate(filters)])
        torques = TORQUE * (np.zeros((EPISODES, 1)) if t < before else np.clip(policy(seen), -1.0, 1.0))
        if t >= before:
            total += paid(states, torques, states)
        states = SYSTEM.advance(states, torques)
    return total


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=300_000, help="steps of all rollouts together")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()

    recorded = record(500, seed=0)
    model = trained(recorded).model
    beliefs = model.filter(recorded.x, recorded.u)
    readout = dvbf.Readout.fit(beliefs.mean, features(recorded.state))
    learned = dvbf.LearnedVectorEnv(
        model, reward(readout), -TORQUE, TORQUE, num_envs=ROLLOUTS, horizon=HORIZON, autoreset_mode="SameStep"
    )
    rows = []
    for name, env in [("learned", learned), ("true", TruePendulum(ROLLOUTS, given.seed))]:
        policy, seconds = learn(env, given.steps, given.seed)
        found = returns(policy, model if name == "learned" else None, model.initial_frames)
        rows.append(found.mean())
        print(f"trained in the {name} simulator: {seconds:.0f} s; {EPISODES} episodes on the true pendulum: ", end="")
        print(f"mean return {found.mean():.1f}, worst {found.min():.1f}", flush=True)
    still = returns(lambda seen: np.zeros((len(seen), 1)), None, model.initial_frames)
    print(f"without torque: mean return {still.mean():.1f}")
    print(f"difference of the means: {100 * abs(rows[0] - rows[1]) / abs(rows[1]):.1f} %")


if __name__ == "__main__":
    main()
