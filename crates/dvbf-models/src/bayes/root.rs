//! Cholesky factor of a covariance that may be singular.
//!
//! `P = L Lᵀ` with `L` lower triangular. A covariance that is close to singular is factored with
//! its variables in another order, the one with the largest share of variance left next (Higham
//! 2002, section 10.3, after scaling to unit variances): rows of `L` are then a permutation of a
//! lower triangle, and columns are zero beyond the rank.
//!
//! A solution of `P X = B` exists if the columns of `B` lie in the range of `P`, as `P` times
//! anything does; one is found without inverting.

use super::{BayesError, check};
use nalgebra::{DMatrix, DVector};

/// Shares of a variance above this need no reordering.
const SAFE_SHARE: f64 = 1e-8;

/// The factor `L`.
#[derive(Clone, Debug)]
pub(super) struct Root {
    factor: DMatrix<f64>,
    /// Variables in the order of factoring; row `order[i]` of the factor has `i + 1` entries.
    order: Vec<usize>,
    rank: usize,
}

impl Root {
    /// The factor of the symmetric `matrix`.
    pub(super) fn new(what: &'static str, matrix: &DMatrix<f64>) -> Result<Self, BayesError> {
        let n = matrix.nrows();
        check::matrix(what, matrix, (n, n))?;
        match Self::plain(matrix) {
            Some(root) => Ok(root),
            None => Self::ordered(matrix).ok_or(BayesError::NotPositiveDefinite { what }),
        }
    }

    /// Without reordering, if every variable keeps a safe share of its variance.
    fn plain(matrix: &DMatrix<f64>) -> Option<Self> {
        let n = matrix.nrows();
        let mut factor = DMatrix::zeros(n, n);
        for j in 0..n {
            for i in j..n {
                let products: f64 = (0..j).map(|k| factor[(i, k)] * factor[(j, k)]).sum();
                let left = matrix[(i, j)] - products;
                if i > j {
                    factor[(i, j)] = left / factor[(j, j)];
                } else if left > SAFE_SHARE * matrix[(j, j)] {
                    factor[(j, j)] = left.sqrt();
                } else {
                    return None;
                }
            }
        }
        Some(Self { factor, order: (0..n).collect(), rank: n })
    }

    /// With reordering; `None` if there is negative variance beyond rounding.
    fn ordered(matrix: &DMatrix<f64>) -> Option<Self> {
        let n = matrix.nrows();
        let rounding = 64.0 * n as f64 * f64::EPSILON;
        let scale = matrix.diagonal().map(f64::sqrt);
        if scale.iter().any(|s| s.is_nan()) {
            return None;
        }
        let mut left = DMatrix::zeros(n, n);
        for i in 0..n {
            for j in 0..n {
                let size = scale[i] * scale[j];
                if size > 0.0 {
                    left[(i, j)] = matrix[(i, j)] / size;
                } else if matrix[(i, j)] != 0.0 {
                    return None;
                }
            }
        }
        let mut order: Vec<usize> = (0..n).collect();
        let mut factor = DMatrix::zeros(n, n);
        let mut rank = 0;
        while rank < n {
            let share = |i: usize| left[(order[i], order[i])];
            let next = (rank..n).fold(rank, |a, b| if share(b) > share(a) { b } else { a });
            if share(next) <= rounding {
                break;
            }
            order.swap(rank, next);
            let pivot = order[rank];
            let root = left[(pivot, pivot)].sqrt();
            for &i in &order[rank..] {
                factor[(i, rank)] = left[(i, pivot)] / root;
            }
            for &i in &order[rank + 1..] {
                for &j in &order[rank + 1..] {
                    left[(i, j)] -= factor[(i, rank)] * factor[(j, rank)];
                }
            }
            rank += 1;
        }
        let rest = &order[rank..];
        if rest.iter().any(|&i| rest.iter().any(|&j| left[(i, j)].abs() > 8.0 * rounding)) {
            return None;
        }
        for (mut row, scale) in factor.row_iter_mut().zip(&scale) {
            row *= *scale;
        }
        Some(Self { factor, order, rank })
    }

    /// The factor of a covariance without singular directions.
    pub(super) fn definite(what: &'static str, matrix: &DMatrix<f64>) -> Result<Self, BayesError> {
        let root = Self::new(what, matrix)?;
        if root.rank == matrix.nrows() {
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
        2.0 * (0..self.rank).map(|i| self.factor[(self.order[i], i)].ln()).sum::<f64>()
    }

    /// `L⁻¹ B`; rows beyond the rank are zero.
    pub(super) fn whiten(&self, b: &DMatrix<f64>) -> DMatrix<f64> {
        let mut x = DMatrix::zeros(b.nrows(), b.ncols());
        for (mut x, b) in x.column_iter_mut().zip(b.column_iter()) {
            for (i, &row) in self.order[..self.rank].iter().enumerate() {
                let products: f64 = (0..i).map(|k| self.factor[(row, k)] * x[k]).sum();
                x[i] = (b[row] - products) / self.factor[(row, i)];
            }
        }
        x
    }

    /// `X` with `Lᵀ X = B`; rows of variables beyond the rank are zero.
    pub(super) fn whiten_transposed(&self, b: &DMatrix<f64>) -> DMatrix<f64> {
        let mut x = DMatrix::zeros(b.nrows(), b.ncols());
        for (mut x, b) in x.column_iter_mut().zip(b.column_iter()) {
            for i in (0..self.rank).rev() {
                let later = &self.order[i + 1..self.rank];
                let products: f64 = later.iter().map(|&k| self.factor[(k, i)] * x[k]).sum();
                x[self.order[i]] = (b[i] - products) / self.factor[(self.order[i], i)];
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

    /// `vᵀ P⁻¹ v`; infinite if it overflows.
    pub(super) fn squared_distance(&self, v: &DVector<f64>) -> f64 {
        let white = self.whiten(&DMatrix::from_column_slice(v.len(), 1, v.as_slice()));
        let distance = white.norm_squared();
        if distance.is_nan() { f64::INFINITY } else { distance }
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
