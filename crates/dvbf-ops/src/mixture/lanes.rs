//! Products of the matrices of a block of rows with the vectors of the same rows, row beside row.
//!
//! A block of `n` rows has `L` lanes: one for a single row, otherwise `n` rounded up to whole
//! vectors, with zeros beyond `n`. Element `i` of all rows is `x[i L .. i L + n]`.

use crate::LANES;
use dvbf_tensor::{Kernel, Scalar};
use ndarray::ArrayViewMut2;

/// Lanes that are computed together.
const VECTOR: usize = LANES;

/// `L` for a block of `n` rows.
pub(super) fn lanes(n: usize) -> usize {
    if n == 1 { 1 } else { n.next_multiple_of(VECTOR) }
}

/// Adds what lies in lanes to the columns of `rows (n, I)`.
pub(super) fn add_gathered<S: Scalar>(values: &[S], lanes: usize, mut rows: ArrayViewMut2<'_, S>) {
    for (mut column, values) in rows.columns_mut().into_iter().zip(values.chunks_exact(lanes)) {
        for (to, &value) in column.iter_mut().zip(values) {
            *to += value;
        }
    }
}

/// `y = D̄ v`; `d` holds the columns of `D̄` one after the other, each of as many elements as `y`.
pub(super) struct Apply<'a, S> {
    pub(super) lanes: usize,
    pub(super) d: &'a [S],
    pub(super) v: &'a [S],
    pub(super) y: &'a mut [S],
}

impl<S: Scalar> Apply<'_, S> {
    #[inline(always)]
    fn chunks<const N: usize>(self) {
        let lanes = self.lanes;
        let column = self.y.len();
        for first in (0..lanes).step_by(N) {
            for (k, y) in self.y.chunks_exact_mut(lanes).enumerate() {
                let mut sum = [S::ZERO; N];
                let matrix = self.d.chunks_exact(column);
                for (d, v) in matrix.zip(self.v.chunks_exact(lanes)) {
                    let (d, v) = (&d[k * lanes + first..][..N], &v[first..][..N]);
                    for i in 0..N {
                        sum[i] = d[i].mul_add(v[i], sum[i]);
                    }
                }
                y[first..][..N].copy_from_slice(&sum);
            }
        }
    }
}

impl<S: Scalar> Kernel for Apply<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        if self.lanes == 1 { self.chunks::<1>() } else { self.chunks::<VECTOR>() }
    }
}

/// `y = D̄ v` and, along each direction, `ẏ = Ḋ v + D̄ v̇`: rows hold `width` values, those of the lanes
/// and then their derivatives. Lanes are whole vectors.
pub(super) struct ApplyTangent<'a, S> {
    pub(super) lanes: usize,
    pub(super) width: usize,
    pub(super) d: &'a [S],
    pub(super) v: &'a [S],
    pub(super) y: &'a mut [S],
}

impl<S: Scalar> Kernel for ApplyTangent<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { lanes, width, d, v, y } = self;
        let column = y.len();
        for (k, y) in y.chunks_exact_mut(width).enumerate() {
            for first in (0..lanes).step_by(VECTOR) {
                let mut sum = [S::ZERO; VECTOR];
                for (d, v) in d.chunks_exact(column).zip(v.chunks_exact(width)) {
                    let (d, v) = (&d[k * width + first..][..VECTOR], &v[first..][..VECTOR]);
                    for i in 0..VECTOR {
                        sum[i] = d[i].mul_add(v[i], sum[i]);
                    }
                }
                y[first..][..VECTOR].copy_from_slice(&sum);
                for start in (lanes..width).step_by(lanes) {
                    let mut sum = [S::ZERO; VECTOR];
                    for (d, v) in d.chunks_exact(column).zip(v.chunks_exact(width)) {
                        let d = &d[k * width..];
                        let (dd, d) = (&d[start + first..][..VECTOR], &d[first..][..VECTOR]);
                        let (dv, v) = (&v[start + first..][..VECTOR], &v[first..][..VECTOR]);
                        for i in 0..VECTOR {
                            sum[i] = dd[i].mul_add(v[i], d[i].mul_add(dv[i], sum[i]));
                        }
                    }
                    y[start + first..][..VECTOR].copy_from_slice(&sum);
                }
            }
        }
    }
}

/// `dD̄ = g vᵀ` and `dv = D̄ᵀ g`.
pub(super) struct PullBack<'a, S> {
    pub(super) lanes: usize,
    pub(super) d: &'a [S],
    pub(super) v: &'a [S],
    pub(super) g: &'a [S],
    pub(super) dd: &'a mut [S],
    pub(super) dv: &'a mut [S],
}

impl<S: Scalar> PullBack<'_, S> {
    #[inline(always)]
    fn chunks<const N: usize>(self) {
        let lanes = self.lanes;
        let column = self.g.len();
        for first in (0..lanes).step_by(N) {
            let matrix = self.d.chunks_exact(column).zip(self.dd.chunks_exact_mut(column));
            let vector = self.v.chunks_exact(lanes).zip(self.dv.chunks_exact_mut(lanes));
            for ((d, dd), (v, dv)) in matrix.zip(vector) {
                let mut sum = [S::ZERO; N];
                let v = &v[first..][..N];
                let elements = d.chunks_exact(lanes).zip(dd.chunks_exact_mut(lanes));
                for ((d, dd), g) in elements.zip(self.g.chunks_exact(lanes)) {
                    let (d, g) = (&d[first..][..N], &g[first..][..N]);
                    let dd = &mut dd[first..][..N];
                    for i in 0..N {
                        dd[i] = g[i] * v[i];
                        sum[i] = d[i].mul_add(g[i], sum[i]);
                    }
                }
                dv[first..][..N].copy_from_slice(&sum);
            }
        }
    }
}

impl<S: Scalar> Kernel for PullBack<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        if self.lanes == 1 { self.chunks::<1>() } else { self.chunks::<VECTOR>() }
    }
}
