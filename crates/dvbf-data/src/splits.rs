//! Sequences split into training, validation and test sets.

use super::{Dataset, RecordingError};
use dvbf_envs::EnvError;

/// All sequences of a run at once, [set](crate::Set) by set; a [`Supply`](crate::Supply) has them one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Splits {
    /// [`crate::Set::Train`].
    pub train: Dataset,
    /// [`crate::Set::Validation`].
    pub validation: Dataset,
    /// [`crate::Set::ValidationLong`].
    pub validation_long: Dataset,
    /// [`crate::Set::Test`].
    pub test: Dataset,
    /// [`crate::Set::TestLong`].
    pub test_long: Dataset,
    /// What recordings from files are and how they were divided, in sentences.
    pub notes: Option<Vec<String>>,
}

/// Why there are no sequences.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A setting of the simulated system.
    #[error(transparent)]
    Environment(#[from] EnvError),
    /// A file of recordings.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The recordings are not what the settings need.
    #[error("{problem}")]
    Unfit {
        /// What is wrong.
        problem: String,
    },
}
