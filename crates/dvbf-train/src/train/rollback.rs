//! The last good state of a training, to which it returns when its gradient stays not finite.

use super::{Optimizer, TrainerState};
use dvbf_core::{Dvbf, Params};
use serde::{Deserialize, Serialize};

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
    pub(super) fn of(model: &Dvbf<f32>, state: &TrainerState) -> Self {
        Self {
            step: state.step,
            values: model.to_flat(),
            optimizer: state.optimizer.clone(),
            average: state.average.clone(),
        }
    }

    /// Whether it is a state of `count` parameters with this kind of average.
    pub(super) fn fits(&self, count: usize, state: &TrainerState) -> bool {
        self.values.len() == count
            && self.optimizer.count() == count
            && self.optimizer.kind() == state.optimizer.kind()
            && self.average.len() == state.average.len()
    }

    /// Puts parameters, moments and average back. Updates go on counting, so that other batches and
    /// other noise follow than those that led away.
    pub(super) fn restore(&self, model: &mut Dvbf<f32>, state: &mut TrainerState) {
        model.set_flat(&self.values);
        state.optimizer = self.optimizer.clone();
        state.average.clone_from(&self.average);
        state.skipped = 0;
        state.rollbacks += 1;
    }
}
