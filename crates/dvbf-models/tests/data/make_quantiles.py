"""Quantiles of the chi-square distribution in 40 digits, rounded to float64 at the end.

    pip install mpmath numpy
    python make_quantiles.py         # writes quantiles.npz beside this file

Bisection in ln (x / 2) of the regularized incomplete gamma function: of ln P(n / 2, x / 2) = ln p, or of
ln Q(n / 2, x / 2) = ln (1 - p) for p above one half, where p is the float64 itself. Values below the
smallest float64 are zero.
"""

import pathlib

import numpy as np
from mpmath import exp, gammainc, inf, log, loggamma, mp, mpf

mp.dps = 40
probability = [1e-300, 1e-200, 1e-100, 1e-50, 1e-30, 1e-20, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3, 0.025, 0.1, 0.3]
probability += [0.5, np.nextafter(0.5, 1), 0.7, 0.9, 0.975, 0.999]
probability += [1 - 1e-6, 1 - 1e-9, 1 - 1e-12, 1 - 1e-15]
freedom = [1, 2, 3, 4, 5, 6, 7, 10, 15, 30, 61, 100, 300, 500, 999, 1000]


def quantile(p, n):
    a, p = mpf(n) / 2, mpf(float(p))
    if p <= 0.5:
        below = lambda t: log(gammainc(a, 0, exp(t), regularized=True)) < log(p)
    else:
        below = lambda t: log(gammainc(a, exp(t), inf, regularized=True)) > log(1 - p)
    low = (log(p) + loggamma(a + 1)) / a - 1
    high = max(low + 2, log(a + 50) + 2)
    for _ in range(120):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return float(2 * exp(low))


np.savez(
    pathlib.Path(__file__).with_name("quantiles.npz"),
    probability=np.array(probability, dtype=np.float64),
    freedom=np.array(freedom, dtype=np.float64),
    value=np.array([[quantile(p, n) for n in freedom] for p in probability]),
)
