//! A linear model of channels whose changes matter: angles whose whole turns count, and levels.
//!
//! What acts on a pendulum is the same in every turn, and what acts on a cart the same everywhere on its track. So
//! the change of such a channel is modeled and not its value, and the sine and cosine of an angle act like controls:
//! with `a = r x` for a channel `x`,
//!
//! | | equation |
//! |-|----------|
//! | state | `ẑ_{t+1} = A z_t + B [u_t, sin a_t, cos a_t] + b` |
//! | angle or level | `x̂_{t+1} = x_t + C ẑ_{t+1} + d` |
//! | other channel | `x̂_{t+1} = C ẑ_{t+1} + d` |
//! | correction | `z_{t+1} = ẑ_{t+1} + K e_{t+1}`, `e = x − x̂`, and an angle or level is what was seen |
//!
//! It is found as [the linear one](super) is, from a track of changes.

use super::fit::Past;
use super::history::Track;
use super::model::{BLUR, Beginning, LinearModel, SPREAD};
use super::regression::Regression;
use crate::eval::OpenLoop;
use dvbf_data::Dataset;
use nalgebra::{DMatrix, DVector};
use ndarray::Array3;

/// A channel whose changes matter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counted {
    /// Number of the channel.
    pub channel: usize,
    /// Radians of one unit of the channel as the model sees it, `r`, of an angle whose whole turns count; none of a
    /// level, whose value does not matter at all.
    pub radians: Option<f64>,
}

impl Counted {
    /// `r`, one of a level.
    pub(super) fn scale(&self) -> f64 {
        self.radians.unwrap_or(1.0)
    }
}

/// A model of changes with what they add up to.
#[derive(Clone, Debug)]
pub(super) struct CountedModel {
    /// Of changes; its controls are `[u, sin a, cos a]`.
    pub(super) change: LinearModel,
    pub(super) counted: Vec<Counted>,
    /// The start, as it reads values.
    pub(super) begin: Beginning,
    frames: usize,
}

/// The track of changes, which begins one step later.
pub(super) fn changes(track: &Track, counted: &[Counted]) -> Track {
    let steps = 1..track.len();
    let x = steps.clone().map(|t| {
        let mut now = track.x[t].clone();
        for own in counted {
            now[own.channel] -= track.x[t - 1][own.channel];
        }
        now
    });
    let u = steps.clone().map(|t| acting(&track.u[t], &track.x[t], counted));
    Track {
        x: x.collect(),
        u: u.collect(),
        seen: steps.map(|t| track.seen[t] && track.seen[t - 1]).collect(),
    }
}

/// `[u, sin a, cos a]`.
fn acting(u: &[f64], x: &[f64], counted: &[Counted]) -> Vec<f64> {
    let mut all = u.to_vec();
    for own in counted {
        if let Some(radians) = own.radians {
            let (sine, cosine) = (radians * x[own.channel]).sin_cos();
            all.extend([sine, cosine]);
        }
    }
    all
}

impl CountedModel {
    /// With the start that `tracks` and their `turning` tracks of changes tell; `None` if it has no solution.
    pub(super) fn of(
        change: LinearModel,
        past: &Past,
        (tracks, turning): (&[Track], &[Track]),
        counted: &[Counted],
        frames: usize,
    ) -> Option<Self> {
        let n = change.state();
        let (first, whole) = (tracks.first()?, 1 + past.order());
        let (x, u) = (first.x[0].len(), first.u[0].len());
        let mut begin = Regression::new(1 + frames * x + (frames - 1) * u, n);
        let each = |of: &mut dyn FnMut(DVector<f64>, DVector<f64>)| {
            for (track, changes) in tracks.iter().zip(turning) {
                for t in past.order()..track.len().saturating_sub(frames - 1) {
                    if track.knows(t + frames - 1, frames + whole) {
                        let from = relative(track, t, frames, counted);
                        of(from, past.state(changes, t - 1, n));
                    }
                }
            }
        };
        each(&mut |from, state| begin.add(&from, &state));
        let begun = begin.solve_with(BLUR * BLUR)?;
        let mut left = vec![0.0; n];
        each(&mut |from, state| {
            let off = state - &begun * from;
            left.iter_mut().zip(&off).for_each(|(left, off)| *left += off * off);
        });
        let mut begin = Beginning::of(&begun, &left, begin.rows());
        let map = &mut begin.map;
        for own in counted {
            // What is relative to the first frame.
            for f in 1..frames {
                let later = map.column(f * x + own.channel).clone_owned();
                let mut first = map.column_mut(own.channel);
                first -= later;
            }
        }
        Some(Self { change, counted: counted.to_vec(), begin, frames })
    }

