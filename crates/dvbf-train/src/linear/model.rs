//! A linear state-space model in innovation form, with the map that starts it.

use super::history::Track;
use crate::eval::OpenLoop;
use dvbf_core::{AffineMap, LinearStart};
use dvbf_data::Dataset;
use nalgebra::{DMatrix, DVector};
use ndarray::{Array1, Array2, Array3};

/// Least standard deviation of the noise of a step, in units of the state.
const LEAST_NOISE: f64 = 1e-3;
/// Least standard deviation of the emission, which may shrink later.
const LEAST_STD: f64 = 3e-3;
/// Standard deviation of `q(w)` in units of the noise.
const SPREAD: f64 = 0.3;
/// How fast components beyond those of the model fade, a step.
const FADE: f64 = 0.9;

/// `ẑ_{t+1} = A z_t + B u_t + b`, `e_{t+1} = x_{t+1} − C ẑ_{t+1} − d`, `z_{t+1} = ẑ_{t+1} + K e_{t+1}`. The
/// components of `z` have unit variance and are uncorrelated over the training data.
#[derive(Clone, Debug)]
pub struct LinearModel {
    /// `A (n, n)`.
    pub(super) a: DMatrix<f64>,
    /// `B (n, U)`.
    pub(super) b: DMatrix<f64>,
    /// `b (n)`.
    pub(super) offset: DVector<f64>,
    /// `C (X, n)`.
    pub(super) c: DMatrix<f64>,
    /// `d (X)`.
    pub(super) level: DVector<f64>,
    /// `K (n, X)`.
    pub(super) gain: DMatrix<f64>,
    /// Covariance of `e`, and of `x − C z − d` after a correction.
    pub(super) innovation: DMatrix<f64>,
    pub(super) left: DMatrix<f64>,
    /// `z₁ = V [x₁ … x_k, u₁ … u_{k−1}] + c`.
    pub(super) start: DMatrix<f64>,
    pub(super) start_offset: DVector<f64>,
    /// Standard deviation of what it leaves, `n`.
    pub(super) start_spread: Vec<f64>,
    /// `k`.
    pub(super) frames: usize,
}

impl LinearModel {
    /// Components of the state.
    pub fn state(&self) -> usize {
        self.a.nrows()
    }

    /// Standard deviation of one step ahead on the training data, one value a channel.
    pub fn residual(&self) -> Vec<f64> {
        self.innovation.diagonal().iter().map(|v| v.max(0.0).sqrt()).collect()
    }

    /// Absolute value of the largest eigenvalue of `A`.
    pub(super) fn largest(&self) -> f64 {
        self.a.complex_eigenvalues().iter().map(|v| v.norm()).fold(0.0, f64::max)
    }

    fn ahead(&self, z: &DVector<f64>, u: &[f64]) -> DVector<f64> {
        &self.a * z + &self.b * DVector::from_column_slice(u) + &self.offset
    }

    fn seen(&self, z: &DVector<f64>) -> DVector<f64> {
        &self.c * z + &self.level
    }

    /// Predicted frames `(N, horizon, X)` after the first `filtered`.
    ///
    /// # Panics
    /// If the sequences are shorter than `filtered + horizon` steps or than the start takes.
    pub fn predict(&self, data: &Dataset, filtered: usize, horizon: usize) -> Array3<f32> {
        let (count, _, channels) = data.observations.dim();
        let mut out = Array3::zeros((count, horizon, channels));
        for n in 0..count {
            let track = Track::of(data, n, filtered + horizon);
            let mut z = &self.start * track.beginning(0, self.frames) + &self.start_offset;
            for t in 1..filtered + horizon {
                z = self.ahead(&z, &track.u[t - 1]);
                if t < filtered {
                    if track.seen[t] {
                        let e = DVector::from_column_slice(&track.x[t]) - self.seen(&z);
                        z += &self.gain * e;
                    }
                } else {
                    for (i, value) in self.seen(&z).iter().enumerate() {
                        out[[n, t - filtered, i]] = dvbf_data::narrow(*value);
                    }
                }
            }
        }
        out
    }

    /// Open-loop error on the same frames.
    ///
    /// # Panics
    /// As [`predict`](Self::predict).
    pub fn errors(&self, data: &Dataset, filtered: usize, horizon: usize) -> OpenLoop {
        OpenLoop::between(&self.predict(data, filtered, horizon), data, filtered)
    }

