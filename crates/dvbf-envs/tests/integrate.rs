//! Integrators: observed order against a closed form, long-time energy of the symplectic scheme.

use dvbf_envs::{rk4, semi_implicit_euler};
use proptest::prelude::*;

const RATE: f64 = 0.3;
const FREQUENCY: f64 = 2.0;
const PUSH: f64 = 0.8;

/// `q'' = −2γ q' − ω₀² q + u` from `q = 1, q' = −0.5`, in closed form.
fn exact(t: f64) -> f64 {
    let rest = PUSH / FREQUENCY.powi(2);
    let damped = (FREQUENCY.powi(2) - RATE.powi(2)).sqrt();
    let start = 1.0 - rest;
    let sine = (-0.5 + RATE * start) / damped;
    rest + (-RATE * t).exp() * (start * (damped * t).cos() + sine * (damped * t).sin())
}

fn acceleration(q: f64, v: f64, u: f64) -> f64 {
    u - 2.0 * RATE * v - FREQUENCY.powi(2) * q
}

/// `log₂` of the error at two seconds over the error with steps half as long.
fn order(solve: impl Fn(usize) -> f64, steps: usize) -> f64 {
    let error = |steps| (solve(steps) - exact(2.0)).abs();
    (error(steps) / error(2 * steps)).log2()
}

#[test]
fn rk4_has_order_four() {
    let solve = |steps| {
        let f = |s: &[f64; 2], u: &[f64]| [s[1], acceleration(s[0], s[1], u[0])];
        rk4(f, [1.0, -0.5], &[PUSH], 2.0, steps)[0]
    };
    for steps in [32, 64, 128] {
        let order = order(solve, steps);
        assert!((3.9..4.1).contains(&order), "order {order} at {steps} steps");
    }
}

#[test]
fn semi_implicit_euler_has_order_one() {
    let solve = |steps| {
        let f = |q: &[f64; 1], v: &[f64; 1], u: &[f64]| [acceleration(q[0], v[0], u[0])];
        semi_implicit_euler(f, [1.0], [-0.5], &[PUSH], 2.0, steps).0[0]
    };
    for steps in [512, 1024, 2048] {
        let order = order(solve, steps);
        assert!((0.95..1.05).contains(&order), "order {order} at {steps} steps");
    }
}

#[test]
fn semi_implicit_euler_keeps_energy_bounded() {
    // q'' = −q with h = 0.1 conserves q² + v² − h q v exactly.
    let (mut q, mut v) = ([1.0], [0.0]);
    for _ in 0..10_000 {
        (q, v) = semi_implicit_euler(|q: &[f64; 1], _, _| [-q[0]], q, v, &[], 0.1, 1);
        let conserved = q[0] * q[0] + v[0] * v[0] - 0.1 * q[0] * v[0];
        assert!((conserved - 1.0).abs() < 1e-9, "{conserved}");
    }
}

proptest! {
    /// Polynomials of degree four in time are integrated exactly by a scheme of order four.
    #[test]
    fn rk4_is_exact_on_cubic_slopes(c in proptest::array::uniform4(-2.0..2.0_f64), dt in 0.1..2.0_f64) {
        let f = |s: &[f64; 2], _: &[f64]| {
            [1.0, c[0] + s[0] * (c[1] + s[0] * (c[2] + s[0] * c[3]))]
        };
        let [_, y] = rk4(f, [0.0, 0.0], &[], dt, 1);
        let integral = dt * (c[0] + dt * (c[1] / 2.0 + dt * (c[2] / 3.0 + dt * c[3] / 4.0)));
        prop_assert!((y - integral).abs() < 1e-12 * (1.0 + integral.abs()));
    }

    /// Sub-steps of one call are the same arithmetic as calls of one step.
    #[test]
    fn substeps_compose(q in -2.0..2.0_f64, v in -2.0..2.0_f64, u in -2.0..2.0_f64) {
        let f = |s: &[f64; 2], u: &[f64]| [s[1], acceleration(s[0], s[1], u[0])];
        let together = rk4(f, [q, v], &[u], 0.5, 4);
        let apart = (0..4).fold([q, v], |s, _| rk4(f, s, &[u], 0.125, 1));
        prop_assert_eq!(together.map(f64::to_bits), apart.map(f64::to_bits));
    }
}
