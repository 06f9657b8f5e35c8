//! Trials of policies on the true pendulum, and what they are compared with.
//!
//! A policy sees `(cos θ, sin θ, ω)` and acts for 300 steps from hanging at rest and from 100 random
//! starts, `θ` uniform and `|ω| ≤ 4`. It succeeds where `|θ| < 0.3` rad throughout the last 100 steps.

use super::pendulum::{Physics, TORQUE, embed};
use dvbf_control::{ControlError, Policy};
use dvbf_tensor::{Noise, Scalar};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use std::f64::consts::PI;

pub(crate) const STEPS: usize = 300;
const LAST: usize = 100;
const STARTS: usize = 100;

/// An angle between −π and π.
pub(crate) fn wrap(angle: f64) -> f64 {
    (angle + PI).rem_euclid(2.0 * PI) - PI
}

/// The whole part of a number that is not negative.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
fn whole(x: f64) -> usize {
    x as usize
}

/// How a policy fared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// Steps from hanging until it stays upright.
    pub(crate) hanging: Option<usize>,
    /// Random starts that succeeded.
    pub(crate) successes: usize,
    /// Steps until it stays, of those that do, sorted.
    pub(crate) steps: Vec<usize>,
}

impl Outcome {
    /// The share `q` of the successes took no more steps.
    pub(crate) fn quantile(&self, q: f64) -> Option<usize> {
        let last = self.steps.len().checked_sub(1)?;
        Some(self.steps[whole(q * last as f64 + 0.5)])
    }

    pub(crate) fn row(&self, name: &str) -> String {
        let text = |steps: Option<usize>| steps.map_or("—".to_owned(), |s| s.to_string());
        format!(
            "| {name} | {} | {} | {} / {} |",
            text(self.hanging),
            self.successes,
            text(self.quantile(0.5)),
            text(self.quantile(0.9))
        )
    }
}

/// Hanging at rest, then the random starts of seed 0.
pub(crate) fn starts() -> Vec<[f64; 2]> {
    let mut draws = vec![0.0_f64; 2 * STARTS];
    Noise::new(0, 0).uniform(&mut draws);
    let random = draws.chunks(2).map(|d| [PI * (2.0 * d[0] - 1.0), 4.0 * (2.0 * d[1] - 1.0)]);
    std::iter::once([PI, 0.0]).chain(random).collect()
}

/// Runs the policy on the true pendulum from `starts`, the first of them hanging.
pub(crate) fn run<S: Scalar>(
    policy: &mut dyn Policy<S>,
    starts: &[[f64; 2]],
) -> Result<Outcome, ControlError> {
    let mut truth = starts.to_vec();
    let mut states = Array2::zeros((truth.len(), 3));
    let mut controls = Array2::zeros((truth.len(), 1));
    let mut upright = vec![Vec::with_capacity(STEPS); truth.len()];
    policy.reset();
    for _ in 0..STEPS {
        for (mut row, &state) in states.rows_mut().into_iter().zip(&truth) {
            row.assign(&ndarray::aview1(&embed::<S>(state)));
        }
        policy.act(states.view(), controls.view_mut())?;
        for ((state, u), upright) in truth.iter_mut().zip(&controls).zip(&mut upright) {
            assert!(u.to_double().abs() <= TORQUE + 1e-6, "the torque is limited");
            *state = Physics::default().next(*state, u.to_double());
            upright.push(wrap(state[0]).abs() < 0.3);
        }
    }
    let settled: Vec<Option<usize>> = upright
        .iter()
        .map(|upright| {
            let first = upright.iter().rposition(|&up| !up).map_or(0, |last| last + 1);
            (first + LAST <= STEPS).then_some(first)
        })
        .collect();
    let mut steps: Vec<usize> = settled[1..].iter().copied().flatten().collect();
    steps.sort_unstable();
    Ok(Outcome { hanging: settled[0], successes: steps.len(), steps })
}

/// Torques drawn uniformly, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Random {
    pub(crate) torque: f64,
    step: u64,
}

impl Random {
    pub(crate) fn new(torque: f64) -> Self {
        Self { torque, step: 0 }
    }
}

impl<S: Scalar> Policy<S> for Random {
    fn sizes(&self) -> (usize, usize) {
        (3, 1)
    }
    fn act(
        &mut self,
        _: ArrayView2<'_, S>,
        mut controls: ArrayViewMut2<'_, S>,
    ) -> Result<(), ControlError> {
        self.step += 1;
        let mut draws = vec![0.0_f64; controls.len()];
        Noise::new(7, self.step).uniform(&mut draws);
        for (u, draw) in controls.iter_mut().zip(draws) {
            *u = S::of(self.torque * (2.0 * draw - 1.0));
        }
        Ok(())
    }
    fn reset(&mut self) {
        self.step = 0;
    }
}

/// Another policy that sees states with errors: `std` in the angle, three times as much in the
/// velocity.
#[derive(Debug)]
pub(crate) struct Blurred<P> {
    pub(crate) policy: P,
    pub(crate) std: f64,
    step: u64,
}

