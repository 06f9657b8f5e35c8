"""Learn a simulator and a filter from raw recordings with a Deep Variational Bayes Filter.

Letters of shapes: ``N`` sequences, ``T`` steps, ``X`` observed channels, ``U`` controls, ``Z`` latent
dimensions, ``S`` components of a true state. Control ``u[t]`` acts between steps ``t`` and ``t + 1``. Times are
in seconds, everything else in the units of the recordings.
"""

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
from ._run import Run, open_run
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
    "Model",
    "OnlineFilter",
    "ParticleFilter",
    "Prediction",
    "Run",
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
