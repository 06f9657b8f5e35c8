"""A trained model: beliefs, online and over recordings, predictions, pickling, threads."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import DT
from numpy.typing import NDArray

import dvbf

Data = tuple[NDArray[np.float64], NDArray[np.float64]]


def walk(model: dvbf.Model, x: NDArray[Any], u: NDArray[Any], **options: Any) -> list[dvbf.Belief]:
    online = model.online(**options)
    return [online.step(x[t], None if t == 0 else u[t - 1], DT) for t in range(len(x))]


def test_facts_of_a_model(run: dvbf.Run, model: dvbf.Model, pictures: dvbf.Run) -> None:
    assert (model.dt, model.control_size, model.observation_shape) == (DT, 1, (2,))
    assert model.observation_names == ["x0", "x1"]
    assert model.path == run.path / "best.dvbf"
    assert model.summary == run.summary and model.settings == run.settings
    assert repr(pictures.model).endswith("Z=3, X=(8, 8), U=1, dt=0.1)")


def test_online_is_the_filter_over_recordings(model: dvbf.Model, data: Data) -> None:
    x, u = data
    beliefs = model.filter(x[:4], u[:4], threads=2)
    for n in range(4):
        # Errors of sample paths are not the same in every sequence.
        steps = walk(model, x[n], u[n], seed=n)
        for t, belief in enumerate(steps):
            assert belief.started == (t + 1 >= model.initial_frames)
            if belief.started:
                np.testing.assert_array_equal(beliefs.mean[n, t], belief.mean)
                np.testing.assert_array_equal(beliefs.std[n, t], belief.std)
                np.testing.assert_array_equal(beliefs.path[n, t], belief.path)
            if t >= model.initial_frames:
                np.testing.assert_array_equal(beliefs.predicted_mean[n, t], belief.predicted_mean)
                assert beliefs.log_likelihood[n, t] == belief.log_likelihood
                assert beliefs.nis[n, t] == belief.nis and belief.freedom == 2


def test_a_single_sequence_needs_no_axis(model: dvbf.Model, pictures: dvbf.Run, data: Data, frames: Any) -> None:
    x, u = data
    whole, single = model.filter(x[:1], u[:1]), model.filter(x[0], u[0])
    for name in whole._fields:
        np.testing.assert_array_equal(getattr(whole, name)[0], getattr(single, name))
    images = pictures.model.filter(frames.x[0], frames.u[0])
    flat = pictures.model.filter(frames.x[0].reshape(-1, 64), frames.u[0])
    assert images.mean.shape == (30, 3) and images.predicted_mean.shape == (30, 64)
    np.testing.assert_array_equal(images.mean, flat.mean)


def test_lengths_cut_and_masks_hide(model: dvbf.Model, data: Data) -> None:
    x, u = data[0][:2].copy(), data[1][:2]
    cut = model.filter(x, u, lengths=[50, 20])
    assert np.isnan(cut.mean[1, 20:]).all() and not np.isnan(cut.mean[1, 10:20]).any()
    mask = np.ones((2, 50))
    mask[0, 30:] = 0.0
    hidden = model.filter(x, u, mask)
    x[0, 30:] = np.nan
    np.testing.assert_array_equal(hidden.mean, model.filter(x, u).mean)
    assert (hidden.evidence[0, 30:] == 0).all() and (hidden.evidence[1] == 1).all()


def test_missing_observations_widen_the_belief(model: dvbf.Model, data: Data) -> None:
    x, u = data
    online = model.online(samples=256)
    for t in range(20):
        seen = online.step(x[0, t], u[0, max(t - 1, 0)])
    assert seen.status == "seen" and seen.log_likelihood is not None
    for t in range(20, 30):
        unseen = online.step(None, u[0, t - 1])
    assert unseen.status == "missing" and unseen.log_likelihood is None
    assert unseen.std.sum() > seen.std.sum()
    assert online.step([np.nan, x[0, 30, 1]], u[0, 29]).status == "partly"


def test_no_observation_changes_a_belief_before_it(model: dvbf.Model, data: Data) -> None:
    x, u = data[0][:1].copy(), data[1][:1]
    before = model.filter(x, u)
    x[0, 30:] += 1.0
    after = model.filter(x, u)
    np.testing.assert_array_equal(before.mean[0, :30], after.mean[0, :30])
    assert not np.array_equal(before.mean[0, 30:], after.mean[0, 30:])


def test_the_mean_path_alone_has_no_spread(model: dvbf.Model, data: Data) -> None:
    belief = walk(model, data[0][0], data[1][0], samples=0)[-1]
    np.testing.assert_array_equal(belief.mean, belief.path)
    with pytest.raises(ValueError, match="samples=0"):
        _ = belief.std
    with pytest.raises(ValueError, match="zero or between 4 and 65536"):
        model.online(samples=3)
    with pytest.raises(ValueError, match="samples is -4"):
        model.online(samples=-4)
    with pytest.raises(ValueError, match="threads is -1"):
        model.filter(data[0][:1], data[1][:1], threads=-1)
    with pytest.raises(ValueError, match="strictly between zero and one"):
        model.online(gate=1.0)


def test_predictions_start_at_any_belief(model: dvbf.Model, data: Data) -> None:
    x, u = data
    beliefs = walk(model, x[0], u[0])
    early, late = beliefs[20], beliefs[-1]
    prediction = model.predict(u[0, 20:40], early)
    assert prediction.mean.shape == (20, model.state_size)
    assert prediction.observation_mean.shape == (20, 2)
    # The same from a filter that was never at the late belief, to the same bits.
    other = walk(model, x[0, :21], u[0])[-1]
    for one, two in zip(prediction, model.predict(u[0, 20:40], other), strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(prediction.mean, model.predict(u[0, 20:40], late).mean)
    # The mean path of the prediction is that of a filter that sees nothing.
    online = model.online()
    for t in range(21):
        online.step(x[0, t], u[0, max(t - 1, 0)])
    for t in range(20):
        unseen = online.step(None, u[0, 20 + t])
    np.testing.assert_array_equal(prediction.path[-1], unseen.path)
    with pytest.raises(ValueError, match=r"controls has shape \(20, 2\); it must be \(T, 1\)"):
        model.predict(np.zeros((20, 2)), early)
    with pytest.raises(ValueError, match="steps have come that start the state"):
        model.predict(u[0], beliefs[0])


def test_a_filter_resumes_from_a_belief(model: dvbf.Model, data: Data) -> None:
    x, u = data
    beliefs = walk(model, x[0], u[0])
    online = model.online()
    online.resume(beliefs[30])
    again = [online.step(x[0, t], u[0, t - 1]) for t in range(31, 50)]
    np.testing.assert_array_equal(again[-1].mean, beliefs[-1].mean)
    with pytest.raises(ValueError, match="another model or of other options"):
        model.online(samples=8).resume(beliefs[30])
    with pytest.raises(ValueError, match="before the filter had started"):
        online.resume(beliefs[0])


def test_a_belief_travels_to_the_same_model_elsewhere(model: dvbf.Model, data: Data) -> None:
    x, u = data
    belief = walk(model, x[0, :12], u[0, :12])[-1]
    other: dvbf.Model = pickle.loads(pickle.dumps(model))
    online = other.online()
    online.resume(belief)
    np.testing.assert_array_equal(online.belief.mean, belief.mean)


def test_a_belief_of_an_equally_large_model_is_refused(model: dvbf.Model, data: Data, tmp_path: Path) -> None:
    x, u = data
    small: dict[str, Any] = {"training": {"steps": 5, "log_interval": 5, "batch": 8, "restarts": 1}}
    small |= {"model": {"hidden": 8, "state": model.state_size}, "evaluation": {"importance_samples": 2}}
    run = dvbf.train(x, u, dt=DT, seed=5, out=tmp_path / "other", progress=False, threads=1, **small)
    assert run.model.state_size == model.state_size
    belief = walk(model, x[0, :12], u[0, :12])[-1]
    with pytest.raises(ValueError, match="another model"):
        run.model.predict(np.zeros((3, 1)), start=belief)


def test_a_belief_of_another_model_is_refused(model: dvbf.Model, pictures: dvbf.Run, data: Data) -> None:
    belief = walk(model, data[0][0], data[1][0])[-1]
    with pytest.raises(ValueError, match="belief of another model"):
        pictures.model.predict(np.zeros((3, 1)), belief)


def test_two_models_do_not_meet(model: dvbf.Model, pictures: dvbf.Run, data: Data, frames: Any) -> None:
    x, u = data
    alone = walk(model, x[0, :30], u[0])[-1].mean
    other = pictures.model
    one, two = model.online(), other.online()
    for t in range(30):
        first = one.step(x[0, t], None if t == 0 else u[0, t - 1])
        second = two.step(frames.x[0, t], None if t == 0 else frames.u[0, t - 1])
    np.testing.assert_array_equal(first.mean, alone)
    np.testing.assert_array_equal(second.mean, other.filter(frames.x[:1], frames.u[:1]).mean[0, 29])


def test_a_model_survives_pickle(tmp_path: Path, model: dvbf.Model, data: Data) -> None:
    again = pickle.loads(pickle.dumps(model))
    x, u = data[0][:2], data[1][:2]
    np.testing.assert_array_equal(again.filter(x, u).mean, model.filter(x, u).mean)
    assert (again.summary, again.settings, again.dt) == (model.summary, model.settings, model.dt)
    assert repr(again) == repr(model)


def test_threads_share_a_model(model: dvbf.Model, data: Data) -> None:
    x, u = data
    expected = [walk(model, x[n], u[n])[-1].mean for n in range(4)]
    found: dict[int, NDArray[Any]] = {}

    def work(n: int) -> None:
        model.filter(x[:4], u[:4], threads=1)
        found[n] = walk(model, x[n], u[n])[-1].mean

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n in range(4):
        np.testing.assert_array_equal(found[n], expected[n])


def test_a_file_alone_is_a_model_and_others_are_refused(tmp_path: Path, run: dvbf.Run) -> None:
    alone = tmp_path / "model.dvbf"
    alone.write_bytes((run.path / "best.dvbf").read_bytes())
    model = dvbf.load(alone)
    assert model.summary is None and model.settings is None
    with pytest.raises(FileNotFoundError):
        dvbf.load(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="config.toml is missing"):
        dvbf.load(tmp_path)
    alone.write_bytes(alone.read_bytes()[:100])
    with pytest.raises(ValueError, match="damaged"):
        dvbf.load(alone)
    alone.write_bytes(b"PK\x03\x04")
    with pytest.raises(ValueError, match="not a dvbf model file"):
        dvbf.load(alone)


def test_systems_are_what_recordings_say(frames: Any) -> None:
    system = dvbf.System("pendulum", image={"size": 8})
    assert system.state_names == ["angle", "velocity"] and system.observation_shape == (8, 8)
    after = system.advance(frames.state[:, 3], frames.u[:, 3])
    np.testing.assert_allclose(after, frames.state[:, 4], atol=1e-5)
    clean = system.observe(frames.state[:, 4])
    assert np.abs(clean - frames.x[:, 4]).max() < 6 * max(system.noise_std, 1e-3)
    heavy = dvbf.System("pendulum", mass=2.0)
    assert heavy.observation_shape == (16, 16)
    with pytest.raises(ValueError, match="there is no system pendulm"):
        dvbf.System("pendulm")
    with pytest.raises(ValueError, match="unknown field `masss`"):
        dvbf.System("pendulum", masss=2.0)
