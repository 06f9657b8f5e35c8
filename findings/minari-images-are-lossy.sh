#!/usr/bin/env bash
# Minari 0.5.4: image observations are stored as JPEG unless somebody says otherwise, and come back changed.
#
# Observations of type uint8 between 0 and 255 with at least 32 pixels on both sides are encoded as JPEG of
# Pillow's usual quality, in the HDF5 layout and in the Arrow layout. `load_dataset` gives an array of the same
# shape and type, so nothing shows that it is another one. Smaller images are kept as they are.
# `DataCollector(env, jpeg_encoding=False)` keeps them all. In the HDF5 file, the data set of an episode with JPEG
# has one axis, of byte strings; without, it has the axes of the images.
#
# Written down before it was run: "image observations are stored without loss".
#
# Output seen (layout, jpeg_encoding, pixels on a side, largest difference of a byte, frames of noise):
#   version 0.5.4
#   hdf5 default 64 229
#   hdf5 False 64 0
#   hdf5 default 16 0
#   arrow default 64 229
#   arrow False 64 0
#   arrow default 16 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    "minari[create,hdf5,arrow]==0.5.4" gymnasium==1.4.0 pillow==13.0.0
export MINARI_DATASETS_PATH="$folder/data"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import gymnasium as gym
import numpy as np
from minari import DataCollector

print("version", version("minari"))
STEPS = 4


def frame(side, t):
    return np.random.default_rng(t).integers(0, 256, (side, side, 3)).astype(np.uint8)


class Noise(gym.Env):
    action_space = gym.spaces.Discrete(2)

    def __init__(self, side):
        self.side = side
        self.observation_space = gym.spaces.Box(0, 255, (side, side, 3), np.uint8)

    def reset(self, seed=None, options=None):
        self.t = 0
        return frame(self.side, 0), {}

    def step(self, action):
        self.t += 1
        return frame(self.side, self.t), 0.0, False, self.t == STEPS, {}


seen = version("minari") == "0.5.4"
for layout in ("hdf5", "arrow"):
    for choice, side in (({}, 64), ({"jpeg_encoding": False}, 64), ({}, 16)):
        env = DataCollector(Noise(side), data_format=layout, **choice)
        env.reset()
        for t in range(STEPS):
            env.step(t % 2)
        name = f"test/{layout}{len(choice)}side{side}-v0"
        data = env.create_dataset(dataset_id=name, algorithm_name="none", code_permalink="https://example.org",
                                  author="nobody", author_email="nobody@example.org", description="noise")
        kept = np.asarray(next(iter(data)).observations)
        true = np.stack([frame(side, t) for t in range(STEPS + 1)])
        off = int(np.abs(kept.astype(int) - true).max())
        print(layout, choice.get("jpeg_encoding", "default"), side, off)
        lossy = not choice and side >= 32
        seen = seen and kept.shape == true.shape and kept.dtype == true.dtype and (off > 100) == lossy and (lossy or off == 0)
sys.exit(0 if seen else 1)
PYTHON
