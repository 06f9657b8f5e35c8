#!/usr/bin/env bash
# dynamax 1.0.3: the gain of its Kalman filter is computed with 1e-9 added to the variances of the observation,
# so the same data in another unit have another filter.
#
# `psd_solve` in dynamax/utils/utils.py adds `diagonal_boost=1e-9` to the matrix that it solves with, in double
# precision too, and `lgssm_filter` takes its gain from there. In units in which variances are near one this
# moves the ninth digit. A walk with standard deviations of 1e-5, such as tens of micrometers in meters, is
# filtered as if its sensor were ten times worse, without a warning; the likelihood is that of other means.
#
# Written down before it was run: "in double precision it agrees with other packages to 1e-12, in any unit".
#
# Output seen (unit, filtered means and variances in that unit; all lines should be the same):
#   version 1.0.3
#   1e+00 [0.8        1.15853659 0.96020761] [0.8        0.51219512 0.43252595]
#   1e-04 [0.78431373 1.15384128 0.95672157] [0.9242599  0.59461806 0.49663464]
#   1e-05 [0.26666667 0.58914584 0.61766308] [3.64444444 3.55982913 3.49152627]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dynamax==1.0.3 jax==0.10.2 jaxlib==0.10.2
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)
from dynamax.linear_gaussian_ssm import LinearGaussianSSM, lgssm_filter

print("version", version("dynamax"))
seen = version("dynamax") == "1.0.3"
# By hand: the first gain is 4 / (4 + 1).
first = {1.0: 4 / 5, 1e-4: 4 / (5 + 1e-9 / 1e-8), 1e-5: 4 / (5 + 1e-9 / 1e-10)}
for unit, mean in first.items():
    model = LinearGaussianSSM(1, 1, has_dynamics_bias=False, has_emissions_bias=False)

    def variance(v):
        return jnp.array([[v * unit**2]])

    one = jnp.array([[1.0]])
    params, _ = model.initialize(
        jax.random.PRNGKey(0), initial_mean=jnp.zeros(1), initial_covariance=variance(4.0),
        dynamics_weights=one, dynamics_covariance=variance(0.25),
        emission_weights=one, emission_covariance=variance(1.0))
    out = lgssm_filter(params, jnp.array([[1.0], [1.5], [0.7]]) * unit)
    means, variances = out.filtered_means[:, 0] / unit, out.filtered_covariances[:, 0, 0] / unit**2
    print(f"{unit:.0e} {means} {variances}")
    seen = seen and bool(np.isclose(means[0], mean, rtol=1e-6))
sys.exit(0 if seen else 1)
PYTHON
