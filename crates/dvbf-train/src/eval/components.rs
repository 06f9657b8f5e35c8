//! Principal components of observations, in which the linear yardsticks work when there are many
//! channels.
//!
//! What is missing is left out: a channel is averaged over the frames that have it, two channels are
//! correlated over the frames that have both, and the components of a frame are fitted to the channels
//! that it has.

use crate::principal::axes_of;
use dvbf_data::Dataset;
use nalgebra::{DMatrix, DVector, SymmetricEigen};
use ndarray::{Array2, ArrayView1, s};

/// Channels up to which observations are taken as they are.
const FEW: usize = 24;
/// Frames that the components are found from, at most.
const FRAMES: usize = 4000;
/// Of every direction in the space of components, the observed channels must show this share of its
/// square; otherwise the components of the frame are not known.
const SHOWN: f64 = 0.2;

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
        let there = Array2::from_shape_fn((frames.len(), width), |(r, c)| {
            f64::from(u8::from(seen(&frames[r], c).is_some()))
        });
        let centered = Array2::from_shape_fn((frames.len(), width), |(r, c)| {
            seen(&frames[r], c).map_or(0.0, |x| x - mean[c])
        });
        let pairs = there.t().dot(&there).mapv(|n| n.max(1.0));
        let (basis, _) = axes_of(&(centered.t().dot(&centered) / pairs), count.min(width));
        Self { mean, basis: Some(basis) }
    }

    /// `C`.
    pub(super) fn count(&self) -> usize {
        self.basis.as_ref().map_or(self.mean.len(), Array2::ncols)
    }

    /// The components of a frame; NaN where they are not known, which is everywhere if the components mix
    /// channels and too few of them were observed.
    pub(super) fn project(&self, data: &Dataset, (n, t): (usize, usize)) -> Vec<f64> {
        let frame: ArrayView1<'_, f32> = data.observations.slice(s![n, t, ..]);
        let value = |i: usize| {
            let seen = data.is_observed((n, t, i));
            if seen { f64::from(frame[i]) - self.mean[i] } else { f64::NAN }
        };
        let centered: Vec<f64> = (0..frame.len()).map(value).collect();
        match &self.basis {
            None => centered,
            Some(basis) if centered.iter().any(|x| x.is_nan()) => fitted(basis, &centered),
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

/// The components that fit the known channels best, `(V_oᵀ V_o)⁻¹ V_oᵀ x_o`; NaN if these show too little
/// of a component.
fn fitted(basis: &Array2<f64>, centered: &[f64]) -> Vec<f64> {
    let known: Vec<usize> = (0..centered.len()).filter(|&i| !centered[i].is_nan()).collect();
    let map = DMatrix::from_fn(known.len(), basis.ncols(), |r, c| basis[[known[r], c]]);
    let values = DVector::from_iterator(known.len(), known.iter().map(|&i| centered[i]));
    let eigen = SymmetricEigen::new(map.tr_mul(&map));
    if eigen.eigenvalues.iter().any(|share| *share < SHOWN) {
        return vec![f64::NAN; basis.ncols()];
    }
    let mut turned = eigen.eigenvectors.tr_mul(&map.tr_mul(&values));
    turned.component_div_assign(&eigen.eigenvalues);
    (eigen.eigenvectors * turned).as_slice().to_vec()
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

    /// Half of the channels are hardly ever there: their part of an axis is not smaller for it.
    #[test]
    fn channels_with_many_gaps_count_in_full() {
        let (mut data, direction) = gappy(FEW + 6);
        let mut draws = vec![0.0_f32; data.observations.len()];
        Noise::new(1, 2).uniform(&mut draws);
        let mask = data.mask.as_mut().unwrap();
        for (((_, _, c), seen), draw) in mask.indexed_iter_mut().zip(draws) {
            if c % 2 == 0 && draw < 0.8 {
                *seen = 0.0;
            }
        }
        let axis = Components::of(&data, 1).basis.unwrap().column(0).to_owned();
        let part = |v: &Array1<f64>| v.iter().step_by(2).map(|v| v * v).sum::<f64>();
        let (found, truth) = (part(&axis), part(&direction));
        assert!((found - truth).abs() < 0.15 * truth, "{found} against {truth}");
    }

    /// Along an axis, any channels that show enough of it say where a frame is.
    #[test]
    fn components_of_a_frame_with_gaps_are_those_of_the_whole() {
        let (data, _) = gappy(FEW + 6);
        let whole = Dataset { mask: None, ..data.clone() };
        let components = Components::of(&data, 1);
        let x = |n: usize, t: usize| components.project(&data, (n, t))[0];
        // Every third frame of a sequence has the same gaps; what is known of all follows the states.
        let known: Vec<f64> = (0..30).map(|t| x(3, t)).collect();
        assert!(known.iter().all(|v| v.is_finite()));
        let frame = |t: usize| components.frame(&[known[t]]);
        for t in 0..30 {
            for (c, value) in frame(t).into_iter().enumerate() {
                if data.is_observed((3, t, c)) {
                    let off = value - f64::from(whole.observations[[3, t, c]]);
                    assert!(off.abs() < 0.6, "step {t}, channel {c}: off by {off}");
                }
            }
        }
        // One channel says too little.
        let mut mask = data.mask.clone().unwrap();
        mask.slice_mut(s![0, 0, ..]).fill(0.0);
        mask[[0, 0, 4]] = 1.0;
        let hidden = Dataset { mask: Some(mask), ..data };
        assert!(components.project(&hidden, (0, 0))[0].is_nan());
    }
}
