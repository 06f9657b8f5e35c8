//! Where the sets of a run come from, one at a time.

use super::{DataError, Sequences, Splits, read_recordings};
use crate::settings::{DataPlan, DataSettings, Source};
use dvbf_envs::Environment;

/// A set of a run. Settings are chosen on the validation sets; the test sets are read once, for the
/// final figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// What the parameters are fitted to.
    Train = 0,
    /// What settings are chosen on.
    Validation = 1,
    /// Long sequences for open-loop prediction on the validation set.
    ValidationLong = 2,
    /// What the final figures are computed on.
    Test = 3,
    /// Long sequences for open-loop prediction on the test set.
    TestLong = 4,
}

/// The sets of a run, none of which needs to be in memory longer than it is looked at.
///
/// Sequences of a simulated system are a pure function of the settings and are made again whenever
/// somebody looks at them; recordings from files are read and divided once.
#[derive(Debug)]
pub struct Supply {
    origin: Origin,
}

#[derive(Debug)]
enum Origin {
    Simulated { env: Box<dyn Environment>, data: DataSettings },
    Read(Box<Splits>),
}

impl Supply {
    /// The sets that the plan asks for; [settings of a run](DataPlan) are one.
    ///
    /// # Errors
    /// If a setting of the simulated system is impossible, or recordings cannot be read or are not
    /// what the settings need.
    pub fn open<'a>(plan: impl Into<DataPlan<'a>>) -> Result<Self, DataError> {
        let plan = plan.into();
        let origin = if let Source::Recordings(recordings) = plan.source {
            Origin::Read(Box::new(Splits::recorded(&read_recordings(recordings)?, plan)?))
        } else {
            match plan.source.environment()? {
                Some(env) => Origin::Simulated { env, data: plan.data.clone() },
                None => {
                    return Err(DataError::Unfit { problem: "the settings name no data".into() });
                }
            }
        };
        Ok(Self { origin })
    }

    /// The sequences of a set.
    pub fn sequences(&self, set: Set) -> Sequences<'_> {
        match &self.origin {
            Origin::Simulated { env, data } => simulated(env.as_ref(), data, set),
            Origin::Read(splits) => Sequences::Held(match set {
                Set::Train => &splits.train,
                Set::Validation => &splits.validation,
                Set::ValidationLong => &splits.validation_long,
                Set::Test => &splits.test,
                Set::TestLong => &splits.test_long,
            }),
        }
    }

    /// The simulated system; `None` if the sets come from files.
    pub fn environment(&self) -> Option<&dyn Environment> {
        match &self.origin {
            Origin::Simulated { env, .. } => Some(env.as_ref()),
            Origin::Read(_) => None,
        }
    }

    /// The sets that were read from files; `None` if they are simulated.
    pub fn recorded(&self) -> Option<&Splits> {
        match &self.origin {
            Origin::Simulated { .. } => None,
            Origin::Read(splits) => Some(splits),
        }
    }

    /// All sets at once.
    pub fn into_splits(self) -> Splits {
        match self.origin {
            Origin::Simulated { env, data } => Splits::simulate(env.as_ref(), &data),
            Origin::Read(splits) => *splits,
        }
    }
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

/// The sequences of a simulated set.
fn simulated<'a>(env: &'a dyn Environment, data: &DataSettings, set: Set) -> Sequences<'a> {
    let (count, steps) = match set {
        Set::Train => (data.train, data.steps),
        Set::Validation => (data.validation, data.steps),
        Set::ValidationLong => (data.validation, data.long_steps),
        Set::Test => (data.test, data.steps),
        Set::TestLong => (data.test, data.long_steps),
    };
    // Every set has a seed of its own; sixteen are reserved for a data seed.
    let seed = data.seed.wrapping_mul(16).wrapping_add(set as u64);
    Sequences::Simulated { env, count, steps, seed }
}
