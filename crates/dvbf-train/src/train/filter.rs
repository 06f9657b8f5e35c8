//! The Deep Variational Bayes Filter as something that is trained.

use super::Learner;
use crate::settings::TrainingSettings;
use dvbf_core::{
    AnyTransition, Batch, Bound, Dvbf, GradientOptions, Layout, ModelConfig, Scalar, Transition,
    Units, Workspace,
};
use dvbf_data::settings::ValueError;
use ndarray::ArrayView2;

/// What a model file holds beside the parameters.
#[derive(Clone, Debug)]
pub struct FilterFacts {
    /// Sizes and kinds of the parts.
    pub config: ModelConfig,
    /// The units of the recordings, where the model sees others.
    pub units: Option<Units>,
    /// What the numbers are.
    pub layout: Option<Layout>,
    /// Seconds between two steps of the recordings.
    pub dt: f64,
}

impl<S: Scalar> Learner<S> for Dvbf<S> {
    type Work = Workspace<S, AnyTransition<S>>;
    type Facts = FilterFacts;

    const NORM_PIECE: usize = 1 << 14;

    fn check(_: &TrainingSettings) -> Result<(), ValueError> {
        Ok(())
    }

    fn noise(&self) -> usize {
        self.transition().dims().noise
    }

    fn start_frames(&self) -> usize {
        self.initial_frames()
    }

    fn work(&self, sequences: usize, rows: usize) -> Self::Work {
        Workspace::new(self, sequences, rows)
    }

    fn holding(&self, sequences: usize, rows: usize, held: usize) -> Self::Work {
        Workspace::holding(self, sequences, rows, held)
    }

    fn prepare(&self, work: &mut Self::Work) {
        work.prepare(self);
    }

    fn recognize(&self, batch: &Batch<'_, S>, work: &mut Self::Work) {
        self.infer(batch, work);
    }

    fn bound(&self, batch: &Batch<'_, S>, work: &mut Self::Work, out: &mut Bound<S>) {
        Dvbf::bound(self, batch, S::ONE, work, out);
    }

    fn gradient(
        &self,
        batch: &Batch<'_, S>,
        options: GradientOptions<S>,
        work: &mut Self::Work,
        out: &mut Bound<S>,
        grads: &mut Self,
    ) {
        self.held_gradient(batch, options, work, out, grads);
    }

    fn finish(&self, work: &mut Self::Work, grads: &mut Self) {
        self.book_held(work, grads);
    }

    fn state(work: &Self::Work) -> ArrayView2<'_, S> {
        work.state()
    }

    fn decay(&mut self, factor: S) {
        self.scale_recognition(factor);
    }
}
