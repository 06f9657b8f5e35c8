#![doc = include_str!("../README.md")]

mod dynamics;

pub use dynamics::check_dynamics;

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

    /// By how much two derivatives differ more than allowed; infinite if one is not a number.
    fn excess(self, gradient: f64, difference: f64) -> f64 {
        let allowed = self.abs + self.rel * gradient.abs().max(difference.abs());
        let excess = (gradient - difference).abs() - allowed;
        if excess.is_nan() { f64::INFINITY } else { excess }
    }
}

/// Compares every coordinate of `gradient` at `point` with the difference of `loss`.
///
/// That is the central difference with the step `h = ∛ε · max(1, |θ|)`, divided by the step that
/// rounding realized. A rectifier that bends the loss within a step spoils it; then a difference of
/// the same order counts that stays on one side, `(4 f(θ ± h) − 3 f(θ) − f(θ ± 2h)) / ±2h`. Where
/// the loss is smooth all three agree, so a wrong gradient fails them all.
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
    for (i, &g) in gradient.iter().enumerate() {
        let h = f64::EPSILON.cbrt() * point[i].abs().max(1.0);
        let mut at = |offset: f64| {
            moved[i] = point[i] + offset;
            let (realized, value) = (moved[i] - point[i], loss(&moved));
            moved[i] = point[i];
            (realized, value)
        };
        let ((up, high), (down, low)) = (at(h), at(-h));
        let central = (high - low) / (up - down);
        let mut excess = tol.excess(g, central);
        if excess > 0.0 {
            let (_, here) = at(0.0);
            for (near, value) in [(up, high), (down, low)] {
                let (far, beyond) = at(2.0 * near);
                let one_sided = (4.0 * value - 3.0 * here - beyond) / far;
                excess = excess.min(tol.excess(g, one_sided));
            }
        }
        if excess > 0.0 && worst.as_ref().is_none_or(|(w, _)| excess > *w) {
            let text = format!("coordinate {i}: gradient {g:e}, difference {central:e}");
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

    /// A rectifier that bends a tenth of a step from the point, on either side.
    #[test]
    fn a_bend_beside_the_point_passes_and_wrong_slopes_fail() {
        for offset in [6e-7, -6e-7, 0.0] {
            let bent = |v: &[f64]| (v[0] - offset).max(0.0) * 3.0 + v[0].powi(2) - 4.0 * v[0];
            let (right, wrong) = if offset < 0.0 { (-1.0, -4.0) } else { (-4.0, -2.5) };
            check_coordinates(bent, &[0.0], &[right], Tol::SMOOTH).unwrap();
            assert!(check_coordinates(bent, &[0.0], &[wrong * 1.01], Tol::SMOOTH).is_err());
        }
    }
}
