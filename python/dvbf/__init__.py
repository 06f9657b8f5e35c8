"""Learn a simulator and a filter from raw recordings with a Deep Variational Bayes Filter.

Letters of shapes: ``N`` sequences, ``T`` steps, ``X`` observed channels, ``U`` controls, ``Z`` latent
dimensions, ``S`` components of a true state. Control ``u[t]`` acts between steps ``t`` and ``t + 1``. Times are
in seconds, everything else in the units of the recordings.
"""

from importlib.util import find_spec
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
from ._dvbf import Belief, OnlineFilter, Snapshot, __version__
from ._model import Beliefs, Model, Prediction, load
from ._reward import QuadraticReward, Readout, Reward
from ._run import Run, open_run
from ._simulate import Policy, Simulated, Simulator
from ._system import Recorded, System
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
    "Policy",
    "Prediction",
    "QuadraticReward",
    "Readout",
    "Recorded",
    "Reward",
    "Run",
    "Simulated",
    "Simulator",
    "Smoothed",
    "Snapshot",
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

# Gymnasium is wanted by these alone.
_ENVIRONMENTS = ["LearnedEnv", "LearnedVectorEnv"]

if TYPE_CHECKING:
    from .envs import LearnedEnv as LearnedEnv
    from .envs import LearnedVectorEnv as LearnedVectorEnv
else:

    def __getattr__(name: str) -> Any:
        if name in _ENVIRONMENTS:
            if find_spec("gymnasium") is None:
                raise ModuleNotFoundError(f"dvbf.{name} needs gymnasium 1.1 or later: pip install gymnasium")
            from . import envs

            return getattr(envs, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *_ENVIRONMENTS})

    if find_spec("gymnasium") is not None:
        __all__ += _ENVIRONMENTS
