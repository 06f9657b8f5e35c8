//! Small recordings of the pendulum that the tests share.

use dvbf_data::Dataset;
use dvbf_envs::{ImageSettings, Pendulum, PendulumSettings, record};
use dvbf_train::pool::Pool;
use dvbf_train::schedule::Ramp;
use dvbf_train::settings::{OptimizerKind, Precision, TrainingSettings};

pub(crate) fn settings(size: usize) -> PendulumSettings {
    let image = ImageSettings { size, ..ImageSettings::default() };
    PendulumSettings { image, ..PendulumSettings::default() }
}

pub(crate) fn pendulum(size: usize, count: usize, steps: usize, seed: u64) -> Dataset {
    let env = Pendulum::new(settings(size)).unwrap();
    record(&env, count, steps, seed).into()
}

pub(crate) fn pool() -> Pool {
    Pool::new(1).unwrap()
}

/// A short training with noise on everything that a baseline reads.
pub(crate) fn recipe(updates: u64) -> TrainingSettings {
    TrainingSettings {
        steps: updates,
        restarts: 2,
        restart_horizon: 1,
        restart_steps: 3,
        finalists: 1,
        finalist_steps: 1,
        batch: 7,
        shard: 3,
        block: 3,
        window: 5,
        precision: Precision::F32,
        optimizer: OptimizerKind::Adam,
        learning_rate: Ramp::constant(3e-3),
        warmup: Ramp::constant(1.0),
        groups: Vec::new(),
        weight_decay: 0.0,
        dream: 0.0,
        linear_start: false,
        clip: 10.0,
        state_clip: 0.0,
        drop: Ramp::constant(0.3),
        kl_weight: Ramp::constant(1.0),
        temper: Ramp::constant(1.0),
        temper_period: 1,
        input_noise: Ramp::constant(0.05),
        start_noise: Ramp::constant(0.0),
        average: 0.5,
        log_interval: 10,
        checkpoint_interval: 10,
        max_skipped: 20,
        max_rollbacks: 0,
    }
}
