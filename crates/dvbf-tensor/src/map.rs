//! Elementwise passes over rows: softmax.

use crate::level::leveled;
use crate::scalar::Scalar;
use ndarray::ArrayViewMut2;

/// Replaces every row by its softmax, `αᵢ = e^{aᵢ − max a} / Σⱼ e^{aⱼ − max a}`.
///
/// # Panics
/// If a row is not contiguous.
#[track_caller]
pub fn softmax_rows<S: Scalar>(mut a: ArrayViewMut2<'_, S>) {
    for mut row in a.rows_mut() {
        softmax(contiguous(row.as_slice_mut()));
    }
}

#[track_caller]
fn contiguous<T>(slice: Option<T>) -> T {
    slice.expect("rows are contiguous")
}

leveled! {
    fn softmax<S: Scalar>(row: &mut [S]) {
        let mut largest = S::neg_infinity();
        for &a in row.iter() { largest = if a > largest { a } else { largest }; }
        for a in row.iter_mut() { *a = (*a - largest).kernel_exp(); }
        let mut sum = S::ZERO;
        for &a in row.iter() { sum += a; }
        let scale = S::ONE / sum;
        for a in row.iter_mut() { *a *= scale; }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn softmax_sums_to_one_for_large_inputs() {
        let mut a = array![[1000.0_f64, 1001.0, 999.0], [-5.0, -5.0, -5.0]];
        softmax_rows(a.view_mut());
        for row in a.rows() {
            assert!((row.sum() - 1.0).abs() < 1e-12);
        }
        assert!((a[[0, 1]] / a[[0, 0]] - std::f64::consts::E).abs() < 1e-12);
        assert!((a[[1, 0]] - 1.0 / 3.0).abs() < 1e-12);
    }
}
