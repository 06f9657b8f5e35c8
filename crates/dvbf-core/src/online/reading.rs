//! A read-out to a reference sensor behind a filter.

use crate::model::Dvbf;
use crate::readout::{Estimate, ReadoutInput, Reference, ReferenceState};
use dvbf_models::Cache;
use ndarray::{Array2, ArrayView2};
use std::sync::Arc;

/// A read-out with what it remembers, and the buffers that it needs.
#[derive(Debug)]
pub(super) struct Reading {
    reference: Arc<Reference>,
    state: ReferenceState,
    emission: Cache,
    /// `e(z) (1, X)`.
    shown: Array2<f32>,
}

impl Reading {
    pub(super) fn new(reference: Arc<Reference>, model: &Dvbf<f32>, dt: f64) -> Self {
        let mut emission = model.emission.scratch();
        model.emission.prepare(&mut emission);
        let state = reference.start(dt);
        Self { reference, state, emission, shown: Array2::zeros((1, model.observation())) }
    }

    /// The same read-out at the start of a sequence.
    pub(super) fn anew(&self, model: &Dvbf<f32>, dt: f64) -> Self {
        Self::new(Arc::clone(&self.reference), model, dt)
    }

    pub(super) fn reference(&self) -> &Arc<Reference> {
        &self.reference
    }

    pub(super) fn reset(&mut self) {
        self.state.reset();
    }

    /// The estimate of a step whose mean path is `state (1, Z)`.
    pub(super) fn read(&mut self, model: &Dvbf<f32>, state: ArrayView2<'_, f32>) -> Estimate {
        let reference = &*self.reference;
        match reference.input {
            ReadoutInput::State => {
                reference.step(&mut self.state, state.iter().copied().map(f64::from))
            }
            ReadoutInput::Channels => {
                model.emission.mean(state, self.shown.view_mut(), &mut self.emission);
                reference.step(&mut self.state, self.shown.iter().copied().map(f64::from))
            }
        }
    }

    pub(super) fn memory(&self) -> &ReferenceState {
        &self.state
    }

    pub(super) fn set_memory(&mut self, state: &ReferenceState) {
        self.state.clone_from(state);
    }
}
