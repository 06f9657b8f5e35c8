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

use super::memory::{Memory, zeros};
use super::products::symmetrize;
use super::triangle::{Reflections, Triangle, triangle};
use super::{BayesError, check};
use nalgebra::allocator::Allocator;
use nalgebra::{DMatrix, DVector, DefaultAllocator, Dim, Dyn, OMatrix, OVector, U1};
use std::ops::Range;

/// Shares of a variance above this need no reordering.
const SAFE_SHARE: f64 = 1e-8;

/// Smaller variances have lost digits, so that they no longer fit their covariances.
const UNDERFLOW: f64 = f64::MIN_POSITIVE / f64::EPSILON;

/// The factor `L`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Root<Z: Dim = Dyn>
where
    DefaultAllocator: Memory<Z, Z>,
{
    factor: OMatrix<f64, Z, Z>,
    /// Variables in the order of factoring; row `order[i]` of the factor has `i + 1` entries.
    order: OVector<usize, Z>,
    rank: usize,
}

impl<Z: Dim> Root<Z>
where
    DefaultAllocator: Memory<Z, Z>,
{
    /// The factor of the symmetric `matrix`.
    pub(super) fn new(what: &'static str, matrix: &OMatrix<f64, Z, Z>) -> Result<Self, BayesError> {
        let n = matrix.nrows();
        check::matrix(what, matrix, (n, n))?;
        let (size, _) = matrix.shape_generic();
        let mut root = Self::zero(size);
        root.refactor(what, matrix).map(|()| root)
    }

    /// The factor of a covariance of zeros.
    pub(super) fn zero(size: Z) -> Self {
        let order = OVector::from_fn_generic(size, U1, |i, _| i);
        Self { factor: zeros(size, size), order, rank: 0 }
    }

    /// Becomes the factor of the symmetric `matrix`, on the heap only where its variables need
    /// another order. After an error it is none.
    pub(super) fn refactor(
        &mut self,
        what: &'static str,
        matrix: &OMatrix<f64, Z, Z>,
    ) -> Result<(), BayesError> {
        if !self.plain(matrix) {
            *self = Self::ordered(matrix).ok_or(BayesError::NotPositiveDefinite { what })?;
        }
        Ok(())
    }

    /// Without reordering, if every variable keeps a safe share of its variance.
    #[inline]
    fn plain(&mut self, matrix: &OMatrix<f64, Z, Z>) -> bool {
        let n = matrix.nrows();
        let factor = self.factor.as_mut_slice();
        let matrix = matrix.as_slice();
        for j in 0..n {
            factor[j * n..j * n + j].fill(0.0);
            for i in j..n {
                let products: f64 = (0..j).map(|k| factor[k * n + i] * factor[k * n + j]).sum();
                let left = matrix[j * n + i] - products;
                if i > j {
                    factor[j * n + i] = left / factor[j * n + j];
                } else if left > SAFE_SHARE * matrix[j * n + j] {
                    factor[j * n + j] = left.sqrt();
                } else {
                    return false;
                }
            }
        }
        self.order.iter_mut().enumerate().for_each(|(i, order)| *order = i);
        self.rank = n;
        true
    }

    /// With reordering; `None` if there is negative variance beyond rounding.
    fn ordered(matrix: &OMatrix<f64, Z, Z>) -> Option<Self> {
        let n = matrix.nrows();
        let (size, _) = matrix.shape_generic();
        let rounding = 64.0 * n as f64 * f64::EPSILON;
        let scale = matrix.diagonal().map(f64::sqrt);
        if scale.iter().any(|s| s.is_nan()) {
            return None;
        }
        let mut left = zeros(size, size);
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
        let mut order = OVector::from_fn_generic(size, U1, |i, _| i);
        let mut factor = zeros(size, size);
        let mut rank = 0;
        while rank < n {
            let share = |i: usize| left[(order[i], order[i])];
            let next = (rank..n).fold(rank, |a, b| if share(b) > share(a) { b } else { a });
            if share(next) <= rounding {
                break;
            }
            order.as_mut_slice().swap(rank, next);
            let pivot = order[rank];
            let root = left[(pivot, pivot)].sqrt();
            for &i in &order.as_slice()[rank..] {
                factor[(i, rank)] = left[(i, pivot)] / root;
            }
            for &i in &order.as_slice()[rank + 1..] {
                for &j in &order.as_slice()[rank + 1..] {
                    left[(i, j)] -= factor[(i, rank)] * factor[(j, rank)];
                }
            }
            rank += 1;
        }
        let rest = &order.as_slice()[rank..];
        if rest.iter().any(|&i| rest.iter().any(|&j| left[(i, j)].abs() > 8.0 * rounding)) {
            return None;
        }
        for (mut row, scale) in factor.row_iter_mut().zip(&scale) {
            row *= *scale;
        }
        Some(Self { factor, order, rank })
    }

    /// The factor of a covariance without singular directions.
    pub(super) fn definite(
        what: &'static str,
        matrix: &OMatrix<f64, Z, Z>,
    ) -> Result<Self, BayesError> {
        let root = Self::new(what, matrix)?;
        if root.rank == matrix.nrows() {
            Ok(root)
        } else {
            Err(BayesError::NotPositiveDefinite { what })
        }
    }

    /// `L`.
    pub(super) fn factor(&self) -> &OMatrix<f64, Z, Z> {
        &self.factor
    }

    /// `ln |P|` of a covariance without singular directions.
    pub(super) fn log_determinant(&self) -> f64 {
        2.0 * (0..self.rank).map(|i| self.factor[(self.order[i], i)].ln()).sum::<f64>()
    }

    /// `L⁻¹ b` in the place of `b`, whose values from the rank on become zero.
    #[inline]
    pub(super) fn whiten_vector(&self, b: &OVector<f64, Z>, into: &mut OVector<f64, Z>) {
        let n = b.len();
        let (factor, order) = (self.factor.as_slice(), self.order.as_slice());
        let into = into.as_mut_slice();
        into.fill(0.0);
        for i in 0..self.rank {
            let row = order[i];
            let products: f64 = (0..i).map(|k| factor[k * n + row] * into[k]).sum();
            into[i] = (b[row] - products) / factor[i * n + row];
        }
    }

    /// Takes the block of the triangle on its diagonal that belongs to the `Z` variables from
    /// `start` on, of the first `columns`.
    #[inline]
    pub(super) fn take<M: Dim, N: Dim>(
        &mut self,
        triangle: &Reflections<M, N>,
        (start, columns): (usize, usize),
    ) where
        DefaultAllocator: Allocator<M, N> + Allocator<N> + Allocator<M>,
    {
        let n = self.factor.nrows();
        let variables = start..start + n;
        let factor = self.factor.as_mut_slice();
        let order = self.order.as_mut_slice();
        let all = triangle.order();
        let mut rank = 0;
        for (column, variable) in all.iter().enumerate().take(columns) {
            if variables.contains(variable) {
                for i in 0..n {
                    factor[rank * n + i] = triangle.value(start + i, column);
                }
                order[rank] = variable - start;
                rank += 1;
            }
        }
        factor[rank * n..].fill(0.0);
        // Those that depend on others stand behind them.
        let mut place = rank;
        for i in 0..n {
            if !order[..rank].contains(&i) {
                order[place] = i;
                place += 1;
            }
        }
        self.rank = rank;
    }

    /// Sets the rows of variables whose variance has underflown to zero; whether there are any.
    #[inline]
    pub(super) fn forget_underflow(&mut self) -> bool {
        let n = self.factor.nrows();
        let mut changed = false;
        for i in 0..n {
            let row = |factor: &OMatrix<f64, Z, Z>| (0..n).map(|j| factor[(i, j)].powi(2)).sum();
            let variance: f64 = row(&self.factor);
            if variance < UNDERFLOW && self.factor.row(i).iter().any(|v| *v != 0.0) {
                self.factor.row_mut(i).fill(0.0);
                changed = true;
            }
        }
        changed
    }

    /// `L Lᵀ`, which rounding leaves positive semidefinite.
    #[inline]
    pub(super) fn square_into(&self, into: &mut OMatrix<f64, Z, Z>) {
        super::products::symmetric_product(into, &self.factor, &self.factor);
    }

    /// `L Lᵀ`.
    pub(super) fn square(&self) -> OMatrix<f64, Z, Z> {
        let (size, _) = self.factor.shape_generic();
        let mut into = zeros(size, size);
        self.square_into(&mut into);
        into
    }

    /// `vᵀ P⁻¹ v`; infinite if it overflows.
    pub(super) fn squared_distance(&self, v: &OVector<f64, Z>) -> f64 {
        let mut white = v.clone();
        self.whiten_vector(v, &mut white);
        not_nan(white.norm_squared())
    }
}

