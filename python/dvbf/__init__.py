"""Learn a simulator and a filter from raw recordings with a Deep Variational Bayes Filter.

Letters of shapes: ``N`` sequences, ``T`` steps, ``X`` observed channels, ``U`` controls, ``Z`` latent
dimensions, ``S`` components of a true state. Control ``u[t]`` acts between steps ``t`` and ``t + 1``. Times are
in seconds, everything else in the units of the recordings.
"""

from typing import TYPE_CHECKING, Any

from ._bayes import (
    EmFit,
    ExtendedKalmanFilter,
    Filtered,
    Forecast,
    KalmanFilter,
    ParticleFilter,
    Smoothed,
    UnscentedKalmanFilter,
    Update,
    em,
    rts_smoother,
)
from ._dvbf import Belief, OnlineFilter, __version__
from ._model import Beliefs, Model, Prediction, load
from ._reward import QuadraticReward, Readout
from ._run import Run, open_run
from ._simulate import Simulated, Simulator
from ._system import System
from ._train import resume, train

__all__ = [
    "Belief",
    "Beliefs",
    "EmFit",
    "ExtendedKalmanFilter",
    "Filtered",
    "Forecast",
    "KalmanFilter",
    "LearnedEnv",
    "LearnedVectorEnv",
    "Model",
    "OnlineFilter",
    "ParticleFilter",
    "Prediction",
    "QuadraticReward",
    "Readout",
    "Run",
    "Simulated",
    "Simulator",
    "Smoothed",
    "System",
    "UnscentedKalmanFilter",
    "Update",
    "__version__",
    "em",
    "load",
    "open_run",
    "resume",
    "rts_smoother",
    "train",
]

if TYPE_CHECKING:
    from .envs import LearnedEnv, LearnedVectorEnv


def __getattr__(name: str) -> Any:
    # Gymnasium is wanted by these alone.
    if name in ("LearnedEnv", "LearnedVectorEnv"):
        from . import envs

        return getattr(envs, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
