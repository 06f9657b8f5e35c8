//! Settings of the data of a run: where they come from, how many there are, and what a run needs of
//! them.

mod plan;
mod recordings;
mod source;

pub use plan::DataPlan;
pub use recordings::{Division, RecordingsSettings};
pub use source::Source;

use serde::{Deserialize, Serialize};

/// How many recordings are made, and how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSettings {
    /// Seed of the recordings; runs with other `seed` see the same data.
    pub seed: u64,
    /// Training sequences.
    pub train: usize,
    /// Validation sequences, and as many long ones for open-loop prediction.
    pub validation: usize,
    /// Test sequences, and as many long ones for open-loop prediction.
    pub test: usize,
    /// Frames of a sequence.
    pub steps: usize,
    /// Frames of a long sequence.
    pub long_steps: usize,
}

/// A value that a setting cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct ValueError {
    /// The dotted key.
    pub key: String,
    /// What is wrong with its value.
    pub problem: String,
}

impl ValueError {
    /// `problem` with the value of `key`.
    pub fn new(key: &str, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into() }
    }
}
