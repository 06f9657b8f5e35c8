"""The learned model as environments of Gymnasium 1.x."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

import dvbf
from dvbf.envs import LearnedEnv, LearnedVectorEnv


def reward(before: NDArray[Any], action: NDArray[Any], after: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(-(before**2).sum(axis=1) - (action**2).sum(axis=1))


def single(model: dvbf.Model, **options: Any) -> LearnedEnv:
    return LearnedEnv(model, reward, -2.0, 2.0, **options)


def vector(model: dvbf.Model, **options: Any) -> LearnedVectorEnv:
    return LearnedVectorEnv(model, reward, -2.0, 2.0, **options)


@pytest.mark.parametrize("observe", ["state", "observation", "both"])
@pytest.mark.parametrize("images", [False, True])
def test_gymnasium_finds_nothing_to_warn_of(
    model: dvbf.Model, pictures: dvbf.Run, observe: Any, images: bool
) -> None:
    used = pictures.model if images else model
    gymnasium.register("Learned-test-v0", entry_point="dvbf.envs:LearnedEnv")
    try:
        env = gymnasium.make(
            "Learned-test-v0",
            model=used,
            reward=reward,
            action_low=-2.0,
            action_high=2.0,
            observe=observe,
            render_mode="rgb_array",
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check_env(env.unwrapped)
    finally:
        del gymnasium.registry["Learned-test-v0"]


def test_make_and_make_vec_find_the_entry_points(model: dvbf.Model) -> None:
    given: dict[str, Any] = {"model": model, "reward": reward, "action_low": -2.0, "action_high": 2.0}
    env = gymnasium.make("dvbf.envs:dvbf/Learned-v0", **given)
    assert isinstance(env.unwrapped, dvbf.LearnedEnv)
    many = gymnasium.make_vec("dvbf.envs:dvbf/Learned-v0", num_envs=3, horizon=7, **given)
    assert isinstance(many, dvbf.LearnedVectorEnv) and many.num_envs == 3
    assert many.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    observations, _ = many.reset(seed=0)
    assert many.observation_space.contains(observations)
    usual = gymnasium.make_vec("dvbf.envs:dvbf/Learned-v0", num_envs=2, vectorization_mode="sync", **given)
    assert isinstance(usual, gymnasium.vector.SyncVectorEnv)
    usual.reset(seed=0)
    usual.step(usual.action_space.sample())


def test_a_single_environment_is_the_first_rollout_of_many(model: dvbf.Model) -> None:
    one, many = single(model, horizon=4), vector(model, horizon=4, num_envs=5)
    rng = np.random.default_rng(0)
    a, _ = one.reset(seed=11)
    b, _ = many.reset(seed=11)
    np.testing.assert_array_equal(a, b[0])
    for _ in range(4):
        actions = rng.uniform(-2, 2, (5, 1)).astype(np.float32)
        x, r, terminated, truncated, _ = one.step(actions[0])
        xs, rs, terminateds, truncateds, _ = many.step(actions)
        np.testing.assert_array_equal(x, xs[0])
        assert (r, terminated, truncated) == (rs[0], terminateds[0], truncateds[0])
    assert truncated


def test_later_episodes_are_the_first_rollout_of_many_that_begin_at_once(model: dvbf.Model) -> None:
    one, many = single(model, horizon=3), vector(model, horizon=3, num_envs=4, autoreset_mode="SameStep")
    one.reset(seed=2)
    many.reset(seed=2)
    for t in range(9):
        actions = np.full((4, 1), np.sin(t), np.float32)
        last, _, _, over, _ = one.step(actions[0])
        xs, _, _, _, info = many.step(actions)
        if over:
            np.testing.assert_array_equal(last, info["final_obs"][0])
            last, _ = one.reset()
        np.testing.assert_array_equal(last, xs[0])


def test_rewards_are_of_the_states_before_and_after(model: dvbf.Model) -> None:
    seen: list[tuple[NDArray[Any], NDArray[Any]]] = []

    def watching(before: NDArray[Any], action: NDArray[Any], after: NDArray[Any]) -> NDArray[Any]:
        seen.append((before.copy(), after.copy()))
        return after[:, 0]

    env = LearnedVectorEnv(model, watching, -1.0, 1.0, num_envs=3)
    before, _ = env.reset(seed=0)
    for _ in range(3):
        after, rewards, *_ = env.step(np.full((3, 1), 0.5, np.float32))
        np.testing.assert_array_equal(seen[-1][0], before)
        np.testing.assert_array_equal(seen[-1][1], after)
        np.testing.assert_array_equal(rewards, after[:, 0])
        before = after


def test_what_is_told_of_the_range_of_the_training(model: dvbf.Model) -> None:
    far = np.full(model.state_size, 1e4, np.float32)
    env = vector(model, num_envs=3, start=far, outside=1.0, autoreset_mode="SameStep", observe="both")
    _, info = env.reset(seed=0)
    assert (info["departure"] > 100.0).all() and info["_departure"].all()
    observation, _, terminated, truncated, info = env.step(np.zeros((3, 1), np.float32))
    assert terminated.all() and not truncated.any()
    assert (info["final_info"]["departure"] > 1.0).all() and info["_final_info"].all()
    assert env.single_observation_space.contains(info["final_obs"][1])
    held = vector(model, num_envs=3, start=far, bound=0.5)
    held.reset(seed=0)
    after, *_ = held.step(np.zeros((3, 1), np.float32))
    assert np.abs(after).max() < 1e3


def test_one_episode_of_several_begins_again(model: dvbf.Model) -> None:
    env = vector(model, num_envs=3, horizon=4, autoreset_mode="SameStep")
    env.reset(seed=0)
    env.step(np.zeros((3, 1), np.float32))
    env.reset(options={"reset_mask": np.array([False, True, False])})
    for _ in range(3):
        _, _, _, truncated, info = env.step(np.zeros((3, 1), np.float32))
    assert truncated.tolist() == [True, False, True]
    assert info["_final_obs"].tolist() == [True, False, True] and info["final_obs"][1] is None
    with pytest.raises(ValueError, match="seed is that of all rollouts"):
        env.reset(seed=1, options={"reset_mask": np.array([False, True, False])})


def test_actions_of_episodes_that_are_over_are_not_read(model: dvbf.Model) -> None:
    env = vector(model, num_envs=2, horizon=1)
    env.reset(seed=0)
    env.step(np.zeros((2, 1), np.float32))
    env.step(np.full((2, 1), np.nan, np.float32))
    with pytest.raises(ValueError, match="action is not finite"):
        env.step(np.full((2, 1), np.nan, np.float32))


@pytest.mark.parametrize("shape", [(2,), (1, 2), (2, 2)])
def test_actions_of_another_shape_are_refused(model: dvbf.Model, shape: tuple[int, ...]) -> None:
    env, one = vector(model, num_envs=2), single(model)
    env.reset(seed=0)
    one.reset(seed=0)
    with pytest.raises(ValueError, match="actions has shape"):
        env.step(np.zeros(shape, np.float32))
    with pytest.raises(ValueError, match="action has shape"):
        one.step(np.zeros(shape, np.float32))


def test_the_same_seed_gives_the_same_bits(model: dvbf.Model) -> None:
    def play(env: LearnedVectorEnv, seed: int | None) -> NDArray[Any]:
        rows = [env.reset(seed=seed)[0]]
        for t in range(12):
            rows.append(env.step(np.full((3, 1), np.sin(t), np.float32))[0])
        return np.array(rows)

    env = vector(model, num_envs=3, horizon=5)
    first = play(env, 4)
    unseeded = play(env, None)
    np.testing.assert_array_equal(first, play(env, 4))
    np.testing.assert_array_equal(unseeded, play(env, None), "what follows a seed follows from it")
    assert not np.array_equal(first, unseeded)
    other = vector(model, num_envs=3, horizon=5)
    np.testing.assert_array_equal(first, play(other, 4))
    assert not np.array_equal(first, play(other, 5))


def test_next_step_resets_one_step_after_the_last(model: dvbf.Model) -> None:
    env = vector(model, num_envs=2, horizon=3)
    env.reset(seed=0)
    actions = np.ones((2, 1), np.float32)
    seen = [env.step(actions) for _ in range(8)]
    assert [bool(step[3].all()) for step in seen] == [False, False, True, False] * 2
    assert (seen[3][1] == 0.0).all() and (seen[2][1] != 0.0).all()
    # The observation after the end is that of a start: what is done then does not enter it.
    env.reset(seed=0)
    for _ in range(3):
        env.step(actions)
    again, *_ = env.step(-actions)
    np.testing.assert_array_equal(again, seen[3][0])


def test_same_step_hands_out_the_last_observation(model: dvbf.Model) -> None:
    env, plain = vector(model, num_envs=2, horizon=3, autoreset_mode="SameStep"), vector(model, num_envs=2, horizon=3)
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    env.reset(seed=0)
    plain.reset(seed=0)
    actions = np.ones((2, 1), np.float32)
    for t in range(3):
        observation, _, _, truncated, info = env.step(actions)
        expected, *_ = plain.step(actions)
        assert truncated.all() == (t == 2) and ("final_obs" in info) == (t == 2)
    np.testing.assert_array_equal(np.stack(info["final_obs"]), expected)
    assert info["_final_obs"].all() and not np.array_equal(observation, expected)
    assert not env.step(actions)[3].any()


def test_disabled_asks_for_a_mask(model: dvbf.Model) -> None:
    env = vector(model, num_envs=2, horizon=2, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0)
    actions = np.zeros((2, 1), np.float32)
    env.step(actions)
    last, *_ = env.step(actions)
    with pytest.raises(ValueError, match="an episode is over"):
        env.step(actions)
    reset, _ = env.reset(options={"reset_mask": np.array([True, False])})
    assert not np.array_equal(reset[0], last[0])
    np.testing.assert_array_equal(reset[1], last[1])
    env.reset(options={"reset_mask": np.array([False, True])})
    env.step(actions)
    with pytest.raises(ValueError, match=r"reset_mask has the type bool and shape \(3,\)"):
        env.reset(options={"reset_mask": np.ones(3, bool)})


def test_the_statistics_of_a_wrapper_are_those_of_the_episodes(model: dvbf.Model) -> None:
    from gymnasium.wrappers.vector import RecordEpisodeStatistics

    disabled = RecordEpisodeStatistics(vector(model, num_envs=2, horizon=9, autoreset_mode="Disabled"))
    disabled.reset(seed=0)
    actions = np.ones((2, 1), np.float32)
    for _ in range(3):
        disabled.step(actions)
    options = {"reset_mask": np.array([True, False])}
    disabled.reset(options=options)
    assert disabled.episode_lengths.tolist() == [0, 3], "only the episode of the mask began again"
    for mode in ("NextStep", "SameStep"):
        env = RecordEpisodeStatistics(vector(model, num_envs=2, horizon=4, autoreset_mode=mode))
        env.reset(seed=0)
        total, ended = 0.0, 0
        for _ in range(9):
            _, rewards, _, truncated, info = env.step(actions)
            total += rewards[0]
            if truncated[0]:
                assert info["episode"]["l"][0] == 4
                assert info["episode"]["r"][0] == pytest.approx(total)
                total, ended = 0.0, ended + 1
        assert ended == 2


def test_observations_are_of_their_spaces(pictures: dvbf.Run) -> None:
    env = vector(pictures.model, num_envs=2, observe="both", render_mode="rgb_array")
    observations, _ = env.reset(seed=0)
    assert env.observation_space.contains(observations)
    assert observations["observation"].shape == (2, 8, 8) and observations["state"].shape == (2, 3)
    frames = env.render()
    assert frames is not None and len(frames) == 2
    assert frames[0].shape == (128, 128, 3) and frames[0].dtype == np.uint8
    drawn = np.round(255 * observations["observation"][0].clip(0, 1)).astype(np.uint8)
    np.testing.assert_array_equal(frames[0][::16, ::16, 0], drawn)
    assert vector(pictures.model).render() is None


def test_actions_are_scaled_and_clipped_and_rewards_are_of_what_was_done(model: dvbf.Model) -> None:
    seen: list[NDArray[Any]] = []

    def watching(before: NDArray[Any], action: NDArray[Any], after: NDArray[Any]) -> NDArray[Any]:
        seen.append(action)
        return np.zeros(len(before))

    env = LearnedVectorEnv(model, watching, -0.5, [1.0], num_envs=2)
    env.reset(seed=0)
    assert env.single_action_space == gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
    env.step(np.array([[-3.0], [3.0]], np.float32))
    np.testing.assert_array_equal(seen[0], [[-0.5], [1.0]])
    env.step(np.array([[0.0], [0.5]], np.float32))
    np.testing.assert_array_equal(seen[1], [[0.25], [0.625]])


def test_a_quadratic_reward(model: dvbf.Model) -> None:
    readout = dvbf.Readout(np.eye(2, model.state_size), [0.0, 1.0])
    quadratic = dvbf.QuadraticReward(readout, [1.0, 1.0], [2.0, 3.0], 0.5)
    before = np.zeros((1, model.state_size), np.float32)
    before[0, :2] = [2.0, 3.0]
    # −(2 (2 − 1)² + 3 (3 + 1 − 1)²) − 0.5 · 2²
    assert quadratic(before, np.array([[2.0]]), before)[0] == pytest.approx(-(2.0 + 27.0) - 2.0)
    env = LearnedVectorEnv(model, quadratic, -2.0, 2.0, num_envs=3)
    env.reset(seed=0)
    assert (env.step(np.ones((3, 1), np.float32))[1] < 0.0).all()


def test_episodes_can_begin_at_a_belief(model: dvbf.Model, data: Any) -> None:
    online = model.online(samples=4)
    for t in range(20):
        belief = online.step(data[0][0, t], data[1][0, max(t - 1, 0)])
    env = vector(model, num_envs=8, start=belief)
    observations, _ = env.reset(seed=0)
    np.testing.assert_allclose(observations[:4].mean(axis=0), belief.mean, atol=1e-5)


def test_a_state_that_runs_off_ends_the_episode(model: dvbf.Model) -> None:
    start = np.full(model.state_size, 3e38, np.float32)
    env = LearnedVectorEnv(model, lambda before, *_: before[:, 0], -2.0, 2.0, num_envs=2, start=start, horizon=50)
    env.reset(seed=0)
    ended = False
    for _ in range(20):
        observation, rewards, terminated, truncated, _ = env.step(np.full((2, 1), 2.0, np.float32))
        assert np.isfinite(observation).all() and np.isfinite(rewards).all()
        assert env.observation_space.contains(observation)
        ended = ended or bool(terminated.all())
    assert ended


def test_exceptions_of_a_reward_come_out_and_shapes_are_checked(model: dvbf.Model) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("no reward")

    env = LearnedVectorEnv(model, broken, -1.0, 1.0)
    env.reset(seed=0)
    with pytest.raises(RuntimeError, match="no reward"):
        env.step(np.zeros((1, 1), np.float32))
    wrong = LearnedVectorEnv(model, lambda *_: np.zeros(2), -1.0, 1.0)
    wrong.reset(seed=0)
    with pytest.raises(ValueError, match=r"reward returned shape \(2,\); it must be \(1,\)"):
        wrong.step(np.zeros((1, 1), np.float32))
    for options, problem in [
        ({"observe": "pixels"}, "observe is 'pixels'"),
        ({"horizon": 0}, "horizon is 0"),
        ({"render_mode": "human"}, "render_mode is 'human'"),
    ]:
        with pytest.raises(ValueError, match=problem):
            vector(model, **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="action_low must be below"):
        LearnedEnv(model, reward, 1.0, 1.0)
    with pytest.raises(ValueError, match="action is not finite"):
        env.step(np.full((1, 1), np.nan, np.float32))
    infinite = LearnedVectorEnv(model, lambda *_: np.array([np.inf]), -1.0, 1.0)
    infinite.reset(seed=0)
    with pytest.raises(ValueError, match="reward of rollout 0 is inf, and its state is finite"):
        infinite.step(np.zeros((1, 1), np.float32))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"horizon": 2.5}, "horizon is 2.5; it must be a whole number"),
        ({"outside": np.nan}, "outside is nan"),
        ({"outside": -1.0}, "outside is -1"),
        ({"bound": -1.0}, "bound is -1"),
        ({"num_envs": 0}, "num_envs is 0"),
        ({"autoreset_mode": "NEXT_STEP"}, "'NextStep', 'SameStep', 'Disabled'"),
    ],
)
def test_options_that_cannot_be_are_named(model: dvbf.Model, change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        vector(model, **change)


def test_arguments_of_other_types_are_named(run: dvbf.Run) -> None:
    with pytest.raises(ValueError, match="model is a Run"):
        LearnedEnv(run, reward, -1.0, 1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="reward is None"):
        LearnedEnv(run.model, None, -1.0, 1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"action_low has shape \(3,\)"):
        LearnedEnv(run.model, reward, np.zeros(3), 1.0)
    with pytest.raises(gymnasium.error.ResetNeeded):
        single(run.model).step(np.zeros(1, np.float32))


def test_an_environment_survives_a_copy_of_its_specification(model: dvbf.Model) -> None:
    again: dvbf.Model = pickle.loads(pickle.dumps(model))
    first, second = single(model), single(again)
    np.testing.assert_array_equal(first.reset(seed=3)[0], second.reset(seed=3)[0])
