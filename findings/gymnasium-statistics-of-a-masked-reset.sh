#!/usr/bin/env bash
# Gymnasium 1.4.0: a reset of some sub-environments makes RecordEpisodeStatistics forget all of them.
#
# With AutoresetMode.DISABLED, reset(options={"reset_mask": mask}) begins the episodes of the mask and no others.
# SyncVectorEnv takes "reset_mask" out of the dict that it was given; the wrapper around it looks for the mask in
# the same dict afterwards, does not find it, and sets returns and lengths of all episodes to zero. Those that go on
# are reported too short and with too little return. The caller's dict is empty after the call, so a second reset
# with it begins all episodes. Nothing warns.
#
# Written down before it was run: "the wrapper resets the statistics of the mask only, and the dict is as it was".
#
# Output seen:
#   version 1.4.0
#   lengths before [3 3] after a reset of the first [0 0]
#   options afterwards {}
#   same state of the second environment True
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check gymnasium==1.4.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import RecordEpisodeStatistics

print("version", gymnasium.__version__)
plain = gymnasium.make_vec(
    "CartPole-v1", num_envs=2, vectorization_mode="sync", vector_kwargs={"autoreset_mode": AutoresetMode.DISABLED}
)
envs = RecordEpisodeStatistics(plain)
envs.reset(seed=0)
for action in (0, 1, 0):
    state, *_ = envs.step(np.array([action, action]))
before = envs.episode_lengths.copy()
options = {"reset_mask": np.array([True, False])}
again, _ = envs.reset(options=options)
after = envs.episode_lengths.copy()
print("lengths before", before, "after a reset of the first", after)
print("options afterwards", options)
goes_on = np.array_equal(state[1], again[1]) and not np.array_equal(state[0], again[0])
print("same state of the second environment", goes_on)
seen = gymnasium.__version__ == "1.4.0" and goes_on and options == {}
sys.exit(0 if seen and before.tolist() == [3, 3] and after.tolist() == [0, 0] else 1)
PYTHON
