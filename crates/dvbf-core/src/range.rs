//! The range of the states that a model was trained on.

use dvbf_tensor::{Kernel, vectorize};
use ndarray::{Array2, ArrayView2};

/// Probabilities of the quantiles that are kept.
const PROBABILITIES: [f32; 11] = [0.0, 0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 1.0];

/// Values that are not those of a training range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RangeError(String);

/// Quantiles of every feature `φⱼ(z)` of filtered states of the training recordings; an angle has two
/// features, its sine and its cosine, any other component is divided by its typical magnitude (one,
/// unless a differential equation says otherwise). With the extremes `lowⱼ` and `highⱼ`, quantiles 0
/// and 1, and `hⱼ = (highⱼ − lowⱼ)/2`, or 1 if that is zero, the departure of a state is
///
/// `d(z) = maxⱼ max(0, lowⱼ − φⱼ, φⱼ − highⱼ) / hⱼ`,
///
/// zero inside of the range. The range is a box: a state inside it may still be one that was never
/// seen, such as the middle of a ring.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingRange {
    // Invariant: probabilities ascend from 0 to 1; quantiles are finite and do not descend.
    probabilities: Vec<f32>,
    quantiles: Array2<f32>,
}

impl TrainingRange {
    /// The range of features `φ (R, F)`, one row a state; nothing if there is no row or a value is not
    /// finite.
    pub fn of(features: ArrayView2<'_, f32>) -> Option<Self> {
        if features.is_empty() || features.iter().any(|v| !v.is_finite()) {
            return None;
        }
        let mut quantiles = Array2::zeros((PROBABILITIES.len(), features.ncols()));
        for (column, mut out) in features.columns().into_iter().zip(quantiles.columns_mut()) {
            let mut sorted = column.to_vec();
            sorted.sort_unstable_by(f32::total_cmp);
            for (out, &p) in out.iter_mut().zip(&PROBABILITIES) {
                *out = quantile(&sorted, p);
            }
        }
        Some(Self { probabilities: PROBABILITIES.to_vec(), quantiles })
    }

    /// The range with these quantiles `(Q, F)` at these probabilities `(Q)`.
    ///
    /// # Errors
    /// If the probabilities do not ascend from 0 to 1, a quantile is not finite or smaller than the one
    /// before it, or their numbers differ.
    pub fn new(probabilities: Vec<f32>, quantiles: Array2<f32>) -> Result<Self, RangeError> {
        let refuse = |what: String| Err(RangeError(what));
        let (rows, columns) = quantiles.dim();
        if probabilities.len() != rows || columns == 0 {
            let count = probabilities.len();
            return refuse(format!(
                "{count} probabilities for quantiles of shape {rows} × {columns}"
            ));
        }
        let ends = probabilities.first() == Some(&0.0) && probabilities.last() == Some(&1.0);
        if !(ends && probabilities.windows(2).all(|p| p[0] < p[1])) {
            return refuse("its probabilities do not ascend from 0 to 1".into());
        }
        for (j, column) in quantiles.columns().into_iter().enumerate() {
            let finite = column.iter().all(|v| v.is_finite());
            if !(finite && column.windows(2).into_iter().all(|q| q[0] <= q[1])) {
                return refuse(format!(
                    "its quantiles of feature {j} are not finite and ascending"
                ));
            }
        }
        Ok(Self { probabilities, quantiles })
    }

    /// Probabilities of the quantiles, `(Q)`.
    pub fn probabilities(&self) -> &[f32] {
        &self.probabilities
    }

