//! One-step integrators for `ds/dt = f(s, u)` with the control `u` held constant over the step.
//!
//! | scheme | one sub-step of length `h` | order |
//! |--------|----------------------------|-------|
//! | [`rk4`] | `s ← s + h/6 (k₁ + 2 k₂ + 2 k₃ + k₄)` | 4 |
//! | [`semi_implicit_euler`] | `v ← v + h a(q, v, u)`, then `q ← q + h v` | 1 |
//! | [`euler`] | `s ← s + h f(s, u)` | 1 |
//!
//! The second scheme is symplectic: without damping its energy error stays bounded for all times.
//! The third adds energy to every oscillation; other programs use it, and are to be followed exactly.

use serde::{Deserialize, Serialize};
use std::array::from_fn;

/// The choice among the schemes of this module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Integrator {
    /// [`rk4`], spelled `rk4`.
    #[default]
    Rk4,
    /// [`semi_implicit_euler`], spelled `semi-implicit-euler`.
    SemiImplicitEuler,
    /// [`euler`], spelled `euler`.
    Euler,
}

/// Advances `state` by `dt` seconds in `substeps` steps of the classic Runge–Kutta scheme.
///
/// `derivative(s, u)` is `ds/dt`. With `h = dt / substeps`:
/// `k₁ = f(s)`, `k₂ = f(s + h/2 k₁)`, `k₃ = f(s + h/2 k₂)`, `k₄ = f(s + h k₃)`.
///
/// ```
/// // Exponential growth over one second.
/// let [e] = dvbf_envs::rk4(|s, _| *s, [1.0], &[], 1.0, 100);
/// assert!((e - 1.0_f64.exp()).abs() < 1e-9);
/// ```
pub fn rk4<const S: usize>(
    derivative: impl Fn(&[f64; S], &[f64]) -> [f64; S],
    mut state: [f64; S],
    control: &[f64],
    dt: f64,
    substeps: usize,
) -> [f64; S] {
    let h = dt / substeps as f64;
    for _ in 0..substeps {
        let ahead = |slope: &[f64; S], by: f64| from_fn(|i| state[i] + by * slope[i]);
        let k1 = derivative(&state, control);
        let k2 = derivative(&ahead(&k1, h / 2.0), control);
        let k3 = derivative(&ahead(&k2, h / 2.0), control);
        let k4 = derivative(&ahead(&k3, h), control);
        state = from_fn(|i| state[i] + h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]));
    }
    state
}

/// Advances `state` by `dt` seconds in `substeps` explicit Euler steps.
///
/// `derivative(s, u)` is `ds/dt`.
///
/// ```
/// // Compound interest, paid twice.
/// let [twice] = dvbf_envs::euler(|s, _| *s, [1.0], &[], 1.0, 2);
/// assert_eq!(twice, 2.25);
/// ```
pub fn euler<const S: usize>(
    derivative: impl Fn(&[f64; S], &[f64]) -> [f64; S],
    mut state: [f64; S],
    control: &[f64],
    dt: f64,
    substeps: usize,
) -> [f64; S] {
    let h = dt / substeps as f64;
    for _ in 0..substeps {
        let slope = derivative(&state, control);
        state = from_fn(|i| state[i] + h * slope[i]);
    }
    state
}

/// Advances `position` and `velocity` by `dt` seconds in `substeps` semi-implicit Euler steps.
///
/// `acceleration(q, v, u)` is `dv/dt`; the position moves with the velocity that was just updated.
///
/// ```
/// // A falling stone meets its velocity exactly and its position to first order.
/// let fall = |_: &[f64; 1], _: &[f64; 1], _: &[f64]| [-9.81];
/// let ([q], [v]) = dvbf_envs::semi_implicit_euler(fall, [0.0], [0.0], &[], 1.0, 1000);
/// assert!((v + 9.81).abs() < 1e-9 && (q + 9.81 / 2.0).abs() < 0.01);
/// ```
pub fn semi_implicit_euler<const D: usize>(
    acceleration: impl Fn(&[f64; D], &[f64; D], &[f64]) -> [f64; D],
    mut position: [f64; D],
    mut velocity: [f64; D],
    control: &[f64],
    dt: f64,
    substeps: usize,
) -> ([f64; D], [f64; D]) {
    let h = dt / substeps as f64;
    for _ in 0..substeps {
        let a = acceleration(&position, &velocity, control);
        velocity = from_fn(|i| velocity[i] + h * a[i]);
        position = from_fn(|i| position[i] + h * velocity[i]);
    }
    (position, velocity)
}
