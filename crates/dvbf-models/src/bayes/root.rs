//! Triangular root of a covariance that may be singular.
//!
//! `P = L Lᵀ` with `L` lower triangular. A covariance that is close to singular is factored with
//! its variables in another order, the one with the largest share of variance left next (Higham
//! 2002, section 10.3, after scaling to unit variances): rows of `L` are then a permutation of a
//! lower triangle, and columns are zero beyond the rank.
//!
//! Squaring halves the digits: `P` holds no variance below `ε` times that of a variable it hangs
//! together with. So filters and smoothers go on from root to root, with
//! [`triangle`](super::triangle), and factor only the covariances that they are given.
//!
//! Where `L` has fewer columns than rows, solutions of `L X = B` and `Lᵀ X = B` leave out the
//! variables that depend on the others. Nothing is inverted.

use super::triangle::{Triangle, triangle};
use super::{BayesError, check};
use nalgebra::{DMatrix, DVector};
use std::ops::Range;

/// Shares of a variance above this need no reordering.
const SAFE_SHARE: f64 = 1e-8;

/// Smaller variances have lost digits, so that they no longer fit their covariances.
const UNDERFLOW: f64 = f64::MIN_POSITIVE / f64::EPSILON;

/// The factor `L`.
#[derive(Clone, Debug, PartialEq)]
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

    /// The factor of `A Aᵀ`.
    pub(super) fn of_square(what: &'static str, a: &DMatrix<f64>) -> Result<Self, BayesError> {
        let n = a.nrows();
        let Triangle { lower, order, .. } = triangle(what, a, &[n])?;
        Self::part(&lower, &order, 0..n).settled(what)
    }

    /// The factor with its variables in their order.
    pub(super) fn natural(&self, what: &'static str) -> Result<Self, BayesError> {
        let n = self.factor.nrows();
        let Triangle { lower, order, .. } = triangle(what, &self.factor, &vec![1; n])?;
        Ok(Self::part(&lower, &order, 0..n))
    }

    /// The block of a triangle on its diagonal that belongs to `variables`.
    pub(super) fn part(lower: &DMatrix<f64>, order: &[usize], variables: Range<usize>) -> Self {
        let n = variables.len();
        let (mut factor, mut columns) = (DMatrix::zeros(n, n), Vec::with_capacity(n));
        for (column, variable) in order.iter().enumerate() {
            if variables.contains(variable) {
                let values = lower.view((variables.start, column), (n, 1));
                factor.column_mut(columns.len()).copy_from(&values);
                columns.push(variable - variables.start);
            }
        }
        let rank = columns.len();
        let dependent = (0..n).filter(|i| !columns[..rank].contains(i)).collect::<Vec<_>>();
        columns.extend(dependent);
        Self { factor, order: columns, rank }
    }

    /// The same; variables whose variance has underflown are known exactly.
    pub(super) fn settled(mut self, what: &'static str) -> Result<Self, BayesError> {
        let mut changed = false;
        for mut row in self.factor.row_iter_mut() {
            let variance = row.norm_squared();
            if variance < UNDERFLOW && row.iter().any(|v| *v != 0.0) {
                row.fill(0.0);
                changed = true;
            }
        }
        if changed { Self::of_square(what, &self.factor) } else { Ok(self) }
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

    /// `L Lᵀ`, which rounding leaves positive semidefinite.
    pub(super) fn square(&self) -> DMatrix<f64> {
        square(&self.factor)
    }

    /// `vᵀ P⁻¹ v`; infinite if it overflows.
    pub(super) fn squared_distance(&self, v: &DVector<f64>) -> f64 {
        let white = self.whiten(&DMatrix::from_column_slice(v.len(), 1, v.as_slice()));
        not_nan(white.norm_squared())
    }
}

/// The squared distance; infinite if a step on the way to it overflew.
pub(super) fn not_nan(squared_distance: f64) -> f64 {
    if squared_distance.is_nan() { f64::INFINITY } else { squared_distance }
}

/// `A Aᵀ`.
pub(super) fn square(a: &DMatrix<f64>) -> DMatrix<f64> {
    symmetric(a * a.transpose())
}

/// `[A B]`.
pub(super) fn beside(a: &DMatrix<f64>, b: &DMatrix<f64>) -> DMatrix<f64> {
    let mut both = DMatrix::zeros(a.nrows(), a.ncols() + b.ncols());
    both.columns_mut(0, a.ncols()).copy_from(a);
    both.columns_mut(a.ncols(), b.ncols()).copy_from(b);
    both
}

/// `(A + Aᵀ) / 2`.
pub(super) fn symmetric(a: DMatrix<f64>) -> DMatrix<f64> {
    let t = a.transpose();
    (a + t) * 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solve(root: &Root, b: &DMatrix<f64>) -> DMatrix<f64> {
        root.whiten_transposed(&root.whiten(b))
    }

    #[test]
    fn singular_covariances_have_roots_and_solutions() {
        // Rank two: the third variable is the sum of the others, the second is constant.
        let a = DMatrix::from_row_slice(4, 2, &[2.0, 0.0, 0.0, 0.0, 2.0, 1.0, 0.5, -3.0]);
        let p = &a * a.transpose();
        let root = Root::new("p", &p).unwrap();
        assert!((root.factor() * root.factor().transpose() - &p).amax() < 1e-14);
        let b = &p * DMatrix::from_row_slice(4, 1, &[1.0, 2.0, -3.0, 0.5]);
        assert!((&p * solve(&root, &b) - b).amax() < 1e-13);
        assert!(Root::definite("p", &p).is_err());
    }

    #[test]
    fn roots_of_squares_are_those_of_covariances() {
        let a = DMatrix::from_row_slice(3, 2, &[2.0, 0.0, 0.0, 1.0, 2.0, 1.0]);
        let (root, p) = (Root::of_square("p", &a).unwrap(), &a * a.transpose());
        assert!((root.square() - &p).amax() < 1e-14);
        let b = &p * DMatrix::from_row_slice(3, 1, &[1.0, 2.0, -3.0]);
        assert!((&p * solve(&root, &b) - &b).amax() < 1e-13);
        let natural = root.natural("p").unwrap();
        assert_eq!(natural.order, [0, 1, 2]);
        assert!((natural.square() - p).amax() < 1e-14);
        let tiny = Root::of_square("p", &(a * 1e-147)).unwrap();
        assert_eq!(tiny.factor(), &DMatrix::zeros(3, 3));
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
