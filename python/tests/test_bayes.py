"""The classical filters against plain NumPy, and what happens when functions of Python fail."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import dvbf

A = np.array([[1.0, 0.1], [-0.3, 0.95]])
B = np.array([[0.0], [0.1]])
C = np.array([[1.0, 0.0], [1.0, -1.0]])
Q = np.diag([1e-3, 4e-3])
R = np.array([[0.02, 0.005], [0.005, 0.03]])
M0, P0 = np.array([0.5, -0.2]), np.array([[0.5, 0.1], [0.1, 0.4]])


def simulate(steps: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    u = rng.normal(size=(steps, 1))
    z = rng.multivariate_normal(M0, P0)
    x = np.zeros((steps, 2))
    for t in range(steps):
        x[t] = C @ z + rng.multivariate_normal(np.zeros(2), R)
        z = A @ z + B @ u[t] + rng.multivariate_normal(np.zeros(2), Q)
    return x, u


def joint(x: NDArray[np.float64], u: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Means and covariances of all states given all observations, and the log-likelihood, from the one Gaussian
    of the whole sequence; no recursion of a filter enters."""
    steps = len(x)
    mean, blocks = [M0], [P0]
    for t in range(steps - 1):
        mean.append(A @ mean[-1] + B @ u[t])
        blocks.append(A @ blocks[-1] @ A.T + Q)
    prior = np.zeros((2 * steps, 2 * steps))
    for s in range(steps):
        block = blocks[s]
        for t in range(s, steps):
            prior[2 * t : 2 * t + 2, 2 * s : 2 * s + 2] = block
            prior[2 * s : 2 * s + 2, 2 * t : 2 * t + 2] = block.T
            block = A @ block
    seen = ~np.isnan(x.ravel())
    read = np.kron(np.eye(steps), C)[seen]
    noise = np.kron(np.eye(steps), R)[np.ix_(seen, seen)]
    flat = np.concatenate(mean)
    scatter = read @ prior @ read.T + noise
    residual = x.ravel()[seen] - read @ flat
    gain = np.linalg.solve(scatter, read @ prior).T
    smooth, covariance = flat + gain @ residual, prior - gain @ read @ prior
    _, log_determinant = np.linalg.slogdet(scatter)
    square = float(residual @ np.linalg.solve(scatter, residual))
    log = -0.5 * (square + log_determinant + seen.sum() * math.log(2 * math.pi))
    parts = np.array([covariance[2 * t : 2 * t + 2, 2 * t : 2 * t + 2] for t in range(steps)])
    return smooth.reshape(steps, 2), parts, log


def kalman(**options: Any) -> dvbf.KalmanFilter:
    return dvbf.KalmanFilter(A, C, Q, R, M0, P0, control=B, **options)


def f(z: NDArray[np.float64], u: NDArray[np.float64]) -> NDArray[np.float64]:
    return A @ z + B @ u