    /// As that of the model of changes; what is counted has the noise of its own component.
    pub(super) fn strain(&self) -> f64 {
        let channels = 0..self.change.c.nrows();
        let counts = |channel: usize| self.counted.iter().any(|own| own.channel == channel);
        let more = |channel: usize| if counts(channel) { SPREAD * SPREAD } else { 0.0 };
        self.change.strain(&channels.map(more).collect::<Vec<f64>>())
    }

    /// Goes through the first `steps` steps of a track, of which it looks at `filtered`, and hands out what is
    /// predicted of each but the first.
    fn follow(
        &self,
        track: &Track,
        filtered: usize,
        steps: usize,
        mut of: impl FnMut(usize, &DVector<f64>),
    ) {
        let mut z = self.begin.state(track, self.frames);
        let mut now = track.x[0].clone();
        for t in 1..steps {
            z = self.change.ahead(&z, &acting(&track.u[t - 1], &now, &self.counted));
            let mut expected = self.change.seen(&z);
            for own in &self.counted {
                expected[own.channel] += now[own.channel];
            }
            of(t, &expected);
            now = expected.as_slice().to_vec();
            if t < filtered && track.seen[t] {
                let seen = DVector::from_column_slice(&track.x[t]);
                z += &self.change.gain * (&seen - expected);
                now.clone_from(&track.x[t]);
            }
        }
    }

    /// Open-loop error on the frames after the first `filtered`.
    pub(super) fn errors(&self, data: &Dataset, filtered: usize, horizon: usize) -> OpenLoop {
        let (count, _, channels) = data.observations.dim();
        let mut out = Array3::zeros((count, horizon, channels));
        for n in 0..count {
            let track = Track::of(data, n, filtered + horizon);
            self.follow(&track, filtered, filtered + horizon, |t, expected| {
                if t >= filtered {
                    for (i, value) in expected.iter().enumerate() {
                        out[[n, t - filtered, i]] = dvbf_data::narrow(*value);
                    }
                }
            });
        }
        OpenLoop::between(&out, data, filtered)
    }

    /// The same model with the covariance of what it leaves of one step of these tracks.
    pub(super) fn measured(mut self, tracks: &[Track]) -> Self {
        let channels = self.change.c.nrows();
        let (mut sum, mut count) = (DMatrix::zeros(channels, channels), 0.0_f64);
        for track in tracks.iter().filter(|track| track.len() > self.frames) {
            self.follow(track, track.len(), track.len(), |t, expected| {
                if t >= self.frames && track.knows(t, 2) {
                    let e = DVector::from_column_slice(&track.x[t]) - expected;
                    sum.ger(1.0, &e, &e, 1.0);
                    count += 1.0;
                }
            });
        }
        if count > 0.0 && sum.iter().all(|v: &f64| v.is_finite()) {
            self.change.innovation = sum / count;
        }
        self
    }
}

/// `[1, x_t … x_{t+k−1}, u_t … u_{t+k−2}]`, in which what is counted is relative to the first frame.
fn relative(track: &Track, t: usize, frames: usize, counted: &[Counted]) -> DVector<f64> {
    let x = track.x[t].len();
    let mut from = track.beginning(t, frames).insert_row(0, 1.0);
    for own in counted {
        for f in 0..frames {
            from[1 + f * x + own.channel] -= track.x[t][own.channel];
        }
    }
    from
}
