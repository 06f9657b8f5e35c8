//! Sequences split into training, validation and test sets.

use super::{Dataset, RecordingError, read_recordings};
use crate::settings::{DataSettings, Settings};
use dvbf_envs::{EnvError, Environment, record};
use std::borrow::Cow;

/// The sequences of a run. Settings are chosen on the validation sets; the test sets are read
/// once, for the final figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Splits {
    /// What the parameters are fitted to.
    pub train: Dataset,
    /// What settings are chosen on.
    pub validation: Dataset,
    /// Long sequences for open-loop prediction on the validation set.
    pub validation_long: Dataset,
    /// What the final figures are computed on.
    pub test: Dataset,
    /// Long sequences for open-loop prediction on the test set.
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
    /// Makes the sequences that the settings ask for.
    ///
    /// # Errors
    /// If a setting of the simulated system is impossible, or recordings cannot be read or are not
    /// what the settings need.
    pub fn make(settings: &Settings) -> Result<Self, DataError> {
        if let Some(recordings) = &settings.recordings {
            return Self::recorded(&read_recordings(recordings)?, settings);
        }
        match settings.source().environment()? {
            Some(env) => Ok(Self::simulate(env.as_ref(), &settings.data)),
            None => Err(DataError::Unfit { problem: "the settings name no data".into() }),
        }
    }

    /// The training sequences that read-outs of latent states are fitted to: the first 500.
    pub fn readout(&self) -> Cow<'_, Dataset> {
        const READOUT: usize = 500;
        if self.train.lengths.len() <= READOUT {
            Cow::Borrowed(&self.train)
        } else {
            Cow::Owned(self.train.first(READOUT))
        }
    }

    /// Records a simulated system.
    pub fn simulate(env: &dyn Environment, data: &DataSettings) -> Self {
        // Every split has a seed of its own; sixteen are reserved for a data seed.
        let make = |split: u64, count: usize, steps: usize| {
            record(env, count, steps, data.seed.wrapping_mul(16).wrapping_add(split)).into()
        };
        Self {
            train: make(0, data.train, data.steps),
            validation: make(1, data.validation, data.steps),
            validation_long: make(2, data.validation, data.long_steps),
            test: make(3, data.test, data.steps),
            test_long: make(4, data.test, data.long_steps),
            notes: None,
        }
    }
}