def h(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return C @ z


def gappy() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, u = simulate(25, 1)
    x[3] = np.nan
    x[7, 0] = np.nan
    return x, u


def test_smoother_and_likelihood_are_those_of_the_joint_gaussian() -> None:
    x, u = gappy()
    mean, covariance, log = joint(x, u)
    smoothed = dvbf.rts_smoother(kalman(), x, u)
    np.testing.assert_allclose(smoothed.mean, mean, atol=1e-10)
    np.testing.assert_allclose(smoothed.covariance, covariance, atol=1e-10)
    assert smoothed.log_likelihood == pytest.approx(log, abs=1e-9)
    filtered = kalman().filter(x, u)
    np.testing.assert_allclose(filtered.mean[-1], mean[-1], atol=1e-10)
    assert filtered.log_likelihood == pytest.approx(log, abs=1e-9)
    assert np.isnan(filtered.nis[3]) and not np.isnan(filtered.nis[7])
    # Of what was seen until then alone.
    early, _, _ = joint(x[:10], u[:10])
    np.testing.assert_allclose(filtered.mean[9], early[-1], atol=1e-10)


def test_steps_are_the_sequence_and_forecasts_are_steps() -> None:
    x, u = gappy()
    whole, filter = kalman().filter(x, u), kalman()
    for t in range(len(x)):
        if t > 0:
            filter.predict(u[t - 1])
            np.testing.assert_array_equal(filter.mean, whole.predicted_mean[t])
        update = filter.update(None if t == 3 else x[t])
        assert (update is None) == (t == 3)
        np.testing.assert_array_equal(filter.mean, whole.mean[t])
        np.testing.assert_array_equal(filter.covariance, whole.covariance[t])
    assert filter.log_likelihood == whole.log_likelihood
    forecast = filter.forecast(u[:4])
    for t in range(4):
        filter.predict(u[t])
        np.testing.assert_array_equal(forecast.mean[t], filter.mean)
        np.testing.assert_allclose(forecast.observation_mean[t], C @ filter.mean, atol=1e-12)
        expected = C @ filter.covariance @ C.T + R
        np.testing.assert_allclose(forecast.observation_covariance[t], expected, atol=1e-12)
    filter.reset()
    np.testing.assert_array_equal(filter.mean, M0)
    assert filter.log_likelihood == 0.0


def test_on_a_linear_model_all_filters_agree() -> None:
    x, u = gappy()
    exact = kalman().filter(x, u)
    arguments = (f, h, Q, R, M0, P0)
    known: dict[str, Any] = {"transition_jacobian": lambda z, u: A, "emission_jacobian": lambda z: C}
    for other in (
        dvbf.ExtendedKalmanFilter(*arguments, control=1),
        dvbf.ExtendedKalmanFilter(*arguments, control=1, **known),
        dvbf.UnscentedKalmanFilter(*arguments, control=1),
    ):
        found = other.filter(x, u)
        np.testing.assert_allclose(found.mean, exact.mean, atol=1e-7)
        np.testing.assert_allclose(found.covariance, exact.covariance, atol=1e-7)
        assert found.log_likelihood == pytest.approx(exact.log_likelihood, abs=1e-6)
        smoothed = dvbf.rts_smoother(other, x, u)
        np.testing.assert_allclose(smoothed.mean, joint(x, u)[0], atol=1e-7)
    particles = dvbf.ParticleFilter(*arguments, control=1, particles=3000, seed=3)
    mean, covariance = particles.filter(x, u)
    spread = np.sqrt(np.einsum("tii->ti", exact.covariance))
    assert np.abs((mean - exact.mean) / spread).max() < 0.5
    assert abs(particles.log_likelihood - exact.log_likelihood) < 2.0
    assert particles.weights.sum() == pytest.approx(1.0) and particles.particles.shape == (3000, 2)
    again = dvbf.ParticleFilter(*arguments, control=1, particles=3000, seed=3)
    np.testing.assert_array_equal(again.filter(x, u)[0], mean)
    particles.reset()
    np.testing.assert_array_equal(particles.filter(x, u)[1], covariance)


def test_a_nonlinear_model_without_controls() -> None:
    def turn(z: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([z[0] + 0.1 * z[1], z[1] - 0.1 * math.sin(z[0])])

    rng = np.random.default_rng(0)
    z, truth, x = np.array([1.0, 0.0]), [], []
    for _ in range(60):
        truth.append(z)
        x.append([math.sin(z[0]) + 0.05 * rng.normal()])
        z = turn(z)
    noise = 1e-5 * np.eye(2)
    for kind in (dvbf.ExtendedKalmanFilter, dvbf.UnscentedKalmanFilter):
        found = kind(turn, lambda z: np.sin(z[:1]), noise, 0.0025, [0.8, 0.2], 0.1 * np.eye(2)).filter(x)
        assert np.abs(found.mean[-20:] - np.array(truth)[-20:]).max() < 0.1


def test_em_never_loses_likelihood_and_keeps_what_is_fixed() -> None:
    sequences = [simulate(40, seed) for seed in range(4)]
    x, u = [x for x, _ in sequences], [u for _, u in sequences]
    x[1] = x[1][:30]
    u[1] = u[1][:30]
    start = dvbf.KalmanFilter(0.8 * np.eye(2), C, 0.1 * np.eye(2), 0.1 * np.eye(2), M0, P0, control=B)
    fit = dvbf.em(start, x, u, iterations=15, fixed=["emission", "control"])
    assert (np.diff(fit.log_likelihood) > -1e-9).all() and len(fit.log_likelihood) == 16
    assert fit.log_likelihood[-1] > fit.log_likelihood[0] + 10.0
    np.testing.assert_array_equal(fit.parameters["emission"], C)
    np.testing.assert_array_equal(fit.parameters["control"], B)
    total = 0.0
    for seen, acting in zip(x, u, strict=True):
        fit.filter.reset()
        total += fit.filter.filter(seen, acting).log_likelihood
    assert total == pytest.approx(fit.log_likelihood[fit.best], abs=1e-6)
    one = dvbf.em(start, sequences[0][0], sequences[0][1], iterations=2)
    assert len(one.log_likelihood) == 3
    with pytest.raises(ValueError, match="there is no parameter emissions"):
        dvbf.em(start, x, u, fixed=["emissions"])


class Broken(Exception):
    pass


@pytest.mark.parametrize("kind", [dvbf.ExtendedKalmanFilter, dvbf.UnscentedKalmanFilter, dvbf.ParticleFilter])
def test_what_a_function_raises_comes_out_and_leaves_the_filter(kind: Any) -> None:
    calls = {"broken": False}

    def transition(z: NDArray[np.float64], u: NDArray[np.float64]) -> NDArray[np.float64]:
        if calls["broken"]:
            raise Broken("no more")
        return f(z, u)

    filter = kind(transition, h, Q, R, M0, P0, control=1)
    filter.predict([0.1])
    filter.update([0.2, 0.3])
    mean, covariance = filter.mean, filter.covariance
    calls["broken"] = True
    with pytest.raises(Broken, match="no more"):
        filter.predict([0.1])
    np.testing.assert_array_equal(filter.mean, mean)
    np.testing.assert_array_equal(filter.covariance, covariance)
    calls["broken"] = False
    filter.predict([0.1])
    assert not np.array_equal(filter.mean, mean)


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (lambda z, u: z[:1], r"transition returned shape \(1,\); it must be \(2,\)"),
        (lambda z, u: "text", "transition has the type <U4"),
        (lambda z, u: None, "transition has the type object"),
        (lambda z, u: z * np.nan, "not finite"),
    ],
)
def test_what_a_function_returns_is_checked(function: Any, problem: str) -> None:
    filter = dvbf.ExtendedKalmanFilter(function, h, Q, R, M0, P0, control=1)
    with pytest.raises(ValueError, match=problem):
        filter.predict([0.0])
    np.testing.assert_array_equal(filter.mean, M0)


