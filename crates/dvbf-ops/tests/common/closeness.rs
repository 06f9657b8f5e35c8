//! Comparison to rounding.

use proptest::{prelude::*, test_runner::TestCaseError};

/// Fails if `found` is not `expected` to about thirteen digits.
pub(crate) fn close(found: &[f64], expected: &[f64]) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        prop_assert!((f - e).abs() <= 1e-12 * (1.0 + e.abs()), "{} is not {}", f, e);
    }
    Ok(())
}
