//! The true pendulum as mean dynamics, with the exact Jacobians of its integrator.
//!
//! `θ'' = g sin θ − b ω + u` with `m = L = 1`, `g = 9.81`, `b = 0.1`, `|u| ≤ 2`; `θ = 0` is upright.
//! One step of the classical Runge-Kutta method takes 0.1 s, and its derivatives are those of the
//! discrete map, by the chain rule through the four stages.

use dvbf_control::{Cotangents, Inputs, Linearization, MeanDynamics};
use dvbf_tensor::Scalar;
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

pub(crate) const TORQUE: f64 = 2.0;

/// What can be wrong about the pendulum that a model believes in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Physics {
    pub(crate) gravity: f64,
    pub(crate) damping: f64,
}

impl Default for Physics {
    fn default() -> Self {
        Self { gravity: 9.81, damping: 0.1 }
    }
}

/// A value with its derivatives with respect to `θ`, `ω` and `u`.
type Dual<S> = [S; 4];

fn plus<S: Scalar>(a: Dual<S>, factor: f64, b: Dual<S>) -> Dual<S> {
    let factor = S::of(factor);
    std::array::from_fn(|i| factor.mul_add(b[i], a[i]))
}

impl Physics {
    /// `ω'` of a state under a torque.
    fn acceleration<S: Scalar>(
        &self,
        angle: Dual<S>,
        velocity: Dual<S>,
        torque: Dual<S>,
    ) -> Dual<S> {
        let gravity = S::of(self.gravity);
        let slope = gravity * angle[0].cos();
        let mut out = std::array::from_fn(|i| slope * angle[i]);
        out[0] = gravity * angle[0].sin();
        plus(plus(out, -self.damping, velocity), 1.0, torque)
    }

    /// The state 0.1 s on with its derivatives.
    pub(crate) fn dual<S: Scalar>(&self, [angle, velocity]: [S; 2], torque: S) -> [Dual<S>; 2] {
        let (o, l) = (S::ZERO, S::ONE);
        let start = ([angle, l, o, o], [velocity, o, l, o]);
        let torque = [torque, o, o, l];
        let mut slopes = [(start.1, self.acceleration(start.0, start.1, torque)); 4];
        for (k, reach) in [(1, 0.05), (2, 0.05), (3, 0.1)] {
            let (by_angle, by_velocity) = slopes[k - 1];
            let (angle, velocity) =
                (plus(start.0, reach, by_angle), plus(start.1, reach, by_velocity));
            slopes[k] = (velocity, self.acceleration(angle, velocity, torque));
        }
        let mut end = start;
        for (slope, weight) in slopes.iter().zip([1.0, 2.0, 2.0, 1.0]) {
            end.0 = plus(end.0, weight * 0.1 / 6.0, slope.0);
            end.1 = plus(end.1, weight * 0.1 / 6.0, slope.1);
        }
        [end.0, end.1]
    }

    /// The state 0.1 s on.
    pub(crate) fn next<S: Scalar>(&self, [angle, velocity]: [S; 2], torque: S) -> [S; 2] {
        let (gravity, damping) = (S::of(self.gravity), S::of(self.damping));
        let slope = |[a, v]: [S; 2]| [v, gravity * a.sin() - damping * v + torque];
        let along = |from: [S; 2], by: [S; 2], reach: f64| {
            [S::of(reach).mul_add(by[0], from[0]), S::of(reach).mul_add(by[1], from[1])]
        };
        let start = [angle, velocity];
        let first = slope(start);
        let second = slope(along(start, first, 0.05));
        let third = slope(along(start, second, 0.05));
        let fourth = slope(along(start, third, 0.1));
        let end = along(along(start, first, 0.1 / 6.0), second, 0.1 / 3.0);
        along(along(end, third, 0.1 / 3.0), fourth, 0.1 / 6.0)
    }
}

/// The pendulum in the coordinates `z = (θ, ω)`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pendulum(pub(crate) Physics);

/// The pendulum in the coordinates `z = (cos θ, sin θ, ω)`, which never jump, as a learned latent
/// space never does. A step of `θ` has the same length in both coordinate systems.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Embedded(pub(crate) Physics);

impl<S: Scalar> MeanDynamics<S> for Pendulum {
    type Workspace = ();

    fn state_size(&self) -> usize {
        2
    }
    fn control_size(&self) -> usize {
        1
    }
    fn workspace(&self, _: usize) {}

    fn step(&self, at: Inputs<'_, S>, mut next: ArrayViewMut2<'_, S>, (): &mut ()) {
        for ((z, u), mut next) in rows(at).zip(next.rows_mut()) {
            [next[0], next[1]] = self.0.next([z[0], z[1]], u);
        }
    }

