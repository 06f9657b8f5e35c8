//! What a simulator runs.

use crate::model::Dvbf;
use crate::online::Filter;
use crate::range::TrainingRange;
use crate::units::Units;
use std::sync::Arc;

/// What a simulator runs: a model and what is known of its recordings. Copies share the model.
#[derive(Clone, Debug)]
pub struct SimulatedModel {
    /// The model.
    pub model: Arc<Dvbf<f32>>,
    /// Units of observations and controls, where they are not those of the model.
    pub units: Option<Units>,
    /// The range of the states that the model was trained on, where somebody knows it.
    pub range: Option<Arc<TrainingRange>>,
}

impl SimulatedModel {
    /// The model alone: in its own units, its training range unknown.
    pub fn new(model: Arc<Dvbf<f32>>) -> Self {
        Self { model, units: None, range: None }
    }

    /// What `filter` runs, so that its beliefs can be starts.
    pub fn of(filter: &Filter) -> Self {
        Self {
            model: Arc::clone(filter.model()),
            units: filter.units().cloned(),
            range: filter.shared_range(),
        }
    }
}
