"""Kalman filter and smoother with large priors, in 60 digits, rounded to float64 at the end.

    pip install mpmath numpy
    python make_diffuse.py         # writes diffuse.npz beside this file

Textbook equations (Kalman 1960; Rauch, Tung and Striebel 1965). The systems are those of the loops
below, in their order; a row of every array belongs to one of them:

case (N, 6)         order of the state, dt, factor q of Q, R, P0, whether observations are missing
mean, covariance    filtered at the last step, padded to (N, 3) and (N, 3, 3)
first, first_cov    smoothed at the first step
middle, middle_cov  smoothed at the middle step
lag_one (N, 3, 3)   Cov(z_{t+1}, z_t) at the first step
log_likelihood (N)

x (T) are the observations, NaN where `gaps` leaves them out. A = I, dt, dt²/2 above the diagonal,
C = [1 0 ..], Q = q·R·(g gᵀ) with g = (dt^k / k!, .., 1), m0 = 0, P0 a multiple of I.
"""

import pathlib

import numpy as np
from mpmath import eye, factorial, log, matrix, mp, mpf, pi

mp.dps = 60
STEPS = 9
x = np.round(1.0 + 0.7 * np.arange(STEPS) + 0.3 * np.sin(2.0 * np.arange(STEPS)), 3)
MISSING = [1, 4, 5]


def solve(order, dt, q, R, ratio, missing):
    A = matrix(order, order)
    for i in range(order):
        for j in range(i, order):
            A[i, j] = dt ** (j - i) / factorial(j - i)
    g = matrix([dt ** (order - 1 - i) / factorial(order - 1 - i) for i in range(order)])
    Q = q * R * g * g.T
    C = matrix(1, order)
    C[0, 0] = 1
    m, P = matrix(order, 1), ratio * R * eye(order)
    predicted, filtered, likelihood = [], [], mpf(0)
    for t in range(STEPS):
        if t > 0:
            m, P = A * m, A * P * A.T + Q
        predicted.append((m, P))
        if not (missing and t in MISSING):
            S = (C * P * C.T)[0] + R
            r = mpf(float(x[t])) - (C * m)[0]
            K = P * C.T / S
            m, P = m + K * r, P - K * S * K.T
            likelihood -= (log(2 * pi * S) + r * r / S) / 2
        filtered.append((m, P))
    smoothed, lag_one = [filtered[-1]], None
    for t in reversed(range(STEPS - 1)):
        m, P = filtered[t]
        G = P * A.T * predicted[t + 1][1] ** -1
        m, P = (
            m + G * (smoothed[0][0] - predicted[t + 1][0]),
            P + G * (smoothed[0][1] - predicted[t + 1][1]) * G.T,
        )
        lag_one = smoothed[0][1] * G.T
        smoothed.insert(0, (m, P))
    return filtered[-1], smoothed[0], smoothed[STEPS // 2], lag_one, likelihood


def padded(a, columns):
    out = np.full((3, columns), np.nan)
    for i in range(a.rows):
        for j in range(a.cols):
            out[i, j] = float(a[i, j])
    return out if columns > 1 else out[:, 0]


names = ["mean", "covariance", "first", "first_cov", "middle", "middle_cov", "lag_one", "log_likelihood"]
out = {name: [] for name in ["case", *names]}
for order in (2, 3):
    for dt in (0.1, 1.0):
        for q in (0.0, 1e-4, 1.0):
            for R, ratios in ((1e-4, range(0, 17, 2)), (1e-6, (14, 16)), (1e4, (4, 14)), (1e-8, (24,))):
                for exponent in ratios:
                    for missing in (0, 1):
                        ratio = mpf(10) ** exponent
                        arguments = [mpf(dt), mpf(q), mpf(R), mpf(float(ratio * mpf(R))) / mpf(R)]
                        last, first, middle, lag_one, likelihood = solve(order, *arguments, missing)
                        out["case"].append([order, dt, q, R, float(ratio * mpf(R)), missing])
                        for name, value in (("mean", last[0]), ("first", first[0]), ("middle", middle[0])):
                            out[name].append(padded(value, 1))
                        for name, value in (
                            ("covariance", last[1]),
                            ("first_cov", first[1]),
                            ("middle_cov", middle[1]),
                            ("lag_one", lag_one),
                        ):
                            out[name].append(padded(value, 3))
                        out["log_likelihood"].append(float(likelihood))

gaps = np.where(np.isin(np.arange(STEPS), MISSING), np.nan, x)
np.savez_compressed(
    pathlib.Path(__file__).with_name("diffuse.npz"),
    x=x,
    gaps=gaps,
    **{k: np.asarray(v, dtype=np.float64) for k, v in out.items()},
)
