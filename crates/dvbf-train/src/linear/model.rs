//! A linear state-space model in innovation form, with the map that starts it.

use super::history::Track;
use crate::eval::OpenLoop;
use dvbf_core::{AffineMap, LinearStart};
use dvbf_data::Dataset;
use nalgebra::{DMatrix, DVector};
use ndarray::{Array1, Array2, Array3};

/// Least standard deviation of the noise of a step, in units of the state.
pub(super) const LEAST_NOISE: f64 = 1e-3;
/// Least standard deviation of the emission, which may shrink later.
const LEAST_STD: f64 = 3e-3;
/// Standard deviation of `q(w)` in units of the noise.
pub(super) const SPREAD: f64 = 0.3;
/// Error of what a gentle start reads, in units of the channels: where frames are almost alike, exact coefficients
/// are so large that single precision is not enough.
pub(super) const BLUR: f64 = 3e-4;
/// Steps after which errors that do not grow have settled.
const SETTLED: usize = 300;
/// How fast components beyond those of the model fade, a step.
pub(super) const FADE: f64 = 0.9;

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
    /// The start, and one that errors of single precision and of the sensors hardly change.
    pub(super) start: Beginning,
    pub(super) gentle_start: Beginning,
    /// `k`.
    pub(super) frames: usize,
}

/// `z₁ = V [x₁ … x_k, u₁ … u_{k−1}] + c`.
#[derive(Clone, Debug)]
pub(super) struct Beginning {
    /// `V`.
    pub(super) map: DMatrix<f64>,
    /// `c`.
    pub(super) offset: DVector<f64>,
    /// Standard deviation of what it leaves, `n`.
    pub(super) spread: Vec<f64>,
}

impl Beginning {
    /// From the coefficients of `[1, x₁ …]` and the sums of squares that they leave over so many rows.
    pub(super) fn of(coefficients: &DMatrix<f64>, left: &[f64], rows: f64) -> Self {
        Self {
            map: coefficients.columns(1, coefficients.ncols() - 1).clone_owned(),
            offset: coefficients.column(0).clone_owned(),
            spread: left.iter().map(|sum| (sum / rows.max(1.0)).sqrt()).collect(),
        }
    }

    /// The state of the first step of a track that is read through `frames` steps.
    pub(super) fn state(&self, track: &Track, frames: usize) -> DVector<f64> {
        &self.map * track.beginning(0, frames) + &self.offset
    }
}

impl LinearModel {
    /// The same model with the start that errors hardly change.
    pub(super) fn with_gentle_start(self) -> Self {
        Self { start: self.gentle_start.clone(), ..self }
    }

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

    pub(super) fn ahead(&self, z: &DVector<f64>, u: &[f64]) -> DVector<f64> {
        &self.a * z + &self.b * DVector::from_column_slice(u) + &self.offset
    }

    pub(super) fn seen(&self, z: &DVector<f64>) -> DVector<f64> {
        &self.c * z + &self.level
    }

    /// How much the noise that training adds strains the corrections: the largest mean square of what it adds to a
    /// component of `w`, which is one by itself. Of channels with `more` noise, so much of their variance of one
    /// step is added to what is expected of them.
    pub(super) fn strain(&self, more: &[f64]) -> f64 {
        let corrections = &self.gain * &self.innovation * self.gain.transpose();
        let noise = corrections.diagonal().map(|v| v.max(LEAST_NOISE * LEAST_NOISE));
        let added = DMatrix::from_diagonal(&(&noise * (SPREAD * SPREAD)));
        let beside = DMatrix::from_fn(self.c.nrows(), self.c.nrows(), |i, j| match more.get(i) {
            Some(more) if i == j => more * self.innovation[(i, i)],
            _ => 0.0,
        });
        let seen = &self.c * &self.a;
        let own = &self.a - &self.gain * &seen;
        let added = added + &self.gain * &beside * self.gain.transpose();
        let mut errors = added.clone();
        for _ in 0..SETTLED {
            errors = &own * &errors * own.transpose() + &added;
        }
        let expected = &seen * errors * seen.transpose() + beside;
        let strained = &self.gain * expected * self.gain.transpose();
        let all = strained.diagonal().component_div(&noise);
        all.iter()
            .fold(0.0, |most, v| if v.is_finite() { f64::max(most, *v) } else { f64::INFINITY })
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
            let mut z = self.start.state(&track, self.frames);
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
            let mut z = self.start.state(track, self.frames);
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
            weight: Array2::from_shape_fn((size, self.start.map.ncols()), |(i, j)| {
                if i < n { self.start.map[(i, j)] } else { 0.0 }
            }),
            offset: padded(&self.start.offset, size),
        };
        let spread = |i: usize| if i < n { self.start.spread[i].clamp(1e-2, 1.0) } else { 1.0 };
        let sensor = self.left.diagonal().map(|v| v.max(0.0).sqrt());
        LinearStart {
            transition,
            remainder: None,
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
