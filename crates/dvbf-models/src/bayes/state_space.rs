//! Nonlinear models with additive Gaussian noise.
//!
//! `z_{t+1} = f_t(z_t, u_t) + w_t`, `w_t ~ N(0, Q_t)`; `x_t = h_t(z_t) + v_t`, `v_t ~ N(0, R_t)`.

use super::linearization::Dims;
use super::memory::Memory;
use nalgebra::{DefaultAllocator, Dim, Dyn, OMatrix, OVector, U1};

/// A nonlinear model. `step` is `t`, the first step being zero. The sizes of state and observation
/// are types: `Const<N>`, or `Dyn` unless said otherwise.
pub trait StateSpace<Z: Dim = Dyn, X: Dim = Dyn>
where
    DefaultAllocator: Memory<Z, X>,
{
    /// Sizes of the variables.
    fn dims(&self) -> Dims;

    /// `f_t(z, u)`, `Z` values.
    fn transition(&self, step: usize, state: &OVector<f64, Z>, control: &[f64]) -> OVector<f64, Z>;

    /// `Q_t (Z, Z)`, of the noise between `step` and `step + 1`.
    fn process_noise(&self, step: usize) -> OMatrix<f64, Z, Z>;

    /// `h_t(z)`, `X` values.
    fn emission(&self, step: usize, state: &OVector<f64, Z>) -> OVector<f64, X>;

    /// `R_t (X, X)`.
    fn observation_noise(&self, step: usize) -> OMatrix<f64, X, X>;

    /// `a ⊖ b` of two states, `Z` values: `a − b` unless the model says otherwise, as it does where
    /// a component is an [angle](super::Angles).
    fn state_difference(&self, a: &OVector<f64, Z>, b: &OVector<f64, Z>) -> OVector<f64, Z> {
        OVector::from_fn_generic(a.shape_generic().0, U1, |i, _| a[i] - b[i])
    }

    /// `a ⊖ b` of two observations, `X` values: `a − b` unless the model says otherwise. A channel
    /// that is missing has the same value in both.
    fn observation_difference(&self, a: &OVector<f64, X>, b: &OVector<f64, X>) -> OVector<f64, X> {
        OVector::from_fn_generic(a.shape_generic().0, U1, |i, _| a[i] - b[i])
    }
}

impl<Z: Dim, X: Dim, M: StateSpace<Z, X>> StateSpace<Z, X> for &M
where
    DefaultAllocator: Memory<Z, X>,
{
    fn dims(&self) -> Dims {
        (**self).dims()
    }

    fn transition(&self, step: usize, state: &OVector<f64, Z>, control: &[f64]) -> OVector<f64, Z> {
        (**self).transition(step, state, control)
    }

    fn process_noise(&self, step: usize) -> OMatrix<f64, Z, Z> {
        (**self).process_noise(step)
    }

    fn emission(&self, step: usize, state: &OVector<f64, Z>) -> OVector<f64, X> {
        (**self).emission(step, state)
    }

    fn observation_noise(&self, step: usize) -> OMatrix<f64, X, X> {
        (**self).observation_noise(step)
    }

    fn state_difference(&self, a: &OVector<f64, Z>, b: &OVector<f64, Z>) -> OVector<f64, Z> {
        (**self).state_difference(a, b)
    }

    fn observation_difference(&self, a: &OVector<f64, X>, b: &OVector<f64, X>) -> OVector<f64, X> {
        (**self).observation_difference(a, b)
    }
}

/// A nonlinear model that knows its derivatives.
pub trait Jacobians<Z: Dim = Dyn, X: Dim = Dyn>: StateSpace<Z, X>
where
    DefaultAllocator: Memory<Z, X>,
{
    /// `∂f_t/∂z (Z, Z)`.
    fn transition_jacobian(
        &self,
        step: usize,
        state: &OVector<f64, Z>,
        control: &[f64],
    ) -> OMatrix<f64, Z, Z>;

    /// `∂h_t/∂z (X, Z)`.
    fn emission_jacobian(&self, step: usize, state: &OVector<f64, Z>) -> OMatrix<f64, X, Z>;
}

impl<Z: Dim, X: Dim, M: Jacobians<Z, X>> Jacobians<Z, X> for &M
where
    DefaultAllocator: Memory<Z, X>,
{
    fn transition_jacobian(
        &self,
        step: usize,
        state: &OVector<f64, Z>,
        control: &[f64],
    ) -> OMatrix<f64, Z, Z> {
        (**self).transition_jacobian(step, state, control)
    }

    fn emission_jacobian(&self, step: usize, state: &OVector<f64, Z>) -> OMatrix<f64, X, Z> {
        (**self).emission_jacobian(step, state)
    }
}

/// A model of two closures, the same at all steps.
#[derive(Clone, Debug)]
pub struct ClosureModel<F, H, Z: Dim = Dyn, X: Dim = Dyn>
where
    DefaultAllocator: Memory<Z, X>,
{
    /// Sizes of the variables.
    pub dims: Dims,
    /// `f(z, u)`.
    pub transition: F,
    /// `h(z)`.
    pub emission: H,
    /// `Q (Z, Z)`.
    pub process_noise: OMatrix<f64, Z, Z>,
    /// `R (X, X)`.
    pub observation_noise: OMatrix<f64, X, X>,
}

impl<F, H, Z: Dim, X: Dim> StateSpace<Z, X> for ClosureModel<F, H, Z, X>
where
    F: Fn(&OVector<f64, Z>, &[f64]) -> OVector<f64, Z>,
    H: Fn(&OVector<f64, Z>) -> OVector<f64, X>,
    DefaultAllocator: Memory<Z, X>,
{
    fn dims(&self) -> Dims {
        self.dims
    }

    fn transition(&self, _: usize, state: &OVector<f64, Z>, control: &[f64]) -> OVector<f64, Z> {
        (self.transition)(state, control)
    }

    fn process_noise(&self, _: usize) -> OMatrix<f64, Z, Z> {
        self.process_noise.clone()
    }

    fn emission(&self, _: usize, state: &OVector<f64, Z>) -> OVector<f64, X> {
        (self.emission)(state)
    }

    fn observation_noise(&self, _: usize) -> OMatrix<f64, X, X> {
        self.observation_noise.clone()
    }
}