    /// The same model with the covariances that it has as a filter of these sequences: of what it predicts of a
    /// step, and of what a correction leaves.
    pub(super) fn measured(mut self, tracks: &[Track]) -> Self {
        let x = self.c.nrows();
        let (mut innovation, mut left) = (DMatrix::zeros(x, x), DMatrix::zeros(x, x));
        let mut count = 0.0_f64;
        for track in tracks.iter().filter(|track| track.len() > self.frames) {
            let mut z = &self.start * track.beginning(0, self.frames) + &self.start_offset;
            for t in 1..track.len() {
                z = self.ahead(&z, &track.u[t - 1]);
                if !track.seen[t] {
                    continue;
                }
                let seen = DVector::from_column_slice(&track.x[t]);
                let e = &seen - self.seen(&z);
                z += &self.gain * &e;
                // Before, the start knows what is to come.
                if t >= self.frames {
                    let rest = seen - self.seen(&z);
                    innovation.ger(1.0, &e, &e, 1.0);
                    left.ger(1.0, &rest, &rest, 1.0);
                    count += 1.0;
                }
            }
        }
        if count > 0.0 && innovation.iter().all(|v| v.is_finite()) {
            (self.innovation, self.left) = (innovation / count, left / count);
        }
        self
    }

    /// The same model for the parts of a filter whose state has `size ≥ n` components; those beyond `n`
    /// fade and are not seen.
    ///
    /// Every component has the noise that `K e` gives it: `w = K e / σ`.
    ///
    /// The filter of the parts equals this one where every step is observed in whole or not at all: of a step
    /// that is observed in part it sees zeros, the means of the channels, for the rest.
    ///
    /// # Panics
    /// If `size` is smaller than the state.
    pub fn start(&self, size: usize) -> LinearStart {
        let (n, u, x) = (self.state(), self.b.ncols(), self.c.nrows());
        assert!(size >= n, "{size} components for a state of {n}");
        let all = &self.gain * &self.innovation * self.gain.transpose();
        let std = |i: usize| if i < n { all[(i, i)].max(0.0).sqrt() } else { 0.0 };
        let noise: Vec<f64> = (0..size).map(|i| std(i).max(LEAST_NOISE)).collect();
        let from = DMatrix::from_fn(n, x, |i, j| self.gain[(i, j)] / noise[i]);
        let transition = AffineMap {
            weight: Array2::from_shape_fn((size, size + u), |(i, j)| match (i < n, j < size) {
                (true, true) if j < n => self.a[(i, j)],
                (true, false) => self.b[(i, j - size)],
                (false, true) if i == j => FADE,
                _ => 0.0,
            }),
            offset: padded(&self.offset, size),
        };
        let (of_state, of_control) = (&from * &self.c * &self.a, &from * &self.c * &self.b);
        let of_level = &from * (&self.c * &self.offset + &self.level);
        let recognition = AffineMap {
            weight: Array2::from_shape_fn((size, x + size + u), |(i, j)| match j {
                _ if i >= n => 0.0,
                j if j < x => from[(i, j)],
                j if j < x + n => -of_state[(i, j - x)],
                j if j < x + size => 0.0,
                j => -of_control[(i, j - x - size)],
            }),
            offset: padded(&-of_level, size),
        };
        let emission = AffineMap {
            weight: Array2::from_shape_fn(
                (x, size),
                |(i, j)| {
                    if j < n { self.c[(i, j)] } else { 0.0 }
                },
            ),
            offset: self.level.iter().copied().collect(),
        };
        let initial = AffineMap {
            weight: Array2::from_shape_fn((size, self.start.ncols()), |(i, j)| {
                if i < n { self.start[(i, j)] } else { 0.0 }
            }),
            offset: padded(&self.start_offset, size),
        };
        let spread = |i: usize| if i < n { self.start_spread[i].clamp(1e-2, 1.0) } else { 1.0 };
        let sensor = self.left.diagonal().map(|v| v.max(0.0).sqrt());
        LinearStart {
            transition,
            recognition,
            emission,
            emission_std: sensor.iter().map(|std| std.max(LEAST_STD)).collect(),
            initial,
            spread: (0..size).map(|i| if i < n { SPREAD } else { 1.0 }).collect(),
            initial_spread: (0..size).map(spread).collect(),
            noise,
        }
    }
}

fn padded(values: &DVector<f64>, size: usize) -> Array1<f64> {
    (0..size).map(|i| values.get(i).copied().unwrap_or(0.0)).collect()
}
