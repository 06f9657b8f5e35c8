//! The learned model as a simulator: states and observations without looking, and the way back.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | forward | `z_{t+1} = f(z_t, u_t, w_t)` | |
//! | backward | `dz_t = (∂f/∂z)ᵀ dz_{t+1} + r_t`, `du_t = (∂f/∂u)ᵀ dz_{t+1}`, `dw_t = (∂f/∂w)ᵀ dz_{t+1}` | rows of all steps (cached) |
//!
//! with the cotangents `r_t` that a loss has at the states.

use crate::model::Dvbf;
use dvbf_models::{Cache, TransitionCotangents, TransitionInput};
use dvbf_tensor::Scalar;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};

/// Where a rollout begins and what acts on it.
#[derive(Clone, Copy, Debug)]
pub struct RolloutInput<'a, S> {
    /// `z₁ (B, Z)`.
    pub start: ArrayView2<'a, S>,
    /// Controls, `(T·B, U)`.
    pub control: ArrayView2<'a, S>,
    /// Noise, `(T·B, W)`; zero noise gives the mean prediction.
    pub noise: ArrayView2<'a, S>,
}

/// Cotangents of the arguments of a rollout; they are added to.
#[derive(Debug)]
pub struct RolloutCotangents<'a, S> {
    /// Of `z₁ (B, Z)`.
    pub start: ArrayViewMut2<'a, S>,
    /// Of the controls, `(T·B, U)`.
    pub control: ArrayViewMut2<'a, S>,
    /// Of the noise, `(T·B, W)`.
    pub noise: ArrayViewMut2<'a, S>,
}

/// Buffers of a rollout of a fixed number of sequences.
#[derive(Debug)]
pub struct Rollout<S: Scalar> {
    transition: Cache,
    emission: Cache,
    sequences: usize,
    /// Steps that are kept for the way back; none if the buffers hold one step.
    kept: Option<usize>,
    /// Cotangents of the state before and after a step.
    dstate: [Array2<S>; 2],
}

impl<S: Scalar> Rollout<S> {
    /// Buffers for `sequences` sequences, prepared with the parameters of `model`.
    pub fn new(model: &Dvbf<S>, sequences: usize) -> Self {
        Self::with_rows(model, sequences, None)
    }

    /// Buffers that keep up to `steps` steps, so that a rollout can be
    /// [pulled back](Self::pull_back).
    pub fn keeping(model: &Dvbf<S>, sequences: usize, steps: usize) -> Self {
        Self::with_rows(model, sequences, Some(steps))
    }

    fn with_rows(model: &Dvbf<S>, sequences: usize, kept: Option<usize>) -> Self {
        let mut transition = model.transition.cache(sequences * kept.unwrap_or(1));
        let mut emission = model.emission.scratch();
        model.transition.prepare(&mut transition);
        model.emission.prepare(&mut emission);
        let rows = if kept.is_some() { sequences } else { 0 };
        let dstate = || Array2::zeros((rows, model.transition.dims().state));
        Self { transition, emission, sequences, kept, dstate: [dstate(), dstate()] }
    }

    /// States after each control: row `t·B + b` is `z_{t+2}` of sequence `b`.
    ///
    /// # Panics
    /// If the shapes disagree, or more steps are to be kept than there is room for.
    #[track_caller]
    pub fn states(&mut self, model: &Dvbf<S>, input: RolloutInput<'_, S>) -> Array2<S> {
        let RolloutInput { start, control, noise } = input;
        let n = self.sequences;
        assert_eq!(start.nrows(), n, "start states against sequences");
        assert_eq!(control.nrows() % n, 0, "controls are whole steps");
        assert_eq!(control.nrows(), noise.nrows(), "controls against noise");
        let steps = control.nrows() / n;
        assert!(self.kept.is_none_or(|kept| steps <= kept), "{steps} steps are too many to keep");
        let mut states = Array2::zeros((control.nrows(), start.ncols()));
        let mut now = start.to_owned();
        for at in (0..control.nrows()).step_by(n) {
            let rows = s![at..at + n, ..];
            let mut next = states.slice_mut(rows);
            let input = TransitionInput {
                state: now.view(),
                control: control.slice(rows),
                noise: noise.slice(rows),
            };
            let row = if self.kept.is_some() { at } else { 0 };
            model.transition.forward(row, input, next.view_mut(), &mut self.transition);
            now.assign(&next);
        }
        states
    }

    /// Pulls cotangents of the states of the last [`states`](Self::states), `(T·B, Z)`, back over
    /// the whole horizon. The parameters stay out.
    ///
    /// # Panics
    /// If the shapes disagree, or nothing was [kept](Self::keeping).
    #[track_caller]
    pub fn pull_back(
        &mut self,
        model: &Dvbf<S>,
        dstates: ArrayView2<'_, S>,
        mut out: RolloutCotangents<'_, S>,
    ) {
        assert!(self.kept.is_some(), "a rollout that keeps its steps can be pulled back");
        let n = self.sequences;
        let [later, now] = &mut self.dstate;
        later.fill(S::ZERO);
        for at in (0..dstates.nrows()).step_by(n).rev() {
            let rows = s![at..at + n, ..];
            *later += &dstates.slice(rows);
            now.fill(S::ZERO);
            let cotangents = TransitionCotangents {
                state: now.view_mut(),
                control: Some(out.control.slice_mut(rows)),
                noise: out.noise.slice_mut(rows),
            };
            model.transition.backward(at, later.view(), cotangents, &mut self.transition);
            std::mem::swap(later, now);
        }
        out.start += &*later;
    }

    /// Means of the observations of `state (R, Z)`, written to `mean (R, X)`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn observe(
        &mut self,
        model: &Dvbf<S>,
        state: ArrayView2<'_, S>,
        mean: ArrayViewMut2<'_, S>,
    ) {
        model.emission.mean(state, mean, &mut self.emission);
    }

    /// Pulls cotangents of the means at `state`, `(R, X)`, back to `dstate (R, Z)`, and adds them
    /// there.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn observe_backward(
        &mut self,
        model: &Dvbf<S>,
        state: ArrayView2<'_, S>,
        dmean: ArrayView2<'_, S>,
        dstate: ArrayViewMut2<'_, S>,
    ) {
        model.emission.mean_backward(state, dmean, dstate, &mut self.emission);
    }
}
