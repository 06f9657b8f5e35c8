//! Matrix products into matrices that exist, without heap: sums stay in registers for eight rows
//! and two columns at a time, and of symmetric results little more than the lower half is summed.

use nalgebra::allocator::Allocator;
use nalgebra::{DMatrix, DefaultAllocator, Dim, OMatrix};

/// `a`, column after column.
#[derive(Clone, Copy)]
struct Left<'a> {
    values: &'a [f64],
    rows: usize,
}

impl Left<'_> {
    /// Rows `start … start + W` of `init + Σₘ a[:, m] factors(m)[k]`, for two columns `k`.
    #[inline(always)]
    fn tile<const W: usize>(
        self,
        start: usize,
        mut sums: [[f64; W]; 2],
        factors: impl Fn(usize) -> [f64; 2],
    ) -> [[f64; W]; 2] {
        for (m, column) in self.values.chunks_exact(self.rows).enumerate() {
            let (column, f) = (&column[start..start + W], factors(m));
            for i in 0..W {
                sums[0][i] += column[i] * f[0];
                sums[1][i] += column[i] * f[1];
            }
        }
        sums
    }

    /// Writes the rows from `start(c)` on of every column `c` of `init + a b`, where
    /// `factor(m, c)` is an entry of `b`; tiles overlap where their width does not divide the rows.
    #[inline(always)]
    fn tiles<const W: usize>(
        self,
        into: &mut [f64],
        init: Option<&[f64]>,
        start: impl Fn(usize) -> usize,
        factor: impl Fn(usize, usize) -> f64,
    ) {
        let (rows, columns) = (self.rows, into.len() / self.rows);
        let mut c = 0;
        while c < columns {
            // The last one of an odd number is computed twice.
            let pair = [c, if c + 1 < columns { c + 1 } else { c }];
            let mut row = (start(c) / W) * W;
            while row < rows {
                let first = if row + W <= rows { row } else { rows - W };
                let mut sums = [[0.0; W]; 2];
                if let Some(init) = init {
                    for (sums, c) in sums.iter_mut().zip(pair) {
                        sums.copy_from_slice(&init[c * rows + first..][..W]);
                    }
                }
                let sums = self.tile(first, sums, |m| [factor(m, pair[0]), factor(m, pair[1])]);
                for (sums, c) in sums.iter().zip(pair) {
                    into[c * rows + first..][..W].copy_from_slice(sums);
                }
                row += W;
            }
            c += 2;
        }
    }

    /// [`tiles`](Self::tiles) as wide as there are rows for.
    #[inline(always)]
    fn product(
        self,
        into: &mut [f64],
        init: Option<&[f64]>,
        start: impl Fn(usize) -> usize,
        factor: impl Fn(usize, usize) -> f64,
    ) {
        match self.rows {
            0 => {}
            1 => self.tiles::<1>(into, init, start, factor),
            2 | 3 => self.tiles::<2>(into, init, start, factor),
            4..8 => self.tiles::<4>(into, init, start, factor),
            _ => self.tiles::<8>(into, init, start, factor),
        }
    }
}

/// `into = a b`.
#[inline(always)]
pub(super) fn times<N: Dim, M: Dim, K: Dim>(
    into: &mut OMatrix<f64, N, K>,
    a: &OMatrix<f64, N, M>,
    b: &OMatrix<f64, M, K>,
) where
    DefaultAllocator: Allocator<N, K> + Allocator<N, M> + Allocator<M, K>,
{
    let (inner, b) = (b.nrows(), b.as_slice());
    let left = Left { values: a.as_slice(), rows: a.nrows() };
    left.product(into.as_mut_slice(), None, |_| 0, |m, c| b[c * inner + m]);
}

/// `into = a bᵀ`.
#[inline(always)]
pub(super) fn times_transposed<N: Dim, M: Dim, K: Dim>(
    into: &mut OMatrix<f64, N, K>,
    a: &OMatrix<f64, N, M>,
    b: &OMatrix<f64, K, M>,
) where
    DefaultAllocator: Allocator<N, K> + Allocator<N, M> + Allocator<K, M>,
{
    let (k, b) = (b.nrows(), b.as_slice());
    let left = Left { values: a.as_slice(), rows: a.nrows() };
    left.product(into.as_mut_slice(), None, |_| 0, |m, c| b[m * k + c]);
}

/// `a v` of every row `v` of `rows`.
pub(super) fn times_rows(rows: &DMatrix<f64>, a: &DMatrix<f64>) -> DMatrix<f64> {
    let mut into = DMatrix::zeros(rows.nrows(), a.nrows());
    times_transposed(&mut into, rows, a);
    into
}

/// `into = init + a bᵀ` for a symmetric sum, of which the lower half is computed.
#[inline(always)]
pub(super) fn symmetric_sum<N: Dim, M: Dim>(
    into: &mut OMatrix<f64, N, N>,
    init: &OMatrix<f64, N, N>,
    a: &OMatrix<f64, N, M>,
    b: &OMatrix<f64, N, M>,
) where
    DefaultAllocator: Allocator<N, N> + Allocator<N, M>,
{
    lower_half(into, Some(init.as_slice()), a, b);
}

