//! Squared errors of predicted frames, summed over sequences that come one after the other.

use dvbf_data::Dataset;
use ndarray::{Array3, ArrayView3, Axis, s};

/// Mean squared error per channel, one value a predicted frame, averaged over sequences.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenLoop {
    /// The error of predicted frame 1, 2, …; none of a frame of which nothing was observed.
    pub by_frame: Vec<Option<f64>>,
}

impl OpenLoop {
    /// Mean error of those of the first `horizon` predicted frames of which something was observed;
    /// NaN if nothing was.
    pub fn at(&self, horizon: usize) -> f64 {
        let first = self.by_frame.iter().take(horizon).flatten();
        let (sum, count) = first.fold((0.0, 0.0), |(sum, count), error| (sum + error, count + 1.0));
        sum / count
    }

    /// Errors of predicted frames `(N, horizon, X)` that follow the first `filtered` frames, over what
    /// was observed.
    ///
    /// # Panics
    /// If `truth` has fewer sequences or frames.
    pub fn between(predicted: &Array3<f32>, truth: &Dataset, filtered: usize) -> Self {
        let mut errors = SquaredErrors::new(predicted.dim().1);
        errors.add(predicted.view(), truth, filtered);
        errors.mean()
    }
}

/// Sums by predicted frame. What is added in parts, in order, gives the sums of the whole to the
/// last bit: every frame has one sum that runs on from sequence to sequence.
#[derive(Clone, Debug)]
pub(crate) struct SquaredErrors {
    /// Sum of the squares and number of the observed values of every predicted frame.
    frames: Vec<(f64, f64)>,
}

impl SquaredErrors {
    /// Of `horizon` predicted frames, without any sequence.
    pub(crate) fn new(horizon: usize) -> Self {
        Self { frames: vec![(0.0, 0.0); horizon] }
    }

    /// Adds predicted frames `(N, horizon, X)` that follow the first `filtered` frames of the first
    /// `N` sequences of `truth`, over what was observed.
    ///
    /// # Panics
    /// If `truth` has fewer sequences or frames, or the horizon is another one.
    #[track_caller]
    pub(crate) fn add(&mut self, predicted: ArrayView3<'_, f32>, truth: &Dataset, filtered: usize) {
        let (count, horizon, _) = predicted.dim();
        assert_eq!(horizon, self.frames.len(), "predicted frames");
        let frames = s![..count, filtered..filtered + horizon, ..];
        let mask = truth.mask.as_ref().map(|mask| mask.slice(frames));
        let truth = truth.observations.slice(frames);
        for (t, frame) in self.frames.iter_mut().enumerate() {
            let pairs = predicted.index_axis(Axis(1), t);
            let pairs = pairs.iter().zip(truth.index_axis(Axis(1), t));
            let add = |(sum, n): (f64, f64), (p, x): (&f32, &f32)| {
                (sum + f64::from(p - x).powi(2), n + 1.0)
            };
            *frame = match &mask {
                None => pairs.fold(*frame, add),
                Some(mask) => {
                    let seen = pairs.zip(mask.index_axis(Axis(1), t)).filter(|(_, m)| **m > 0.0);
                    seen.fold(*frame, |sums, (pair, _)| add(sums, pair))
                }
            };
        }
    }

    /// The mean of every predicted frame of which something was observed.
    pub(crate) fn mean(&self) -> OpenLoop {
        let mean = |&(sum, n): &(f64, f64)| (n > 0.0).then(|| sum / n);
        OpenLoop { by_frame: self.frames.iter().map(mean).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dvbf_core::Noise;
    use dvbf_data::Sequences;
    use ndarray::Array3;

    fn draw(shape: (usize, usize, usize), stream: u64) -> Array3<f32> {
        let mut values = Array3::zeros(shape);
        Noise::new(4, stream).normal(values.as_slice_mut().unwrap());
        values
    }

    #[test]
    fn parts_in_order_give_the_bits_of_the_whole() {
        let mut truth = Dataset::observed(draw((11, 7, 5), 0), Array3::zeros((11, 7, 1)));
        let predicted = draw((11, 4, 5), 1);
        for masked in [false, true] {
            if masked {
                truth.mask = Some(draw((11, 7, 5), 2).mapv(|v| f32::from(u8::from(v > 0.0))));
            }
            let mut whole = SquaredErrors::new(4);
            whole.add(predicted.view(), &truth, 3);
            let mut parts = SquaredErrors::new(4);
            for range in [0..4, 4..5, 5..11] {
                let part = Sequences::from(&truth).take(range.clone(), 7);
                parts.add(predicted.slice(s![range, .., ..]), &part, 3);
            }
            assert_eq!(parts.mean(), whole.mean());
            let direct = |t: usize| {
                let (mut sum, mut n) = (0.0, 0.0);
                for (i, p) in predicted.index_axis(Axis(1), t).indexed_iter() {
                    let at = (i.0, 3 + t, i.1);
                    if truth.is_observed(at) {
                        sum += f64::from(p - truth.observations[at]).powi(2);
                        n += 1.0;
                    }
                }
                sum / n
            };
            assert_eq!(whole.mean().by_frame, (0..4).map(|t| Some(direct(t))).collect::<Vec<_>>());
        }
    }

    #[test]
    fn nothing_to_compare_with_has_no_error() {
        let mut truth = Dataset::observed(draw((2, 3, 2), 0), Array3::zeros((2, 3, 1)));
        truth.mask = Some(Array3::zeros((2, 3, 2)));
        let mut errors = SquaredErrors::new(2);
        errors.add(draw((2, 2, 2), 1).view(), &truth, 1);
        assert_eq!(errors.mean().by_frame, [None, None]);
        assert_eq!(SquaredErrors::new(1).mean().by_frame, [None]);
    }
}
