//! Principal components of observations, in which the linear yardsticks work when there are many
//! channels.

use crate::principal::principal_axes;
use dvbf_data::Dataset;
use ndarray::{Array2, ArrayView1, s};

/// Channels up to which observations are taken as they are.
const FEW: usize = 24;
/// Frames that the components are found from, at most.
const FRAMES: usize = 4000;

/// `x ≈ m + V c` with orthonormal columns `V (X, C)`.
#[derive(Clone, Debug)]
pub(super) struct Components {
    mean: Vec<f64>,
    /// `V (X, C)`; the identity if `None`.
    basis: Option<Array2<f64>>,
}

impl Components {
    /// At most `count` components of the training frames; the channels themselves if they are few.
    pub(super) fn of(data: &Dataset, count: usize) -> Self {
        let width = data.observations.dim().2;
        let mut frames: Vec<(usize, usize)> = Vec::new();
        for (n, &length) in data.lengths.iter().enumerate() {
            frames.extend((0..length).filter(|&t| data.is_seen((n, t))).map(|t| (n, t)));
        }
        let stride = frames.len().div_ceil(FRAMES).max(1);
        let frames: Vec<_> = frames.into_iter().step_by(stride).collect();
        let seen = |&(n, t): &(usize, usize), c: usize| {
            data.is_observed((n, t, c)).then(|| f64::from(data.observations[[n, t, c]]))
        };
        // A channel is averaged over the frames that have it.
        let mean: Vec<f64> = (0..width)
            .map(|c| {
                let values = frames.iter().filter_map(|frame| seen(frame, c));
                let (sum, count) = values.fold((0.0, 0.0_f64), |(sum, n), x| (sum + x, n + 1.0));
                sum / count.max(1.0)
            })
            .collect();
        if width <= FEW {
            return Self { mean, basis: None };
        }
        // What is missing is as the mean says, and adds no variance.
        let centered = Array2::from_shape_fn((frames.len(), width), |(r, c)| {
            seen(&frames[r], c).map_or(0.0, |x| x - mean[c])
        });
        let (basis, _) = principal_axes(&centered, count.min(width));
        Self { mean, basis: Some(basis) }
    }

    /// `C`.
    pub(super) fn count(&self) -> usize {
        self.basis.as_ref().map_or(self.mean.len(), Array2::ncols)
    }

    /// The components of a frame; NaN where they are not known, which is everywhere if a channel is
    /// missing and the components mix channels.
    pub(super) fn project(&self, data: &Dataset, (n, t): (usize, usize)) -> Vec<f64> {
        let frame: ArrayView1<'_, f32> = data.observations.slice(s![n, t, ..]);
        let value = |i: usize| {
            let seen = data.is_observed((n, t, i));
            if seen { f64::from(frame[i]) - self.mean[i] } else { f64::NAN }
        };
        let centered: Vec<f64> = (0..frame.len()).map(value).collect();
        match &self.basis {
            None => centered,
            Some(basis) => basis
                .columns()
                .into_iter()
                .map(|c| c.iter().zip(&centered).map(|(v, x)| v * x).sum())
                .collect(),
        }
    }

    /// The frame of these components.
    pub(super) fn frame(&self, components: &[f64]) -> Vec<f64> {
        match &self.basis {
            None => self.mean.iter().zip(components).map(|(m, c)| m + c).collect(),
            Some(basis) => basis
                .rows()
                .into_iter()
                .zip(&self.mean)
                .map(|(row, m)| m + row.iter().zip(components).map(|(v, c)| v * c).sum::<f64>())
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dvbf_core::Noise;
    use ndarray::{Array1, Array3};

    /// Frames about 5 that vary along one direction, of which every third value is missing.
    fn gappy(width: usize) -> (Dataset, Array1<f64>) {
        let mut direction = vec![0.0_f64; width];
        Noise::new(1, 0).normal(&mut direction);
        let mut direction = Array1::from(direction);
        direction /= direction.dot(&direction).sqrt();
        let (count, steps) = (20, 30);
        let mut along = vec![0.0; count * steps];
        Noise::new(1, 1).normal(&mut along);
        let mut x = Array3::<f32>::zeros((count, steps, width));
        let mut mask = Array3::<f32>::zeros((count, steps, width));
        for ((n, t, c), x) in x.indexed_iter_mut() {
            if (n + 2 * t + c) % 3 > 0 {
                *x = dvbf_data::narrow(5.0 + 4.0 * along[n * steps + t] * direction[c]);
                mask[[n, t, c]] = 1.0;
            }
        }
        let controls = Array3::zeros((count, steps, 0));
        (Dataset { mask: Some(mask), ..Dataset::observed(x, controls) }, direction)
    }

    #[test]
    fn what_is_missing_moves_neither_mean_nor_axes() {
        let (few, _) = gappy(6);
        let mean = Components::of(&few, 6).mean;
        assert!(mean.iter().all(|m| (m - 5.0).abs() < 0.5), "{mean:?}");
        let (many, direction) = gappy(FEW + 6);
        let components = Components::of(&many, 1);
        let axis = components.basis.unwrap().column(0).to_owned();
        let cosine = axis.dot(&direction).abs();
        assert!(cosine > 0.98, "{cosine}");
    }
}
