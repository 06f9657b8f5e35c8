//! Elementwise passes over rows: bias, rectifier, its mask, softmax.

use crate::level::leveled;
use crate::scalar::Scalar;
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

/// `y += 1 bᵀ`. Shapes: `y (B, O)`, `b (O)`.
///
/// # Panics
/// If the shapes disagree or a row of `y` is not contiguous.
#[track_caller]
pub fn add_bias<S: Scalar>(mut y: ArrayViewMut2<'_, S>, bias: ArrayView1<'_, S>) {
    assert_eq!(y.ncols(), bias.len(), "columns of y against the bias");
    let bias = contiguous(bias.as_slice());
    for mut row in y.rows_mut() {
        add_into(contiguous(row.as_slice_mut()), bias);
    }
}

/// `y ← max(0, y + 1 bᵀ)`. Shapes: `y (B, O)`, `b (O)`. NaN stays.
///
/// # Panics
/// If the shapes disagree or a row of `y` is not contiguous.
#[track_caller]
pub fn add_bias_relu<S: Scalar>(mut y: ArrayViewMut2<'_, S>, bias: ArrayView1<'_, S>) {
    assert_eq!(y.ncols(), bias.len(), "columns of y against the bias");
    let bias = contiguous(bias.as_slice());
    for mut row in y.rows_mut() {
        add_relu_into(contiguous(row.as_slice_mut()), bias);
    }
}

/// Sets `dy` to zero wherever `y ≤ 0`: the gradient of the rectifier. Shapes: both `(B, O)`.
///
/// # Panics
/// If the shapes disagree or a row is not contiguous.
#[track_caller]
pub fn mask_by_positive<S: Scalar>(mut dy: ArrayViewMut2<'_, S>, y: ArrayView2<'_, S>) {
    assert_eq!(dy.dim(), y.dim(), "dy against y");
    for (mut dy, y) in dy.rows_mut().into_iter().zip(y.rows()) {
        mask_into(contiguous(dy.as_slice_mut()), contiguous(y.as_slice()));
    }
}

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
    slice.expect("rows and biases are contiguous")
}

leveled! {
    fn add_into<S: Scalar>(y: &mut [S], bias: &[S]) {
        for (y, &b) in y.iter_mut().zip(bias) { *y += b; }
    }

    fn add_relu_into<S: Scalar>(y: &mut [S], bias: &[S]) {
        for (y, &b) in y.iter_mut().zip(bias) {
            let sum = *y + b;
            *y = if sum < S::ZERO { S::ZERO } else { sum };
        }
    }

    fn mask_into<S: Scalar>(dy: &mut [S], y: &[S]) {
        for (dy, &y) in dy.iter_mut().zip(y) {
            *dy = if y > S::ZERO { *dy } else { S::ZERO };
        }
    }

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
    fn bias_relu_and_mask() {
        let mut y = array![[1.0_f32, -2.0, 0.5], [0.0, 3.0, -1.0]];
        add_bias_relu(y.view_mut(), array![0.5_f32, 1.0, 0.5].view());
        assert_eq!(y, array![[1.5, 0.0, 1.0], [0.5, 4.0, 0.0]]);
        let mut dy = array![[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
        mask_by_positive(dy.view_mut(), y.view());
        assert_eq!(dy, array![[1.0, 0.0, 3.0], [4.0, 5.0, 0.0]]);
    }

    #[test]
    fn relu_keeps_nan() {
        let mut y = array![[f32::NAN, 1.0]];
        add_bias_relu(y.view_mut(), array![0.0_f32, 0.0].view());
        assert!(y[[0, 0]].is_nan());
    }

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
