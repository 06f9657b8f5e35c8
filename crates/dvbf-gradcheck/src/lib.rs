#![doc = include_str!("../README.md")]

use proptest::test_runner::TestCaseError;

/// How far a gradient may be from its central difference: `|g − d| ≤ abs + rel · max(|g|, |d|)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tol {
    /// Absolute part.
    pub abs: f64,
    /// Relative part.
    pub rel: f64,
}

impl Tol {
    /// For smooth losses of order one in double precision.
    pub const SMOOTH: Self = Self { abs: 1e-8, rel: 1e-6 };
    /// For losses summed over a whole sequence, whose third derivatives are large.
    pub const SEQUENCE: Self = Self { abs: 2e-7, rel: 2e-6 };
}

/// Compares every coordinate of `gradient` at `point` with the central difference of `loss`.
///
/// The step is `∛ε · max(1, |θ|)`, divided by the step that rounding realized.
///
/// # Errors
/// Names the worst coordinate when one differs by more than `tol` or is not finite.
///
/// # Panics
/// If `gradient` and `point` differ in length.
pub fn check_coordinates(
    mut loss: impl FnMut(&[f64]) -> f64,
    point: &[f64],
    gradient: &[f64],
    tol: Tol,
) -> Result<(), TestCaseError> {
    assert_eq!(point.len(), gradient.len(), "one derivative per coordinate");
    let mut moved = point.to_vec();
    let mut worst: Option<(f64, String)> = None;
    for i in 0..point.len() {
        let h = f64::EPSILON.cbrt() * point[i].abs().max(1.0);
        moved[i] = point[i] + h;
        let (up, high) = (moved[i], loss(&moved));
        moved[i] = point[i] - h;
        let (down, low) = (moved[i], loss(&moved));
        moved[i] = point[i];
        let (difference, g) = ((high - low) / (up - down), gradient[i]);
        let excess = (g - difference).abs() - tol.abs - tol.rel * g.abs().max(difference.abs());
        let excess = if excess.is_nan() { f64::INFINITY } else { excess };
        if excess > 0.0 && worst.as_ref().is_none_or(|(w, _)| excess > *w) {
            let text = format!("coordinate {i}: gradient {g:e}, difference {difference:e}");
            worst = Some((excess, text));
        }
    }
    worst.map_or(Ok(()), |(_, text)| Err(TestCaseError::fail(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cubic(v: &[f64]) -> f64 {
        v[0].powi(3) + v[0] * v[1]
    }

    #[test]
    fn right_gradient_passes_and_wrong_ones_fail() {
        let point = [1.5, -2.0];
        let right = [3.0 * 1.5 * 1.5 - 2.0, 1.5];
        check_coordinates(cubic, &point, &right, Tol::SMOOTH).unwrap();
        for wrong in [[right[0] * 1.001, right[1]], [right[0], 0.0], [f64::NAN, right[1]]] {
            assert!(check_coordinates(cubic, &point, &wrong, Tol::SMOOTH).is_err());
        }
        assert!(check_coordinates(|_| f64::NAN, &point, &right, Tol::SMOOTH).is_err());
    }
}
