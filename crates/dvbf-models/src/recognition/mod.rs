//! Recognition networks `q(w | z, u, x')`: what the next observation says beyond the transition.
//!
//! Shapes: `x' (B, X)`, `z (B, Z)`, `u (B, U)`, `raw (B, 2W)`, the means and the unconstrained
//! standard deviations of `q(w)`.

mod convolutional;
mod feedforward;

pub use convolutional::{Convolutional, ConvolutionalConfig};
pub use feedforward::{Feedforward, FeedforwardConfig, FeedforwardInputs, FeedforwardLayers};

use crate::kind::{Kind, Registry, Role};
use crate::linear_start::AffineMap;
use crate::part::{Cache, cloned_boxes};
use dvbf_ops::Params;
use dvbf_tensor::Scalar;
use ndarray::{ArrayView2, ArrayViewMut2};
use std::any::Any;
use std::fmt::Debug;

/// Arguments of a recognition network that the recursion gives it.
#[derive(Clone, Copy, Debug)]
pub struct RecognitionInput<'a, S> {
    /// `z (n, Z)`.
    pub state: ArrayView2<'a, S>,
    /// `u (n, U)`.
    pub control: ArrayView2<'a, S>,
}

/// A differentiable recognition network. Its gradient is a value of its own type.
///
/// `observe` comes before the steps and takes the observations of all of them, so that what does
/// not depend on the recursion is one product.
pub trait Recognition<S: Scalar>:
    Params<S> + CloneRecognition<S> + Any + Debug + Send + Sync
{
    /// Number of outputs, `2W`.
    fn outputs(&self) -> usize;

    /// Multiplies the weights, not the biases, by `factor`: the weight decay of an update.
    fn scale_weights(&mut self, factor: S);

    /// Makes the mean of `q(w | z, u, x')` the affine `map` of `[x', z, u]` and its standard deviations
    /// `spread`; false, and nothing is changed, if the kind or its size cannot.
    ///
    /// # Panics
    /// If the shapes disagree.
    fn start_linear(&mut self, map: &AffineMap, spread: &[f64]) -> bool {
        let _ = (map, spread);
        false
    }

    /// A cache for at most `rows` rows.
    fn cache(&self, rows: usize) -> Cache;

    /// Packs the weights; to be called after every change of the parameters.
    fn prepare(&self, cache: &mut Cache);

    /// The part of all steps that depends on the observations `x' (R, X)` only.
    ///
    /// # Panics
    /// If the shapes disagree or the cache is too small.
    fn observe(&self, next_observed: ArrayView2<'_, S>, cache: &mut Cache);

    /// [`observe`](Self::observe) for `rows` rows that see the same observation `x' (1, X)`.
    ///
    /// # Panics
    /// If the shapes disagree or the cache is too small.
    fn observe_shared(&self, next_observed: ArrayView2<'_, S>, rows: usize, cache: &mut Cache);

    /// Writes `raw (n, 2W)` for rows `at..at + n`.
    ///
    /// # Panics
    /// If the shapes disagree or rows are skipped.
    fn forward(
        &self,
        at: usize,
        input: RecognitionInput<'_, S>,
        raw: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    );

    /// Pulls the cotangent of `raw`, `(n, 2W)`, back to the state of rows `at..at + n`, and adds it
    /// there.
    ///
    /// # Panics
    /// If the shapes disagree or rows were not written by a forward pass.
    fn backward(
        &self,
        at: usize,
        output_cotangent: ArrayView2<'_, S>,
        dstate: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    );

    /// Adds the parameter gradients of all rows; takes the observations of
    /// [`observe`](Self::observe) again.
    ///
    /// # Panics
    /// If the rows pulled back are not exactly the rows written, or the gradient is of another
    /// kind.
    fn accumulate(
        &self,
        next_observed: ArrayView2<'_, S>,
        cache: &mut Cache,
        grads: &mut dyn Recognition<S>,
    );
}

cloned_boxes!(Recognition, CloneRecognition);

/// The part that infers the noise of a step.
#[derive(Clone, Copy, Debug)]
pub struct RecognitionRole;

impl Role for RecognitionRole {
    type Part<S: Scalar> = dyn Recognition<S>;
    const NAME: &'static str = "recognition network";
    const BUILT_IN: &'static [Kind<Self>] =
        &[Kind::of::<FeedforwardConfig>(), Kind::of::<ConvolutionalConfig>()];
}

/// All recognition networks that are known by name.
pub static RECOGNITIONS: Registry<RecognitionRole> = Registry::built_in();