/// `into = a bᵀ`, which is symmetric.
#[inline(always)]
pub(super) fn symmetric_product<N: Dim, M: Dim>(
    into: &mut OMatrix<f64, N, N>,
    a: &OMatrix<f64, N, M>,
    b: &OMatrix<f64, N, M>,
) where
    DefaultAllocator: Allocator<N, N> + Allocator<N, M>,
{
    lower_half(into, None, a, b);
}

/// The lower half of `init + a bᵀ`, and the upper one after it.
#[inline(always)]
fn lower_half<N: Dim, M: Dim>(
    into: &mut OMatrix<f64, N, N>,
    init: Option<&[f64]>,
    a: &OMatrix<f64, N, M>,
    b: &OMatrix<f64, N, M>,
) where
    DefaultAllocator: Allocator<N, N> + Allocator<N, M>,
{
    let (n, b) = (b.nrows(), b.as_slice());
    let left = Left { values: a.as_slice(), rows: n };
    left.product(into.as_mut_slice(), init, |c| c, |m, c| b[m * n + c]);
    mirror(into);
}

/// Copies the lower half to the upper one.
#[inline(always)]
pub(super) fn mirror<N: Dim>(a: &mut OMatrix<f64, N, N>)
where
    DefaultAllocator: Allocator<N, N>,
{
    let n = a.nrows();
    let a = a.as_mut_slice();
    for c in 0..n {
        for r in c + 1..n {
            a[r * n + c] = a[c * n + r];
        }
    }
}

/// `a ← (a + aᵀ) / 2`.
pub(super) fn symmetrize<N: Dim>(a: &mut OMatrix<f64, N, N>)
where
    DefaultAllocator: Allocator<N, N>,
{
    for j in 0..a.ncols() {
        for i in 0..j {
            let middle = (a[(i, j)] + a[(j, i)]) * 0.5;
            a[(i, j)] = middle;
            a[(j, i)] = middle;
        }
    }
}

/// `into += a v`.
#[inline(always)]
pub(super) fn add_times<N: Dim, M: Dim>(into: &mut [f64], a: &OMatrix<f64, N, M>, v: &[f64])
where
    DefaultAllocator: Allocator<N, M>,
{
    let n = a.nrows();
    let into = &mut into[..n];
    for (column, v) in a.as_slice().chunks_exact(n.max(1)).zip(v) {
        for (into, a) in into.iter_mut().zip(column) {
            *into += a * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::SMatrix;

    fn drawn(rows: usize, columns: usize, seed: f64) -> DMatrix<f64> {
        DMatrix::from_fn(rows, columns, |i, j| (seed + (3 * i + 7 * j) as f64).sin())
    }

    #[test]
    fn products_are_those_of_nalgebra() {
        for (n, m, k) in [
            (1, 1, 1),
            (4, 4, 4),
            (2, 4, 3),
            (5, 9, 2),
            (3, 0, 2),
            (7, 6, 7),
            (15, 6, 15),
            (17, 8, 3),
        ] {
            let (a, b) = (drawn(n, m, 0.1), drawn(m, k, 0.5));
            let mut into = drawn(n, k, 0.9);
            times(&mut into, &a, &b);
            assert!((&into - &a * &b).amax() < 1e-14);
            times_transposed(&mut into, &a, &b.transpose());
            assert!((&into - &a * &b).amax() < 1e-14);
            let mut square = drawn(n, n, 0.3);
            symmetric_product(&mut square, &a, &a);
            assert!((&square - &a * a.transpose()).amax() < 1e-14);
            let init = DMatrix::identity(n, n);
            symmetric_sum(&mut square, &init, &a, &a);
            assert!((&square - &a * a.transpose() - init).amax() < 1e-14);
            let mut v = vec![1.0; n];
            let w: Vec<f64> = (0..m).map(|i| i as f64).collect();
            add_times(&mut v, &a, &w);
            for i in 0..n {
                let expected: f64 = 1.0 + (0..m).map(|j| a[(i, j)] * j as f64).sum::<f64>();
                assert!((v[i] - expected).abs() < 1e-13);
            }
        }
    }

    #[test]
    fn sizes_in_the_type_change_no_bit() {
        let (a, b) = (drawn(5, 3, 0.2), drawn(3, 5, 0.7));
        let mut dynamic = DMatrix::zeros(5, 5);
        times(&mut dynamic, &a, &b);
        let mut fixed = SMatrix::<f64, 5, 5>::zeros();
        let a = SMatrix::<f64, 5, 3>::from_column_slice(a.as_slice());
        let b = SMatrix::<f64, 3, 5>::from_column_slice(b.as_slice());
        times(&mut fixed, &a, &b);
        assert_eq!(fixed.as_slice(), dynamic.as_slice());
    }
}
