"""Filters, smoother, one iteration of EM and chi-square quantiles by established packages, float64.

    pip install numpy scipy filterpy==1.4.5 pykalman==0.11.2
    python make_kalman.py         # writes kalman.npz beside this file

linear/   filterpy's KalmanFilter with controls; NaN where a channel is missing (rows of H and R left out)
smooth/   pykalman's smoother with B u as offsets; whole observations missing
em/       the parameters after one iteration of pykalman's EM on the same data, offsets held fixed
nonlinear/, extended/, unscented/
          filterpy's ExtendedKalmanFilter with analytic derivatives and UnscentedKalmanFilter with
          scaled sigma points, which are drawn anew before every update
quantile/ scipy.stats.chi2.ppf
"""

import pathlib

import numpy as np
from filterpy.kalman import ExtendedKalmanFilter, KalmanFilter, MerweScaledSigmaPoints, UnscentedKalmanFilter
from pykalman import KalmanFilter as EmKalmanFilter
from scipy.stats import chi2, multivariate_normal

rng = np.random.default_rng(5)
out = {}


def covariance(n, scale):
    a = rng.normal(0, scale, (n, n))
    return a @ a.T + 0.1 * scale**2 * np.eye(n)


# Linear, with controls and missing channels.
Z, U, X, T = 3, 2, 2, 30
A = 0.9 * np.linalg.qr(rng.normal(size=(Z, Z)))[0]
B, C = rng.normal(0, 0.5, (Z, U)), rng.normal(size=(X, Z))
Q, R = covariance(Z, 0.3), covariance(X, 0.4)
m0, P0 = rng.normal(size=Z), covariance(Z, 1.0)
u = rng.normal(size=(T, U))
z = rng.multivariate_normal(m0, P0)
x = np.zeros((T, X))
for t in range(T):
    x[t] = C @ z + rng.multivariate_normal(np.zeros(X), R)
    z = A @ z + B @ u[t] + rng.multivariate_normal(np.zeros(Z), Q)
out |= {"A": A, "B": B, "C": C, "Q": Q, "R": R, "m0": m0, "P0": P0, "u": u}

partly = x.copy()
partly[[3, 4, 5, 11], [0, 1, 0, 1]] = np.nan
partly[[7, 8, 20]] = np.nan
kf = KalmanFilter(dim_x=Z, dim_z=X, dim_u=U)
kf.x, kf.P, kf.F, kf.B, kf.Q, kf.H, kf.R = m0[:, None], P0, A, B, Q, C, R
means, covariances, nis, log_likelihood = [], [], [], 0.0
for t in range(T):
    seen = ~np.isnan(partly[t])
    if seen.any():
        H, S = C[seen], C[seen] @ kf.P @ C[seen].T + R[np.ix_(seen, seen)]
        r = partly[t, seen] - (H @ kf.x)[:, 0]
        nis.append(r @ np.linalg.solve(S, r))
        log_likelihood += multivariate_normal(np.zeros(seen.sum()), S).logpdf(r)
        kf.dim_z = int(seen.sum())
        kf.update(partly[t, seen], R=R[np.ix_(seen, seen)], H=H)
    else:
        nis.append(np.nan)
    means.append(kf.x[:, 0].copy())
    covariances.append(kf.P.copy())
    kf.predict(u=u[t][:, None])
out |= {
    "linear/x": partly,
    "linear/mean": np.array(means),
    "linear/covariance": np.array(covariances),
    "linear/nis": np.array(nis),
    "linear/log_likelihood": np.array(log_likelihood),
}

