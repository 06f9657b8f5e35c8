//! The ball in a box: a wall undoes what a push does, so the middle is where pushes count.

use super::subject::{Approach, CellAxis, FixedStart, Subject};
use super::trial::narrow;
use dvbf_control::{ControlError, ControlLimits, Cotangents, Inputs, Linearization, MeanDynamics};
use dvbf_envs::BouncingBall;
use dvbf_report::{Curve, PlaneAxis, Scene};
use ndarray::{ArrayView2, ArrayViewMut2};
use std::sync::Arc;

/// Share of the way from the middle to a wall, on both axes, that counts as success.
const MIDDLE: f64 = 0.5;

/// The ball of a run.
pub(super) struct Ball(pub(super) Arc<BouncingBall>);

/// The true equations: `v ← v + u`, `q ← fold(q + v dt)`; every wall met changes a sign `s`.
///
/// | | equation, on each axis |
/// |-|----------|
/// | step | `q' = fold(q + dt (v + u))`, `v' = s (v + u)` |
/// | Jacobians | `∂q'/∂q = s`, `∂q'/∂v = ∂q'/∂u = s dt`, `∂v'/∂v = ∂v'/∂u = s` |
#[derive(Clone)]
pub(super) struct BallDynamics {
    ball: Arc<BouncingBall>,
    dt: f32,
}

impl BallDynamics {
    /// The next state of a row, and the sign on both axes.
    fn row(&self, at: &Inputs<'_, f32>, row: usize) -> ([f64; 4], [f32; 2]) {
        let z = at.states.row(row);
        let u = at.controls.row(row);
        let before = [z[0], z[1], z[2], z[3]].map(f64::from);
        let pushes = [u[0], u[1]].map(f64::from);
        let next = self.ball.step(before, pushes);
        // A velocity that is reflected is the opposite of what it was, bit for bit.
        let sign = |axis: usize| {
            let free = before[2 + axis] + pushes[axis];
            if next[2 + axis].to_bits() == free.to_bits() { 1.0 } else { -1.0 }
        };
        (next, [sign(0), sign(1)])
    }
}

impl MeanDynamics<f32> for BallDynamics {
    type Workspace = ();

    fn state_size(&self) -> usize {
        4
    }

    fn control_size(&self) -> usize {
        2
    }

    fn workspace(&self, _: usize) {}

    fn step(&self, at: Inputs<'_, f32>, mut next: ArrayViewMut2<'_, f32>, (): &mut ()) {
        for (n, mut next) in next.rows_mut().into_iter().enumerate() {
            let (state, _) = self.row(&at, n);
            next.iter_mut().zip(state).for_each(|(to, value)| *to = narrow(value));
        }
    }

    fn linearize(&self, at: Inputs<'_, f32>, out: Linearization<'_, f32>, (): &mut ()) {
        let Linearization { mut next, mut state, mut control } = out;
        state.fill(0.0);
        control.fill(0.0);
        for n in 0..at.states.nrows() {
            let (after, signs) = self.row(&at, n);
            for (i, value) in after.into_iter().enumerate() {
                next[[n, i]] = narrow(value);
            }
            for (axis, sign) in signs.into_iter().enumerate() {
                let (q, v) = (axis, 2 + axis);
                state[[n, q, q]] = sign;
                (state[[n, q, v]], control[[n, q, axis]]) = (sign * self.dt, sign * self.dt);
                (state[[n, v, v]], control[[n, v, axis]]) = (sign, sign);
            }
        }
    }

    fn pull_back(
        &self,
        at: Inputs<'_, f32>,
        dnext: ArrayView2<'_, f32>,
        mut out: Cotangents<'_, f32>,
        (): &mut (),
    ) {
        for n in 0..at.states.nrows() {
            let (_, signs) = self.row(&at, n);
            for (axis, sign) in signs.into_iter().enumerate() {
                let (q, v) = (axis, 2 + axis);
                let through = sign * (self.dt * dnext[[n, q]] + dnext[[n, v]]);
                out.states[[n, q]] += sign * dnext[[n, q]];
                out.states[[n, v]] += through;
                out.controls[[n, axis]] += through;
            }
        }
    }
}

impl Subject for Ball {
    type Dynamics = BallDynamics;

    fn limits(&self) -> Result<ControlLimits<f32>, ControlError> {
        ControlLimits::symmetric(&[narrow(self.0.settings().control_max); 2])
    }

    fn truth(&self) -> BallDynamics {
        BallDynamics { ball: Arc::clone(&self.0), dt: narrow(self.0.settings().dt) }
    }

    fn show(&self, states: ArrayView2<'_, f32>, mut out: ArrayViewMut2<'_, f32>) {
        out.assign(&states);
    }

    fn approach(&self) -> Approach {
        Approach::Variational
    }

    fn bound_steps(&self) -> usize {
        10
    }

    fn reached(&self, state: &[f64]) -> bool {
        state[..2].iter().all(|q| q.abs() <= MIDDLE * self.0.limit())
    }

    fn fixed_start(&self, state: &mut [f64]) {
        let limit = self.0.limit();
        state.copy_from_slice(&[limit, limit, 0.0, 0.0]);
    }

