"""Trajectories and frames of the damped pendulum by NumPy in float64, to check the simulator against.

    pip install numpy
    python make_pendulum.py       # writes pendulum.npz beside this file

Mass, length, friction and sub-steps are unlike the defaults, so that no factor hides behind a one.
state (N, T, 2): angle (0 hanging) and angular velocity; torque (N, T); frame (N, T, size * size): Gaussian blobs.
"""

import pathlib

import numpy as np

N, T, SIZE, RADIUS, STD = 3, 40, 12, 4.2, 0.9
MASS, LENGTH, GRAVITY, DAMPING, DT, SUBSTEPS = 1.3, 0.7, 9.81, 0.25, 0.08, 3


def slope(s, u):
    inertia = MASS * LENGTH**2
    pull = -DAMPING * s[:, 1] - MASS * GRAVITY * LENGTH * np.sin(s[:, 0]) + u
    return np.stack([s[:, 1], pull / inertia], axis=1)


def step(s, u):
    h = DT / SUBSTEPS
    for _ in range(SUBSTEPS):
        a = slope(s, u)
        b = slope(s + h / 2 * a, u)
        c = slope(s + h / 2 * b, u)
        d = slope(s + h * c, u)
        s = s + h / 6 * (a + 2 * b + 2 * c + d)
    return s


rng = np.random.default_rng(11)
torque = rng.uniform(-3, 3, (N, T))
state = np.zeros((N, T, 2))
state[:, 0] = np.stack([rng.uniform(-np.pi, np.pi, N), rng.normal(0, 2, N)], axis=1)
for t in range(T - 1):
    state[:, t + 1] = step(state[:, t], torque[:, t])

grid, center = np.arange(SIZE), (SIZE - 1) / 2
x = center + RADIUS * np.sin(state[..., 0])[..., None, None]
y = center + RADIUS * np.cos(state[..., 0])[..., None, None]
distance2 = (grid[None, :] - x) ** 2 + (grid[:, None] - y) ** 2
frame = np.exp(-distance2 / (2 * STD**2)).reshape(N, T, SIZE * SIZE).astype(np.float32)
np.savez_compressed(pathlib.Path(__file__).parent / "pendulum.npz", state=state, torque=torque, frame=frame)
