//! From states to controls.

mod actor;
mod greedy;
mod planner;

pub use actor::Actor;
pub use greedy::Greedy;
pub use planner::{Planner, PlannerSettings};

use crate::error::ControlError;
use dvbf_tensor::Scalar;
use ndarray::{ArrayView2, ArrayViewMut2};

/// What chooses controls. No implementation here allocates in `act`.
pub trait Policy<S: Scalar> {
    /// `(Z, U)`.
    fn sizes(&self) -> (usize, usize);

    /// Writes `u (N, U)` for `states (N, Z)`.
    ///
    /// # Errors
    /// If a state, or what is computed from it, is not finite; `controls` is unspecified then.
    ///
    /// # Panics
    /// If the shapes disagree.
    fn act(
        &mut self,
        states: ArrayView2<'_, S>,
        controls: ArrayViewMut2<'_, S>,
    ) -> Result<(), ControlError>;

    /// Forgets what it remembers of earlier steps, if it does: a new sequence begins.
    fn reset(&mut self);
}

/// What every policy asks of a batch before it begins.
#[track_caller]
pub(crate) fn check_act<S: Scalar>(
    (state, control): (usize, usize),
    states: ArrayView2<'_, S>,
    controls: &ArrayViewMut2<'_, S>,
) -> Result<(), ControlError> {
    assert_eq!(states.ncols(), state, "columns of states against the policy");
    assert_eq!(controls.dim(), (states.nrows(), control), "controls against states and the policy");
    crate::scale::check_finite("the state", states)
}
