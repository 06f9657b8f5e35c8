//! Columns that lie one after the other, brought side by side: the transposition of packing.
#![cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "vector instructions"))]

use crate::level::leveled;
use crate::scalar::Scalar;

leveled! {
    /// Writes `panel[k · tile + j] = columns[j][k]`, element by element.
    pub(crate) fn interleave_plain<S: Scalar>(columns: &[&[S]], tile: usize, panel: &mut [S]) {
        for (k, out) in panel.chunks_exact_mut(tile).enumerate() {
            for (out, column) in out.iter_mut().zip(columns) { *out = column[k]; }
        }
    }
}

/// [`interleave_plain`] in squares of eight by eight where the processor has AVX2.
///
/// # Panics
/// If a column is shorter than the panel is deep, or there are more columns than `tile`.
pub(crate) fn interleave32(columns: &[&[f32]], tile: usize, panel: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if crate::level::level() >= crate::level::Level::Avx2 {
        let depth = panel.len() / tile;
        assert!(columns.len() <= tile && columns.iter().all(|c| c.len() >= depth));
        let (whole, deep) = (columns.len() / 8 * 8, depth / 8 * 8);
        for j in (0..whole).step_by(8) {
            let square = &columns[j..j + 8];
            for k in (0..deep).step_by(8) {
                // SAFETY: the processor has AVX2; rows `k..k + 8` exist in every column, and
                // columns `j..j + 8` of these rows exist in the panel.
                unsafe { square8(square, k, panel.as_mut_ptr().add(k * tile + j), tile) };
            }
            for k in deep..depth {
                for (out, column) in panel[k * tile + j..][..8].iter_mut().zip(square) {
                    *out = column[k];
                }
            }
        }
        for (j, column) in columns.iter().enumerate().skip(whole) {
            for (k, &value) in column[..depth].iter().enumerate() {
                panel[k * tile + j] = value;
            }
        }
        return;
    }
    interleave_plain(columns, tile, panel);
}

/// Transposes eight values of eight columns from `k` on to rows that lie `stride` apart.
///
/// # Safety
/// Every column has `k + 8` values, and `to` has room for eight rows of eight values.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn square8(columns: &[&[f32]], k: usize, to: *mut f32, stride: usize) {
    use std::arch::x86_64::{
        __m256, _mm256_loadu_ps, _mm256_permute2f128_ps, _mm256_setzero_ps, _mm256_shuffle_ps,
        _mm256_storeu_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
    };
    let mut r = [_mm256_setzero_ps(); 8];
    for (r, column) in r.iter_mut().zip(columns) {
        // SAFETY: the caller promises eight values from `k` on.
        *r = unsafe { _mm256_loadu_ps(column.as_ptr().add(k)) };
    }
    let pairs = |a: __m256, b: __m256| (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
    let ((a0, a1), (a2, a3)) = (pairs(r[0], r[1]), pairs(r[2], r[3]));
    let ((a4, a5), (a6, a7)) = (pairs(r[4], r[5]), pairs(r[6], r[7]));
    let fours =
        |a: __m256, b: __m256| (_mm256_shuffle_ps::<0x44>(a, b), _mm256_shuffle_ps::<0xEE>(a, b));
    let ((b0, b1), (b2, b3)) = (fours(a0, a2), fours(a1, a3));
    let ((b4, b5), (b6, b7)) = (fours(a4, a6), fours(a5, a7));
    let halves = |a: __m256, b: __m256| {
        (_mm256_permute2f128_ps::<0x20>(a, b), _mm256_permute2f128_ps::<0x31>(a, b))
    };
    let ((c0, c4), (c1, c5)) = (halves(b0, b4), halves(b1, b5));
    let ((c2, c6), (c3, c7)) = (halves(b2, b6), halves(b3, b7));
    for (i, row) in [c0, c1, c2, c3, c4, c5, c6, c7].into_iter().enumerate() {
        // SAFETY: the caller promises room for eight rows.
        unsafe { _mm256_storeu_ps(to.add(i * stride), row) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_transposed() {
        for (depth, width, tile) in [(1, 1, 8), (7, 9, 16), (8, 8, 8), (37, 29, 32), (64, 32, 32)] {
            let value = |j: usize, k: usize| f32::of((100 * j + k) as f64);
            let data: Vec<Vec<f32>> =
                (0..width).map(|j| (0..depth).map(|k| value(j, k)).collect()).collect();
            let columns: Vec<&[f32]> = data.iter().map(Vec::as_slice).collect();
            let (mut fast, mut plain) = (vec![-1.0; depth * tile], vec![-1.0; depth * tile]);
            interleave32(&columns, tile, &mut fast);
            interleave_plain(&columns, tile, &mut plain);
            assert_eq!(fast, plain, "{depth} by {width}");
            for (k, row) in fast.chunks_exact(tile).enumerate() {
                for (j, &got) in row.iter().enumerate() {
                    let expected = if j < width { value(j, k) } else { -1.0 };
                    assert!((got - expected).abs() < 0.5, "row {k}, column {j}");
                }
            }
        }
    }
}
