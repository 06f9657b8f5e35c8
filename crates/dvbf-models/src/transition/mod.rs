//! Transitions `z' = f(z, u, w)`: what carries the latent state from one step to the next.
//!
//! Shapes: `z, z' (B, Z)`, `u (B, U)`, `w (B, W)`. Nothing observed enters a transition.

mod any;
mod locally_linear;
mod residual;

pub use any::{AnyTransition, AnyTransitionCache};
pub use locally_linear::{LocallyLinear, LocallyLinearCache};
pub use residual::{Residual, ResidualCache};

use dvbf_ops::Params;
use dvbf_tensor::Scalar;
use ndarray::{ArrayView2, ArrayViewMut2};
use std::fmt::Debug;

/// Sizes of a transition's arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransitionDims {
    /// `Z`.
    pub state: usize,
    /// `U`.
    pub control: usize,
    /// `W`.
    pub noise: usize,
}

/// A differentiable transition. Its gradient is a value of its own type.
///
/// A cache holds the rows of a whole sequence. `forward` writes block after block of them from row
/// zero on, `backward` pulls every block back once, and `accumulate` books the parameter gradients
/// of all rows. `prepare` comes first, and again after every change of the parameters.
pub trait Transition<S: Scalar>: Params<S> + Clone + Debug + Send + Sync {
    /// What the backward pass reads.
    type Cache: Debug + Send;

    /// Sizes of the arguments.
    fn dims(&self) -> TransitionDims;

    /// A cache for at most `rows` rows.
    fn cache(&self, rows: usize) -> Self::Cache;

    /// Brings the parameters into the layout of the products.
    fn prepare(&self, cache: &mut Self::Cache);

    /// Writes `z' = f(z, u, w)` and keeps rows `at..at + n`.
    fn forward(
        &self,
        at: usize,
        state: ArrayView2<'_, S>,
        control: ArrayView2<'_, S>,
        noise: ArrayView2<'_, S>,
        next: ArrayViewMut2<'_, S>,
        cache: &mut Self::Cache,
    );

    /// Pulls `dz'` back through rows `at..at + n`: adds to `dz` and `dw`.
    fn backward(
        &self,
        at: usize,
        dnext: ArrayView2<'_, S>,
        dstate: ArrayViewMut2<'_, S>,
        dnoise: ArrayViewMut2<'_, S>,
        cache: &mut Self::Cache,
    );

    /// Adds the parameter gradients of all rows to `grads`.
    fn accumulate(&self, cache: &mut Self::Cache, grads: &mut Self);
}
