"""Expectation maximization of a local level in 60 digits, for tests/bayes_em.rs.

    pip install mpmath
    python em_offset.py          # prints Q, R and the log-likelihood for each offset: at the start, where an
                                 # iteration raises the likelihood by less than 1e-6, and after 50 iterations

z' = z + w, x = z + v; Q and R are estimated, all else is held fixed (Shumway and Stoffer 1982). The
observations are rounded to float64 as Rust rounds them; the rest is exact to 60 digits.
"""

import math

from mpmath import log, mp, mpf, pi

mp.dps = 60
T, ITERATIONS = 200, 50


def observations(offset):
    ramp = [((37 * t) % 101) / 50.0 - 1.0 for t in range(T)]
    return [mpf(offset + 0.1 * math.sin(0.05 * t) + 0.01 * ramp[t]) for t in range(T)]


def expect(x, m, P, Q, R):
    predicted, filtered, likelihood = [], [], mpf(0)
    for t in range(T):
        if t > 0:
            P = P + Q
        predicted.append((m, P))
        S, r = P + R, x[t] - m
        m, P = m + P / S * r, P - P * P / S
        likelihood -= (log(2 * pi * S) + r * r / S) / 2
        filtered.append((m, P))
    smoothed, lag_one = [filtered[-1]], []
    for t in reversed(range(T - 1)):
        m, P = filtered[t]
        G = P / predicted[t + 1][1]
        lag_one.insert(0, smoothed[0][1] * G)
        smoothed.insert(0, (m + G * (smoothed[0][0] - m), P + G * G * (smoothed[0][1] - predicted[t + 1][1])))
    return smoothed, lag_one, likelihood


for offset in (0.0, 101325.0, 1e6):
    x, Q, R = observations(offset), mpf(1e-4), mpf(1e-4)
    last, flat = -mp.inf, False
    for iteration in range(ITERATIONS + 1):
        smoothed, lag_one, likelihood = expect(x, mpf(offset), mpf(1), Q, R)
        first = not flat and likelihood - last < 1e-6
        flat, last = flat or first, likelihood
        if iteration in (0, ITERATIONS) or first:
            print(offset, iteration, mp.nstr(Q, 17), mp.nstr(R, 17), mp.nstr(likelihood, 17))
        pairs = zip(smoothed, smoothed[1:], lag_one)
        Q = sum((b[0] - a[0]) ** 2 + a[1] + b[1] - 2 * c for a, b, c in pairs) / (T - 1)
        R = sum((v - s[0]) ** 2 + s[1] for v, s in zip(x, smoothed)) / T