    fn linearize(&self, at: Inputs<'_, S>, mut out: Linearization<'_, S>, (): &mut ()) {
        for (n, (z, u)) in rows(at).enumerate() {
            for (i, dual) in self.0.dual([z[0], z[1]], u).into_iter().enumerate() {
                out.next[[n, i]] = dual[0];
                out.state[[n, i, 0]] = dual[1];
                out.state[[n, i, 1]] = dual[2];
                out.control[[n, i, 0]] = dual[3];
            }
        }
    }

    fn pull_back(
        &self,
        at: Inputs<'_, S>,
        dnext: ArrayView2<'_, S>,
        mut out: Cotangents<'_, S>,
        (): &mut (),
    ) {
        for (n, (z, u)) in rows(at).enumerate() {
            for (i, dual) in self.0.dual([z[0], z[1]], u).into_iter().enumerate() {
                out.states[[n, 0]] += dnext[[n, i]] * dual[1];
                out.states[[n, 1]] += dnext[[n, i]] * dual[2];
                out.controls[[n, 0]] += dnext[[n, i]] * dual[3];
            }
        }
    }
}

/// States and torques of all rows.
fn rows<S: Scalar>(at: Inputs<'_, S>) -> impl Iterator<Item = (ArrayView1<'_, S>, S)> {
    assert_eq!((at.states.nrows(), 1), at.controls.dim(), "states against torques");
    let controls = at.controls;
    at.states.into_outer_iter().enumerate().map(move |(n, z)| (z, controls[[n, 0]]))
}

impl Embedded {
    /// The next state with its derivatives with respect to `z` and `u`.
    fn dual<S: Scalar>(&self, z: [S; 3], torque: S) -> [[S; 5]; 3] {
        let square = z[0] * z[0] + z[1] * z[1];
        // dθ = (c ds − s dc) / (c² + s²)
        let turn = [-z[1] / square, z[0] / square];
        let [angle, velocity] = self.0.dual([z[1].atan2(z[0]), z[2]], torque);
        let spread = |d: [S; 4]| [d[0], d[1] * turn[0], d[1] * turn[1], d[2], d[3]];
        let (angle, velocity) = (spread(angle), spread(velocity));
        let (sine, cosine) = angle[0].sin_cos();
        let mut out = [angle.map(|d| -sine * d), angle.map(|d| cosine * d), velocity];
        (out[0][0], out[1][0]) = (cosine, sine);
        out
    }
}

impl<S: Scalar> MeanDynamics<S> for Embedded {
    type Workspace = ();

    fn state_size(&self) -> usize {
        3
    }
    fn control_size(&self) -> usize {
        1
    }
    fn workspace(&self, _: usize) {}

    fn step(&self, at: Inputs<'_, S>, mut next: ArrayViewMut2<'_, S>, (): &mut ()) {
        for ((z, u), mut next) in rows(at).zip(next.rows_mut()) {
            let [angle, velocity] = self.0.next([z[1].atan2(z[0]), z[2]], u);
            (next[1], next[0]) = angle.sin_cos();
            next[2] = velocity;
        }
    }

    fn linearize(&self, at: Inputs<'_, S>, mut out: Linearization<'_, S>, (): &mut ()) {
        for (n, (z, u)) in rows(at).enumerate() {
            for (i, dual) in self.dual([z[0], z[1], z[2]], u).into_iter().enumerate() {
                out.next[[n, i]] = dual[0];
                for j in 0..3 {
                    out.state[[n, i, j]] = dual[1 + j];
                }
                out.control[[n, i, 0]] = dual[4];
            }
        }
    }

    fn pull_back(
        &self,
        at: Inputs<'_, S>,
        dnext: ArrayView2<'_, S>,
        mut out: Cotangents<'_, S>,
        (): &mut (),
    ) {
        for (n, (z, u)) in rows(at).enumerate() {
            for (i, dual) in self.dual([z[0], z[1], z[2]], u).into_iter().enumerate() {
                for j in 0..3 {
                    out.states[[n, j]] += dnext[[n, i]] * dual[1 + j];
                }
                out.controls[[n, 0]] += dnext[[n, i]] * dual[4];
            }
        }
    }
}

/// `(cos θ, sin θ, ω)`.
pub(crate) fn embed<S: Scalar>([angle, velocity]: [f64; 2]) -> [S; 3] {
    [S::of(angle.cos()), S::of(angle.sin()), S::of(velocity)]
}
