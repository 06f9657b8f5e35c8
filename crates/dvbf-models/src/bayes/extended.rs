//! Extended Kalman filter: the model is replaced by its tangent at the mean of the belief
//! (Jazwinski 1970, section 8.3).
//!
//! Transition: `ŷ = f(m, u)`, `H = ∂f/∂z` at `m`, `E = Q`; emission: `ŷ = h(m)`, `H = ∂h/∂z` at
//! `m`, `E = R`.

use super::BayesError;
use super::form::Form;
use super::gaussian_model::GaussianModel;
use super::linearization::{Dims, Linearization};
use super::memory::Memory;
use super::state_space::Jacobians;
use nalgebra::{DefaultAllocator, Dim, OVector};

/// A nonlinear model, linear near a belief by its derivatives.
#[derive(Clone, Debug)]
pub struct Extended<M>(pub M);

impl<Z: Dim, X: Dim, M: Jacobians<Z, X>> GaussianModel<Z, X> for Extended<M>
where
    DefaultAllocator: Memory<Z, X>,
{
    fn dims(&self) -> Dims {
        self.0.dims()
    }

    #[inline]
    fn linearize_transition(
        &self,
        step: usize,
        near: &impl Form<Z, X>,
        control: &[f64],
        into: &mut Linearization<Z, Z>,
    ) -> Result<(), BayesError> {
        let mean = &near.belief().mean;
        into.mean = self.0.transition(step, mean, control);
        into.matrix = self.0.transition_jacobian(step, mean, control);
        into.noise = self.0.process_noise(step);
        Ok(())
    }

    #[inline]
    fn linearize_emission(
        &self,
        step: usize,
        near: &impl Form<Z, X>,
        into: &mut Linearization<X, Z>,
    ) -> Result<(), BayesError> {
        let mean = &near.belief().mean;
        into.mean = self.0.emission(step, mean);
        into.matrix = self.0.emission_jacobian(step, mean);
        into.noise = self.0.observation_noise(step);
        Ok(())
    }

    fn observation_difference(
        &self,
        observation: &OVector<f64, X>,
        expected: &OVector<f64, X>,
        into: &mut OVector<f64, X>,
    ) {
        *into = self.0.observation_difference(observation, expected);
    }
}