def test_single_precision_is_not_differentiated() -> None:
    def single(z: NDArray[np.float64], u: NDArray[np.float64]) -> NDArray[np.float32]:
        return f(z, u).astype(np.float32)

    with pytest.raises(ValueError, match="transition returned float32"):
        dvbf.ExtendedKalmanFilter(single, h, Q, R, M0, P0, control=1).predict([0.1])
    with_jacobian = dvbf.ExtendedKalmanFilter(single, h, Q, R, M0, P0, control=1, transition_jacobian=lambda z, u: A)
    with_jacobian.predict([0.1])
    dvbf.UnscentedKalmanFilter(single, h, Q, R, M0, P0, control=1).predict([0.1])


def test_what_a_masked_array_hides_is_missing() -> None:
    filter = dvbf.KalmanFilter(1.0, 1.0, 1.0, 1.0, 0.0, 1.0)
    hidden = filter.filter(np.ma.masked_array([1.0, 1e6], [False, True]))
    filter.reset()
    np.testing.assert_array_equal(hidden.mean, filter.filter([1.0, np.nan]).mean)
    with pytest.raises(ValueError, match="masked array of bytes"):
        filter.filter(np.ma.masked_array(np.array([1, 2], np.uint8), [False, True]))


def test_nested_lists_are_one_sequence() -> None:
    start = dvbf.KalmanFilter(1.0, 1.0, 1.0, 1.0, 0.0, 1.0)
    rows = [[1.0], [2.0], [3.0], [2.5]]
    listed, array = dvbf.em(start, rows, iterations=3), dvbf.em(start, np.array(rows), iterations=3)
    np.testing.assert_array_equal(listed.log_likelihood, array.log_likelihood)
    several = dvbf.em(start, [np.array(rows)[:, 0], np.array(rows)], iterations=3)
    assert several.log_likelihood[0] == pytest.approx(2.0 * array.log_likelihood[0])


def test_a_smoother_that_refuses_leaves_the_filter() -> None:
    filter = kalman()
    filter.predict([0.1])
    mean = filter.mean
    with pytest.raises(ValueError, match="x has shape"):
        dvbf.rts_smoother(filter, np.zeros((4, 7)), np.zeros((4, 1)))
    np.testing.assert_array_equal(filter.mean, mean)
    with pytest.raises(ValueError, match="gate is 2"):
        kalman(gate=2.0)