impl<P> Blurred<P> {
    pub(crate) fn new(policy: P, std: f64) -> Self {
        Self { policy, std, step: 0 }
    }
}

impl<S: Scalar, P: Policy<S>> Policy<S> for Blurred<P> {
    fn sizes(&self) -> (usize, usize) {
        (3, 1)
    }
    fn act(
        &mut self,
        states: ArrayView2<'_, S>,
        controls: ArrayViewMut2<'_, S>,
    ) -> Result<(), ControlError> {
        self.step += 1;
        let mut draws = vec![0.0_f64; 2 * states.nrows()];
        Noise::new(8, self.step).normal(&mut draws);
        let mut seen = states.to_owned();
        for (mut z, draw) in seen.rows_mut().into_iter().zip(draws.chunks(2)) {
            let angle = z[1].to_double().atan2(z[0].to_double()) + self.std * draw[0];
            let velocity = z[2].to_double() + 3.0 * self.std * draw[1];
            z.assign(&ndarray::aview1(&embed::<S>([angle, velocity])));
        }
        self.policy.act(seen.view(), controls)
    }
    fn reset(&mut self) {
        self.step = 0;
        self.policy.reset();
    }
}

/// The least number of steps to stand upright, by value iteration on a grid of states with
/// bilinear interpolation, and the policy that follows it.
#[derive(Clone, Debug)]
pub(crate) struct MinimumTime {
    value: Array2<f64>,
}

const ANGLES: usize = 128;
const VELOCITIES: usize = 129;
const FASTEST: f64 = 9.0;

fn torques() -> impl Iterator<Item = f64> {
    (0..9).map(|i| TORQUE * (f64::from(i) / 4.0 - 1.0))
}

/// Cells and weights of a state.
fn place([angle, velocity]: [f64; 2]) -> [((usize, usize), f64); 4] {
    let a = (angle + PI).rem_euclid(2.0 * PI) / (2.0 * PI) * ANGLES as f64;
    let v =
        (velocity.clamp(-FASTEST, FASTEST) + FASTEST) / (2.0 * FASTEST) * (VELOCITIES - 1) as f64;
    let (i, j) = (whole(a) % ANGLES, whole(v).min(VELOCITIES - 2));
    let (f, g) = (a - a.floor(), v - j as f64);
    let next = (i + 1) % ANGLES;
    [
        ((i, j), (1.0 - f) * (1.0 - g)),
        ((i, j + 1), (1.0 - f) * g),
        ((next, j), f * (1.0 - g)),
        ((next, j + 1), f * g),
    ]
}

impl MinimumTime {
    pub(crate) fn solve() -> Self {
        let states: Vec<[f64; 2]> = (0..ANGLES * VELOCITIES)
            .map(|n| {
                let (i, j) = (n / VELOCITIES, n % VELOCITIES);
                let angle = 2.0 * PI * i as f64 / ANGLES as f64 - PI;
                [angle, FASTEST * (2.0 * j as f64 / (VELOCITIES - 1) as f64 - 1.0)]
            })
            .collect();
        let physics = Physics::default();
        let nexts: Vec<_> = states
            .iter()
            .flat_map(|&s| torques().map(move |u| place(physics.next(s, u))))
            .collect();
        let cost = |[angle, velocity]: [f64; 2]| {
            if wrap(angle).abs() < 0.15 && velocity.abs() < 0.4 { 0.0 } else { 1.0 }
        };
        let mut value = Array2::<f64>::zeros((ANGLES, VELOCITIES));
        for _ in 0..2000 {
            let mut change = 0.0_f64;
            let mut better = value.clone();
            for ((state, nexts), new) in states.iter().zip(nexts.chunks(9)).zip(&mut better) {
                let best = nexts.iter().map(|n| at(&value, n)).fold(f64::INFINITY, f64::min);
                *new = cost(*state) + 0.995 * best;
            }
            value.iter().zip(&better).for_each(|(a, b)| change = change.max((a - b).abs()));
            value = better;
            if change < 1e-4 {
                break;
            }
        }
        Self { value }
    }
}

fn at(value: &Array2<f64>, cells: &[((usize, usize), f64); 4]) -> f64 {
    cells.iter().map(|&(cell, weight)| weight * value[cell]).sum()
}

impl<S: Scalar> Policy<S> for MinimumTime {
    fn sizes(&self) -> (usize, usize) {
        (3, 1)
    }
    fn act(
        &mut self,
        states: ArrayView2<'_, S>,
        mut controls: ArrayViewMut2<'_, S>,
    ) -> Result<(), ControlError> {
        for (z, u) in states.rows().into_iter().zip(&mut controls) {
            let state = [z[1].to_double().atan2(z[0].to_double()), z[2].to_double()];
            let cost = |u: f64| at(&self.value, &place(Physics::default().next(state, u)));
            *u = S::of(torques().min_by(|&a, &b| cost(a).total_cmp(&cost(b))).unwrap_or(0.0));
        }
        Ok(())
    }
    fn reset(&mut self) {}
}
