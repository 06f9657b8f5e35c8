//! Rows side by side: element `i` of all rows is `x[i L .. i L + n]`, with `L ≥ n` lanes.
//!
//! Products with the weights then run over whole vectors of rows. A row in a lane goes through the same
//! chains of operations as in an array of rows, so the bits agree.

use dvbf_tensor::{Kernel, Scalar, vectorize};
use ndarray::{ArrayView2, ArrayViewMut2};

/// Lanes that are computed together.
pub const LANES: usize = 16;

/// Writes the columns of `rows (n, I)` side by side into the first `I L` places of `out`, with zeros in
/// the lanes beyond `n`.
///
/// # Panics
/// If there is no room for them.
#[track_caller]
pub fn spread<S: Scalar>(rows: ArrayView2<'_, S>, lanes: usize, out: &mut [S]) {
    let n = rows.nrows();
    assert!(n <= lanes && rows.ncols() * lanes <= out.len(), "rows against lanes");
    for (column, out) in rows.columns().into_iter().zip(out.chunks_exact_mut(lanes)) {
        if let Some(column) = column.as_slice() {
            out[..n].copy_from_slice(column);
        } else {
            for (out, &value) in out.iter_mut().zip(column) {
                *out = value;
            }
        }
        out[n..].fill(S::ZERO);
    }
}

/// Writes what lies in lanes into the columns of `rows (n, I)`.
///
/// # Panics
/// If there are fewer values.
#[track_caller]
pub fn gather<S: Scalar>(values: &[S], lanes: usize, mut rows: ArrayViewMut2<'_, S>) {
    let n = rows.nrows();
    assert!(n <= lanes && rows.ncols() * lanes <= values.len(), "rows against lanes");
    for (mut column, values) in rows.columns_mut().into_iter().zip(values.chunks_exact(lanes)) {
        if let Some(column) = column.as_slice_mut() {
            column.copy_from_slice(&values[..n]);
        } else {
            for (to, &value) in column.iter_mut().zip(values) {
                *to = value;
            }
        }
    }
}

/// Replaces the values `(M, L)` of every lane by their softmax, as
/// [`softmax_rows`](dvbf_tensor::softmax_rows) does with the values of a row.
///
/// # Panics
/// If the lanes are no whole vectors of [`LANES`].
#[track_caller]
pub fn softmax_lanes<S: Scalar>(values: &mut [S], lanes: usize) {
    softmax_push_lanes(values, (lanes, 0));
}

/// [`softmax_lanes`], and along `C` directions `α̇ᵢ = αᵢ (ȧᵢ − Σⱼ αⱼ ȧⱼ)`, for `(L, C)`: every row of
/// `(M, (1 + C) L)` holds the values of all lanes, then their derivatives along each direction.
///
/// # Panics
/// If the lanes are no whole vectors of [`LANES`].
#[track_caller]
pub fn softmax_push_lanes<S: Scalar>(values: &mut [S], (lanes, directions): (usize, usize)) {
    assert_eq!(lanes % LANES, 0, "lanes are whole vectors");
    let width = (1 + directions) * lanes;
    vectorize(Softmax { values, lanes, width });
    for direction in 1..=directions {
        vectorize(SoftmaxTangent { values, lanes, width, start: direction * lanes });
    }
}

struct Softmax<'a, S> {
    values: &'a mut [S],
    lanes: usize,
    width: usize,
}

impl<S: Scalar> Kernel for Softmax<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for first in (0..self.lanes).step_by(LANES) {
            let mut largest = [S::neg_infinity(); LANES];
            for row in self.values.chunks_exact(self.width) {
                let row = &row[first..][..LANES];
                for i in 0..LANES {
                    largest[i] = if row[i] > largest[i] { row[i] } else { largest[i] };
                }
            }
            let mut sum = [S::ZERO; LANES];
            for row in self.values.chunks_exact_mut(self.width) {
                let row = &mut row[first..][..LANES];
                for i in 0..LANES {
                    row[i] = (row[i] - largest[i]).kernel_exp();
                    sum[i] += row[i];
                }
            }
            for sum in &mut sum {
                *sum = S::ONE / *sum;
            }
            for row in self.values.chunks_exact_mut(self.width) {
                let row = &mut row[first..][..LANES];
                for i in 0..LANES {
                    row[i] *= sum[i];
                }
            }
        }
    }
}

/// The derivatives of a softmax that was computed, along the direction whose columns begin at `start`.
struct SoftmaxTangent<'a, S> {
    values: &'a mut [S],
    lanes: usize,
    width: usize,
    start: usize,
}

impl<S: Scalar> Kernel for SoftmaxTangent<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for first in (0..self.lanes).step_by(LANES) {
            let mut mean = [S::ZERO; LANES];
            for row in self.values.chunks_exact(self.width) {
                let (alpha, d) = (&row[first..][..LANES], &row[self.start + first..][..LANES]);
                for i in 0..LANES {
                    mean[i] = alpha[i].mul_add(d[i], mean[i]);
                }
            }
            for row in self.values.chunks_exact_mut(self.width) {
                let (alpha, d) = row.split_at_mut(self.start);
                let (alpha, d) = (&alpha[first..][..LANES], &mut d[first..][..LANES]);
                for i in 0..LANES {
                    d[i] = alpha[i] * (d[i] - mean[i]);
                }
            }
        }
    }
}
