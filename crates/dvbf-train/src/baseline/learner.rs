//! What training and evaluation need of a baseline.

use super::{Latent, Weights};
use dvbf_core::{Batch, Bound, Params, Scalar};
use ndarray::{Array2, ArrayView2};

/// A model that is trained on windows of sequences. Shapes as everywhere: rows `t·B + b`.
///
/// A pass needs a [`work`](Learner::work) that was [prepared](Learner::prepare) with the current
/// parameters. Noise `(T·B, W)` is an argument, in [`Batch::noise`].
pub trait Learner<S: Scalar>: Params<S> + Clone + Send + Sync {
    /// The buffers of a pass.
    type Work: Send;

    /// `W`, standard normal draws that a step takes.
    fn noise(&self) -> usize;

    /// Buffers for at most `sequences` sequences and `rows = T·B` rows.
    fn work(&self, sequences: usize, rows: usize) -> Self::Work;

    /// Packs the parameters; to be called after every change of them.
    fn prepare(&self, work: &mut Self::Work);

    /// Infers the [`state`](Learner::state) of every step from [`Batch::input`].
    fn recognize(&self, batch: &Batch<'_, S>, work: &mut Self::Work);

    /// Writes the terms of every sequence.
    fn bound(&self, batch: &Batch<'_, S>, work: &mut Self::Work, out: &mut Bound<S>);

    /// Writes the terms of every sequence and adds the gradient of `scale · Σ_b loss_b`.
    fn gradient(
        &self,
        batch: &Batch<'_, S>,
        weights: Weights<S>,
        work: &mut Self::Work,
        out: &mut Bound<S>,
        grads: &mut Self,
    );

    /// What the model knows at every step of the last pass, `(T·B, Z)`.
    fn state(work: &Self::Work) -> ArrayView2<'_, S>;
}

/// A model that predicts without looking.
pub trait Predictor<S: Scalar>: Learner<S> {
    /// Means of the frames that follow `observed (k·B, X)` of `sequences = B` sequences, `(h·B, X)`,
    /// under the controls `((k + h − 1)·B, U)`.
    fn predict(
        &self,
        sequences: usize,
        observed: ArrayView2<'_, S>,
        control: ArrayView2<'_, S>,
    ) -> Array2<S>;
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

    /// Samples, posterior, prior and likelihood of the last pass.
    fn latent(work: &Self::Work) -> &Latent<S>;
}
