"""Trains on frames of a pendulum, draws the barrel of its latent states, and prints R².

    python barrel.py

Cells begin with `# %%`, so that editors can run them one by one as a notebook.
"""

# %% Frames of 16×16 pixels and torques; the true states are for the figures alone.
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from pendulum import FOLDER, features, record, trained

import dvbf

matplotlib.use("agg")
recorded = record(500, seed=0)
print("frames", recorded.x.shape, "torques", recorded.u.shape)

# %% Train, or take the run that is there.
run = trained(recorded)
summary = run.summary
assert summary is not None
print("R² of the run's own test part:", {name: round(r2, 4) for name, r2 in summary["r2"]["sample"].items()})

# %% Filter sequences that were never seen, and read the truth out of the latent states.
fresh = record(200, seed=1)
beliefs = run.model.filter(fresh.x, fresh.u)
truth = features(fresh.state)
half = len(fresh.x) // 2
readout = dvbf.Readout.fit(beliefs.mean[:half], truth[:half])
for name, r2 in zip(("cosine", "sine", "velocity"), readout.r2(beliefs.mean[half:], truth[half:]), strict=True):
    print(f"R² of fresh sequences, {name}: {r2:.4f}")

# %% The angle runs round a barrel, the velocity along it.
known = ~np.isnan(beliefs.mean).any(axis=-1)
z, state = beliefs.mean[known], fresh.state[known]
figure = plt.figure(figsize=(10, 5))
for place, (name, values, colors) in enumerate(
    [("angle", np.mod(state[:, 0] + np.pi, 2 * np.pi) - np.pi, "twilight"), ("velocity", state[:, 1], "viridis")]
):
    axes = figure.add_subplot(1, 2, place + 1, projection="3d")
    dots = axes.scatter(z[::5, 0], z[::5, 1], z[::5, 2], c=values[::5], cmap=colors, s=2)
    axes.set_title(f"latent states by true {name}")
    figure.colorbar(dots, shrink=0.6, label="rad" if name == "angle" else "rad/s")
path = Path(FOLDER) / "barrel.png"
figure.savefig(path, dpi=120)
print("written", path)
