//! Parameters with a learning rate of their own.

use serde::{Deserialize, Serialize};

/// Parameters with a learning rate of their own, such as the constants of a differential equation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterGroup {
    /// Beginning of the names of its arrays, such as `transition.constants`.
    pub prefix: String,
    /// Factor of the learning rate.
    #[serde(default = "one")]
    pub rate: f64,
    /// Progress of training, from 0 to 1, at which its parameters begin to move.
    #[serde(default)]
    pub start: f64,
    /// Progress of training from which on its parameters stay.
    #[serde(default = "one")]
    pub end: f64,
    /// Whether a model may have no such parameters.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

fn one() -> f64 {
    1.0
}

impl ParameterGroup {
    /// Factor of the learning rate at this progress; zero outside `start..end`.
    pub fn factor(&self, progress: f64) -> f64 {
        if (self.start..self.end).contains(&progress) { self.rate } else { 0.0 }
    }

    /// What is wrong with it.
    pub fn problem(&self) -> Option<String> {
        let Self { prefix, rate, start, end, .. } = self;
        if prefix.is_empty() {
            return Some("has no prefix; it would be all parameters".into());
        }
        if !(rate.is_finite() && *rate >= 0.0) {
            return Some(format!("has rate {rate}; it must be a finite number and not negative"));
        }
        if !(0.0 <= *start && start < end && *end <= 1.0) {
            return Some(format!("lasts from {start} to {end}; it must lie within 0 and 1"));
        }
        None
    }
}
