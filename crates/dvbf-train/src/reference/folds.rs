//! Folds of neighboring steps.

use std::ops::Range;

/// Folds of a labelled piece, at most.
const FOLDS: usize = 8;

/// `count` steps in folds of neighbors that differ in length by one at most.
pub(super) fn folds(count: usize) -> Vec<Range<usize>> {
    let parts = FOLDS.min(count / 2).max(1);
    (0..parts).map(|i| i * count / parts..(i + 1) * count / parts).collect()
}