# Smoother and EM.
wholly = x.copy()
wholly[[6, 7, 15]] = np.nan
masked = np.ma.masked_invalid(wholly)
em = EmKalmanFilter(A, C, Q, R, u[:-1] @ B.T, np.zeros(X), m0, P0)
means, covariances = em.smooth(masked)
out |= {
    "smooth/x": wholly,
    "smooth/mean": np.asarray(means),
    "smooth/covariance": np.asarray(covariances),
    "smooth/log_likelihood": np.array(em.loglikelihood(masked)),
}
em = em.em(
    masked,
    n_iter=1,
    em_vars=[
        "transition_matrices",
        "observation_matrices",
        "transition_covariance",
        "observation_covariance",
        "initial_state_mean",
        "initial_state_covariance",
    ],
)
out |= {
    "em/A": em.transition_matrices,
    "em/C": em.observation_matrices,
    "em/Q": em.transition_covariance,
    "em/R": em.observation_covariance,
    "em/m0": em.initial_state_mean,
    "em/P0": em.initial_state_covariance,
}

# A pendulum whose bearing from a point beside it is seen, and its height.
DT, STEPS = 0.1, 25
SPREAD = {"alpha": 0.7, "beta": 2.0, "kappa": 0.5}


def f(s, force):
    speed = s[1] + DT * (force - 9.81 * np.sin(s[0]))
    return np.array([s[0] + DT * speed, speed])


def f_jacobian(s):
    pull = -9.81 * DT * np.cos(s[0])
    return np.array([[1 + DT * pull, DT], [pull, 1.0]])


def h(s):
    return np.array([np.arctan2(np.sin(s[0]), 2 - np.cos(s[0])), -np.cos(s[0]) + 0.1 * s[1] ** 2])


def h_jacobian(s):
    a, b = np.sin(s[0]), 2 - np.cos(s[0])
    slope = (np.cos(s[0]) * b - a * a) / (a * a + b * b)
    return np.array([[slope, 0.0], [np.sin(s[0]), 0.2 * s[1]]])


Qn, Rn = np.diag([1e-4, 4e-3]), np.diag([0.01, 0.04])
start, P_start = np.array([0.8, 0.2]), np.diag([0.2, 0.3])
force = rng.normal(size=STEPS)
s = rng.multivariate_normal(start, P_start)
seen = np.zeros((STEPS, 2))
for t in range(STEPS):
    seen[t] = h(s) + rng.multivariate_normal(np.zeros(2), Rn)
    s = f(s, force[t]) + rng.multivariate_normal(np.zeros(2), Qn)
out |= {"nonlinear/x": seen, "nonlinear/u": force[:, None]}


class Pendulum(ExtendedKalmanFilter):
    def predict_x(self, u=0):
        self.x = f(self.x, u)


ekf = Pendulum(2, 2)
ekf.x, ekf.P, ekf.Q, ekf.R = start.copy(), P_start.copy(), Qn, Rn
points = MerweScaledSigmaPoints(2, **SPREAD)
ukf = UnscentedKalmanFilter(2, 2, DT, h, lambda s, dt, u: f(s, u), points)
ukf.x, ukf.P, ukf.Q, ukf.R = start.copy(), P_start.copy(), Qn, Rn
moments = {"extended": ([], []), "unscented": ([], [])}
for t in range(STEPS):
    ekf.update(seen[t], h_jacobian, h)
    ukf.sigmas_f = points.sigma_points(ukf.x, ukf.P)
    ukf.update(seen[t])
    for name, filter in (("extended", ekf), ("unscented", ukf)):
        moments[name][0].append(filter.x.copy())
        moments[name][1].append(filter.P.copy())
    # Derivatives at the mean before the prediction, which filterpy leaves to the caller.
    ekf.F = f_jacobian(ekf.x)
    ekf.predict(u=force[t])
    ukf.predict(u=force[t])
for name, (means, covariances) in moments.items():
    out |= {f"{name}/mean": np.array(means), f"{name}/covariance": np.array(covariances)}

probability = np.array([1e-6, 0.001, 0.025, 0.3, 0.5, 0.9, 0.99, 0.999, 1 - 1e-9])
freedom = np.array([1.0, 2, 3, 7, 16, 100, 2000, 50000])
out |= {
    "quantile/probability": probability,
    "quantile/freedom": freedom,
    "quantile/value": chi2.ppf(probability[:, None], freedom[None, :]),
}

np.savez(pathlib.Path(__file__).with_name("kalman.npz"), **{k: np.asarray(v, dtype=np.float64) for k, v in out.items()})
