//! What a training needs of a model.

use crate::settings::TrainingSettings;
use dvbf_core::{Batch, Bound, DreamInput, GradientOptions, Params, Scalar};
use dvbf_data::settings::ValueError;
use ndarray::ArrayView2;
use std::fmt;

/// A model that is trained on windows of sequences. Shapes as everywhere: rows `t·B + b`.
///
/// A pass needs a [`work`](Learner::work) that was [prepared](Learner::prepare) with the current
/// parameters. Noise `(T·B, W)` is an argument, in [`Batch::noise`]. What [`Batch::mask`] hides does not
/// exist: whatever value stands there, NaN included, no result has another bit.
pub trait Learner<S: Scalar>: Params<S> + Clone + fmt::Debug + Send + Sync {
    /// The buffers of a pass.
    type Work: fmt::Debug + Send;

    /// What a file of the model holds beside its parameters; `()` if there is no such file.
    type Facts: fmt::Debug + Send;

    /// Values of a gradient whose squares are summed one after the other for its norm. The order of a
    /// sum decides its last bits, so figures belong to it.
    const NORM_PIECE: usize = usize::MAX;

    /// Refuses settings of a training that this kind of model cannot have.
    ///
    /// # Errors
    /// Names the first of them.
    fn check(training: &TrainingSettings) -> Result<(), ValueError>;

    /// `W`, standard normal draws that a step takes.
    fn noise(&self) -> usize;

    /// Frames that a network of their own starts the state with; it reads [`Batch::start`].
    fn start_frames(&self) -> usize {
        0
    }

    /// Buffers for at most `sequences` sequences and `rows = T·B` rows.
    fn work(&self, sequences: usize, rows: usize) -> Self::Work;

    /// Buffers like [`work`](Self::work) for passes of `held` sequences in all before
    /// [`finish`](Self::finish).
    fn holding(&self, sequences: usize, rows: usize, held: usize) -> Self::Work {
        let _ = held;
        self.work(sequences, rows)
    }

    /// Packs the parameters; to be called after every change of them.
    fn prepare(&self, work: &mut Self::Work);

    /// Infers the [`state`](Learner::state) of every step from [`Batch::input`].
    fn recognize(&self, batch: &Batch<'_, S>, work: &mut Self::Work);

    /// Writes the terms of every sequence.
    fn bound(&self, batch: &Batch<'_, S>, work: &mut Self::Work, out: &mut Bound<S>);

    /// Writes the terms of every sequence and adds the gradient of `scale · Σ_b loss_b`, which is
    /// complete after [`finish`](Self::finish).
    fn gradient(
        &self,
        batch: &Batch<'_, S>,
        options: GradientOptions<S>,
        work: &mut Self::Work,
        out: &mut Bound<S>,
        grads: &mut Self,
    );

    /// Learns from what the model itself draws, as [`Dvbf::held_dream`](dvbf_core::Dvbf::held_dream) does;
    /// complete after [`finish`](Self::finish). Called only if [`check`](Self::check) admits
    /// [`TrainingSettings::dream`].
    fn dream(&self, input: DreamInput<'_, S>, scale: S, work: &mut Self::Work) {
        let _ = (input, scale, work);
    }

    /// Adds what the passes since the last call held back.
    fn finish(&self, work: &mut Self::Work, grads: &mut Self) {
        let _ = (work, grads);
    }

    /// What the model knows at every step of the last pass, `(T·B, Z)`.
    fn state(work: &Self::Work) -> ArrayView2<'_, S>;

    /// Multiplies the weights of the recognition networks, not their biases, by `factor`.
    ///
    /// # Panics
    /// If [`check`](Self::check) refuses a decay of weights.
    fn decay(&mut self, factor: S);
}
