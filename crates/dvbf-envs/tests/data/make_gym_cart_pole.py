"""Trajectories of Gymnasium's CartPole-v1, to check the simulator's equations exactly.

    pip install gymnasium numpy
    python make_gym_cart_pole.py      # writes gym_cart_pole.npz beside this file

state (N, T+1, 4): position, velocity, angle (0 upright, not wrapped), angular velocity, in the environment's own
float64 (what `step` returns is rounded to float32); force (N, T) in N. The first trajectories use the two actions,
the others any force, which the environment takes as its `force_mag`. euler (N): 1 where `kinematics_integrator` is
"euler", as it is by default, and 0 for the semi-implicit scheme. Steps go on beyond Gymnasium's termination.
"""

import pathlib

import gymnasium as gym
import numpy as np

N, T = 8, 100
env = gym.make("CartPole-v1").unwrapped
gym.logger.min_level = gym.logger.ERROR
rng = np.random.default_rng(23)
state, force, euler = np.zeros((N, T + 1, 4)), np.zeros((N, T)), np.ones(N)
euler[[3, 7]] = 0
for n in range(N):
    env.reset(seed=n)
    assert env.state.dtype == np.float64
    if n % 2:
        env.state = rng.uniform([-2, -1, -np.pi, -2], [2, 1, np.pi, 2])
    env.kinematics_integrator = "euler" if euler[n] else "semi-implicit"
    state[n, 0] = env.state
    for t in range(T):
        env.force_mag = 10.0 if n < N // 2 else rng.uniform(0, 15)
        action = int(rng.integers(2))
        force[n, t] = env.force_mag if action else -env.force_mag
        env.step(action)
        state[n, t + 1] = env.state
np.savez_compressed(pathlib.Path(__file__).parent / "gym_cart_pole.npz", state=state, force=force, euler=euler)
print(gym.__version__, state.dtype, state[0, -1], np.abs(state[..., 2]).max(), np.abs(state[..., 0]).max())
