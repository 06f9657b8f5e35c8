//! A learned transition as mean dynamics, in the coordinates that networks see.
//!
//! A policy sees the features `φ(z)` of a latent state `z`, in which an angle is its sine and cosine and
//! never jumps. The state of these dynamics is `s = φ(z)`:
//!
//! | | equation |
//! |-|----------|
//! | step | `s' = φ(f(φ⁻¹(s), u, 0))`, angles by `atan2` |
//! | pull back | `dz' = (∂φ/∂z')ᵀ ds'`, `(dz, du) = (∂f)ᵀ dz'`, `ds = (∂φ⁻¹/∂s)ᵀ dz` |
//! | linearize | row `i` of both Jacobians is the pull-back of the unit vector `i` |
//! | follow | where `φ(z) = z` and the transition pushes derivatives forward: `J' = A J + B` |
//!
//! With the first two columns `(a, b) = (sin, cos)` of an angle, `∂ atan2(a, b) = (b da − a db)/(a² + b²)`.

use crate::dynamics::{Cotangents, Inputs, Linearization, MeanDynamics, Sensitivity};
use dvbf_core::{
    Feature, Features, Linearizer, Transition, TransitionDerivatives, TransitionDirections,
    TransitionInput, features_of,
};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};
use std::sync::Arc;

/// A transition without its noise.
#[derive(Clone, Debug)]
pub struct LearnedDynamics {
    transition: Arc<dyn Transition<f32>>,
    features: Features,
}

/// Buffers of a batch.
#[derive(Debug)]
pub struct LearnedWorkspace {
    linearizer: Linearizer<f32>,
    state: Array2<f32>,
    noise: Array2<f32>,
    shown: Array2<f32>,
    dshown: Array2<f32>,
    dcontrol: Array2<f32>,
    /// The directions of the controls, `(U, U)`.
    eye: Array2<f32>,
}

impl LearnedDynamics {
    /// The mean dynamics of this transition.
    pub fn new(transition: Arc<dyn Transition<f32>>) -> Self {
        let features = features_of(&transition.components());
        Self { transition, features }
    }

    /// How latent states are shown: `s = φ(z)`.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// Writes `z = φ⁻¹(s)`; an angle is one of those that mean the same.
    fn latent(&self, shown: ArrayView2<'_, f32>, mut state: ArrayViewMut2<'_, f32>) {
        let mut column = 0;
        for (i, kind) in self.features.kinds().iter().enumerate() {
            match kind {
                Feature::Angle => {
                    let (sines, cosines) = (shown.column(column), shown.column(column + 1));
                    for (to, (a, b)) in
                        state.column_mut(i).iter_mut().zip(sines.iter().zip(cosines))
                    {
                        *to = a.atan2(*b);
                    }
                }
                Feature::Hidden => state.column_mut(i).fill(0.0),
                Feature::CountedAngle => state.column_mut(i).assign(&shown.column(column)),
                Feature::Linear { scale } => {
                    let scale = narrow(*scale);
                    state
                        .column_mut(i)
                        .zip_mut_with(&shown.column(column), |to, s| *to = s * scale);
                }
            }
            column += kind.width();
        }
    }

    /// Adds the cotangent of `z = φ⁻¹(s)` to that of `s`.
    fn latent_backward(
        &self,
        shown: ArrayView2<'_, f32>,
        dstate: ArrayView2<'_, f32>,
        mut out: ArrayViewMut2<'_, f32>,
    ) {
        let mut column = 0;
        for (i, kind) in self.features.kinds().iter().enumerate() {
            for (row, d) in dstate.column(i).iter().enumerate() {
                match kind {
                    Feature::Angle => {
                        let (a, b) = (shown[[row, column]], shown[[row, column + 1]]);
                        let square = (a * a + b * b).max(f32::MIN_POSITIVE);
                        out[[row, column]] += d * b / square;
                        out[[row, column + 1]] -= d * a / square;
                    }
                    Feature::Hidden => {}
                    Feature::CountedAngle => out[[row, column]] += d,
                    Feature::Linear { scale } => out[[row, column]] += d * narrow(*scale),
                }
            }
            column += kind.width();
        }
    }

