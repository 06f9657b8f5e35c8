//! A transition or an emission near a belief, as a linear Gaussian one.
//!
//! | | equation |
//! |-|----------|
//! | near `N(m, P)` | `y = ŷ + H (z − m) + e`, `e ~ N(0, E)` |
//! | moments of `y` | `ŷ`, `S = H P Hᵀ + E`, covariance with `z`: `P Hᵀ` |
//! | gain | `K = P Hᵀ S⁻¹`, from `S Kᵀ = H P` by Cholesky's factor of `S` |
//! | conditioning | `m + K (y − ŷ)`, `(I − K H) P (I − K H)ᵀ + K E Kᵀ` |
//!
//! The last line is Joseph's form (Bucy and Joseph 1968), here a sum of squares of matrices,
//! `(I − K H) L` with `L Lᵀ = P` and `K G` with `G Gᵀ = E`, so that rounding cannot make it
//! indefinite. Exact and extended filters have the model's noise as `E`; the unscented filter adds to it what
//! the linear map leaves over.

use super::belief::{Belief, log_density};
use super::root::{Root, symmetric};
use super::{BayesError, check};
use nalgebra::{DMatrix, DVector};

/// Sizes of a model's variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dims {
    /// `Z`.
    pub state: usize,
    /// `U`; zero without controls.
    pub control: usize,
    /// `X`.
    pub observation: usize,
}

/// `y = ŷ + H (z − m) + e` with `e ~ N(0, E)`, for `z` near the mean `m` of a belief.
#[derive(Clone, Debug, PartialEq)]
pub struct Linearization {
    /// `ŷ`.
    pub mean: DVector<f64>,
    /// `H`; a transition's `A`, an emission's `C`.
    pub matrix: DMatrix<f64>,
    /// `E`.
    pub noise: DMatrix<f64>,
}

/// A model that is linear and Gaussian near a belief: what the Gaussian filter and the smoother
/// work on. Linear models are so everywhere; [`Extended`](super::Extended) and
/// [`Unscented`](super::Unscented) make nonlinear ones so.
///
/// `step` is the number of the step that the belief is about, the first being zero.
pub trait GaussianModel {
    /// Sizes of the variables.
    fn dims(&self) -> Dims;

    /// The transition from `step` to `step + 1` under `control`, near `belief`.
    ///
    /// # Errors
    /// If the belief has no covariance that the model can work with.
    fn linearize_transition(
        &self,
        step: usize,
        belief: &Belief,
        control: &[f64],
    ) -> Result<Linearization, BayesError>;

    /// The emission at `step`, near `belief`.
    ///
    /// # Errors
    /// If the belief has no covariance that the model can work with.
    fn linearize_emission(&self, step: usize, belief: &Belief)
    -> Result<Linearization, BayesError>;
}

impl<M: GaussianModel> GaussianModel for &M {
    fn dims(&self) -> Dims {
        (**self).dims()
    }

    fn linearize_transition(
        &self,
        step: usize,
        belief: &Belief,
        control: &[f64],
    ) -> Result<Linearization, BayesError> {
        (**self).linearize_transition(step, belief, control)
    }

    fn linearize_emission(
        &self,
        step: usize,
        belief: &Belief,
    ) -> Result<Linearization, BayesError> {
        (**self).linearize_emission(step, belief)
    }
}

/// What an observation said.
#[derive(Clone, Debug, PartialEq)]
pub struct Correction {
    /// Indices of the channels that were observed, ascending. What follows is about these only.
    pub channels: Vec<usize>,
    /// `r = x − x̂`: what came beyond what was expected.
    pub residual: DVector<f64>,
    /// `S`, the covariance of the residual.
    pub covariance: DMatrix<f64>,
    /// `rᵀ S⁻¹ r`, the normalized innovation squared (NIS); chi-square distributed with as many
    /// degrees of freedom as channels if the model is right.
    pub nis: f64,
    /// `ln N(r; 0, S)`.
    pub log_likelihood: f64,
    /// Whether the belief was conditioned on it; not if it lay outside the gate.
    pub accepted: bool,
}

impl Linearization {
    /// Checks what a model gave for `values` values from `state` variables.
    pub(super) fn check(&self, values: usize, state: usize) -> Result<(), BayesError> {
        check::vector("mean of the model", &self.mean, values)?;
        check::matrix("matrix of the model", &self.matrix, (values, state))?;
        check::covariance("noise of the model", &self.noise, values)
    }

    /// The belief about `y`.
    ///
    /// # Errors
    /// If the belief's covariance or the noise is not positive semidefinite.
    pub fn predict(&self, belief: &Belief) -> Result<Belief, BayesError> {
        Root::new("noise of the model", &self.noise)?;
        let root = Root::new("covariance", &belief.covariance)?;
        let covariance = root.sandwich(&self.matrix) + symmetric(self.noise.clone());
        Belief { mean: self.mean.clone(), covariance }.settled()
    }

    /// The same for the values `channels` of `y` alone.
    pub(super) fn select(&self, channels: &[usize]) -> Self {
        Self {
            mean: self.mean.select_rows(channels),
            matrix: self.matrix.select_rows(channels),
            noise: self.noise.select_rows(channels).select_columns(channels),
        }
    }

    /// Conditions `belief` on `y`; `gate` is the largest acceptable NIS.
    pub(super) fn condition(
        &self,
        belief: &Belief,
        y: &DVector<f64>,
        gate: Option<f64>,
    ) -> Result<(Belief, Correction), BayesError> {
        let prior = Root::new("covariance", &belief.covariance)?;
        let noise = Root::new("noise of the model", &self.noise)?;
        let covariance = prior.sandwich(&self.matrix) + symmetric(self.noise.clone());
        let root = Root::definite("covariance of the observation", &covariance)?;
        let residual = y - &self.mean;
        let nis = root.squared_distance(&residual);
        let accepted = gate.is_none_or(|limit| nis <= limit);
        let posterior = if accepted {
            let gain = root.solve(&(&self.matrix * &belief.covariance)).transpose();
            let n = belief.len();
            let keep = DMatrix::identity(n, n) - &gain * &self.matrix;
            let covariance = prior.sandwich(&keep) + noise.sandwich(&gain);
            Belief { mean: &belief.mean + &gain * &residual, covariance }.settled()?
        } else {
            belief.clone()
        };
        let log_likelihood = log_density(nis, &root);
        let channels = (0..y.len()).collect();
        let correction =
            Correction { channels, residual, covariance, nis, log_likelihood, accepted };
        Ok((posterior, correction))
    }
}
