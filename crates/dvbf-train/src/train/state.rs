//! What a training must remember besides the parameters, and the last good state, to which it returns
//! when its gradient is not finite for too many updates in a row.

use super::{Optimizer, Totals};
use crate::settings::{TrainingPlan, TrainingSettings};
use dvbf_core::Params;
use serde::{Deserialize, Serialize};

/// The state of a training at an update. Random streams are functions of seed and update, so the
/// number of the update is their position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainerState {
    /// The seed that the training draws from.
    pub seed: u64,
    /// Updates that were made.
    pub step: u64,
    /// Updates in a row that were skipped.
    pub skipped: u64,
    /// Returns to the last good state so far; each one halves the learning rate.
    pub rollbacks: u64,
    /// The best score on the validation set; lower is better.
    pub best_score: f64,
    /// Sums since the last log record.
    pub totals: Totals,
    /// Moments of the optimizer.
    pub optimizer: Optimizer,
    /// Running average of the parameters; empty without one.
    pub average: Vec<f32>,
    /// The last good state, where it is another than this one.
    pub good: Option<GoodState>,
}

impl TrainerState {
    /// The state before the first update of parameters `values`.
    pub fn new(settings: &TrainingSettings, seed: u64, values: &[f32]) -> Self {
        Self {
            seed,
            step: 0,
            skipped: 0,
            rollbacks: 0,
            best_score: f64::INFINITY,
            totals: Totals::default(),
            optimizer: Optimizer::new(settings.optimizer, values.len()),
            average: if settings.average > 0.0 { values.to_vec() } else { Vec::new() },
            good: None,
        }
    }

    /// The state as bytes, for [`dvbf_core::ModelFile::trainer`].
    ///
    /// # Panics
    /// Never: the state is plain data.
    pub fn encode(&self) -> Vec<u8> {
        dvbf_core::encode(self).expect("the state is plain data")
    }

    /// The state in the bytes of a checkpoint; `None` if they are not a state for `count`
    /// parameters.
    pub fn decode(bytes: &[u8], count: usize) -> Option<Self> {
        let state: Self = dvbf_core::decode(bytes).ok()?;
        let averaged = state.average.is_empty() || state.average.len() == count;
        let good = state.good.as_ref().is_none_or(|good| good.fits(count, &state));
        (state.optimizer.count() == count && averaged && good).then_some(state)
    }

    /// The key of a setting that this state does not belong to, if there is one.
    pub fn mismatch<'a>(&self, plan: impl Into<TrainingPlan<'a>>) -> Option<&'static str> {
        let TrainingPlan { seed, training, .. } = plan.into();
        if self.seed != seed {
            Some("seed")
        } else if self.optimizer.kind() != training.optimizer {
            Some("training.optimizer")
        } else if self.average.is_empty() == (training.average > 0.0) {
            Some("training.average")
        } else {
            None
        }
    }
}

/// Parameters with what belongs to them after an update that was applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GoodState {
    /// Updates that had been made.
    pub step: u64,
    values: Vec<f32>,
    optimizer: Optimizer,
    average: Vec<f32>,
}

impl GoodState {
    /// The present state.
    pub(super) fn of(model: &impl Params<f32>, state: &TrainerState) -> Self {
        Self {
            step: state.step,
            values: model.to_flat(),
            optimizer: state.optimizer.clone(),
            average: state.average.clone(),
        }
    }

    /// Whether it is a state of `count` parameters with this kind of average.
    fn fits(&self, count: usize, state: &TrainerState) -> bool {
        self.values.len() == count
            && self.optimizer.count() == count
            && self.optimizer.kind() == state.optimizer.kind()
            && self.average.len() == state.average.len()
    }

    /// Puts parameters, moments and average back. Updates go on counting, so that other batches and
    /// other noise follow than those that led away.
    pub(super) fn restore(&self, model: &mut impl Params<f32>, state: &mut TrainerState) {
        model.set_flat(&self.values);
        state.optimizer = self.optimizer.clone();
        state.average.clone_from(&self.average);
        state.skipped = 0;
        state.rollbacks += 1;
    }
}
