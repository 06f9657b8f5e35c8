//! Principal components of observations, in which the linear yardsticks work when there are many
//! channels.

use crate::data::Dataset;
use crate::principal::principal_axes;
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
        let total = frames.len().max(1) as f64;
        let row = |&(n, t): &(usize, usize)| data.observations.slice(s![n, t, ..]);
        let mut mean = vec![0.0; width];
        for frame in &frames {
            for (sum, &x) in mean.iter_mut().zip(row(frame)) {
                *sum += f64::from(x) / total;
            }
        }
        if width <= FEW {
            return Self { mean, basis: None };
        }
        let centered = Array2::from_shape_fn((frames.len(), width), |(r, c)| {
            f64::from(row(&frames[r])[c]) - mean[c]
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
