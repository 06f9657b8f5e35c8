//! Estimates of components from encoded frames, and their way back.

use super::KnownState;
use super::reading::{Direction, Reading, Step};
use dvbf_tensor::Scalar;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, s};

impl<S: Scalar> KnownState<S> {
    /// The change of component `i` from row `now` to row `next` of encoded frames.
    fn change(&self, i: usize, now: ArrayView1<'_, S>, next: ArrayView1<'_, S>) -> S {
        match self.readings[i] {
            Reading::Line(at) => S::of(self.scale[i]) * (next[at] - now[at]),
            Reading::Angle(at) => {
                let (cross, dot) = Direction::of(now, at).turn(Direction::of(next, at));
                cross.atan2(dot)
            }
            Reading::Velocity(position) => self.change(position, now, next),
        }
    }

    /// Pulls the cotangent of a change back to the two encoded frames.
    fn pull_change(
        &self,
        i: usize,
        d: S,
        (now, next): (ArrayView1<'_, S>, ArrayView1<'_, S>),
        (dnow, dnext): (&mut ArrayViewMut1<'_, S>, &mut ArrayViewMut1<'_, S>),
    ) {
        match self.readings[i] {
            Reading::Line(at) => {
                let d = S::of(self.scale[i]) * d;
                dnext[at] += d;
                dnow[at] -= d;
            }
            Reading::Angle(at) => {
                Direction::of(now, at).pull_angle(-d, dnow.view_mut(), at);
                Direction::of(next, at).pull_angle(d, dnext.view_mut(), at);
            }
            Reading::Velocity(position) => {
                self.pull_change(position, d, (now, next), (dnow, dnext));
            }
        }
    }

    /// Seconds of a step with these controls.
    fn seconds(&self, control: ArrayView1<'_, S>) -> f64 {
        match self.step {
            Step::Even(dt) => dt,
            Step::LastControl((mean, scale)) => {
                control.last().map_or(1.0, |u| u.to_double() * scale + mean)
            }
        }
    }

    /// `ẑ` of component `i` of a sequence with these encoded frames and controls, `(k, E)` and
    /// `(k − 1, U)`.
    pub(super) fn estimate(
        &self,
        i: usize,
        encoded: ArrayView2<'_, S>,
        control: ArrayView2<'_, S>,
    ) -> S {
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
            let change = self.change(i, encoded.row(t), encoded.row(t + 1));
            let per = if velocity { 1.0 / self.seconds(control.row(t)) } else { 1.0 };
            estimate += self.weights[[i, t]] * change * S::of(per);
        }
        estimate
    }

    /// Pulls the cotangent of an estimate back to frames and parameters.
    pub(super) fn pull_estimate(
        &self,
        (i, d): (usize, S),
        (encoded, control): (ArrayView2<'_, S>, ArrayView2<'_, S>),
        mut dencoded: ArrayViewMut2<'_, S>,
        (dweights, dby_control): (&mut Array2<S>, &mut Array2<S>),
    ) {
        match self.readings[i] {
            Reading::Line(at) => dencoded[[0, at]] += S::of(self.scale[i]) * d,
            Reading::Angle(at) => {
                Direction::of(encoded.row(0), at).pull_angle(d, dencoded.row_mut(0), at);
            }
            Reading::Velocity(_) => {
                let own = S::of(self.scale[i]) * d;
                for (to, &u) in dby_control.row_mut(i).iter_mut().zip(control) {
                    *to += own * u;
                }
            }
        }
        let velocity = matches!(self.readings[i], Reading::Velocity(_));
        for t in 0..self.frames - 1 {
            let per = if velocity { 1.0 / self.seconds(control.row(t)) } else { 1.0 };
            let (now, next) = (encoded.row(t), encoded.row(t + 1));
            let change = self.change(i, now, next);
            dweights[[i, t]] += d * change * S::of(per);
            let dchange = d * self.weights[[i, t]] * S::of(per);
            let (mut dnow, mut dnext) = dencoded.multi_slice_mut((s![t, ..], s![t + 1, ..]));
            self.pull_change(i, dchange, (now, next), (&mut dnow, &mut dnext));
        }
    }
}
