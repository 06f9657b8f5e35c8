"""The learned simulator: starts, noise, controls, and what is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import dvbf

Data = tuple[NDArray[np.float64], NDArray[np.float64]]


def test_a_sequence_is_the_same_whatever_is_simulated_beside_it(model: dvbf.Model) -> None:
    u = np.random.default_rng(0).normal(size=(12, 1))
    many, few = model.simulate(9, 12, u, seed=3), model.simulate(2, 12, u, seed=3)
    assert many.state.shape == (9, 12, model.state_size) and many.observation is not None
    assert many.observation.shape == (9, 12, 2)
    np.testing.assert_array_equal(many.state[:2], few.state)
    np.testing.assert_array_equal(many.observation[:2], few.observation)
    assert not np.array_equal(many.state[0], many.state[1])
    assert not np.array_equal(few.state, model.simulate(2, 12, u, seed=4).state)


def test_a_policy_gives_what_its_controls_give(model: dvbf.Model) -> None:
    def policy(t: int, state: NDArray[Any], observation: NDArray[Any] | None) -> NDArray[Any]:
        assert state.shape == (3, model.state_size)
        assert observation is not None and observation.shape == (3, 2)
        return np.asarray(np.tanh(observation[:, :1]) * (t % 3))

    acted = model.simulate(3, 10, policy, seed=1)
    planned = model.simulate(3, 10, acted.controls, seed=1)
    np.testing.assert_array_equal(acted.state, planned.state)
    np.testing.assert_array_equal(acted.observation, planned.observation)
    assert np.abs(acted.controls[:, :-1]).max() > 0 and (acted.controls[:, -1] == 0).all()
    unseen = model.simulate(3, 10, lambda t, z, x: np.zeros((3, 1)) if x is None else 1 / 0, observe=False)
    assert unseen.observation is None


def test_an_exception_of_a_policy_comes_out(model: dvbf.Model) -> None:
    def policy(t: int, *_: Any) -> Any:
        raise RuntimeError(f"at {t}")

    with pytest.raises(RuntimeError, match="at 0"):
        model.simulate(2, 5, policy)


def test_starts_are_beliefs_or_states(model: dvbf.Model, data: Data) -> None:
    x, u = data
    online = model.online(samples=16)
    for t in range(20):
        belief = online.step(x[0, t], u[0, max(t - 1, 0)])
    from_belief = model.simulate(64, 5, u[0, 19:], start=belief)
    np.testing.assert_allclose(from_belief.state[:16, 0].mean(axis=0), belief.mean, atol=1e-5)
    np.testing.assert_array_equal(from_belief.state[:16, 0], from_belief.state[16:32, 0])
    assert not np.array_equal(from_belief.state[:16, 1], from_belief.state[16:32, 1]), "other noise"
    # Without noise, a rollout from the mean path is the forecast's mean path.
    ahead = model.predict(u[0, 19:24], belief)
    mean = model.simulate(1, 6, u[0, 19:], start=belief.path, process_noise=False)
    np.testing.assert_allclose(mean.state[0, 1:], ahead.path, atol=1e-5)
    # On average, rollouts do what the forecast says.
    many = model.simulate(4000, 4, u[0, 19:], start=belief)
    tolerance = 0.25 * ahead.std[2] + 0.02
    assert (np.abs(many.state[:, 3].mean(axis=0) - ahead.mean[2]) < tolerance).all()


def test_sensor_noise_is_added_and_repeated(model: dvbf.Model) -> None:
    simulator = model.simulator(2000, seed=5)
    simulator.start(simulator.states[0])
    clean, noisy = simulator.observe(), simulator.observe(sensor_noise=True)
    np.testing.assert_array_equal(noisy, simulator.observe(sensor_noise=True))
    spread = (noisy - clean).std(axis=0)
    assert (spread > 0).all() and np.abs((noisy - clean).mean(axis=0)).max() < 0.2 * spread.max()


def test_masks_snapshots_and_seeds(model: dvbf.Model) -> None:
    simulator = model.simulator(5, seed=2)
    first = simulator.states
    simulator.step([1.0])
    before = simulator.states
    simulator.start(mask=[True, False, False, True, False])
    after = simulator.states
    assert (after != before).any(axis=1).tolist() == [True, False, False, True, False]
    assert simulator.steps.tolist() == [0, 1, 1, 0, 1]
    snapshot = simulator.snapshot()
    simulator.step()
    one = simulator.states
    simulator.restore(snapshot)
    simulator.step()
    np.testing.assert_array_equal(simulator.states, one)
    simulator.reseed(2)
    simulator.start()
    np.testing.assert_array_equal(simulator.states, first)
    with pytest.raises(ValueError, match="the snapshot has"):
        model.simulator(3).restore(snapshot)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"controls": np.zeros((5, 2))}, r"controls has shape \(5, 2\); it must be \(3, 5, 1\) or \(5, 1\)"),
        ({"controls": np.zeros((3, 3, 1))}, "controls has shape"),
        ({"controls": np.full((5, 1), np.nan)}, "control 0 of rollout 0 is not finite"),
        ({"controls": lambda t, z, x: np.zeros((2, 1))}, r"controls has shape \(2, 1\); it must be \(3, 1\)"),
        ({"start": np.zeros((3, 2))}, r"states has shape \(3, 2\); it must be \(3, 8\)"),
        ({"start": np.full((3, 8), np.inf)}, "state component 0 of rollout 0 is not finite"),
        ({"n": 0}, "n is 0; it must be a whole number from 1 on"),
        ({"n": 2.5}, "n is 2.5; it must be a whole number"),
        ({"steps": 0}, "steps is 0; it must be"),
        ({"seed": -1}, "seed is -1; it must be a whole number from 0 on"),
    ],
)
def test_what_is_wrong_is_named(model: dvbf.Model, change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        model.simulate(**{"n": 3, "steps": 5, **change})


def test_a_belief_without_a_start_and_one_of_another_model_are_refused(
    model: dvbf.Model, pictures: dvbf.Run
) -> None:
    early = model.online().belief
    with pytest.raises(ValueError, match="steps that start its state"):
        model.simulate(2, 3, start=early)
    with pytest.raises(ValueError, match="another model"):
        pictures.model.simulate(2, 3, start=early)


def test_images_are_drawn_as_images(pictures: dvbf.Run) -> None:
    made = pictures.model.simulate(4, 6)
    assert made.observation is not None and made.observation.shape == (4, 6, 8, 8)
    assert made.state.flags.c_contiguous and made.observation.dtype == np.float32


def test_the_range_of_the_training_is_told_where_it_is_known(model: dvbf.Model) -> None:
    made = model.simulate(8, 20, np.full((20, 1), 1.0))
    assert made.departure is not None and made.inside is not None
    assert made.inside.shape == made.departure.shape == (8, 20) and made.inside.any()
    far = model.simulate(1, 1, start=np.full(model.state_size, 1e6, np.float32))
    assert far.departure is not None and far.departure[0, 0] > 100.0
    held = model.simulate(8, 40, np.full((40, 1), 1e3), bound=0.5)
    free = model.simulate(8, 40, np.full((40, 1), 1e3))
    assert np.abs(held.state).max() < np.abs(free.state).max()


def test_a_policy_cannot_change_what_it_is_shown(model: dvbf.Model) -> None:
    def careless(t: int, state: NDArray[Any], seen: NDArray[Any] | None) -> float:
        state[:] = 1e9
        assert seen is not None
        seen[:] = 1e9
        return 0.0

    made, plain = model.simulate(3, 5, careless), model.simulate(3, 5)
    np.testing.assert_array_equal(made.state, plain.state)
    assert made.observation is not None and plain.observation is not None
    np.testing.assert_array_equal(made.observation, plain.observation)
    with pytest.raises(ValueError, match="returned None at step 0"):
        model.simulate(3, 5, lambda t, state, seen: None)  # type: ignore[arg-type, return-value]


def test_masks_and_sizes_that_cannot_be_are_named(model: dvbf.Model) -> None:
    simulator = model.simulator(4)
    for mask in ([0, 1, 2, 3], [True] * 3, [[True] * 4]):
        with pytest.raises(ValueError, match="mask has the type"):
            simulator.start(mask=mask)
    with pytest.raises(ValueError, match="n is 4611686018427387904"):
        model.simulator(2**62)
    with pytest.raises(ValueError, match="threads is 100000"):
        model.filter(np.zeros((20, 2)), np.zeros((20, 1)), threads=100_000)


def test_planned_controls_are_kept_to_the_last_row(model: dvbf.Model) -> None:
    plan = np.arange(5.0)[:, None]
    assert model.simulate(2, 5, plan).controls[:, :, 0].tolist() == [[0, 1, 2, 3, 4]] * 2
    assert model.simulate(2, 5, plan[:4]).controls[:, -1].tolist() == [[0.0]] * 2


def test_snapshots_are_those_of_their_model(model: dvbf.Model, pictures: dvbf.Run) -> None:
    simulator, other = model.simulator(3), pictures.model.simulator(3)
    snapshot = simulator.snapshot()
    simulator.step(np.ones((3, 1)))
    after = simulator.states.copy()
    simulator.restore(snapshot)
    simulator.step(np.ones((3, 1)))
    np.testing.assert_array_equal(simulator.states, after)
    simulator.restore(snapshot)
    simulator.reseed(9)
    simulator.start()
    simulator.restore(snapshot)
    simulator.step(np.ones((3, 1)))
    np.testing.assert_array_equal(simulator.states, after)
    with pytest.raises(ValueError, match="snapshot"):
        other.restore(snapshot)


def test_sizes_of_readouts_and_rewards_are_checked() -> None:
    readout = dvbf.Readout(np.eye(2), [0.0, 0.0])
    with pytest.raises(ValueError, match="truth has shape"):
        readout.r2(np.zeros((10, 5, 2)), np.zeros((5, 10, 2)))
    with pytest.raises(ValueError, match="its last axis must have 2"):
        readout(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="states holds an infinite value"):
        dvbf.Readout.fit(np.full((9, 2), np.inf), np.zeros((9, 1)))
    with pytest.raises(ValueError, match=r"readout returned shape \(3, 2\); it must be \(3, 1\)"):
        dvbf.QuadraticReward(readout, 1.0, 1.0)(np.zeros((3, 2), np.float32), np.zeros((3, 1)), np.zeros((3, 2), np.float32))
    with pytest.raises(ValueError, match="readout is 3"):
        dvbf.QuadraticReward(3, 1.0, 1.0)  # type: ignore[arg-type]


def test_a_readout_is_the_least_squares_fit() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(50, 20, 3))
    y = z @ rng.normal(size=(3, 2)) + np.array([1.0, -2.0])
    z[0, :5] = np.nan
    readout = dvbf.Readout.fit(z, y)
    np.testing.assert_allclose(readout(z[1:]), y[1:], atol=1e-9)
    np.testing.assert_allclose(readout.r2(z, y), 1.0, atol=1e-9)
    with pytest.raises(ValueError, match="truth has shape"):
        dvbf.Readout.fit(z, y[:, :3])
    with pytest.raises(ValueError, match="too few"):
        dvbf.Readout.fit(z[0, :2], y[0, :2])
