//! What the tests of all operations with rows share.

use ndarray::Array2;
use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};
use std::ops::Range;

/// Values in `[-1, 1)`.
pub(crate) fn matrix(rows: usize, columns: usize) -> impl Strategy<Value = Array2<f64>> {
    vec(-1.0..1.0, rows * columns)
        .prop_map(move |data| Array2::from_shape_vec((rows, columns), data).expect("drawn to size"))
}

/// Sizes of consecutive blocks of rows: the time steps of a sequence.
pub(crate) fn sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(1..4_usize, 1..4)
}

/// The rows of every block.
pub(crate) fn blocks(sizes: &[usize]) -> Vec<Range<usize>> {
    let ends = sizes.iter().scan(0, |end, size| {
        *end += size;
        Some(*end)
    });
    ends.zip(sizes).map(|(end, size)| end - size..end).collect()
}

/// Fails if `found` is not `expected` to about thirteen digits.
pub(crate) fn close(found: &[f64], expected: &[f64]) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        prop_assert!((f - e).abs() <= 1e-12 * (1.0 + e.abs()), "{} is not {}", f, e);
    }
    Ok(())
}
