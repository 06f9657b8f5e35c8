#!/usr/bin/env bash
# pykalman 0.11.2: the log-likelihood of observations with a NaN that is not masked is a finite number.
#
# pykalman takes missing observations as masked arrays. A plain array with a NaN in it is accepted; every
# filtered mean from there on is NaN, but loglikelihood() is finite: that of the observations before the
# NaN, minus one half for each step from there on, whatever was observed. Nothing warns. The same data,
# masked, have another likelihood.
#
# Written down before it was run: "NaN without mask gives NaN".
#
# Output seen (steps, filtered means, log-likelihood plain, log-likelihood masked):
#   version 0.11.2
#   2 [0.8 nan] -2.3237 -1.8237
#   4 [0.8 nan nan nan] -3.3237 -4.3869
#   6 [0.8 nan nan nan nan nan] -4.3237 -6.7446
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pykalman==0.11.2
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from pykalman import KalmanFilter

print("version", version("pykalman"))
kf = KalmanFilter(
    transition_matrices=np.eye(1),
    observation_matrices=np.eye(1),
    transition_covariance=[[0.25]],
    observation_covariance=[[1.0]],
    initial_state_mean=[0.0],
    initial_state_covariance=[[4.0]],
)
seen = version("pykalman") == "0.11.2"
for steps in (2, 4, 6):
    x = np.ones((steps, 1))
    x[1] = np.nan
    means = kf.filter(x)[0].ravel()
    plain, masked = kf.loglikelihood(x), kf.loglikelihood(np.ma.masked_invalid(x))
    print(steps, means, f"{plain:.4f}", f"{masked:.4f}")
    seen = seen and np.isnan(means[1:]).all() and np.isclose(plain, -1.8236574894 - 0.5 * (steps - 1))
sys.exit(0 if seen else 1)
PYTHON
