//! Matrices to test with.

use ndarray::Array2;
use proptest::{collection::vec, prelude::*};

/// Values in `[-1, 1)`.
pub(crate) fn matrix(rows: usize, columns: usize) -> impl Strategy<Value = Array2<f64>> {
    vec(-1.0..1.0, rows * columns)
        .prop_map(move |data| Array2::from_shape_vec((rows, columns), data).expect("drawn to size"))
}
