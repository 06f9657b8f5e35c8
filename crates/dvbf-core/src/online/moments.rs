//! Moments of sample paths.

use ndarray::ArrayView1;

/// Mean and standard deviation (`N − 1`) in double precision, rounded.
#[expect(clippy::cast_possible_truncation, reason = "beliefs are in single precision")]
pub(super) fn moments_of(values: ArrayView1<'_, f32>) -> (f32, f32) {
    let n = values.len() as f64;
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let squares = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>();
    (mean as f32, (squares / (n - 1.0)).sqrt() as f32)
}
