//! Small matrices of many rows at once. Entry `(i, j)` of all rows lies side by side, a *lane*, so
//! that loops over rows are vectorized whatever the size of the matrices.

use dvbf_tensor::{Kernel, Scalar, vectorize};
use ndarray::{ArrayView3, ArrayViewMut3, ShapeBuilder};

/// A matrix for each of `rows` rows; the first few of them are in use.
#[derive(Clone, Debug)]
pub(crate) struct Lanes<S> {
    shape: (usize, usize),
    rows: usize,
    data: Vec<S>,
}

impl<S: Scalar> Lanes<S> {
    pub(super) fn zeros(shape: (usize, usize), rows: usize) -> Self {
        Self { shape, rows, data: vec![S::ZERO; shape.0 * shape.1 * rows] }
    }

    /// The matrices of the first `n` rows, `(n, I, J)`.
    pub(super) fn view_mut(&mut self, n: usize) -> ArrayViewMut3<'_, S> {
        let (i, j) = self.shape;
        let shape = (n, i, j).strides((1, j * self.rows, self.rows));
        ArrayViewMut3::from_shape(shape, &mut self.data).expect("the strides are those of lanes")
    }

    /// The matrices of the first `n` rows, `(n, I, J)`.
    pub(super) fn view(&self, n: usize) -> ArrayView3<'_, S> {
        let (i, j) = self.shape;
        let shape = (n, i, j).strides((1, j * self.rows, self.rows));
        ArrayView3::from_shape(shape, &self.data).expect("the strides are those of lanes")
    }

    /// Entry `(i, j)` of the first `n` rows.
    #[inline(always)]
    pub(crate) fn lane(&self, i: usize, j: usize, n: usize) -> &[S] {
        &self.data[(i * self.shape.1 + j) * self.rows..][..n]
    }

    #[inline(always)]
    pub(super) fn lane_mut(&mut self, i: usize, j: usize, n: usize) -> &mut [S] {
        &mut self.data[(i * self.shape.1 + j) * self.rows..][..n]
    }

    pub(super) fn fill(&mut self, value: S) {
        self.data.fill(value);
    }
}

/// `C += A B` for the first `n` rows.
pub(super) fn add_product<S: Scalar>(c: &mut Lanes<S>, a: &Lanes<S>, b: &Lanes<S>, n: usize) {
    vectorize(Product { c, a, b, n, transposed: false });
}

/// `C += A Bᵀ` for the first `n` rows.
pub(super) fn add_outer<S: Scalar>(c: &mut Lanes<S>, a: &Lanes<S>, b: &Lanes<S>, n: usize) {
    vectorize(Product { c, a, b, n, transposed: true });
}

struct Product<'a, S> {
    c: &'a mut Lanes<S>,
    a: &'a Lanes<S>,
    b: &'a Lanes<S>,
    n: usize,
    transposed: bool,
}

impl<S: Scalar> Kernel for Product<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { c, a, b, n, transposed } = self;
        for i in 0..c.shape.0 {
            for j in 0..c.shape.1 {
                let sum = c.lane_mut(i, j, n);
                for l in 0..a.shape.1 {
                    let right = if transposed { b.lane(j, l, n) } else { b.lane(l, j, n) };
                    for ((sum, &x), &y) in sum.iter_mut().zip(a.lane(i, l, n)).zip(right) {
                        *sum = x.mul_add(y, *sum);
                    }
                }
            }
        }
    }
}

/// `C ← F A` with one lower triangular `F (I, I)`, row after row, for all rows.
pub(super) struct Triangular<'a, S> {
    pub(super) c: &'a mut Lanes<S>,
    pub(super) factor: &'a [S],
    pub(super) a: &'a Lanes<S>,
    pub(super) n: usize,
}

impl<S: Scalar> Kernel for Triangular<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { c, factor, a, n } = self;
        let size = c.shape.0;
        for i in 0..size {
            for j in 0..c.shape.1 {
                let sum = c.lane_mut(i, j, n);
                sum.fill(S::ZERO);
                for l in 0..=i {
                    let f = factor[i * size + l];
                    for (sum, &x) in sum.iter_mut().zip(a.lane(l, j, n)) {
                        *sum = f.mul_add(x, *sum);
                    }
                }
            }
        }
    }
}

/// `g ← I + Mᵀ M`, or `I + M Mᵀ` where that is smaller: both have the same determinant
/// (Sylvester).
pub(super) struct Gram<'a, S> {
    pub(super) g: &'a mut Lanes<S>,
    pub(super) m: &'a Lanes<S>,
    pub(super) n: usize,
}

