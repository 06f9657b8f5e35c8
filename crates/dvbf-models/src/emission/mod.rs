//! Emissions `p(x | z)`: what is seen of a latent state.
//!
//! Shapes: `z (R, Z)`, `x, mask (R, X)`, `ln σ (1)` or `(X)`, `ℓ (R)`; rows `R` are all steps of
//! all sequences.

mod convolutional;
mod gaussian;
mod harmonics;

pub use convolutional::DecoderConfig;
pub use gaussian::{
    EmissionStd, GaussianConfig, GaussianEmission, GaussianSizes, MeanNetwork, NoiseScale,
};
pub use harmonics::HarmonicsConfig;

use crate::kind::{Kind, Registry, Role};
use crate::linear_start::AffineMap;
use crate::part::{Cache, cloned_boxes};
use dvbf_ops::Params;
use dvbf_tensor::Scalar;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3};
use std::any::Any;
use std::fmt::Debug;

/// What was observed: `x (R, X)` and, if some channels are missing, a mask of the same shape with
/// one where a channel was observed.
#[derive(Clone, Copy, Debug)]
pub struct Observations<'a, S> {
    /// `x`.
    pub value: ArrayView2<'a, S>,
    /// The mask; everything was observed without one.
    pub mask: Option<ArrayView2<'a, S>>,
}

/// Where a likelihood and its gradient go.
#[derive(Debug)]
pub struct LikelihoodOutputs<'a, S: Scalar> {
    /// Factor of the gradient.
    pub weight: S,
    /// `ℓ (R)`; written.
    pub log_lik: ArrayViewMut1<'a, S>,
    /// `dz (R, Z)`; added to.
    pub dstate: ArrayViewMut2<'a, S>,
    /// The parameters' gradient, an emission of the same kind; added to.
    pub grads: &'a mut dyn Emission<S>,
}

/// A differentiable emission with independent Gaussian noise on every channel. Its gradient is a
/// value of its own type.
///
/// The likelihood does not depend on anything that comes later, so value and gradient are computed
/// together.
pub trait Emission<S: Scalar>: Params<S> + CloneEmission<S> + Any + Debug + Send + Sync {
    /// `Z`.
    fn state(&self) -> usize;

    /// `X`.
    fn observation(&self) -> usize;

    /// `ln σ`, one value or one a channel.
    fn log_std(&self) -> ArrayView1<'_, S>;

    /// Takes the standard deviation of every channel's noise where the kind asks for known noise;
    /// other kinds ignore it.
    ///
    /// # Panics
    /// If there is not one value a channel.
    fn set_known_noise(&mut self, std: &[f64]);

    /// Makes the mean the affine `map` of the state and, where it is learned, the standard deviation of
    /// every channel one of `std`; false, and nothing is changed, if the kind or its size cannot.
    ///
    /// # Panics
    /// If the shapes disagree.
    fn start_linear(&mut self, map: &AffineMap, std: &[f64]) -> bool {
        let _ = (map, std);
        false
    }

    /// Buffers for any number of rows.
    fn scratch(&self) -> Cache;

    /// Packs the weights; to be called after every change of the parameters.
    fn prepare(&self, scratch: &mut Cache);

    /// Writes `μ (R, X)`.
    ///
    /// # Panics
    /// If the shapes disagree.
    fn mean(&self, state: ArrayView2<'_, S>, mean: ArrayViewMut2<'_, S>, scratch: &mut Cache);

    /// Pulls a cotangent of `μ (R, X)` at `z` back to `dz (R, Z)`, and adds it there; parameters
    /// stay out.
    ///
    /// # Panics
    /// If the shapes disagree.
    fn mean_backward(
        &self,
        state: ArrayView2<'_, S>,
        dmean: ArrayView2<'_, S>,
        dstate: ArrayViewMut2<'_, S>,
        scratch: &mut Cache,
    );

    /// Writes `∂μ/∂z (R, X, Z)` at `z (R, Z)`, by pulling every channel back. It allocates; a kind that
    /// can push tangents forward overrides it.
    ///
    /// # Panics
    /// If the shapes disagree.
    fn mean_jacobian(
        &self,
        state: ArrayView2<'_, S>,
        mut jacobian: ArrayViewMut3<'_, S>,
        scratch: &mut Cache,
    ) {
        let (channels, (rows, z)) = (self.observation(), state.dim());
        assert_eq!(jacobian.dim(), (rows, channels, z), "∂μ/∂z against (R, X, Z)");
        let units = Array2::eye(channels);
        for (state, mut jacobian) in state.rows().into_iter().zip(jacobian.outer_iter_mut()) {
            let state = state.broadcast((channels, z)).expect("one row").to_owned();
            jacobian.fill(S::ZERO);
            self.mean_backward(state.view(), units.view(), jacobian, scratch);
        }
    }

    /// Writes `ℓ (R)`.
    ///
    /// # Panics
    /// If the shapes disagree.
    fn log_likelihood(
        &self,
        state: ArrayView2<'_, S>,
        observed: Observations<'_, S>,
        log_lik: ArrayViewMut1<'_, S>,
        scratch: &mut Cache,
    );

    /// Writes `ℓ (R)` and adds the gradient of `weight · Σ ℓ` to `dz` and the parameters'.
    ///
    /// # Panics
    /// If the shapes disagree, or the gradient is of another kind.
    fn log_likelihood_gradient(
        &self,
        state: ArrayView2<'_, S>,
        observed: Observations<'_, S>,
        outputs: LikelihoodOutputs<'_, S>,
        scratch: &mut Cache,
    );
}

cloned_boxes!(Emission, CloneEmission);

/// The part that draws what is seen.
#[derive(Clone, Copy, Debug)]
pub struct EmissionRole;

impl Role for EmissionRole {
    type Part<S: Scalar> = dyn Emission<S>;
    const NAME: &'static str = "emission";
    const BUILT_IN: &'static [Kind<Self>] =
        &[Kind::of::<GaussianConfig>(), Kind::of::<DecoderConfig>(), Kind::of::<HarmonicsConfig>()];
}

/// All emissions that are known by name.
pub static EMISSIONS: Registry<EmissionRole> = Registry::built_in();
