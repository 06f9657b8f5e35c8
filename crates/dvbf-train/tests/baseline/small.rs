//! Small recordings of the pendulum that the tests share.

use dvbf_data::Dataset;
use dvbf_envs::{ImageSettings, Pendulum, PendulumSettings, record};
use dvbf_train::pool::Pool;

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
