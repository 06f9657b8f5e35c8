//! Models that the Gaussian filters run on.

use super::BayesError;
use super::form::Form;
use super::linearization::{Dims, Linearization};
use super::memory::Memory;
use nalgebra::{DefaultAllocator, Dim, Dyn, OVector};

/// A model that is linear and Gaussian near a belief: what the Gaussian filter and the smoother
/// work on. Linear models are so everywhere; [`Extended`](super::Extended) and
/// [`Unscented`](super::Unscented) make nonlinear ones so.
///
/// `step` is the number of the step that the belief is about, the first being zero. The sizes of
/// state and observation are types: `Const<N>`, or `Dyn` unless said otherwise.
pub trait GaussianModel<Z: Dim = Dyn, X: Dim = Dyn>
where
    DefaultAllocator: Memory<Z, X>,
{
    /// Sizes of the variables.
    fn dims(&self) -> Dims;

    /// Checks what need not be checked at every step.
    ///
    /// # Errors
    /// If the model is none.
    fn validate(&self) -> Result<(), BayesError> {
        Ok(())
    }

    /// Writes the transition from `step` to `step + 1` under `control`, near a belief, to `into`.
    ///
    /// # Errors
    /// If the belief has no covariance that the model can work with.
    fn linearize_transition(
        &self,
        step: usize,
        near: &impl Form<Z, X>,
        control: &[f64],
        into: &mut Linearization<Z, Z>,
    ) -> Result<(), BayesError>;

    /// Writes the emission at `step`, near a belief, to `into`.
    ///
    /// # Errors
    /// If the belief has no covariance that the model can work with.
    fn linearize_emission(
        &self,
        step: usize,
        near: &impl Form<Z, X>,
        into: &mut Linearization<X, Z>,
    ) -> Result<(), BayesError>;

    /// Writes what `observation` has beyond `expected`, both `X` values, to `into`; their difference
    /// unless the model says otherwise, as it does for angles.
    #[inline]
    fn observation_difference(
        &self,
        observation: &OVector<f64, X>,
        expected: &OVector<f64, X>,
        into: &mut OVector<f64, X>,
    ) {
        for i in 0..expected.len() {
            into[i] = observation[i] - expected[i];
        }
    }
}

impl<Z: Dim, X: Dim, M: GaussianModel<Z, X>> GaussianModel<Z, X> for &M
where
    DefaultAllocator: Memory<Z, X>,
{
    fn dims(&self) -> Dims {
        (**self).dims()
    }

    fn validate(&self) -> Result<(), BayesError> {
        (**self).validate()
    }

    fn linearize_transition(
        &self,
        step: usize,
        near: &impl Form<Z, X>,
        control: &[f64],
        into: &mut Linearization<Z, Z>,
    ) -> Result<(), BayesError> {
        (**self).linearize_transition(step, near, control, into)
    }

    fn linearize_emission(
        &self,
        step: usize,
        near: &impl Form<Z, X>,
        into: &mut Linearization<X, Z>,
    ) -> Result<(), BayesError> {
        (**self).linearize_emission(step, near, into)
    }

    fn observation_difference(
        &self,
        observation: &OVector<f64, X>,
        expected: &OVector<f64, X>,
        into: &mut OVector<f64, X>,
    ) {
        (**self).observation_difference(observation, expected, into);
    }
}
