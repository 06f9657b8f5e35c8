//! Cholesky factor of a covariance that may be singular.
//!
//! `P = L Lᵀ` with `L` lower triangular. Where the first `j` variables determine variable `j`,
//! column `j` of `L` is zero. A solution of `P X = B` then exists if the columns of `B` lie in the
//! range of `P`, as `P` times anything does; one is found without inverting.

use super::{BayesError, check};
use nalgebra::{DMatrix, DVector};

/// The factor `L`.
#[derive(Clone, Debug)]
pub(super) struct Root {
    factor: DMatrix<f64>,
}

impl Root {
    /// The factor of `matrix`, whose upper triangle is not read.
    pub(super) fn new(what: &'static str, matrix: &DMatrix<f64>) -> Result<Self, BayesError> {
        let n = matrix.nrows();
        check::matrix(what, matrix, (n, n))?;
        // The rounding of a pivot is relative to the variance that it is left over from.
        let rounding = 8.0 * (n + 1) as f64 * f64::EPSILON;
        let mut factor = DMatrix::zeros(n, n);
        for j in 0..n {
            let variance = matrix[(j, j)];
            let left = |i: usize, factor: &DMatrix<f64>| {
                let products = (0..j).map(|k| factor[(i, k)] * factor[(j, k)]);
                matrix[(i, j)] - products.sum::<f64>()
            };
            let pivot = left(j, &factor);
            if variance < 0.0 || pivot < -rounding * variance {
                return Err(BayesError::NotPositiveDefinite { what });
            }
            if pivot <= rounding * variance {
                for i in j + 1..n {
                    let limit = 4.0 * rounding * variance * matrix[(i, i)];
                    if left(i, &factor).powi(2) > limit {
                        return Err(BayesError::NotPositiveDefinite { what });
                    }
                }
                continue;
            }
            factor[(j, j)] = pivot.sqrt();
            for i in j + 1..n {
                factor[(i, j)] = left(i, &factor) / factor[(j, j)];
            }
        }
        Ok(Self { factor })
    }

    /// The factor of a covariance without singular directions.
    pub(super) fn definite(what: &'static str, matrix: &DMatrix<f64>) -> Result<Self, BayesError> {
        let root = Self::new(what, matrix)?;
        if root.factor.diagonal().iter().all(|&d| d > 0.0) {
            Ok(root)
        } else {
            Err(BayesError::NotPositiveDefinite { what })
        }
    }

    /// `L`.
    pub(super) fn factor(&self) -> &DMatrix<f64> {
        &self.factor
    }

    /// `ln |P|` of a covariance without singular directions.
    pub(super) fn log_determinant(&self) -> f64 {
        2.0 * self.factor.diagonal().iter().map(|d| d.ln()).sum::<f64>()
    }

    /// `L⁻¹ B`; rows of singular directions are zero.
    pub(super) fn whiten(&self, b: &DMatrix<f64>) -> DMatrix<f64> {
        let mut x = b.clone();
        for mut column in x.column_iter_mut() {
            for i in 0..self.factor.nrows() {
                let products: f64 = (0..i).map(|k| self.factor[(i, k)] * column[k]).sum();
                let pivot = self.factor[(i, i)];
                column[i] = if pivot > 0.0 { (column[i] - products) / pivot } else { 0.0 };
            }
        }
        x
    }

    /// `L⁻ᵀ B`; rows of singular directions are zero.
    pub(super) fn whiten_transposed(&self, b: &DMatrix<f64>) -> DMatrix<f64> {
        let n = self.factor.nrows();
        let mut x = b.clone();
        for mut column in x.column_iter_mut() {
            for i in (0..n).rev() {
                let products: f64 = (i + 1..n).map(|k| self.factor[(k, i)] * column[k]).sum();
                let pivot = self.factor[(i, i)];
                column[i] = if pivot > 0.0 { (column[i] - products) / pivot } else { 0.0 };
            }
        }
        x
    }

    /// A solution `X` of `P X = B`.
    pub(super) fn solve(&self, b: &DMatrix<f64>) -> DMatrix<f64> {
        self.whiten_transposed(&self.whiten(b))
    }

    /// `A P Aᵀ` as the square of `A L`: rounding leaves it positive semidefinite.
    pub(super) fn sandwich(&self, a: &DMatrix<f64>) -> DMatrix<f64> {
        let spread = a * &self.factor;
        symmetric(&spread * spread.transpose())
    }

    /// `vᵀ P⁻¹ v`.
    pub(super) fn squared_distance(&self, v: &DVector<f64>) -> f64 {
        self.whiten(&DMatrix::from_column_slice(v.len(), 1, v.as_slice())).norm_squared()
    }
}

/// `(A + Aᵀ) / 2`.
pub(super) fn symmetric(a: DMatrix<f64>) -> DMatrix<f64> {
    let t = a.transpose();
    (a + t) * 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn singular_covariances_have_roots_and_solutions() {
        // Rank two: the third variable is the sum of the others, the second is constant.
        let a = DMatrix::from_row_slice(4, 2, &[2.0, 0.0, 0.0, 0.0, 2.0, 1.0, 0.5, -3.0]);
        let p = &a * a.transpose();
        let root = Root::new("p", &p).unwrap();
        assert!((root.factor() * root.factor().transpose() - &p).amax() < 1e-14);
        let b = &p * DMatrix::from_row_slice(4, 1, &[1.0, 2.0, -3.0, 0.5]);
        assert!((&p * root.solve(&b) - b).amax() < 1e-13);
        assert!(Root::definite("p", &p).is_err());
    }

    #[test]
    fn indefinite_matrices_are_refused() {
        for values in [[0.0, 1.0, 1.0, 1.0], [1.0, 1.1, 1.1, 1.0], [-1.0, 0.0, 0.0, 1.0]] {
            let p = DMatrix::from_row_slice(2, 2, &values);
            let error = Root::new("p", &p).unwrap_err();
            assert_eq!(error, BayesError::NotPositiveDefinite { what: "p" });
        }
    }
}