    /// `s'` into the workspace.
    fn forward(&self, at: Inputs<'_, f32>, work: &mut LearnedWorkspace) {
        let rows = s![..at.states.nrows(), ..];
        self.latent(at.states, work.state.slice_mut(rows));
        let input = TransitionInput {
            state: work.state.slice(rows),
            control: at.controls,
            noise: work.noise.slice(rows),
        };
        let next = work.linearizer.forward(&*self.transition, input);
        self.features.apply(next, work.shown.slice_mut(rows));
    }

    /// The pull-back of `dshown` in the workspace, after a forward pass.
    fn backward(
        &self,
        states: ArrayView2<'_, f32>,
        mut out: Cotangents<'_, f32>,
        work: &mut LearnedWorkspace,
    ) {
        let LearnedWorkspace { linearizer, shown, dshown, .. } = work;
        let rows = s![..states.nrows(), ..];
        let pulled = linearizer.pull_back(&*self.transition, states.nrows(), |dnext| {
            self.features.backward(shown.slice(rows), dshown.slice(rows), dnext);
        });
        out.controls += &pulled.control;
        self.latent_backward(states, pulled.state, out.states);
    }
}

impl MeanDynamics<f32> for LearnedDynamics {
    type Workspace = LearnedWorkspace;

    fn state_size(&self) -> usize {
        self.features.outputs()
    }

    fn control_size(&self) -> usize {
        self.transition.dims().control
    }

    fn workspace(&self, rows: usize) -> LearnedWorkspace {
        let dims = self.transition.dims();
        let zeros = |columns: usize| Array2::zeros((rows, columns));
        LearnedWorkspace {
            linearizer: Linearizer::new(&*self.transition, rows),
            state: zeros(dims.state),
            noise: zeros(dims.noise),
            shown: zeros(self.features.outputs()),
            dshown: zeros(self.features.outputs()),
            dcontrol: zeros(dims.control),
            eye: Array2::eye(dims.control),
        }
    }

    fn step(
        &self,
        at: Inputs<'_, f32>,
        mut next: ArrayViewMut2<'_, f32>,
        work: &mut LearnedWorkspace,
    ) {
        self.forward(at, work);
        next.assign(&work.shown.slice(s![..at.states.nrows(), ..]));
    }

    fn linearize(
        &self,
        at: Inputs<'_, f32>,
        mut out: Linearization<'_, f32>,
        work: &mut LearnedWorkspace,
    ) {
        let rows = s![..at.states.nrows(), ..];
        self.forward(at, work);
        out.next.assign(&work.shown.slice(rows));
        for i in 0..self.state_size() {
            work.dshown.slice_mut(rows).fill(0.0);
            work.dshown.slice_mut(rows).column_mut(i).fill(1.0);
            let mut by_state = out.state.slice_mut(s![.., i, ..]);
            let mut by_control = std::mem::take(&mut work.dcontrol);
            by_state.fill(0.0);
            by_control.fill(0.0);
            let to = Cotangents { states: by_state, controls: by_control.slice_mut(rows) };
            self.backward(at.states, to, work);
            out.control.slice_mut(s![.., i, ..]).assign(&by_control.slice(rows));
            work.dcontrol = by_control;
        }
    }

    fn follow(
        &self,
        at: Inputs<'_, f32>,
        out: Sensitivity<'_, f32>,
        work: &mut LearnedWorkspace,
    ) -> bool {
        if !self.features.is_identity() {
            return false;
        }
        let at = TransitionDirections {
            state: at.states,
            control: at.controls,
            dstate: out.before,
            dcontrol: work.eye.view(),
        };
        let out = TransitionDerivatives { next: out.next, dnext: out.after };
        work.linearizer.push_forward(&*self.transition, at, out)
    }

    fn pull_back(
        &self,
        at: Inputs<'_, f32>,
        dnext: ArrayView2<'_, f32>,
        out: Cotangents<'_, f32>,
        work: &mut LearnedWorkspace,
    ) {
        let rows = s![..at.states.nrows(), ..];
        self.forward(at, work);
        work.dshown.slice_mut(rows).assign(&dnext);
        self.backward(at.states, out, work);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "states are in single precision")]
fn narrow(value: f64) -> f32 {
    value as f32
}
