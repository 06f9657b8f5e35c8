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