def test_an_error_in_the_middle_of_a_sequence_leaves_the_particles_as_they_were() -> None:
    calls = 0

    def failing(z: NDArray[np.float64]) -> NDArray[np.float64]:
        nonlocal calls
        calls += 1
        if calls > 150:
            raise RuntimeError("no more")
        return h(z)

    particles = dvbf.ParticleFilter(f, failing, Q, R, M0, P0, control=1, particles=50)
    x, u = simulate(20, 0)
    before = particles.particles.copy()
    with pytest.raises(RuntimeError, match="no more"):
        particles.filter(x, u)
    np.testing.assert_array_equal(particles.particles, before)
    assert particles.log_likelihood == 0.0


def test_bytes_of_a_function_are_numbers() -> None:
    eye = np.eye(2, dtype=np.uint8)
    filters = [
        dvbf.ExtendedKalmanFilter(
            lambda z: z, lambda z: z, np.eye(2), np.eye(2), [0, 0], np.eye(2),
            transition_jacobian=lambda z: jacobian, emission_jacobian=lambda z: jacobian,
        )
        for jacobian in (eye, np.eye(2))
    ]  # fmt: skip
    for one in filters:
        one.update([1.0, 2.0])
    np.testing.assert_array_equal(filters[0].covariance, filters[1].covariance)


def test_a_function_that_takes_no_control_says_so_itself() -> None:
    filter = dvbf.ExtendedKalmanFilter(lambda z: z, h, Q, R, M0, P0, control=1)
    with pytest.raises(TypeError):
        filter.predict([0.0])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"transition": np.eye(3)}, r"transition has shape \(3, 3\); it must be \(2, 2\)"),
        ({"emission": np.zeros((2, 3))}, r"emission has shape \(2, 3\); it must be \(2, 2\)"),
        ({"process_noise": np.zeros((2, 3))}, r"process_noise has shape \(2, 3\); it must be \(2, 2\)"),
        ({"observation_noise": [[1.0, 2.0], [2.0, 1.0]]}, "observation noise is not positive"),
        ({"initial_mean": [0.0]}, r"initial_mean has shape \(1,\); it must be \(2,\)"),
        ({"initial_covariance": np.zeros((0, 0))}, r"initial_covariance has shape \(0, 0\)"),
        ({"process_noise": np.zeros((0, 0))}, r"it must be \(0, 0\)|it must be square and not empty|must be"),
        ({"control": np.zeros((3, 1))}, r"control has shape \(3, 1\); it must be \(2, any\)"),
        ({"gate": 1.5}, "gate is 1.5"),
    ],
)
def test_matrices_that_do_not_fit_are_named(change: dict[str, Any], problem: str) -> None:
    given: dict[str, Any] = {
        "transition": A,
        "emission": C,
        "process_noise": Q,
        "observation_noise": R,
        "initial_mean": M0,
        "initial_covariance": P0,
    }
    with pytest.raises(ValueError, match=problem):
        dvbf.KalmanFilter(**{**given, **change})


def test_sequences_that_do_not_fit_are_named() -> None:
    x, u = gappy()
    with pytest.raises(ValueError, match=r"u has shape \(24, 1\); it must be \(25, 1\)"):
        kalman().filter(x, u[:-1])
    with pytest.raises(ValueError, match=r"u is missing; it has shape \(T, 1\)"):
        kalman().filter(x)
    with pytest.raises(ValueError, match=r"x has shape \(25, 1\); it must be \(T, 2\)"):
        kalman().filter(x[:, :1], u)
    with pytest.raises(ValueError, match=r"u has shape \(0,\); it must be \(1,\)"):
        kalman().predict()
    filter = kalman()
    with pytest.raises(ValueError, match="step 4: observation value 0 is not finite"):
        filter.filter(np.where(np.arange(25)[:, None] == 4, np.inf, x), u)
    np.testing.assert_array_equal(filter.mean, M0)
    # Any layout and type will do.
    plain = kalman().filter(x.astype(np.float32), u.astype(np.float32))
    forms = np.asfortranarray(x.astype(">f4")), np.repeat(u.astype(np.float32), 2, axis=0)[::2]
    np.testing.assert_array_equal(kalman().filter(*forms).mean, plain.mean)


def test_a_gate_leaves_out_what_cannot_be() -> None:
    x, u = simulate(20, 2)
    x[10] += 50.0
    gated = kalman(gate=0.9999)
    for t in range(20):
        if t > 0:
            gated.predict(u[t - 1])
        update = gated.update(x[t])
        assert update is not None and update.accepted == (t != 10)
        assert update.channels == [0, 1] and update.residual.shape == (2,)
