//! Estimates of components from encoded frames, and their way back.

use super::KnownState;
use super::reading::{Direction, Reading, Step};
use dvbf_tensor::Scalar;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, s};

/// What is estimated from, of one sequence.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a, S> {
    /// Encoded frames, `(k, E)`.
    pub(super) encoded: ArrayView2<'a, S>,
    /// Controls, `(k − 1, U)`.
    pub(super) control: ArrayView2<'a, S>,
}

/// Where the cotangents of an estimate are added.
pub(super) struct EstimateCotangents<'a, S> {
    /// Of the encoded frames, `(k, E)`.
    pub(super) encoded: ArrayViewMut2<'a, S>,
    /// Of `α` and `β`, `(Z, k − 1)`.
    pub(super) weights: &'a mut Array2<S>,
    /// Of `γ (Z, (k − 1) U)`.
    pub(super) by_control: &'a mut Array2<S>,
}

/// Something of two frames that follow each other.
struct Pair<T> {
    now: T,
    next: T,
}

impl<S: Scalar> KnownState<S> {
    /// The change of component `i` between two encoded frames.
    fn change(&self, i: usize, frames: &Pair<ArrayView1<'_, S>>) -> S {
        let Pair { now, next } = *frames;
        match self.readings[i] {
            Reading::Line(at) => S::of(self.scale[i]) * (next[at] - now[at]),
            Reading::Angle(at) => {
                let (cross, dot) = Direction::of(now, at).turn(Direction::of(next, at));
                cross.atan2(dot)
            }
            Reading::Velocity(position) => self.change(position, frames),
        }
    }

    /// Pulls the cotangent of a change back to the two encoded frames.
    fn pull_change(
        &self,
        i: usize,
        d: S,
        frames: &Pair<ArrayView1<'_, S>>,
        out: &mut Pair<ArrayViewMut1<'_, S>>,
    ) {
        let Pair { now, next } = *frames;
        match self.readings[i] {
            Reading::Line(at) => {
                let d = S::of(self.scale[i]) * d;
                out.next[at] += d;
                out.now[at] -= d;
            }
            Reading::Angle(at) => {
                Direction::of(now, at).pull_angle(-d, out.now.view_mut(), at);
                Direction::of(next, at).pull_angle(d, out.next.view_mut(), at);
            }
            Reading::Velocity(position) => self.pull_change(position, d, frames, out),
        }
    }

    /// Changes a second for one change in a step with these controls; none in a step of no length, which tells
    /// nothing of a velocity.
    fn rate(&self, control: ArrayView1<'_, S>) -> f64 {
        let seconds = match self.step {
            Step::Even(dt) => dt,
            Step::LastControl((mean, scale)) => {
                control.last().map_or(1.0, |u| u.to_double() * scale + mean)
            }
        };
        if seconds > 0.0 { 1.0 / seconds } else { 0.0 }
    }

    /// `ẑ` of component `i`.
    pub(super) fn estimate(&self, i: usize, seen: Seen<'_, S>) -> S {
        let Seen { encoded, control } = seen;
        let mut estimate = match self.readings[i] {
            Reading::Line(at) => S::of(self.scale[i]) * encoded[[0, at]],
            Reading::Angle(at) => Direction::of(encoded.row(0), at).angle(),
            Reading::Velocity(_) => {
                let weights = self.by_control.row(i);
                let sum: S = weights.iter().zip(control).map(|(&weight, &u)| weight * u).sum();
                S::of(self.scale[i]) * sum
            }
        };
        let velocity = matches!(self.readings[i], Reading::Velocity(_));
        for t in 0..self.frames - 1 {
            let change = self.change(i, &Pair { now: encoded.row(t), next: encoded.row(t + 1) });
            let per = if velocity { self.rate(control.row(t)) } else { 1.0 };
            estimate += self.weights[[i, t]] * change * S::of(per);
        }
        estimate
    }

    /// Pulls the cotangent `d` of the estimate of component `i` back to frames and parameters.
    pub(super) fn pull_estimate(
        &self,
        i: usize,
        d: S,
        seen: Seen<'_, S>,
        out: &mut EstimateCotangents<'_, S>,
    ) {
        let Seen { encoded, control } = seen;
        match self.readings[i] {
            Reading::Line(at) => out.encoded[[0, at]] += S::of(self.scale[i]) * d,
            Reading::Angle(at) => {
                Direction::of(encoded.row(0), at).pull_angle(d, out.encoded.row_mut(0), at);
            }
            Reading::Velocity(_) => {
                let own = S::of(self.scale[i]) * d;
                for (to, &u) in out.by_control.row_mut(i).iter_mut().zip(control) {
                    *to += own * u;
                }
            }
        }
        let velocity = matches!(self.readings[i], Reading::Velocity(_));
        for t in 0..self.frames - 1 {
            let per = if velocity { self.rate(control.row(t)) } else { 1.0 };
            let frames = Pair { now: encoded.row(t), next: encoded.row(t + 1) };
            let change = self.change(i, &frames);
            out.weights[[i, t]] += d * change * S::of(per);
            let dchange = d * self.weights[[i, t]] * S::of(per);
            let (now, next) = out.encoded.multi_slice_mut((s![t, ..], s![t + 1, ..]));
            self.pull_change(i, dchange, &frames, &mut Pair { now, next });
        }
    }
}
