//! Identification of a linear state-space model: a long autoregression, reduced.
//!
//! An autoregression of order `p` predicts `x_{t+1}` from `r_t = [x_t … x_{t−p+1}, u_{t−1} … u_{t−p+1}]` and
//! `u_t`. Iterated without further controls it gives the coming `f` observations as a linear map `H r_t`. What
//! of the past matters for the future is `z_t = S⁻¹ Uᵀ H r_t` with the singular values `H cov(r)^{1/2} = U S
//! Vᵀ`: components of unit variance that are not correlated, those first that explain most of the coming
//! observations. The first `n` of them are the state, and regressions give `A`, `B`, `C` and the gain `K`.
//!
//! It is a predictor of reduced rank with the weighting of N4SID (Van Overschee and De Moor 1994); that the
//! effect of later controls is taken away by an autoregression is the idea of SSARX (Jansson 2003).

use super::history::Track;
use super::model::{BLUR, Beginning, LinearModel};
use super::regression::Regression;
use nalgebra::{Cholesky, DMatrix, DVector};

/// A singular value this much smaller than the largest one is a matter of rounding.
const LEAST_VALUE: f64 = 1e-5;

/// Growth of a state by a step that is a matter of estimation.
const GROWTH: f64 = 1e-3;

/// Largest factor by which a correction may enlarge an error of the state: a correction that is right only if
/// many of them follow each other is none where some are left out.
pub(super) const GENTLE: f64 = 10.0;

/// What of the past matters, most important first; the state is a number of its first rows.
pub(super) struct Past {
    /// `(rank, p X + (p − 1) U)`.
    map: DMatrix<f64>,
    mean: DVector<f64>,
    order: usize,
    channels: usize,
    controls: usize,
}

impl Past {
    /// From an autoregression of this order and with this share of ridge; `None` if it cannot be fitted.
    pub(super) fn of(tracks: &[Track], order: usize, ridge: f64, future: usize) -> Option<Self> {
        let (channels, controls) = (tracks.first()?.x[0].len(), tracks[0].u[0].len());
        let width = order * channels + (order - 1) * controls;
        let mut fit = Regression::new(1 + width + controls, channels);
        each(tracks, order, |track, t| {
            if track.seen[t + 1] {
                let target = DVector::from_column_slice(&track.x[t + 1]);
                fit.add(&stacked(&[&[1.0], track.past(t, order).as_slice(), &track.u[t]]), &target);
            }
        });
        if fit.rows() < 2.0 * (1 + width + controls) as f64 {
            return None;
        }
        let found = fit.solve(ridge)?;
        let moments = fit.moments();
        let mean = moments.view((1, 0), (width, 1)).clone_owned();
        let mean = DVector::from_column_slice(mean.as_slice());
        let covariance = moments.view((1, 1), (width, width)) - &mean * mean.transpose();
        // Without a control at t, r_{t+1} = [Θ; shifts] r_t.
        let own = found.columns(1, width);
        let mut shift = DMatrix::zeros(width, width);
        shift.rows_mut(0, channels).copy_from(&own);
        for i in channels..order * channels {
            shift[(i, i - channels)] = 1.0;
        }
        for i in controls..(order - 1) * controls {
            shift[(order * channels + i, order * channels + i - controls)] = 1.0;
        }
        let mut ahead = DMatrix::zeros(future * channels, width);
        let mut power = shift.clone();
        for k in 0..future {
            ahead.rows_mut(k * channels, channels).copy_from(&power.rows(0, channels));
            power = &power * &shift;
        }
        if ahead.iter().any(|v| !v.is_finite() || v.abs() > 1e6) {
            return None;
        }
        let root = root_of(&covariance)?;
        let svd = (&ahead * root).svd(true, false);
        let (u, values) = (svd.u?, svd.singular_values);
        let mut places: Vec<usize> = (0..values.len()).collect();
        places.sort_by(|&i, &j| values[j].total_cmp(&values[i]));
        let largest = values[places[0]];
        places.retain(|&i| values[i] > LEAST_VALUE * largest && values[i] > 0.0);
        let rows: Vec<_> =
            places.iter().map(|&i| (u.column(i).transpose() * &ahead) / values[i]).collect();
        if rows.is_empty() {
            return None;
        }
        Some(Self { map: DMatrix::from_rows(&rows), mean, order, channels, controls })
    }

    /// Components that there are.
    pub(super) fn rank(&self) -> usize {
        self.map.nrows()
    }

    /// Observations that it looks back on.
    pub(super) fn order(&self) -> usize {
        self.order
    }

    /// The first `n` components at step `t ≥ order − 1`.
    pub(super) fn state(&self, track: &Track, t: usize, n: usize) -> DVector<f64> {
        self.map.rows(0, n) * (track.past(t, self.order) - &self.mean)
    }

