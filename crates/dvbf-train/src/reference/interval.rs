//! How wide intervals have to be.

use dvbf_core::Interval;

/// Probability that an interval covers.
const COVERED: f64 = 0.9;

/// The interval `q₀ + q₁ |f|` that covers nine of ten `residuals` of estimates `f`.
///
/// Its shape is a regression of their absolute values on `[1, |f|]` with coefficients that are not negative; its
/// size is the quantile.
pub fn interval_of(residuals: &[f64], values: &[f64]) -> Interval {
    let count = residuals.len().max(1) as f64;
    let mean = |of: &mut dyn Iterator<Item = f64>| of.sum::<f64>() / count;
    let sizes = || residuals.iter().map(|r| r.abs());
    let forces = || values.iter().map(|f| f.abs());
    let (r, f) = (mean(&mut sizes()), mean(&mut forces()));
    let spread = mean(&mut forces().map(|v| (v - f).powi(2)));
    let shared = mean(&mut sizes().zip(forces()).map(|(a, b)| (a - r) * (b - f)));
    let slope = if spread > 0.0 { (shared / spread).max(0.0) } else { 0.0 };
    // What is exact in a short piece is not exact everywhere.
    let (constant, relative) =
        if slope * f > 0.9 * r { (0.1 * r, 0.9 * r / f) } else { (r - slope * f, slope) };
    let mut ratios: Vec<f64> =
        sizes().zip(forces()).map(|(r, f)| r / (constant + relative * f).max(1e-12)).collect();
    ratios.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list"
    )]
    let place = (COVERED * ratios.len() as f64).ceil() as usize;
    let factor = ratios.get(place.saturating_sub(1)).copied().unwrap_or(0.0);
    Interval { constant: factor * constant, relative: factor * relative }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_of_ten_are_covered() {
        let values: Vec<f64> = (0..1000).map(|i| f64::from(i % 100) / 10.0).collect();
        let residuals: Vec<f64> = values
            .iter()
            .enumerate()
            .map(|(i, f)| {
                (0.1 + 0.05 * f)
                    * (f64::from(u32::try_from(i * 7919 % 1000).unwrap()) / 500.0 - 1.0)
            })
            .collect();
        let interval = interval_of(&residuals, &values);
        let inside = values
            .iter()
            .zip(&residuals)
            .filter(|(f, r)| r.abs() <= interval.around(**f).half_width)
            .count();
        assert!((895..=905).contains(&inside), "{inside}");
        assert!(interval.relative > 0.0);
    }
}
