//! What the bound is computed on, and how its terms are weighted.

use dvbf_tensor::Scalar;
use ndarray::{ArrayView1, ArrayView2};

/// `B` sequences of `T` steps, time-major and flat: row `t·B + b` is step `t` of sequence `b`.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a, S> {
    /// `B`.
    pub sequences: usize,
    /// What the recognition networks see, `(T·B, X)`; may carry added noise.
    pub input: ArrayView2<'a, S>,
    /// What the initial state's network sees instead of the first rows of `input`: its first
    /// `min(k, T)·B` rows, `(≥ …, X)`.
    pub start: Option<ArrayView2<'a, S>>,
    /// What the likelihood is taken of, `(T·B, X)`.
    pub target: ArrayView2<'a, S>,
    /// One where a channel was observed, `(T·B, X)`; everything was without a mask. Masked values
    /// may be anything, NaN included. The recognition network sees masked channels as zeros: a step
    /// of which nothing was observed is also to have `seen` zero.
    pub mask: Option<ArrayView2<'a, S>>,
    /// One where the recognition network is used and zero where the step follows the prior,
    /// `(T·B)`. Step `t` of a sequence says how its state at `t` was inferred; the rows of the
    /// first step are not read.
    pub seen: ArrayView1<'a, S>,
    /// `u (T·B, U)`; the last step's is not read.
    pub control: ArrayView2<'a, S>,
    /// Standard normal draws, `(T·B, W)`.
    pub noise: ArrayView2<'a, S>,
}

impl<S: Scalar> Batch<'_, S> {
    /// `T`.
    ///
    /// # Panics
    /// If the arrays disagree about `T·B`, or there is no sequence or no step.
    #[track_caller]
    pub fn steps(&self) -> usize {
        let rows = self.input.nrows();
        assert!(self.sequences > 0 && rows > 0, "at least one sequence with one step");
        assert_eq!(rows % self.sequences, 0, "rows are whole steps");
        assert_eq!(self.target.dim(), self.input.dim(), "targets against inputs");
        assert_eq!(self.seen.len(), rows, "seen flags against rows");
        assert_eq!(self.control.nrows(), rows, "controls against rows");
        assert_eq!(self.noise.nrows(), rows, "noise against rows");
        if let Some(start) = self.start {
            assert_eq!(start.ncols(), self.input.ncols(), "start against inputs");
            assert!(
                start.nrows() <= rows && start.nrows() % self.sequences == 0,
                "rows of the start"
            );
        }
        if let Some(mask) = self.mask {
            assert_eq!(mask.dim(), self.input.dim(), "mask against inputs");
        }
        rows / self.sequences
    }
}

/// Weights of the terms of the loss of a sequence,
/// `−likelihood · ln p(x | z) + kl · E_q[ln q(w) − prior · ln p(w)]`.
///
/// The tempered bound of Karl et al. 2017, eq. 10', with constant `c` is
/// `{likelihood: c, prior: c, kl: 1}`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective<S> {
    /// Weight of the log-likelihood.
    pub likelihood: S,
    /// Weight of `ln p(w)` inside the divergence.
    pub prior: S,
    /// Weight of the divergence.
    pub kl: S,
}

impl<S: Scalar> Objective<S> {
    /// The evidence lower bound itself.
    pub const BOUND: Self = Self { likelihood: S::ONE, prior: S::ONE, kl: S::ONE };
}