    fn steps_of_fixed_start(&self, steps: Option<usize>) -> FixedStart {
        FixedStart::CornerSteps(steps)
    }

    fn random_start(&self, draws: &[f64], state: &mut [f64]) {
        let (limit, speed) = (self.0.limit(), self.0.settings().initial_velocity_max);
        for ((value, draw), most) in state.iter_mut().zip(draws).zip([limit, limit, speed, speed]) {
            *value = most * (2.0 * draw - 1.0);
        }
    }

    fn axes(&self) -> [CellAxis; 2] {
        let width = 2.0 * self.0.limit() / 7.0;
        ["x", "y"].map(|name| CellAxis { name, width, around: None })
    }

    fn place(&self, state: &[f64]) -> [f64; 2] {
        [state[0], state[1]]
    }

    fn scene(&self) -> Scene {
        let axis = |name: &str| PlaneAxis {
            label: format!("{name}, m"),
            ticks: [-0.5, 0.0, 0.5].map(|at| (at, format!("{at} m").replace('-', "−"))).to_vec(),
            period: None,
        };
        Scene {
            axes: [axis("x"), axis("y")],
            landscape: "How much a push that is held for some steps says about the state at their \
                        end, in nats, averaged over the velocities that were met."
                .into(),
            trial: "From a corner".into(),
            start: "a corner at rest".into(),
            rule: format!(
                "Success: on both axes within {:.2} m of the middle, half the way to where it would \
                 touch a wall, throughout the last 100 of 300 steps. Steps: until it stays there.",
                MIDDLE * self.0.limit()
            ),
        }
    }

    fn curves(&self, states: &[Vec<f64>], _: &[Vec<f64>]) -> Vec<Curve> {
        let curve = |id: &str, caption: &str, unit: &str, values: Vec<f64>| Curve {
            id: id.into(),
            caption: caption.into(),
            unit: unit.into(),
            values,
        };
        let distance = states.iter().map(|state| state[0].hypot(state[1])).collect();
        let speed = states.iter().map(|state| state[2].hypot(state[3])).collect();
        vec![
            curve("trial-distance", "Distance from the middle", "m", distance),
            curve("trial-speed", "Speed", "m/s", speed),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dvbf_envs::BouncingBallSettings;
    use ndarray::{Array2, Array3, array};

    /// Both derivatives are those of the step, away from walls and across them.
    #[test]
    fn derivatives_match_differences() {
        let ball = Arc::new(BouncingBall::new(BouncingBallSettings::default()).unwrap());
        let dynamics = Ball(ball).truth();
        let states =
            array![[0.1, -0.2, 0.5, -0.3], [0.66, -0.68, 0.9, -0.8], [0.0, 0.69, 0.0, 0.5]];
        let controls = array![[0.05, -0.02], [0.1, 0.0], [0.0, -0.1]];
        let mut out = (Array2::zeros((3, 4)), Array3::zeros((3, 4, 4)), Array3::zeros((3, 4, 2)));
        let at = Inputs { states: states.view(), controls: controls.view() };
        let to = Linearization {
            next: out.0.view_mut(),
            state: out.1.view_mut(),
            control: out.2.view_mut(),
        };
        dynamics.linearize(at, to, &mut ());
        let h = 1e-3_f32;
        for j in 0..6 {
            let moved = |by: f32| {
                let (mut z, mut u) = (states.clone(), controls.clone());
                if j < 4 { z.column_mut(j) } else { u.column_mut(j - 4) }.map_inplace(|v| *v += by);
                let mut next = Array2::zeros((3, 4));
                let at = Inputs { states: z.view(), controls: u.view() };
                dynamics.step(at, next.view_mut(), &mut ());
                next
            };
            let slope = (moved(h) - moved(-h)) / (2.0 * h);
            for ((n, i), slope) in slope.indexed_iter() {
                let found = if j < 4 { out.1[[n, i, j]] } else { out.2[[n, i, j - 4]] };
                assert!((found - slope).abs() < 2e-3, "{n} {i} {j}: {found} {slope}");
            }
        }
        assert!(out.1[[1, 0, 0]] < 0.0 && out.1[[1, 1, 1]] < 0.0, "the second row meets walls");
        let d = array![[0.3_f32, -0.4, 0.2, 1.0], [1.0, 0.5, -0.7, 0.1], [0.2, 0.9, 0.4, -0.5]];
        let (mut dz, mut du) = (Array2::zeros((3, 4)), Array2::zeros((3, 2)));
        let to = Cotangents { states: dz.view_mut(), controls: du.view_mut() };
        dynamics.pull_back(at, d.view(), to, &mut ());
        for n in 0..3 {
            for j in 0..4 {
                let expected: f32 = (0..4).map(|i| out.1[[n, i, j]] * d[[n, i]]).sum();
                assert!((dz[[n, j]] - expected).abs() < 1e-6);
            }
            for j in 0..2 {
                let expected: f32 = (0..4).map(|i| out.2[[n, i, j]] * d[[n, i]]).sum();
                assert!((du[[n, j]] - expected).abs() < 1e-6);
            }
        }
    }
}