impl Root {
    /// The factor of `A Aᵀ`.
    pub(super) fn of_square(what: &'static str, a: &DMatrix<f64>) -> Result<Self, BayesError> {
        let n = a.nrows();
        let Triangle { lower, order, .. } = triangle(what, a, &[n])?;
        Self::part(&lower, &order, 0..n).settled(what)
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
        Self { factor, order: DVector::from_vec(columns), rank }
    }

    /// The same; variables whose variance has underflown are known exactly.
    pub(super) fn settled(mut self, what: &'static str) -> Result<Self, BayesError> {
        if self.forget_underflow() { Self::of_square(what, &self.factor) } else { Ok(self) }
    }

    /// `L⁻¹ b` of every row `b` of `rows`; values from the rank on are zero.
    pub(super) fn whiten_rows(&self, rows: &DMatrix<f64>) -> DMatrix<f64> {
        let n = rows.nrows();
        let mut white = DMatrix::zeros(n, rows.ncols());
        for (i, &row) in self.order.iter().enumerate().take(self.rank) {
            let (done, rest) = white.as_mut_slice().split_at_mut(i * n);
            let into = &mut rest[..n];
            for (k, done) in done.chunks_exact(n).enumerate() {
                let factor = self.factor[(row, k)];
                into.iter_mut().zip(done).for_each(|(sum, done)| *sum += factor * done);
            }
            let pivot = self.factor[(row, i)];
            for (into, value) in into.iter_mut().zip(rows.column(row).iter()) {
                *into = (value - *into) / pivot;
            }
        }
        white
    }

