//! What the tests and examples share: the true pendulum, its controls, and trials of policies.
#![expect(dead_code, reason = "no test uses everything")]

pub(crate) mod pendulum;
pub(crate) mod training;
pub(crate) mod trial;
