//! What the tests of all operations with rows share.

mod closeness;
mod drawn;

pub(crate) use closeness::close;
pub(crate) use drawn::matrix;
use proptest::{collection::vec, prelude::*};
use std::ops::Range;

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
