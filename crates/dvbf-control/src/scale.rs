//! The unit of a state: what a resolution is measured in, and what networks see.
//!
//! Latent units are arbitrary. With the mean `m` and the covariance `Σ = L Lᵀ` of visited states, the
//! scaled state is `n = L⁻¹ (z − m)`, whose components are uncorrelated and of unit variance, and the
//! noise of a channel is `σ L ξ`. A channel's information then is the same in every linear coordinate
//! system of the latent space: `z ↦ M z` takes `Σ` to `M Σ Mᵀ` and a Jacobian `J` to `M J`, and
//! `Jᵀ Σ⁻¹ J` stays.

use crate::error::ControlError;
use dvbf_tensor::Scalar;
use nalgebra::{Cholesky, DMatrix};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2};

/// Variances beside which smaller ones count as none.
const CONDITION: f64 = 1e-12;

/// Mean and spread of states, as an affine map to uncorrelated components of unit variance.
#[derive(Clone, Debug, PartialEq)]
pub struct StateScale<S> {
    // Invariant: of one size; `factor` and `inverse` are lower triangular, inverse of each other.
    mean: Array1<S>,
    factor: Array2<S>,
    inverse: Array2<S>,
}

impl<S: Scalar> StateScale<S> {
    /// The units of the states themselves: `m = 0`, `L = I`.
    pub fn identity(size: usize) -> Self {
        let eye = Array2::eye(size);
        Self { mean: Array1::zeros(size), factor: eye.clone(), inverse: eye }
    }

    /// One standard deviation for every dimension, correlations left out.
    ///
    /// # Errors
    /// If the two differ in length, a standard deviation is not a positive finite number, or a mean
    /// is not finite.
    pub fn diagonal(mean: &[S], std: &[S]) -> Result<Self, ControlError> {
        if mean.len() != std.len() {
            let (got, expected) = (std.len(), mean.len());
            return Err(ControlError::Length { what: "standard deviations", got, expected });
        }
        for (row, (&mean, &std)) in mean.iter().zip(std).enumerate() {
            crate::error::positive("standard deviation", std.to_double())?;
            if !mean.is_finite() {
                return Err(ControlError::NotFinite { what: "the mean of states", row });
            }
        }
        Ok(Self {
            mean: mean.iter().copied().collect(),
            factor: Array2::from_diag(&std.iter().copied().collect::<Array1<S>>()),
            inverse: Array2::from_diag(&std.iter().map(|&s| S::ONE / s).collect::<Array1<S>>()),
        })
    }

    /// Mean and covariance of `states (N, Z)`, which should be those that the system visits.
    ///
    /// # Errors
    /// If a state is not finite, or their covariance has a direction without variance.
    pub fn of_states(states: ArrayView2<'_, S>) -> Result<Self, ControlError> {
        let (count, size) = states.dim();
        check_finite("the state", states)?;
        let mut mean = vec![0.0; size];
        for row in states.rows() {
            for (mean, &z) in mean.iter_mut().zip(row) {
                *mean += z.to_double() / count as f64;
            }
        }
        let mut covariance: DMatrix<f64> = DMatrix::zeros(size, size);
        for row in states.rows() {
            for i in 0..size {
                for j in 0..size {
                    let product = (row[i].to_double() - mean[i]) * (row[j].to_double() - mean[j]);
                    covariance[(i, j)] += product / count as f64;
                }
            }
        }
        // Scaled to unit variances first, so that units decide nothing.
        let std: Vec<f64> = (0..size).map(|i| covariance[(i, i)].sqrt()).collect();
        let correlation =
            DMatrix::from_fn(size, size, |i, j| covariance[(i, j)] / (std[i] * std[j]));
        let degenerate = ControlError::Degenerate { states: count, size };
        let factor = Cholesky::new(correlation).ok_or_else(|| degenerate.clone())?.l();
        let regular = (0..size).all(|i| factor[(i, i)].powi(2) > CONDITION);
        let inverse = factor.clone().try_inverse().filter(|_| regular).ok_or(degenerate)?;
        Ok(Self {
            mean: mean.into_iter().map(S::of).collect(),
            factor: Array2::from_shape_fn((size, size), |(i, j)| S::of(std[i] * factor[(i, j)])),
            inverse: Array2::from_shape_fn((size, size), |(i, j)| S::of(inverse[(i, j)] / std[j])),
        })
    }

    /// `Z`.
    pub fn size(&self) -> usize {
        self.mean.len()
    }

    /// `m (Z)`.
    pub fn mean(&self) -> &Array1<S> {
        &self.mean
    }

    /// `L (Z, Z)`, lower triangular.
    pub fn factor(&self) -> &Array2<S> {
        &self.factor
    }

    /// `L⁻¹ (Z, Z)`, lower triangular.
    pub fn inverse(&self) -> &Array2<S> {
        &self.inverse
    }

    /// Writes `n = L⁻¹ (z − m)`. Shapes: both `(N, Z)`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn normalize(&self, states: ArrayView2<'_, S>, mut out: ArrayViewMut2<'_, S>) {
        assert_eq!(states.dim(), out.dim(), "states against scaled states");
        assert_eq!(states.ncols(), self.size(), "columns of states against the scale");
        for (z, mut n) in states.rows().into_iter().zip(out.rows_mut()) {
            for i in 0..z.len() {
                let mut sum = S::ZERO;
                for j in 0..=i {
                    sum += self.inverse[[i, j]] * (z[j] - self.mean[j]);
                }
                n[i] = sum;
            }
        }
    }

    /// Adds the pull-back of [`normalize`](Self::normalize): `dz += L⁻ᵀ dn`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn normalize_backward(&self, dn: ArrayView2<'_, S>, mut dz: ArrayViewMut2<'_, S>) {
        assert_eq!(dn.dim(), dz.dim(), "cotangents of scaled states against those of states");
        assert_eq!(dn.ncols(), self.size(), "columns of cotangents against the scale");
        for (dn, mut dz) in dn.rows().into_iter().zip(dz.rows_mut()) {
            for i in 0..dn.len() {
                for j in 0..=i {
                    dz[j] += self.inverse[[i, j]] * dn[i];
                }
            }
        }
    }
}

/// An error that names the first row with a value that is not finite.
pub(crate) fn check_finite<S: Scalar>(
    what: &'static str,
    values: ArrayView2<'_, S>,
) -> Result<(), ControlError> {
    match values.rows().into_iter().position(|row| row.iter().any(|v| !v.is_finite())) {
        Some(row) => Err(ControlError::NotFinite { what, row }),
        None => Ok(()),
    }
}
