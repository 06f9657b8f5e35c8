//! Initial states: `q(w₁ | x₁ … x_k, u₁ … u_{k−1})` and `z₁ = g(w₁)`.
//!
//! Shapes: `x (T·B, X)`, `u (T·B, U)`, `raw (B, 2W)`, `w₁ (B, W)`, `z₁ (B, Z)`.

mod first_frames;
mod first_images;
mod known_state;

pub use first_frames::{FirstFrames, FirstFramesConfig, FirstFramesSizes};
pub use first_images::{FirstImages, FirstImagesConfig};
pub use known_state::{KnownState, KnownStateConfig};

use crate::kind::{Kind, Registry, Role};
use crate::linear_start::AffineMap;
use crate::part::{Cache, cloned_boxes};
use crate::statistics::Statistics;
use dvbf_ops::Params;
use dvbf_tensor::Scalar;
use ndarray::{ArrayView2, ArrayViewMut2};
use std::any::Any;
use std::fmt::Debug;

/// What was seen and done at the beginning, time-major and flat.
#[derive(Clone, Copy, Debug)]
pub struct FirstSteps<'a, S> {
    /// `x (T·B, X)`.
    pub observed: ArrayView2<'a, S>,
    /// `u (≥ T·B, U)`.
    pub control: ArrayView2<'a, S>,
}

/// A differentiable initial state. Its gradient is a value of its own type.
///
/// The cache holds the sequences of many batches, each from row `at` on, so that the gradients of
/// all of them are one product a layer.
pub trait InitialState<S: Scalar>:
    Params<S> + CloneInitialState<S> + Any + Debug + Send + Sync
{
    /// `k`, the number of observations that start the state.
    fn frames(&self) -> usize;

    /// Multiplies the weights, not the biases, of `q(w₁ | …)` by `factor`.
    fn scale_recognition(&mut self, factor: S);

    /// How many slow features of the data [`adapt`](Self::adapt) takes, for each thing that it reads;
    /// none if nothing is fitted.
    fn features(&self) -> Vec<usize> {
        Vec::new()
    }

    /// Fits what is drawn to the training data, once, before training; most kinds have nothing to fit.
    ///
    /// # Panics
    /// If the data have another number of channels.
    fn adapt(&mut self, statistics: &Statistics) {
        let _ = statistics;
    }

    /// Makes the mean of `q(w₁ | …)` the affine `map` of `[x₁ … x_k, u₁ … u_{k−1}]`, its standard
    /// deviations `spread`, and `z₁ = w₁`; false, and nothing is changed, if the kind or its size cannot.
    ///
    /// # Panics
    /// If the shapes disagree.
    fn start_linear(&mut self, map: &AffineMap, spread: &[f64]) -> bool {
        let _ = (map, spread);
        false
    }

    /// Steps by which the means of `q(w₁ | …)` are brought nearer to where transition and emission fit the
    /// first frames best, whenever a model infers; none if they are as they are read. Gradients are of what
    /// is read.
    fn refinements(&self) -> usize {
        0
    }

    /// A cache for at most `rows` sequences.
    fn cache(&self, rows: usize) -> Cache;

    /// Packs the weights; to be called after every change of the parameters.
    fn prepare(&self, cache: &mut Cache);

    /// Writes `raw (B, 2W)`; the batch has rows `at..at + B` of the cache, and one with `at = 0`
    /// starts anew. Frames beyond the end of a short sequence count as unobserved.
    ///
    /// # Panics
    /// If the shapes disagree, rows are skipped or the cache is too small.
    fn recognize(
        &self,
        at: usize,
        first: FirstSteps<'_, S>,
        raw: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    );

    /// Writes `z₁ (B, Z)` for `w₁ (B, W)`, rows `at..at + B` of the cache.
    ///
    /// # Panics
    /// If the shapes disagree, rows are skipped or the cache is too small.
    fn start(
        &self,
        at: usize,
        noise: ArrayView2<'_, S>,
        state: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    );

    /// Pulls `dz₁` of rows `at..at + B` back to `dw₁`, and adds it there.
    ///
    /// # Panics
    /// If the shapes disagree or rows were not written by a forward pass.
    fn backward_start(
        &self,
        at: usize,
        dstate: ArrayView2<'_, S>,
        dnoise: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    );

    /// Pulls the cotangent of `raw` of rows `at..at + B` back through the recognition network.
    ///
    /// # Panics
    /// If the shapes disagree or rows were not written by a forward pass.
    fn backward_recognize(&self, at: usize, output_cotangent: ArrayView2<'_, S>, cache: &mut Cache);

    /// [`backward_recognize`](Self::backward_recognize) with the parameters of `s(w₁)` and those of the standard
    /// deviation held fixed, for frames that the model drew itself. A kind whose recognition has parameters of
    /// either overrides this.
    ///
    /// # Panics
    /// As [`backward_recognize`](Self::backward_recognize).
    fn backward_dream(&self, at: usize, output_cotangent: ArrayView2<'_, S>, cache: &mut Cache) {
        self.backward_recognize(at, output_cotangent, cache);
    }

    /// Moves `w₁ (B, W)` to the one nearest to `mean (B, W)` among those whose states look the same, such as
    /// angles that differ by whole turns. Nothing looks the same by default.
    ///
    /// # Panics
    /// If the shapes disagree.
    fn nearest(&self, mean: ArrayView2<'_, S>, noise: ArrayViewMut2<'_, S>) {
        let _ = (mean, noise);
    }

    /// Adds the parameter gradients over all rows of the cache.
    ///
    /// # Panics
    /// If one of the two backward passes is missing for some rows, or the gradient is of another
    /// kind.
    fn accumulate(&self, cache: &mut Cache, grads: &mut dyn InitialState<S>);
}

cloned_boxes!(InitialState, CloneInitialState);

/// The part that infers the first state.
#[derive(Clone, Copy, Debug)]
pub struct InitialStateRole;

impl Role for InitialStateRole {
    type Part<S: Scalar> = dyn InitialState<S>;
    const NAME: &'static str = "initial state";
    const BUILT_IN: &'static [Kind<Self>] = &[
        Kind::of::<FirstFramesConfig>(),
        Kind::of::<FirstImagesConfig>(),
        Kind::of::<KnownStateConfig>(),
    ];
}

/// All initial states that are known by name.
pub static INITIAL_STATES: Registry<InitialStateRole> = Registry::built_in();
