"""Gymnasium's own frames of Pendulum-v1 as folders of PNG, with a table of torques and true states in each.

    pip install "gymnasium[classic-control]==1.4.0" pillow
    python docs/gym_frames.py frames 120 60
    cargo xtask train --data frames --control torque --state angle,velocity --time time --size 64

The camera points the pole up at angle zero; the arrow that shows the torque is part of the frames.
"""

import csv
import sys
from pathlib import Path

import gymnasium
import numpy as np
from PIL import Image


def main() -> None:
    out, episodes, steps = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    env = gymnasium.make("Pendulum-v1", render_mode="rgb_array")
    rng = np.random.default_rng(0)
    for episode in range(episodes):
        folder = out / f"{episode:04}"
        folder.mkdir(parents=True)
        env.reset(seed=episode, options={"x_init": np.pi, "y_init": 4.0})
        rows, torque = [], 0.0
        for step in range(steps):
            Image.fromarray(env.render()).save(folder / f"{step:04}.png")
            angle, velocity = env.unwrapped.state
            # A torque that is held for some steps moves the pendulum further than one drawn anew.
            if step % 5 == 0:
                torque = rng.uniform(-2.0, 2.0)
            rows.append([f"{0.05 * step:.2f}", torque, angle, velocity])
            env.step(np.array([torque], dtype=np.float32))
        with open(folder / "states.csv", "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["time", "torque", "angle", "velocity"])
            table.writerows(rows)


if __name__ == "__main__":
    main()
