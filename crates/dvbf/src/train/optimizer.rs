//! The optimizer that the settings name.

use crate::settings::OptimizerKind;
use dvbf_core::{Adam, Dvbf, RmsProp};
use serde::{Deserialize, Serialize};

/// One of the optimizers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Optimizer {
    /// [`Adam`].
    Adam(Adam<f32>),
    /// [`RmsProp`].
    RmsProp(RmsProp<f32>),
}

impl Optimizer {
    /// The optimizer `kind` for `count` parameters.
    pub fn new(kind: OptimizerKind, count: usize) -> Self {
        match kind {
            OptimizerKind::Adam => Self::Adam(Adam::new(count)),
            OptimizerKind::Rmsprop => Self::RmsProp(RmsProp::new(count, 0.9, 1e-4)),
        }
    }

    /// Moves the parameters against `scale · gradient`.
    pub fn update(&mut self, model: &mut Dvbf<f32>, gradient: &[f32], scale: f32, rate: f64) {
        match self {
            Self::Adam(adam) => adam.update(model, gradient, scale, rate),
            Self::RmsProp(rmsprop) => rmsprop.update(model, gradient, scale, rate),
        }
    }

    /// Number of parameters that the state is for.
    pub fn count(&self) -> usize {
        match self {
            Self::Adam(adam) => adam.count(),
            Self::RmsProp(rmsprop) => rmsprop.count(),
        }
    }
}
