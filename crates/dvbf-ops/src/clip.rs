//! The norm of a whole gradient, by which it is clipped.

use dvbf_tensor::{Scalar, sum_squares};

/// Euclidean norm of a flat gradient, in a fixed order of summation.
pub fn global_norm<S: Scalar>(gradient: &[S]) -> S {
    sum_squares(gradient).sqrt()
}
