//! What the tests and examples share: the true pendulum, its controls, and trials of policies.

pub(crate) mod pendulum;
pub(crate) mod training;
pub(crate) mod trial;
