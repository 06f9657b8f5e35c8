//! A transition or an emission near a belief, as a linear Gaussian one.
//!
//! | | equation |
//! |-|----------|
//! | near `N(m, P)` | `y = ŷ + H (z − m) + e`, `e ~ N(0, E)` |
//! | moments of `y` | `ŷ`, `S = H P Hᵀ + E`, covariance with `z`: `P Hᵀ` |
//! | gain | `K = P Hᵀ S⁻¹` |
//! | conditioning | `m + K (y − ŷ)`, `P − K S Kᵀ` |
//!
//! Exact and extended filters have the model's noise as `E`; the unscented filter adds to it what
//! the linear map leaves over.

use super::belief::{Belief, RootBelief};
use super::form::Form;
use super::memory::{Memory, zeros};
use super::root::{Root, beside};
use super::{BayesError, check};
use nalgebra::{DMatrix, DVector, DefaultAllocator, Dim, Dyn, OMatrix, OVector, U1};

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

/// `y = ŷ + H (z − m) + e` with `e ~ N(0, E)`, for `z` near the mean `m` of a belief; `Y` values of
/// `Z` variables.
#[derive(Clone, Debug, PartialEq)]
pub struct Linearization<Y: Dim = Dyn, Z: Dim = Dyn>
where
    DefaultAllocator: Memory<Z, Y>,
{
    /// `ŷ`.
    pub mean: OVector<f64, Y>,
    /// `H`; a transition's `A`, an emission's `C`.
    pub matrix: OMatrix<f64, Y, Z>,
    /// `E`.
    pub noise: OMatrix<f64, Y, Y>,
}

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

impl<Y: Dim, Z: Dim> Linearization<Y, Z>
where
    DefaultAllocator: Memory<Z, Y>,
{
    /// Zeros.
    pub(super) fn zero(values: Y, state: Z) -> Self {
        Self { mean: zeros(values, U1), matrix: zeros(values, state), noise: zeros(values, values) }
    }

    /// Checks what a model gave for `values` values from `state` variables.
    #[inline]
    pub(super) fn check(&self, values: usize, state: usize) -> Result<(), BayesError> {
        check::vector("mean of the model", &self.mean, values)?;
        check::matrix("matrix of the model", &self.matrix, (values, state))?;
        check::covariance("noise of the model", &self.noise, values)
    }

    /// Makes channel `i` one that says nothing: noise of its own with variance one.
    pub(super) fn silence(&mut self, i: usize) {
        self.matrix.row_mut(i).fill(0.0);
        self.noise.row_mut(i).fill(0.0);
        self.noise.column_mut(i).fill(0.0);
        self.noise[(i, i)] = 1.0;
    }
}

impl Linearization {
    /// The belief about `y`.
    ///
    /// # Errors
    /// If the belief's covariance or the noise is not positive semidefinite.
    pub fn predict(&self, belief: &Belief) -> Result<Belief, BayesError> {
        let noise = Root::new("noise of the model", &self.noise)?;
        let spread = beside(&(&self.matrix * belief.root()?.root()), noise.factor());
        check::finite("mean", self.mean.as_slice())?;
        let root = Root::of_square("covariance", &spread)?;
        RootBelief { mean: self.mean.clone(), root }.belief()
    }
}
