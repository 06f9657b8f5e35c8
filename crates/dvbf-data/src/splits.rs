//! Sequences split into training, validation and test sets.

use super::supply::simulated;
use super::{Dataset, RecordingError, Set, Supply};
use crate::settings::{DataPlan, DataSettings};
use dvbf_envs::{EnvError, Environment};

/// All sequences of a run at once, [set](Set) by set; a [`Supply`] has them one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Splits {
    /// [`Set::Train`].
    pub train: Dataset,
    /// [`Set::Validation`].
    pub validation: Dataset,
    /// [`Set::ValidationLong`].
    pub validation_long: Dataset,
    /// [`Set::Test`].
    pub test: Dataset,
    /// [`Set::TestLong`].
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

impl Splits {
    /// Makes the sequences that the plan asks for; [settings of a run](DataPlan) are one.
    ///
    /// # Errors
    /// If a setting of the simulated system is impossible, or recordings cannot be read or are not
    /// what the settings need.
    pub fn make<'a>(plan: impl Into<DataPlan<'a>>) -> Result<Self, DataError> {
        Supply::open(plan).map(Supply::into_splits)
    }

    /// Records a simulated system.
    pub fn simulate(env: &dyn Environment, data: &DataSettings) -> Self {
        let make = |set| simulated(env, data, set).all().into_owned();
        Self {
            train: make(Set::Train),
            validation: make(Set::Validation),
            validation_long: make(Set::ValidationLong),
            test: make(Set::Test),
            test_long: make(Set::TestLong),
            notes: None,
        }
    }
}