impl<S: Scalar> Kernel for Gram<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { g, m, n } = self;
        let (rows, columns) = m.shape;
        let by_columns = columns <= rows;
        for i in 0..g.shape.0 {
            for j in 0..=i {
                let sum = g.lane_mut(i, j, n);
                sum.fill(if i == j { S::ONE } else { S::ZERO });
                for l in 0..rows.max(columns) {
                    let (x, y) = if by_columns {
                        (m.lane(l, i, n), m.lane(l, j, n))
                    } else {
                        (m.lane(i, l, n), m.lane(j, l, n))
                    };
                    for ((sum, &x), &y) in sum.iter_mut().zip(x).zip(y) {
                        *sum = x.mul_add(y, *sum);
                    }
                }
            }
        }
    }
}

/// `out ← ½ ln det g` for positive definite `g`, which its Cholesky factor replaces.
pub(super) fn half_log_det<S: Scalar>(g: &mut Lanes<S>, out: &mut [S]) {
    let (size, n) = (g.shape.0, out.len());
    let half = S::of(0.5);
    out.fill(S::ZERO);
    for j in 0..size {
        vectorize(Column { g, j, n });
        for (out, &pivot) in out.iter_mut().zip(g.lane(j, j, n)) {
            *out += half * pivot.ln();
        }
        vectorize(Scale { g, j, n });
    }
}

/// Column `j` of the factor, the pivot not yet taken the square root of.
struct Column<'a, S> {
    g: &'a mut Lanes<S>,
    j: usize,
    n: usize,
}

impl<S: Scalar> Kernel for Column<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { g, j, n } = self;
        let (size, rows) = (g.shape.0, g.rows);
        for i in j..size {
            for k in 0..j {
                let (before, after) = g.data.split_at_mut((i * size + j) * rows);
                // Entries (i, k) and (j, k) with k < j ≤ i come before (i, j).
                let (x, y) =
                    (&before[(i * size + k) * rows..][..n], &before[(j * size + k) * rows..][..n]);
                for ((v, &x), &y) in after[..n].iter_mut().zip(x).zip(y) {
                    *v = (-x).mul_add(y, *v);
                }
            }
        }
    }
}

/// Divides column `j` by the square root of its pivot.
struct Scale<'a, S> {
    g: &'a mut Lanes<S>,
    j: usize,
    n: usize,
}

impl<S: Scalar> Kernel for Scale<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { g, j, n } = self;
        let (size, rows) = (g.shape.0, g.rows);
        for pivot in g.lane_mut(j, j, n) {
            *pivot = pivot.sqrt();
        }
        for i in j + 1..size {
            let (before, after) = g.data.split_at_mut((i * size + j) * rows);
            for (v, &pivot) in after[..n].iter_mut().zip(&before[(j * size + j) * rows..][..n]) {
                *v /= pivot;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dvbf_tensor::Noise;
    use nalgebra::DMatrix;

    fn random(shape: (usize, usize), rows: usize, stream: u64) -> Lanes<f64> {
        let mut lanes = Lanes::zeros(shape, rows);
        Noise::new(1, stream).normal(&mut lanes.data);
        lanes
    }

    fn matrix(lanes: &Lanes<f64>, row: usize) -> DMatrix<f64> {
        DMatrix::from_fn(lanes.shape.0, lanes.shape.1, |i, j| lanes.lane(i, j, lanes.rows)[row])
    }

    #[test]
    fn lanes_compute_what_matrices_do() {
        for (stream, (rows, columns)) in [(3, 1), (3, 2), (2, 4), (1, 1), (4, 4)].iter().enumerate()
        {
            let (rows, columns, n) = (*rows, *columns, 5);
            let (a, b) = (random((rows, rows), 7, stream as u64), random((rows, columns), 7, 99));
            let (mut c, mut outer) = (b.clone(), Lanes::zeros((rows, rows), 7));
            add_product(&mut c, &a, &b, n);
            add_outer(&mut outer, &b, &b, n);
            let (size, mut out) = (rows.min(columns), [0.0; 5]);
            let mut gram = Lanes::zeros((size, size), 7);
            vectorize(Gram { g: &mut gram, m: &b, n });
            half_log_det(&mut gram, &mut out);
            let factor: Vec<f64> = (0..rows * rows).map(|i| i as f64).collect();
            let mut lower = Lanes::zeros((rows, columns), 7);
            vectorize(Triangular { c: &mut lower, factor: &factor, a: &b, n });
            for (row, out) in out.iter().enumerate() {
                let (a, b) = (matrix(&a, row), matrix(&b, row));
                assert!((matrix(&c, row) - (&a * &b + &b)).amax() < 1e-12);
                assert!((matrix(&outer, row) - &b * b.transpose()).amax() < 1e-12);
                let full = DMatrix::identity(rows, rows) + &b * b.transpose();
                assert!((out - 0.5 * full.determinant().ln()).abs() < 1e-10);
                let factor = DMatrix::from_row_slice(rows, rows, &factor).lower_triangle();
                assert!((matrix(&lower, row) - factor * b).amax() < 1e-12);
            }
        }
    }
}
