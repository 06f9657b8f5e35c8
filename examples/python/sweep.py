"""A sweep over settings of the training with Optuna: `python sweep.py [TRIALS]`."""

import sys
import tempfile

import optuna
from pendulum import SYSTEM, encoder, record

import dvbf

RECORDED = record(120, seed=0)
FOLDER = tempfile.mkdtemp(prefix="sweep-")


def objective(trial: optuna.Trial) -> float:
    training = {
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
        "batch": trial.suggest_categorical("batch", [16, 32, 64]),
    }
    out, x, u = f"{FOLDER}/{trial.number}", encoder(RECORDED.state), RECORDED.u
    run = dvbf.train(x, u, dt=SYSTEM.dt, steps=1000, out=out, progress=False, training=training)
    # The validation part chooses; update 0 is the linear model that training begins with.
    return min(record["open_loop"] for record in run.history if record["step"] > 0)


if __name__ == "__main__":
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=int(sys.argv[1]) if len(sys.argv) > 1 else 10)
    print("best", study.best_params, "error of its predictions", study.best_value, "in", FOLDER)
