"""Readings of a tactile skin by NumPy in float64, to check the simulator's whole chain against.

    pip install numpy
    python make_skin.py       # writes skin.npz beside this file

A grid of 3 rows and 5 columns under two indenters, all constants unlike the defaults; no spread, no noise and no steps of
the converter, and a temperature that only relaxes. load (T, 2, 3): force, x, y; reading (T, 15); temperature (T).
"""

import pathlib

import numpy as np

T, ROWS, COLS, WIDTH, DT = 120, 3, 5, 0.8, 0.02
TAU, J = np.array([0.1, 1.0]), np.array([0.2, 0.1])
R, W = np.array([0.05, 0.2, 0.4]), np.array([0.1, 0.15, 0.05])
OFFSET, SENSITIVITY, GAMMA = 0.01, 0.15, 0.8
ALPHA, WARM_TIME, CROSS, REFERENCE, LIMIT = 0.02, 1.5, 0.06, 0.2, 0.45

rng = np.random.default_rng(5)
load = np.zeros((T, 2, 3))
knots = np.arange(0, T + 20, 20)
for k in range(2):
    load[:, k, 0] = np.interp(np.arange(T), knots, rng.uniform(0, 6, len(knots)) * (rng.random(len(knots)) < 0.7))
    load[:, k, 1] = np.interp(np.arange(T), knots, rng.uniform(-2, 2, len(knots)))
    load[:, k, 2] = np.interp(np.arange(T), knots, rng.uniform(-1, 1, len(knots)))

place = np.array([[col - (COLS - 1) / 2, row - (ROWS - 1) / 2] for row in range(ROWS) for col in range(COLS)])


def pressure(loads):
    total = np.zeros(ROWS * COLS)
    for force, x, y in loads:
        bell = np.exp(-((place - [x, y]) ** 2).sum(axis=1) / (2 * WIDTH**2))
        total += force * bell / bell.sum()
    return total


element, operator = np.zeros((15, 2)), np.zeros((15, 3))
before, warm = np.zeros(15), 4.0
reading, temperature = np.zeros((T, 15)), np.zeros(T)
for t in range(T):
    limit = J * before[:, None]
    element = limit + (element - limit) * np.exp(-DT / TAU)
    warm = warm * np.exp(-DT / WARM_TIME)
    before = pressure(load[t])
    strain = before + element.sum(axis=1)
    operator = np.maximum(strain[:, None] - R, np.minimum(strain[:, None] + R, operator))
    effective = (1 - W.sum()) * strain + operator @ W
    grid = ((OFFSET + SENSITIVITY * effective**GAMMA) * (1 - ALPHA * warm)).reshape(ROWS, COLS)
    grid = (1 - 2 * CROSS) * grid + CROSS * grid.mean(axis=1, keepdims=True) + CROSS * grid.mean(axis=0, keepdims=True)
    reading[t] = np.clip(grid / (grid + REFERENCE), 0, LIMIT).ravel()
    temperature[t] = warm
np.savez_compressed(pathlib.Path(__file__).parent / "skin.npz", load=load, reading=reading, temperature=temperature)
print(reading.min(), reading.max(), (reading == LIMIT).mean())