    /// `X` with `Lᵀ X = B`; rows of variables beyond the rank are zero.
    pub(super) fn whiten_transposed(&self, b: &DMatrix<f64>) -> DMatrix<f64> {
        let mut x = DMatrix::zeros(b.nrows(), b.ncols());
        for (mut x, b) in x.column_iter_mut().zip(b.column_iter()) {
            for i in (0..self.rank).rev() {
                let later = &self.order.as_slice()[i + 1..self.rank];
                let products: f64 = later.iter().map(|&k| self.factor[(k, i)] * x[k]).sum();
                x[self.order[i]] = (b[i] - products) / self.factor[(self.order[i], i)];
            }
        }
        x
    }
}

/// The squared distance; infinite if a step on the way to it overflew.
pub(super) fn not_nan(squared_distance: f64) -> f64 {
    if squared_distance.is_nan() { f64::INFINITY } else { squared_distance }
}

/// `A Aᵀ`.
pub(super) fn square(a: &DMatrix<f64>) -> DMatrix<f64> {
    let mut square = a * a.transpose();
    symmetrize(&mut square);
    square
}

/// `[A B]`.
pub(super) fn beside(a: &DMatrix<f64>, b: &DMatrix<f64>) -> DMatrix<f64> {
    let mut both = DMatrix::zeros(a.nrows(), a.ncols() + b.ncols());
    both.columns_mut(0, a.ncols()).copy_from(a);
    both.columns_mut(a.ncols(), b.ncols()).copy_from(b);
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solve(root: &Root, b: &DMatrix<f64>) -> DMatrix<f64> {
        let mut white = DVector::zeros(b.nrows());
        root.whiten_vector(&DVector::from_column_slice(b.as_slice()), &mut white);
        root.whiten_transposed(&DMatrix::from_column_slice(b.nrows(), 1, white.as_slice()))
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
