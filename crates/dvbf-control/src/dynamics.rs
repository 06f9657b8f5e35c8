//! What an estimator needs of a model: its mean transition and two derivatives of it.
//!
//! Shapes: states `z (N, Z)`, controls `u (N, U)`. With `z' = f(z, u)`, the transition without noise:
//!
//! | | equation |
//! |-|----------|
//! | [`step`](MeanDynamics::step) | `z' = f(z, u)` |
//! | [`linearize`](MeanDynamics::linearize) | `A = ∂f/∂z (N, Z, Z)`, `B = ∂f/∂u (N, Z, U)` |
//! | [`follow`](MeanDynamics::follow) | `J' = A J + B (N, Z, U)`, one derivative for each control |
//! | [`pull_back`](MeanDynamics::pull_back) | `dz += Aᵀ dz'`, `du += Bᵀ dz'` |

use dvbf_tensor::Scalar;
use ndarray::{ArrayView2, ArrayView3, ArrayViewMut2, ArrayViewMut3};
use std::sync::Arc;

/// Where the dynamics are evaluated: `N` states and the controls that act on them.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a, S> {
    /// `z (N, Z)`.
    pub states: ArrayView2<'a, S>,
    /// `u (N, U)`.
    pub controls: ArrayView2<'a, S>,
}

/// Where a linearization is written. The layout in memory is the caller's: estimators let the
/// rows of one entry lie side by side.
#[derive(Debug)]
pub struct Linearization<'a, S> {
    /// `z' (N, Z)`.
    pub next: ArrayViewMut2<'a, S>,
    /// `∂z'/∂z (N, Z, Z)`, the last axis being `z`.
    pub state: ArrayViewMut3<'a, S>,
    /// `∂z'/∂u (N, Z, U)`, the last axis being `u`.
    pub control: ArrayViewMut3<'a, S>,
}

/// How states move with a control that is held since some step before: `J = ∂z/∂a`.
#[derive(Debug)]
pub struct Sensitivity<'a, S> {
    /// `J (N, Z, U)` before the step.
    pub before: ArrayView3<'a, S>,
    /// Where `z' (N, Z)` is written.
    pub next: ArrayViewMut2<'a, S>,
    /// Where `J' (N, Z, U)` is written.
    pub after: ArrayViewMut3<'a, S>,
}

/// Where a cotangent is pulled back to.
#[derive(Debug)]
pub struct Cotangents<'a, S> {
    /// `dz (N, Z)`, added to.
    pub states: ArrayViewMut2<'a, S>,
    /// `du (N, U)`, added to.
    pub controls: ArrayViewMut2<'a, S>,
}

/// The transition of a model without its noise. No method allocates.
///
/// # Panics
/// All methods, if the shapes disagree or the workspace is for fewer rows.
pub trait MeanDynamics<S: Scalar> {
    /// Buffers of one batch.
    type Workspace: Send;

    /// `Z`.
    fn state_size(&self) -> usize;

    /// `U`.
    fn control_size(&self) -> usize;

    /// Buffers for at most `rows` rows, made once and reused.
    fn workspace(&self, rows: usize) -> Self::Workspace;

    /// Writes `z' (N, Z)`.
    fn step(&self, at: Inputs<'_, S>, next: ArrayViewMut2<'_, S>, workspace: &mut Self::Workspace);

    /// Writes `z'` and both Jacobians.
    fn linearize(
        &self,
        at: Inputs<'_, S>,
        out: Linearization<'_, S>,
        workspace: &mut Self::Workspace,
    );

    /// Writes `z'` and `J' = A J + B` without the Jacobians themselves, which costs a derivative for each
    /// control instead of one for each component of the state. False, and nothing is written, if the
    /// dynamics do not do this; then they are linearized.
    fn follow(
        &self,
        at: Inputs<'_, S>,
        out: Sensitivity<'_, S>,
        workspace: &mut Self::Workspace,
    ) -> bool {
        let _ = (at, out, workspace);
        false
    }

    /// Adds the pull-back of `dnext (N, Z)` to the cotangents of states and controls.
    fn pull_back(
        &self,
        at: Inputs<'_, S>,
        dnext: ArrayView2<'_, S>,
        out: Cotangents<'_, S>,
        workspace: &mut Self::Workspace,
    );
}

/// Passes every method on to what the pointer points to.
macro_rules! through {
    ($pointer:ty) => {
        impl<S: Scalar, D: MeanDynamics<S>> MeanDynamics<S> for $pointer {
            type Workspace = D::Workspace;

            fn state_size(&self) -> usize {
                (**self).state_size()
            }
            fn control_size(&self) -> usize {
                (**self).control_size()
            }
            fn workspace(&self, rows: usize) -> D::Workspace {
                (**self).workspace(rows)
            }
            fn step(&self, at: Inputs<'_, S>, next: ArrayViewMut2<'_, S>, w: &mut D::Workspace) {
                (**self).step(at, next, w);
            }
            fn linearize(
                &self,
                at: Inputs<'_, S>,
                out: Linearization<'_, S>,
                w: &mut D::Workspace,
            ) {
                (**self).linearize(at, out, w);
            }
            fn follow(
                &self,
                at: Inputs<'_, S>,
                out: Sensitivity<'_, S>,
                w: &mut D::Workspace,
            ) -> bool {
                (**self).follow(at, out, w)
            }
            fn pull_back(
                &self,
                at: Inputs<'_, S>,
                dnext: ArrayView2<'_, S>,
                out: Cotangents<'_, S>,
                w: &mut D::Workspace,
            ) {
                (**self).pull_back(at, dnext, out, w);
            }
        }
    };
}

through!(&D);
through!(Arc<D>);
