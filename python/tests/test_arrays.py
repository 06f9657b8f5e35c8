"""Arrays in every form that NumPy has give what plain ones give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import dvbf

Data = tuple[NDArray[np.float64], NDArray[np.float64]]
Form = Callable[[NDArray[np.float64]], NDArray[Any]]


def reversed_and_back(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same values with negative strides."""
    return np.ascontiguousarray(array[..., ::-1])[..., ::-1]


def read_only(array: NDArray[np.float64]) -> NDArray[np.float64]:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def spread(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every second of twice as many values."""
    return np.repeat(array, 2, axis=-1)[..., ::2]


FORMS: dict[str, Form] = {
    "fortran": np.asfortranarray,
    "strides": spread,
    "negative": reversed_and_back,
    "read-only": read_only,
    "big-endian": lambda array: array.astype(">f8"),
    "big-endian single": lambda array: array.astype(">f4"),
    "single": lambda array: array.astype(np.float32),
    "long double": lambda array: array.astype(np.longdouble),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_array_gives_the_same_beliefs(model: dvbf.Model, data: Data, form: str) -> None:
    # Numbers that single precision holds exactly.
    x, u = (np.round(array[:3] * 256) / 256 for array in data)
    plain, other = model.filter(x, u), model.filter(FORMS[form](x), FORMS[form](u))
    for name, expected, got in zip(plain._fields, plain, other, strict=True):
        np.testing.assert_array_equal(got, expected, err_msg=name)
    online = model.online()
    for t in range(20):
        acting = None if t == 0 else FORMS[form](u)[0, t - 1]
        belief = online.step(FORMS[form](x)[0, t], acting)
    np.testing.assert_array_equal(belief.mean, plain.mean[0, 19])


def test_half_precision_and_whole_numbers_are_taken(model: dvbf.Model, data: Data) -> None:
    x, u = (np.round(array[:2] * 16) for array in data)
    plain = model.filter(x, u)
    for kind in (np.float16, np.int32, np.int8):
        other = model.filter(x.clip(-100, 100).astype(kind), u.astype(kind))
        np.testing.assert_array_equal(other.mean, plain.mean, err_msg=str(kind))


def test_bytes_are_scaled_as_in_recordings(pictures: dvbf.Run, frames: Any) -> None:
    x = np.round(frames.x[:2].clip(0, 1) * 255).astype(np.uint8)
    model = pictures.model
    beliefs = model.filter(x, frames.u[:2])
    np.testing.assert_array_equal(beliefs.mean, model.filter(x / np.float32(255), frames.u[:2]).mean)
    online = model.online()
    for t in range(10):
        belief = online.step(x[0, t], None if t == 0 else frames.u[0, t - 1])
    np.testing.assert_allclose(belief.mean, beliefs.mean[0, 9], atol=1e-6)


def test_what_a_masked_array_hides_is_missing(model: dvbf.Model, data: Data) -> None:
    x, u = data
    hidden = np.zeros(x[0].shape, bool)
    hidden[15] = True
    masked, missing = np.ma.masked_array(x[0], hidden), np.where(hidden, np.nan, x[0])
    beliefs, expected = model.filter(masked, u[0]), model.filter(missing, u[0])
    np.testing.assert_array_equal(beliefs.mean, expected.mean)
    assert beliefs.evidence[15] == 0
    online = model.online(samples=0)
    for t in range(17):
        belief = online.step(masked[t], None if t == 0 else u[0, t - 1])
    np.testing.assert_allclose(belief.path, expected.path[16], rtol=1e-5, atol=1e-6)


def test_bytes_of_a_control_are_numbers(model: dvbf.Model, data: Data) -> None:
    x, _ = data
    means = []
    for kind in (np.uint8, np.float64):
        online = model.online(samples=0)
        for t in range(12):
            belief = online.step(x[0, t], np.array([3], kind))
        means.append(belief.path)
    np.testing.assert_array_equal(means[0], means[1])


def test_what_is_given_is_left_as_it_was(model: dvbf.Model, data: Data) -> None:
    x, u = data[0][:2].copy(), data[1][:2].copy()
    before = x.copy(), u.copy()
    x.flags.writeable = u.flags.writeable = False
    model.filter(x, u)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(u, before[1])


def test_results_belong_to_whoever_asked(model: dvbf.Model, data: Data) -> None:
    online = model.online()
    for t in range(12):
        belief = online.step(data[0][0, t], data[1][0, max(t - 1, 0)])
    mean = belief.mean
    mean[:] = 0.0
    assert np.abs(belief.mean).max() > 0.0
    assert mean.flags.owndata or mean.base is not None
    beliefs = model.filter(data[0][:1], data[1][:1])
    beliefs.mean[:] = 0.0


@pytest.mark.parametrize(
    ("x", "problem"),
    [
        (np.zeros((2, 50, 3)), "x has 3 channels .* observes 2"),
        (np.zeros((2, 0, 2)), r"axis 1 is empty"),
        (np.zeros((0, 5, 2)), r"axis 0 is empty"),
        (np.zeros((2, 50, 2), dtype=complex), "x has the type complex128; it must hold real numbers"),
        (np.zeros((2, 50, 2), dtype=object), "x has the type object"),
        (np.full((2, 50, 2), np.inf), "observation x0 of sequence 0 is infinite"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(model: dvbf.Model, x: NDArray[Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        model.filter(x, np.zeros((*x.shape[:2], 1)))


def test_steps_that_do_not_fit_are_refused_and_change_nothing(model: dvbf.Model, data: Data) -> None:
    online = model.online()
    for t in range(10):
        online.step(data[0][0, t], data[1][0, max(t - 1, 0)])
    before = online.belief
    wrong: list[tuple[Any, Any, Any, str]] = [
        (np.zeros(3), [0.0], None, r"x has shape \(3,\); that of an observation is \(2,\)"),
        (np.zeros((2, 1)), [0.0], None, r"x has shape \(2, 1\)"),
        (np.zeros(2), np.zeros(2), None, r"u has shape \(2,\); that of a control is \(1,\)"),
        (np.zeros(2), None, None, r"u is missing; it has shape \(1,\)"),
        (np.array([np.inf, 0.0]), [0.0], None, "observation value 0 is not finite"),
        (np.zeros(2), [np.nan], None, "control value 0 is not finite"),
        (np.zeros(2), [0.0], 0.2, "the step is 0.2 s"),
        ("ab", [0.0], None, "x has the type <U2"),
        (np.zeros(0), [0.0], None, r"x has shape \(0,\)"),
    ]
    for x, u, dt, problem in wrong:
        with pytest.raises(ValueError, match=problem):
            online.step(x, u, dt)
        assert online.belief.steps == before.steps
        np.testing.assert_array_equal(online.belief.mean, before.mean)


def test_large_offsets_keep_their_digits(tmp_path: Any, data: Data) -> None:
    from conftest import DT, SMALL

    x, u = data[0] + 4.0e6, data[1]
    made = dvbf.train(x, u, dt=DT, out=tmp_path / "far", progress=False, threads=1, **SMALL)
    beliefs = made.model.filter(x[:2], u[:2])
    assert beliefs.predicted_mean.dtype == np.float64
    online = made.model.online()
    for t in range(30):
        belief = online.step(x[0, t], None if t == 0 else u[0, t - 1])
    np.testing.assert_allclose(belief.mean, beliefs.mean[0, 29], atol=1e-4)
    np.testing.assert_allclose(belief.predicted_mean, beliefs.predicted_mean[0, 29], atol=1e-4, rtol=0)
    assert abs(belief.predicted_mean - x[0, 29]).max() < 5.0
