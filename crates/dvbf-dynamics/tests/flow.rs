//! Integrators: their order, an exact solution, energy, sub-steps.

use dvbf_dynamics::{
    Cotangents, DampedPendulum, Dynamics, Flow, Integrator, MassSpringDamper, Point,
};

/// The state after `steps` steps that cover `time` together.
fn integrate(
    dynamics: &dyn Dynamics,
    (integrator, substeps): (Integrator, usize),
    (steps, time): (usize, f64),
    constants: &[f64],
) -> [f64; 2] {
    let mut flow = Flow::new(2, integrator, substeps);
    let mut state = [1.0, 0.0];
    for _ in 0..steps {
        let mut next = [0.0; 2];
        let at = Point { state: &state, control: &[0.5], constants };
        flow.step(dynamics, at, time / steps as f64, &mut next);
        state = next;
    }
    state
}

/// `x'' = −4 x − 0.4 x' + u` from rest at 1 under `u = 0.5`.
fn exact(t: f64) -> [f64; 2] {
    let (decay, rest) = (0.2, 0.125);
    let frequency = (4.0_f64 - decay * decay).sqrt();
    let (sine, cosine) = (frequency * t).sin_cos();
    let amplitude = (1.0 - rest) * (-decay * t).exp();
    let slope = -amplitude * sine * (frequency + decay * decay / frequency);
    [rest + amplitude * (cosine + decay / frequency * sine), slope]
}

const OSCILLATOR: [f64; 4] = [4.0, 0.4, 1.0, 0.0];

#[test]
fn errors_fall_with_the_order_of_the_integrator() {
    let dynamics = MassSpringDamper::default();
    for (integrator, order) in [(Integrator::Rk4, 4), (Integrator::SemiImplicitEuler, 1)] {
        let error = |steps: usize| {
            let found = integrate(&dynamics, (integrator, 1), (steps, 2.0), &OSCILLATOR);
            let right = exact(2.0);
            (found[0] - right[0]).hypot(found[1] - right[1])
        };
        let ratio = error(40) / error(80);
        let expected = 2.0_f64.powi(order);
        assert!((ratio / expected - 1.0).abs() < 0.1, "{integrator:?}: {ratio}");
    }
}

#[test]
fn substeps_are_shorter_steps() {
    let dynamics = DampedPendulum::default();
    for integrator in [Integrator::Rk4, Integrator::SemiImplicitEuler] {
        let constants = [9.81, 0.1, 1.0, 0.0];
        let many = integrate(&dynamics, (integrator, 1), (40, 2.0), &constants);
        let few = integrate(&dynamics, (integrator, 4), (10, 2.0), &constants);
        for (many, few) in many.iter().zip(few) {
            assert!((many - few).abs() < 1e-12, "{integrator:?}: {many} and {few}");
        }
    }
}

#[test]
fn semi_implicit_euler_keeps_the_energy_of_an_oscillator() {
    let dynamics = MassSpringDamper::default();
    let free = [4.0, 1e-300, 0.0, 0.0];
    let end = integrate(&dynamics, (Integrator::SemiImplicitEuler, 1), (20_000, 1000.0), &free);
    let energy = 0.5 * (end[1] * end[1] + 4.0 * end[0] * end[0]);
    assert!((energy - 2.0).abs() < 0.15, "energy {energy} against 2");
}

/// Recordings whose steps differ in length may repeat a time.
#[test]
fn a_step_without_length_changes_nothing_and_has_a_gradient() {
    let dynamics = DampedPendulum::default();
    for integrator in [Integrator::Rk4, Integrator::SemiImplicitEuler] {
        let mut flow = Flow::new(2, integrator, 2);
        let (state, constants) = ([0.4, -1.5], [9.81, 0.1, 1.0, 0.0]);
        let at = Point { state: &state, control: &[0.5], constants: &constants };
        let (mut next, mut slope) = ([0.0; 2], [0.0; 2]);
        flow.step(&dynamics, at, 0.0, &mut next);
        assert_eq!(next.map(f64::to_bits), state.map(f64::to_bits));
        dynamics.derivative(at, &mut slope);
        let (mut dstate, mut dcontrol, mut dconstants) = ([0.0; 2], [0.0; 1], [0.0; 4]);
        let mut out =
            Cotangents { state: &mut dstate, control: &mut dcontrol, constants: &mut dconstants };
        let ddt = flow.pull_back(&dynamics, at, 0.0, &[2.0, -3.0], &mut out);
        assert_eq!((dstate, dcontrol, dconstants), ([2.0, -3.0], [0.0], [0.0; 4]));
        let expected = 2.0 * slope[0] - 3.0 * slope[1];
        assert!((ddt - expected).abs() < 1e-12, "{integrator:?}: {ddt} against {expected}");
    }
}