    /// Models whose state is the first `n` components, which start from `frames` observations, one for each
    /// noise of the `sensors`, with the largest factor by which a correction enlarges an error of the state;
    /// those that are not stable enough to be a filter are left out. `None` if a regression has no solution.
    pub(super) fn models(
        &self,
        tracks: &[Track],
        n: usize,
        frames: usize,
        (ridge, sensors): (f64, &[f64]),
    ) -> Option<Vec<(LinearModel, f64)>> {
        let (x, u) = (self.channels, self.controls);
        // What is missing was repeated, which is no motion; whole pasts will do where there are enough.
        let mut whole = 0_usize;
        each(tracks, self.order, |track, t| {
            whole += usize::from(track.knows(t + 1, self.order + 1));
        });
        let enough = whole > 20 * (1 + n + u);
        let mut carry = Regression::new(1 + n + u, n);
        let from = if enough { self.order + 1 } else { 0 };
        each(tracks, self.order, |track, t| {
            if track.knows(t + 1, from) {
                let regressors =
                    stacked(&[&[1.0], self.state(track, t, n).as_slice(), &track.u[t]]);
                carry.add(&regressors, &self.state(track, t + 1, n));
            }
        });
        let carried = carry.solve(ridge)?;
        let (offset, a, b) = (
            carried.column(0).clone_owned(),
            carried.columns(1, n).clone_owned(),
            carried.columns(1 + n, u).clone_owned(),
        );
        let ahead = |track: &Track, t: usize| {
            &a * self.state(track, t, n) + &b * DVector::from_column_slice(&track.u[t]) + &offset
        };
        let mut emit = Regression::new(1 + n, x);
        each(tracks, self.order, |track, t| {
            if track.seen[t + 1] {
                let target = DVector::from_column_slice(&track.x[t + 1]);
                emit.add(&stacked(&[&[1.0], ahead(track, t).as_slice()]), &target);
            }
        });
        let emitted = emit.solve(ridge)?;
        let (level, c) = (emitted.column(0).clone_owned(), emitted.columns(1, n).clone_owned());
        let mut correct = Regression::new(x, n);
        each(tracks, self.order, |track, t| {
            if track.seen[t + 1] {
                let predicted = ahead(track, t);
                let e = DVector::from_column_slice(&track.x[t + 1]) - &c * &predicted - &level;
                correct.add(&e, &(self.state(track, t + 1, n) - predicted));
            }
        });
        let innovation = correct.moments();
        let mut begin = Regression::new(1 + frames * x + (frames - 1) * u, n);
        let states =
            |track: &Track, t: usize| stacked(&[&[1.0], track.beginning(t, frames).as_slice()]);
        each(tracks, self.order, |track, t| {
            if t + frames <= track.len() && track.knows(t + frames - 1, from) {
                begin.add(&states(track, t), &self.state(track, t, n));
            }
        });
        let begun = |map: DMatrix<f64>| {
            let mut left = vec![0.0; n];
            each(tracks, self.order, |track, t| {
                if t + frames <= track.len() {
                    let off = self.state(track, t, n) - &map * states(track, t);
                    left.iter_mut().zip(&off).for_each(|(left, off)| *left += off * off);
                }
            });
            Beginning::of(&map, &left, begin.rows())
        };
        let start = begun(begin.solve(ridge.max(1e-8))?);
        let gentle_start = begun(begin.solve_with(BLUR * BLUR)?);
        let model = LinearModel {
            gain: DMatrix::zeros(n, x),
            start,
            gentle_start,
            a,
            b,
            offset,
            c,
            level,
            left: innovation.clone(),
            innovation,
            frames,
        };
        if model.largest() > 1.0 + GROWTH {
            return Some(Vec::new());
        }
        let filter = |&sensor: &f64| {
            let gain = correct.solve_with(sensor * sensor)?;
            let correction = &gain * &model.c * &model.a;
            let own = &model.a - &correction;
            let radius = own.complex_eigenvalues().iter().map(|v| v.norm()).fold(0.0, f64::max);
            let largest = correction.singular_values().max();
            (radius < 1.0).then(|| (LinearModel { gain, ..model.clone() }, largest))
        };
        Some(sensors.iter().filter_map(filter).collect())
    }
}

/// Hands out every step of every sequence that has a past of `order` steps and a next step.
fn each<'a>(tracks: &'a [Track], order: usize, mut of: impl FnMut(&'a Track, usize)) {
    for track in tracks {
        for t in order - 1..track.len().saturating_sub(1) {
            of(track, t);
        }
    }
}

fn stacked(parts: &[&[f64]]) -> DVector<f64> {
    DVector::from_vec(parts.concat())
}

/// `L` with `L Lᵀ` equal to a covariance, which is made a little larger if it has to.
fn root_of(covariance: &DMatrix<f64>) -> Option<DMatrix<f64>> {
    let mean = covariance.trace() / covariance.nrows().max(1) as f64;
    [1e-12, 1e-10, 1e-8, 1e-6].into_iter().find_map(|share| {
        let more = DMatrix::identity(covariance.nrows(), covariance.nrows()) * (share * mean);
        Some(Cholesky::new(covariance + more)?.l())
    })
}
