//! What evaluation needs of a model.

use crate::train::Learner;
use dvbf_core::{Bound, Scalar};
use ndarray::{Array2, ArrayView1, ArrayView2};

/// Sequences whose beginnings were seen, time-major. Shapes: rows `t·B + b`, `k` steps were seen.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a, S> {
    /// `B`.
    pub sequences: usize,
    /// Observations `(k·B, X)`.
    pub observed: ArrayView2<'a, S>,
    /// One where a channel was observed, `(k·B, X)`; everything was without a mask.
    pub mask: Option<ArrayView2<'a, S>>,
    /// One for every step of which anything was observed, `(k·B)`.
    pub seen: ArrayView1<'a, S>,
    /// Controls `((k + h − 1)·B, U)`.
    pub control: ArrayView2<'a, S>,
}

/// A model that predicts without looking.
pub trait Predictor<S: Scalar>: Learner<S> {
    /// Means of the `h` frames that follow what was seen, `(h·B, X)`.
    fn predict(&self, seen: &Seen<'_, S>) -> Array2<S>;
}

/// What a density of sequences is a product of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factors {
    /// Frames are independent of each other.
    Frames,
    /// Sequences are.
    Sequences,
}

/// A model with a density of what is seen, of which importance samples can be taken.
pub trait Generative<S: Scalar>: Learner<S> {
    /// What the density factorizes into.
    fn factors(&self) -> Factors;

    /// `ln p(x, z) − ln q(z)` of every factor at the sample of the last pass, which had this `noise
    /// (T·B, W)` and gave `bound`: of every sequence, or of every frame as rows `t·B + b`.
    fn log_weights(work: &Self::Work, bound: &Bound<S>, noise: ArrayView2<'_, S>) -> Vec<f64>;
}
