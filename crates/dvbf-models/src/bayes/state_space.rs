//! Nonlinear models with additive Gaussian noise.
//!
//! `z_{t+1} = f_t(z_t, u_t) + w_t`, `w_t ~ N(0, Q_t)`; `x_t = h_t(z_t) + v_t`, `v_t ~ N(0, R_t)`.

use super::linearization::Dims;
use nalgebra::{DMatrix, DVector};

/// A nonlinear model. `step` is `t`, the first step being zero.
pub trait StateSpace {
    /// Sizes of the variables.
    fn dims(&self) -> Dims;

    /// `f_t(z, u)`, `Z` values.
    fn transition(&self, step: usize, state: &DVector<f64>, control: &[f64]) -> DVector<f64>;

    /// `Q_t (Z, Z)`, of the noise between `step` and `step + 1`.
    fn process_noise(&self, step: usize) -> DMatrix<f64>;

    /// `h_t(z)`, `X` values.
    fn emission(&self, step: usize, state: &DVector<f64>) -> DVector<f64>;

    /// `R_t (X, X)`.
    fn observation_noise(&self, step: usize) -> DMatrix<f64>;

    /// `a ⊖ b` of two states, `Z` values: `a − b` unless the model says otherwise, as it does where
    /// a component is an [angle](super::Angles).
    fn state_difference(&self, a: &DVector<f64>, b: &DVector<f64>) -> DVector<f64> {
        a - b
    }

    /// `a ⊖ b` of two observations, `X` values: `a − b` unless the model says otherwise. A channel
    /// that is missing has the same value in both.
    fn observation_difference(&self, a: &DVector<f64>, b: &DVector<f64>) -> DVector<f64> {
        a - b
    }
}

impl<M: StateSpace> StateSpace for &M {
    fn dims(&self) -> Dims {
        (**self).dims()
    }

    fn transition(&self, step: usize, state: &DVector<f64>, control: &[f64]) -> DVector<f64> {
        (**self).transition(step, state, control)
    }

    fn process_noise(&self, step: usize) -> DMatrix<f64> {
        (**self).process_noise(step)
    }

    fn emission(&self, step: usize, state: &DVector<f64>) -> DVector<f64> {
        (**self).emission(step, state)
    }

    fn observation_noise(&self, step: usize) -> DMatrix<f64> {
        (**self).observation_noise(step)
    }

    fn state_difference(&self, a: &DVector<f64>, b: &DVector<f64>) -> DVector<f64> {
        (**self).state_difference(a, b)
    }

    fn observation_difference(&self, a: &DVector<f64>, b: &DVector<f64>) -> DVector<f64> {
        (**self).observation_difference(a, b)
    }
}

/// A nonlinear model that knows its derivatives.
pub trait Jacobians: StateSpace {
    /// `∂f_t/∂z (Z, Z)`.
    fn transition_jacobian(
        &self,
        step: usize,
        state: &DVector<f64>,
        control: &[f64],
    ) -> DMatrix<f64>;

    /// `∂h_t/∂z (X, Z)`.
    fn emission_jacobian(&self, step: usize, state: &DVector<f64>) -> DMatrix<f64>;
}

impl<M: Jacobians> Jacobians for &M {
    fn transition_jacobian(
        &self,
        step: usize,
        state: &DVector<f64>,
        control: &[f64],
    ) -> DMatrix<f64> {
        (**self).transition_jacobian(step, state, control)
    }

    fn emission_jacobian(&self, step: usize, state: &DVector<f64>) -> DMatrix<f64> {
        (**self).emission_jacobian(step, state)
    }
}

/// A model of two closures, the same at all steps.
#[derive(Clone, Debug)]
pub struct ClosureModel<F, H> {
    /// Sizes of the variables.
    pub dims: Dims,
    /// `f(z, u)`.
    pub transition: F,
    /// `h(z)`.
    pub emission: H,
    /// `Q (Z, Z)`.
    pub process_noise: DMatrix<f64>,
    /// `R (X, X)`.
    pub observation_noise: DMatrix<f64>,
}

impl<F, H> StateSpace for ClosureModel<F, H>
where
    F: Fn(&DVector<f64>, &[f64]) -> DVector<f64>,
    H: Fn(&DVector<f64>) -> DVector<f64>,
{
    fn dims(&self) -> Dims {
        self.dims
    }

    fn transition(&self, _: usize, state: &DVector<f64>, control: &[f64]) -> DVector<f64> {
        (self.transition)(state, control)
    }

    fn process_noise(&self, _: usize) -> DMatrix<f64> {
        self.process_noise.clone()
    }

    fn emission(&self, _: usize, state: &DVector<f64>) -> DVector<f64> {
        (self.emission)(state)
    }

    fn observation_noise(&self, _: usize) -> DMatrix<f64> {
        self.observation_noise.clone()
    }
}
