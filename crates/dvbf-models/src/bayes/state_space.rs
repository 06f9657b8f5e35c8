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

/// A model whose derivatives are [central differences](numeric_jacobian).
#[derive(Clone, Debug)]
pub struct NumericJacobians<M>(pub M);

impl<M: StateSpace> StateSpace for NumericJacobians<M> {
    fn dims(&self) -> Dims {
        self.0.dims()
    }

    fn transition(&self, step: usize, state: &DVector<f64>, control: &[f64]) -> DVector<f64> {
        self.0.transition(step, state, control)
    }

    fn process_noise(&self, step: usize) -> DMatrix<f64> {
        self.0.process_noise(step)
    }

    fn emission(&self, step: usize, state: &DVector<f64>) -> DVector<f64> {
        self.0.emission(step, state)
    }

    fn observation_noise(&self, step: usize) -> DMatrix<f64> {
        self.0.observation_noise(step)
    }
}

impl<M: StateSpace> Jacobians for NumericJacobians<M> {
    fn transition_jacobian(
        &self,
        step: usize,
        state: &DVector<f64>,
        control: &[f64],
    ) -> DMatrix<f64> {
        numeric_jacobian(|z| self.0.transition(step, z, control), state, self.dims().state)
    }

    fn emission_jacobian(&self, step: usize, state: &DVector<f64>) -> DMatrix<f64> {
        numeric_jacobian(|z| self.0.emission(step, z), state, self.dims().observation)
    }
}

/// Central differences of `f` at `point`, `(values, point.len())`.
///
/// Coordinate `i` is moved by `∛ε · max(1, |zᵢ|)`, with `ε` the machine's precision: about ten
/// digits of a function of order one whose third derivative is of order one. A function with a
/// kink or a jump nearer than that has no meaningful difference.
///
/// # Panics
/// If `f` gives another number of values than `values`.
pub fn numeric_jacobian(
    f: impl Fn(&DVector<f64>) -> DVector<f64>,
    point: &DVector<f64>,
    values: usize,
) -> DMatrix<f64> {
    let mut jacobian = DMatrix::zeros(values, point.len());
    let mut moved = point.clone();
    for i in 0..point.len() {
        let step = f64::EPSILON.cbrt() * point[i].abs().max(1.0);
        let (high, low) = (point[i] + step, point[i] - step);
        moved[i] = high;
        let above = f(&moved);
        moved[i] = low;
        let below = f(&moved);
        assert_eq!((above.len(), below.len()), (values, values), "values of the function");
        // The realized step, not the intended one.
        jacobian.set_column(i, &((above - below) / (high - low)));
        moved[i] = point[i];
    }
    jacobian
}
