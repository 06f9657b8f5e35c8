//! Extended Kalman filter: the model is replaced by its tangent at the mean of the belief
//! (Jazwinski 1970, section 8.3).
//!
//! Transition: `ŷ = f(m, u)`, `H = ∂f/∂z` at `m`, `E = Q`; emission: `ŷ = h(m)`, `H = ∂h/∂z` at
//! `m`, `E = R`.

use super::BayesError;
use super::belief::RootBelief;
use super::linearization::{Dims, GaussianModel, Linearization};
use super::state_space::Jacobians;
use nalgebra::DVector;

/// A nonlinear model, linear near a belief by its derivatives.
#[derive(Clone, Debug)]
pub struct Extended<M>(pub M);

impl<M: Jacobians> GaussianModel for Extended<M> {
    fn dims(&self) -> Dims {
        self.0.dims()
    }

    fn linearize_transition(
        &self,
        step: usize,
        belief: &RootBelief,
        control: &[f64],
    ) -> Result<Linearization, BayesError> {
        Ok(Linearization {
            mean: self.0.transition(step, &belief.mean, control),
            matrix: self.0.transition_jacobian(step, &belief.mean, control),
            noise: self.0.process_noise(step),
        })
    }

    fn linearize_emission(
        &self,
        step: usize,
        belief: &RootBelief,
    ) -> Result<Linearization, BayesError> {
        Ok(Linearization {
            mean: self.0.emission(step, &belief.mean),
            matrix: self.0.emission_jacobian(step, &belief.mean),
            noise: self.0.observation_noise(step),
        })
    }

    fn observation_difference(
        &self,
        observation: &DVector<f64>,
        expected: &DVector<f64>,
    ) -> DVector<f64> {
        self.0.observation_difference(observation, expected)
    }
}
