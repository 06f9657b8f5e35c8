//! The optimizer that the settings name.

use crate::settings::OptimizerKind;
use dvbf_core::{Adam, RmsProp};
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

    /// Which optimizer it is.
    pub fn kind(&self) -> OptimizerKind {
        match self {
            Self::Adam(_) => OptimizerKind::Adam,
            Self::RmsProp(_) => OptimizerKind::Rmsprop,
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
