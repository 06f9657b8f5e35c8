//! A Gaussian belief about a state or an observation.

use super::memory::Memory;
use super::products::symmetrize;
use super::root::Root;
use super::{BayesError, check};
use nalgebra::{DMatrix, DVector, DefaultAllocator, Dim, Dyn, OMatrix, OVector};

/// `N(m, P)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Belief<Z: Dim = Dyn>
where
    DefaultAllocator: Memory<Z, Z>,
{
    /// `m`.
    pub mean: OVector<f64, Z>,
    /// `P`, symmetric and positive semidefinite.
    pub covariance: OMatrix<f64, Z, Z>,
}

impl<Z: Dim> Belief<Z>
where
    DefaultAllocator: Memory<Z, Z>,
{
    /// `N(m, P)`. `P` may be singular: what is known exactly has no variance.
    ///
    /// # Errors
    /// If `P` does not fit `m`, is not symmetric or not positive semidefinite, or a value is not
    /// finite.
    pub fn new(mean: OVector<f64, Z>, covariance: OMatrix<f64, Z, Z>) -> Result<Self, BayesError> {
        let mut belief = Self { mean, covariance };
        belief.check()?;
        symmetrize(&mut belief.covariance);
        Ok(belief)
    }

    /// Number of variables.
    pub fn len(&self) -> usize {
        self.mean.len()
    }

    /// Whether there are no variables.
    pub fn is_empty(&self) -> bool {
        self.mean.is_empty()
    }

    /// `m + L ε` with `L Lᵀ = P`: a draw, for standard normal `noise` `ε`.
    ///
    /// # Errors
    /// If `noise` has the wrong length, or `P` is not positive semidefinite.
    pub fn sample(&self, noise: &[f64]) -> Result<OVector<f64, Z>, BayesError> {
        check::length("noise", noise.len(), self.len())?;
        let root = Root::new("covariance", &self.covariance)?;
        let mut draw = self.mean.clone();
        super::products::add_times(draw.as_mut_slice(), root.factor(), noise);
        Ok(draw)
    }

    /// `(v − m)ᵀ P⁻¹ (v − m)`. Of a true state it is the normalized estimation error squared
    /// (NEES) of Bar-Shalom, Li and Kirubarajan 2001, section 5.4.
    ///
    /// # Errors
    /// If `value` has the wrong length or is not finite, or `P` is not positive definite.
    pub fn squared_distance(&self, value: &[f64]) -> Result<f64, BayesError> {
        check::length("value", value.len(), self.len())?;
        check::finite("value", value)?;
        let root = Root::definite("covariance", &self.covariance)?;
        let beyond = OVector::from_fn_generic(self.mean.shape_generic().0, nalgebra::U1, |i, _| {
            value[i] - self.mean[i]
        });
        Ok(root.squared_distance(&beyond))
    }

    /// `ln N(v; m, P)`.
    ///
    /// # Errors
    /// As [`squared_distance`](Self::squared_distance).
    pub fn log_density(&self, value: &[f64]) -> Result<f64, BayesError> {
        let distance = self.squared_distance(value)?;
        Ok(log_density(distance, &Root::definite("covariance", &self.covariance)?))
    }

    /// The belief by a root of its covariance.
    ///
    /// # Errors
    /// If `P` is not positive semidefinite or a value is not finite.
    pub fn root(&self) -> Result<RootBelief<Z>, BayesError> {
        check::vector("mean", &self.mean, self.covariance.nrows())?;
        Ok(RootBelief { mean: self.mean.clone(), root: Root::new("covariance", &self.covariance)? })
    }

    pub(super) fn check(&self) -> Result<(), BayesError> {
        check::finite("mean", self.mean.as_slice())?;
        check::covariance("covariance", &self.covariance, self.mean.len())?;
        Root::new("covariance", &self.covariance).map(|_| ())
    }
}

impl Belief {
    /// `N(m, diag v)`.
    ///
    /// # Errors
    /// If the two differ in length, a variance is negative, or a value is not finite.
    pub fn independent(mean: &[f64], variance: &[f64]) -> Result<Self, BayesError> {
        let variance = DVector::from_column_slice(variance);
        Self::new(DVector::from_column_slice(mean), DMatrix::from_diagonal(&variance))
    }
}

/// `N(m, L Lᵀ)`: a belief by a root of its covariance, which keeps what the covariance has no
/// digits for, such as a variance of `1e-4` that hangs together with one of `1e14`.
#[derive(Clone, Debug, PartialEq)]
pub struct RootBelief<Z: Dim = Dyn>
where
    DefaultAllocator: Memory<Z, Z>,
{
    pub(super) mean: OVector<f64, Z>,
    pub(super) root: Root<Z>,
}

impl<Z: Dim> RootBelief<Z>
where
    DefaultAllocator: Memory<Z, Z>,
{
    /// `m`.
    pub fn mean(&self) -> &OVector<f64, Z> {
        &self.mean
    }

    /// `L (Z, Z)`, whose rows are those of a lower triangle in some order.
    pub fn root(&self) -> &OMatrix<f64, Z, Z> {
        self.root.factor()
    }

    /// The belief by its covariance.
    ///
    /// # Errors
    /// If a value overflows.
    pub fn belief(&self) -> Result<Belief<Z>, BayesError> {
        let belief = Belief { mean: self.mean.clone(), covariance: self.root.square() };
        check::finite("mean", belief.mean.as_slice())?;
        check::finite("covariance", belief.covariance.as_slice())?;
        Ok(belief)
    }
}

/// `ln N` at this squared distance from the mean.
pub(super) fn log_density<Z: Dim>(squared_distance: f64, root: &Root<Z>) -> f64
where
    DefaultAllocator: Memory<Z, Z>,
{
    let constant = root.factor().nrows() as f64 * std::f64::consts::TAU.ln();
    -0.5 * (squared_distance + root.log_determinant() + constant)
}
