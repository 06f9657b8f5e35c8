//! Unscented filter: moments of a function of a Gaussian from its values at sigma points (Julier
//! and Uhlmann 1997, 2004; scaled as by Wan and van der Merwe 2000), for additive noise.
//!
//! With `γ² = α² (Z + κ)`, `L Lᵀ = P` and columns `lᵢ` of `L`, the points are `m` and `m ± γ lᵢ`.
//! The usual weights are `1 / 2γ²` for the outer points, and at `m` `1 − Z / γ²` for the mean and
//! `1 − Z / γ² + 1 − α² + β` for the covariance. With the first and second differences
//!
//! ```text
//! dᵢ = (a⁺ᵢ − a⁻ᵢ) / 2γ        a±ᵢ = g(m ± γ lᵢ) ⊖ g(m)
//! cᵢ = (a⁺ᵢ + a⁻ᵢ) / 2γ²       s = Σᵢ cᵢ
//! ```
//!
//! where `⊖` is the model's difference of two states or two observations, the weighted sums are the
//! same as
//!
//! ```text
//! mean          g(m) + s
//! covariance    Σᵢ dᵢ dᵢᵀ + γ² Σᵢ cᵢ cᵢᵀ + (β − α²) s sᵀ
//! with z        Σᵢ lᵢ dᵢᵀ
//! ```
//!
//! and mean angles, which the sums of large weights do not have, come with the differences.
//! This form needs no large weights of opposite signs, and shows what the weights hide: the
//! covariance is positive semidefinite whenever `β ≥ 0` and `κ ≥ 0`, for `s sᵀ ≤ Z Σ cᵢ cᵢᵀ`. The
//! linear map that explains the covariance with `z` is `H = D L⁻¹`, with `D` of columns `dᵢ`. It
//! accounts for `Σ dᵢ dᵢᵀ`; the terms of second differences are added to the noise.

use super::belief::RootBelief;
use super::linearization::{Dims, GaussianModel, Linearization};
use super::root::Root;
use super::state_space::StateSpace;
use super::{BayesError, check};
use nalgebra::{DMatrix, DVector};

/// Where the sigma points lie and how the one in the middle counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SigmaPoints {
    /// `α`, spread of the points; greater than zero, at most one as a rule.
    pub alpha: f64,
    /// `β`, two for a Gaussian belief; not negative.
    pub beta: f64,
    /// `κ`, not negative.
    pub kappa: f64,
}

impl SigmaPoints {
    /// Points at `m ± √Z lᵢ` with `α = 1`, `β = 2`, `κ = 0`.
    pub const GAUSSIAN: Self = Self { alpha: 1.0, beta: 2.0, kappa: 0.0 };

    /// The cubature rule of Arasaratnam and Haykin 2009: `α = 1`, `β = 0`, `κ = 0`.
    pub const CUBATURE: Self = Self { alpha: 1.0, beta: 0.0, kappa: 0.0 };
}

/// A nonlinear model, linear near a belief by regression on its sigma points.
#[derive(Clone, Debug)]
pub struct Unscented<M> {
    model: M,
    points: SigmaPoints,
}

impl<M: StateSpace> Unscented<M> {
    /// The model with these sigma points.
    ///
    /// # Errors
    /// If `α` is not positive, or `β` or `κ` is negative, or one is not finite.
    pub fn new(model: M, points: SigmaPoints) -> Result<Self, BayesError> {
        let SigmaPoints { alpha, beta, kappa } = points;
        if !(alpha > 0.0 && alpha.is_finite()) {
            return Err(BayesError::Setting { key: "alpha", value: alpha, range: "positive" });
        }
        for (key, value) in [("beta", beta), ("kappa", kappa)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(BayesError::Setting { key, value, range: "zero or positive" });
            }
        }
        Ok(Self { model, points })
    }

    /// The model.
    pub fn model(&self) -> &M {
        &self.model
    }

    fn regress(
        &self,
        belief: &RootBelief,
        values: usize,
        (function, difference): (
            impl Fn(&DVector<f64>) -> DVector<f64>,
            impl Fn(&DVector<f64>, &DVector<f64>) -> DVector<f64>,
        ),
        noise: DMatrix<f64>,
    ) -> Result<Linearization, BayesError> {
        let SigmaPoints { alpha, beta, kappa } = self.points;
        let mean = belief.mean();
        let n = mean.len();
        let spread = alpha * alpha * (n as f64 + kappa);
        let gamma = spread.sqrt();
        let root = belief.root.natural("covariance")?;
        let at = |point: &DVector<f64>| {
            let value = function(point);
            check::vector("value at a sigma point", &value, values).map(|()| value)
        };
        let middle = at(mean)?;
        let (mut first, mut second) = (DMatrix::zeros(values, n), DMatrix::zeros(values, n));
        for i in 0..n {
            let step = root.factor().column(i) * gamma;
            let above = difference(&at(&(mean + &step))?, &middle);
            let below = difference(&at(&(mean - &step))?, &middle);
            first.set_column(i, &((&above - &below) / (2.0 * gamma)));
            second.set_column(i, &((above + below) / (2.0 * spread)));
        }
        check::covariance("noise of the model", &noise, values)?;
        Root::new("noise of the model", &noise)?;
        let shift = second.column_sum();
        let rest = (&second * second.transpose()) * spread
            + (&shift * shift.transpose()) * (beta - alpha * alpha);
        // H L = D, from Lᵀ Hᵀ = Dᵀ.
        let matrix = root.whiten_transposed(&first.transpose()).transpose();
        Ok(Linearization { mean: middle + shift, matrix, noise: noise + rest })
    }
}

impl<M: StateSpace> GaussianModel for Unscented<M> {
    fn dims(&self) -> Dims {
        self.model.dims()
    }

    fn linearize_transition(
        &self,
        step: usize,
        belief: &RootBelief,
        control: &[f64],
    ) -> Result<Linearization, BayesError> {
        let function = |z: &DVector<f64>| self.model.transition(step, z, control);
        let difference = |a: &DVector<f64>, b: &DVector<f64>| self.model.state_difference(a, b);
        let values = self.model.dims().state;
        self.regress(belief, values, (function, difference), self.model.process_noise(step))
    }

    fn linearize_emission(
        &self,
        step: usize,
        belief: &RootBelief,
    ) -> Result<Linearization, BayesError> {
        let function = |z: &DVector<f64>| self.model.emission(step, z);
        let difference =
            |a: &DVector<f64>, b: &DVector<f64>| self.model.observation_difference(a, b);
        let values = self.model.dims().observation;
        self.regress(belief, values, (function, difference), self.model.observation_noise(step))
    }

    fn observation_difference(
        &self,
        observation: &DVector<f64>,
        expected: &DVector<f64>,
    ) -> DVector<f64> {
        self.model.observation_difference(observation, expected)
    }
}