    /// Quantiles of every feature, `(Q, F)`.
    pub fn quantiles(&self) -> ArrayView2<'_, f32> {
        self.quantiles.view()
    }

    /// Number of features, `F`.
    pub fn features(&self) -> usize {
        self.quantiles.ncols()
    }

    /// The smallest and the largest value of feature `j`.
    ///
    /// # Panics
    /// If there are fewer features.
    #[track_caller]
    pub fn limits(&self, j: usize) -> (f32, f32) {
        (self.quantiles[[0, j]], self.quantiles[[self.quantiles.nrows() - 1, j]])
    }

    /// `hⱼ`, half of the distance between the limits of feature `j`; one where they are equal.
    ///
    /// # Panics
    /// If there are fewer features.
    #[track_caller]
    pub fn half_width(&self, j: usize) -> f32 {
        let (low, high) = self.limits(j);
        let half = 0.5 * high - 0.5 * low;
        if half > 0.0 { half } else { 1.0 }
    }

    /// Writes `d (N)` of features `φ (N, F)`; infinite where one is not finite.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn departures(&self, features: ArrayView2<'_, f32>, out: &mut [f32]) {
        assert_eq!(features.dim(), (out.len(), self.features()), "features against (N, F)");
        out.fill(0.0);
        for (j, column) in features.columns().into_iter().enumerate() {
            let ((low, high), scale) = (self.limits(j), self.half_width(j).recip());
            match column.as_slice() {
                Some(values) => vectorize(Depart { values, low, high, scale, out: &mut *out }),
                None => {
                    for (out, &value) in out.iter_mut().zip(column) {
                        *out = out.max(beyond(value, low, high, scale));
                    }
                }
            }
        }
    }
}

/// How far `value` is beyond its limits; negative within, infinite if it is not finite.
#[inline(always)]
fn beyond(value: f32, low: f32, high: f32, scale: f32) -> f32 {
    let beyond = (low - value).max(value - high) * scale;
    // NaN is neither inside nor outside of anything.
    if value.is_finite() { beyond } else { f32::INFINITY }
}

/// Takes a feature of many states into their departures.
struct Depart<'a> {
    values: &'a [f32],
    low: f32,
    high: f32,
    scale: f32,
    out: &'a mut [f32],
}

impl Kernel for Depart<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (out, &value) in self.out.iter_mut().zip(self.values) {
            *out = out.max(beyond(value, self.low, self.high, self.scale));
        }
    }
}

/// The quantile of sorted values, interpolated between the two nearest.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place between the first and the last"
)]
fn quantile(sorted: &[f32], probability: f32) -> f32 {
    let last = sorted.len() - 1;
    let place = f64::from(probability) * last as f64;
    let below = (place.floor() as usize).min(last);
    let (low, high) = (f64::from(sorted[below]), f64::from(sorted[(below + 1).min(last)]));
    (low + (high - low) * (place - below as f64)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn departures_count_half_widths() {
        let states =
            Array2::from_shape_fn(
                (1001, 2),
                |(r, c)| {
                    if c == 0 { r as f32 / 250.0 - 2.0 } else { 5.0 }
                },
            );
        let range = TrainingRange::of(states.view()).unwrap();
        assert_eq!((range.limits(0), range.half_width(0)), ((-2.0, 2.0), 2.0));
        assert_eq!((range.limits(1), range.half_width(1)), ((5.0, 5.0), 1.0));
        assert!(range.quantiles()[[5, 0]].abs() < 1e-6);
        assert!((range.quantiles()[[9, 0]] - 1.996).abs() < 1e-5);
        let mut out = [0.0; 5];
        let points = array![[0.0, 5.0], [3.0, 5.0], [-4.0, 5.25], [0.0, 4.5], [f32::NAN, 5.0]];
        range.departures(points.view(), &mut out);
        let bits = |values: [f32; 5]| values.map(f32::to_bits);
        assert_eq!(bits(out), bits([0.0, 0.5, 1.0, 0.5, f32::INFINITY]), "{out:?}");
    }

    #[test]
    fn impossible_ranges_are_refused() {
        let new = |p: &[f32], q: Array2<f32>| TrainingRange::new(p.to_vec(), q).map_err(|e| e.0);
        assert!(new(&[0.0, 1.0], array![[1.0], [2.0]]).is_ok());
        assert!(new(&[0.0, 1.0], array![[2.0], [1.0]]).unwrap_err().contains("feature 0"));
        assert!(new(&[0.1, 1.0], array![[1.0], [2.0]]).unwrap_err().contains("probabilities"));
        assert!(new(&[0.0, 1.0], array![[1.0]]).unwrap_err().contains("1 × 1"));
        assert!(TrainingRange::of(array![[f32::NAN]].view()).is_none());
    }
}
