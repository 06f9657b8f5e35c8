//! A transition or an emission near a belief, as a linear Gaussian one.
//!
//! | | equation |
//! |-|----------|
//! | near `N(m, P)` | `y = ŷ + H (z − m) + e`, `e ~ N(0, E)` |
//! | moments of `y` | `ŷ`, `S = H P Hᵀ + E`, covariance with `z`: `P Hᵀ` |
//! | gain | `K = P Hᵀ S⁻¹` |
//! | conditioning | `m + K (y − ŷ)`, `P − K S Kᵀ` |
//!
//! Covariances are carried by roots (Kaminski, Bryson and Schmidt 1971): with `L Lᵀ = P` and
//! `G Gᵀ = E`, reflections `Θ` from the right give
//!
//! ```text
//! prediction     [H L  G] Θ = [L⁻ 0]
//! conditioning   [G  H L]     [S^½     0 ]
//!                [0    L] Θ = [K S^½   L⁺]        m⁺ = m + K S^½ (S^½)⁻¹ (y − ŷ)
//! ```
//!
//! So rounding can neither make a covariance indefinite nor cancel what a prior of any size leaves
//! of the observations. Exact and extended filters have the model's noise as `E`; the unscented
//! filter adds to it what the linear map leaves over.

use super::belief::{Belief, RootBelief, log_density};
use super::root::{Root, beside, not_nan, square, symmetric};
use super::triangle::{Triangle, triangle};
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
        belief: &RootBelief,
        control: &[f64],
    ) -> Result<Linearization, BayesError>;

    /// The emission at `step`, near `belief`.
    ///
    /// # Errors
    /// If the belief has no covariance that the model can work with.
    fn linearize_emission(
        &self,
        step: usize,
        belief: &RootBelief,
    ) -> Result<Linearization, BayesError>;

    /// What `observation` has beyond `expected`, both `X` values; their difference unless the
    /// model says otherwise, as it does for angles.
    fn observation_difference(
        &self,
        observation: &DVector<f64>,
        expected: &DVector<f64>,
    ) -> DVector<f64> {
        observation - expected
    }
}

impl<M: GaussianModel> GaussianModel for &M {
    fn dims(&self) -> Dims {
        (**self).dims()
    }

    fn linearize_transition(
        &self,
        step: usize,
        belief: &RootBelief,
        control: &[f64],
    ) -> Result<Linearization, BayesError> {
        (**self).linearize_transition(step, belief, control)
    }

    fn linearize_emission(
        &self,
        step: usize,
        belief: &RootBelief,
    ) -> Result<Linearization, BayesError> {
        (**self).linearize_emission(step, belief)
    }

    fn observation_difference(
        &self,
        observation: &DVector<f64>,
        expected: &DVector<f64>,
    ) -> DVector<f64> {
        (**self).observation_difference(observation, expected)
    }
}

/// What an observation said.
#[derive(Clone, Debug, PartialEq)]
pub struct Correction {
    /// Indices of the channels that were observed, ascending. What follows is about these only.
    pub channels: Vec<usize>,
    /// `r = x − x̂`: what came beyond what was expected, for angles along the shorter way.
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
        self.carry(&belief.root()?)?.belief()
    }

    /// The same from root to root.
    pub(super) fn carry(&self, belief: &RootBelief) -> Result<RootBelief, BayesError> {
        let noise = Root::new("noise of the model", &self.noise)?;
        let spread = beside(&(&self.matrix * belief.root()), noise.factor());
        check::finite("mean", self.mean.as_slice())?;
        Ok(RootBelief { mean: self.mean.clone(), root: Root::of_square("covariance", &spread)? })
    }

    /// The same for the values `channels` of `y` alone.
    pub(super) fn select(&self, channels: &[usize]) -> Self {
        Self {
            mean: self.mean.select_rows(channels),
            matrix: self.matrix.select_rows(channels),
            noise: self.noise.select_rows(channels).select_columns(channels),
        }
    }

    /// Conditions `belief` on `y` with the residual `y − ŷ`; `gate` is the largest acceptable NIS.
    pub(super) fn condition(
        &self,
        belief: &RootBelief,
        residual: DVector<f64>,
        gate: Option<f64>,
    ) -> Result<(RootBelief, Correction), BayesError> {
        let (x, z) = (residual.len(), belief.mean.len());
        let noise = Root::new("noise of the model", &self.noise)?;
        let mapped = &self.matrix * belief.root();
        let covariance = square(&mapped) + symmetric(self.noise.clone());
        check::finite("covariance of the observation", covariance.as_slice())?;
        let mut joint = DMatrix::zeros(x + z, x + z);
        joint.view_mut((0, 0), (x, x)).copy_from(noise.factor());
        joint.view_mut((0, x), (x, z)).copy_from(&mapped);
        joint.view_mut((x, x), (z, z)).copy_from(belief.root());
        let Triangle { lower, order, ranks } = triangle("covariance", &joint, &[x, z])?;
        if ranks[0] < x {
            let what = "covariance of the observation";
            return Err(BayesError::NotPositiveDefinite { what });
        }
        let root = Root::part(&lower, &order, 0..x);
        let white = root.whiten(&DMatrix::from_column_slice(x, 1, residual.as_slice()));
        let nis = not_nan(white.norm_squared());
        let accepted = gate.is_none_or(|limit| nis <= limit);
        let posterior = if accepted {
            let mean = &belief.mean + (lower.view((x, 0), (z, x)) * white).column(0);
            check::finite("mean", mean.as_slice())?;
            let root = Root::part(&lower, &order, x..x + z).settled("covariance")?;
            RootBelief { mean, root }
        } else {
            belief.clone()
        };
        let log_likelihood = log_density(nis, &root);
        let channels = (0..x).collect();
        let correction =
            Correction { channels, residual, covariance, nis, log_likelihood, accepted };
        Ok((posterior, correction))
    }
}
