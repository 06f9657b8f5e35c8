//! Principal components with isotropic noise beside them (Tipping and Bishop 1999).
//!
//! `x = m + W y + r`, `W (X, K)` orthonormal, `r` in the `X − K` directions that are left. Because
//! `W` is a part of a rotation, the density of `x` is that of `y` times that of `r`.

use crate::principal::principal_axes;
use nalgebra::{DMatrix, DVector};
use ndarray::{ArrayView2, Axis};

/// The leading principal components of a set of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Pca {
    mean: DVector<f64>,
    /// `W (X, K)`.
    directions: DMatrix<f64>,
    /// Mean variance of the directions that are left; zero if there are none.
    rest: f64,
}

impl Pca {
    /// The first `components` principal components of `rows (R, X)`.
    ///
    /// # Panics
    /// If there is no row, or there are more components than channels.
    #[track_caller]
    pub fn fit(rows: ArrayView2<'_, f64>, components: usize) -> Self {
        let (count, channels) = rows.dim();
        assert!(count > 0, "principal components of at least one row");
        assert!(components <= channels, "{components} components of {channels} channels");
        let mean = rows.mean_axis(Axis(0)).expect("there is a row");
        let (axes, variances) = principal_axes(&(&rows - &mean), components);
        let left = &variances[components..];
        Self {
            mean: DVector::from_iterator(channels, mean),
            directions: DMatrix::from_fn(channels, components, |i, c| axes[[i, c]]),
            rest: left.iter().sum::<f64>() / left.len().max(1) as f64,
        }
    }

    /// `K`.
    pub fn components(&self) -> usize {
        self.directions.ncols()
    }

    /// Mean variance of the directions that are left.
    pub fn rest(&self) -> f64 {
        self.rest
    }

    /// `(y, ‖r‖²)` of an observation.
    ///
    /// # Panics
    /// If `x` has not `X` values.
    #[track_caller]
    pub fn project(&self, x: impl IntoIterator<Item = f64>) -> (DVector<f64>, f64) {
        let centered = DVector::from_iterator(self.mean.len(), x) - &self.mean;
        let y = self.directions.tr_mul(&centered);
        let rest = (centered.norm_squared() - y.norm_squared()).max(0.0);
        (y, rest)
    }

    /// `m + W y`.
    ///
    /// # Panics
    /// If `y` has not `K` values.
    #[track_caller]
    pub fn reconstruct(&self, y: &DVector<f64>) -> DVector<f64> {
        &self.mean + &self.directions * y
    }

    /// `ln p(r)` for `‖r‖²` with the given standard deviation of every direction that is left.
    pub fn rest_log_density(&self, squared: f64, std: f64) -> f64 {
        let left = (self.mean.len() - self.components()) as f64;
        let normalizer = std.ln() + 0.5 * std::f64::consts::TAU.ln();
        -0.5 * squared / (std * std) - left * normalizer
    }
}
