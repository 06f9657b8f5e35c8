//! The learned model as a simulator: states and observations without looking.

use crate::model::Dvbf;
use dvbf_models::{EmissionScratch, Transition};
use dvbf_tensor::Scalar;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};

/// Buffers of a rollout of a fixed number of sequences.
#[derive(Debug)]
pub struct Rollout<S: Scalar, T: Transition<S>> {
    transition: T::Cache,
    emission: EmissionScratch<S>,
    sequences: usize,
}

impl<S: Scalar, T: Transition<S>> Rollout<S, T> {
    /// Buffers for `sequences` sequences, prepared with the parameters of `model`.
    pub fn new(model: &Dvbf<S, T>, sequences: usize) -> Self {
        let mut transition = model.transition.cache(sequences);
        let mut emission = model.emission.scratch();
        model.transition.prepare(&mut transition);
        model.emission.prepare(&mut emission);
        Self { transition, emission, sequences }
    }

    /// States after each control: row `t·B + b` is `z_{t+2}` for the start `z_1 = start (B, Z)`,
    /// controls `(T·B, U)` and noise `(T·B, W)`. Zero noise gives the mean prediction.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn states(
        &mut self,
        model: &Dvbf<S, T>,
        start: ArrayView2<'_, S>,
        control: ArrayView2<'_, S>,
        noise: ArrayView2<'_, S>,
    ) -> Array2<S> {
        let n = self.sequences;
        assert_eq!(start.nrows(), n, "start states against sequences");
        assert_eq!(control.nrows() % n, 0, "controls are whole steps");
        assert_eq!(control.nrows(), noise.nrows(), "controls against noise");
        let mut states = Array2::zeros((control.nrows(), start.ncols()));
        let mut now = start.to_owned();
        for at in (0..control.nrows()).step_by(n) {
            let rows = s![at..at + n, ..];
            let mut next = states.slice_mut(rows);
            let cache = &mut self.transition;
            let (u, w) = (control.slice(rows), noise.slice(rows));
            model.transition.forward(0, now.view(), u, w, next.view_mut(), cache);
            now.assign(&next);
        }
        states
    }

    /// Means of the observations of `state (R, Z)`, written to `mean (R, X)`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn observe(
        &mut self,
        model: &Dvbf<S, T>,
        state: ArrayView2<'_, S>,
        mean: ArrayViewMut2<'_, S>,
    ) {
        model.emission.mean(state, mean, &mut self.emission);
    }
}
