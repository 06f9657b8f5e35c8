//! Draws that the tests of the models share.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_tensor::Noise;
use ndarray::Array2;

/// Standard normal draws, a function of `(seed, stream)`.
pub(crate) fn fill(rows: usize, columns: usize, seed: u64, stream: u64) -> Array2<f64> {
    let mut a = Array2::zeros((rows, columns));
    Noise::new(seed, stream).normal(a.as_slice_mut().unwrap());
    a
}
