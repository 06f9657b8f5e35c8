//! Sequences split into training, validation and test sets.

use super::Dataset;
use crate::settings::{DataSettings, Settings};
use dvbf_envs::{EnvError, Environment, record};

/// The sequences of a run. Settings are chosen on the validation sets; the test sets are read
/// once, for the final figures.
#[derive(Clone, Debug)]
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
}

/// Why there are no sequences.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A setting of the simulated system.
    #[error(transparent)]
    Environment(#[from] EnvError),
}

impl Splits {
    /// Makes the sequences that the settings ask for.
    ///
    /// # Errors
    /// If a setting of the simulated system is impossible.
    pub fn make(settings: &Settings) -> Result<Self, DataError> {
        let env = settings.source().environment()?;
        Ok(Self::simulate(env.as_ref(), &settings.data))
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
        }
    }
}
