//! Built-in equations: products against differences, gauges, names.

use dvbf_dynamics::{
    CartPole, Constant, DampedPendulum, Dynamics, LinearSystem, MassSpringDamper, Point, PointMass,
    RegistryError, Sizes, dynamics, dynamics_names, register_dynamics,
};
use dvbf_gradcheck::check_dynamics;
use std::sync::Arc;

fn all() -> Vec<Box<dyn Dynamics>> {
    vec![
        Box::new(DampedPendulum::default()),
        Box::new(MassSpringDamper::default()),
        Box::new(PointMass::default()),
        Box::new(CartPole::default()),
        Box::new(LinearSystem::new(3, 2)),
    ]
}

fn derivative(dynamics: &dyn Dynamics, state: &[f64], control: &[f64], c: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; state.len()];
    dynamics.derivative(Point { state, control, constants: c }, &mut out);
    out
}

#[test]
fn products_are_those_of_the_value() {
    for dynamics in all() {
        check_dynamics(&*dynamics, 40).unwrap_or_else(|error| panic!("{dynamics:?}: {error}"));
    }
}

/// An equation with constants that were learned with the opposite sign, and a state.
struct Mirrored {
    dynamics: Box<dyn Dynamics>,
    constants: &'static [f64],
    state: &'static [f64],
}

/// A state that was learned in another gauge moves, read in the gauge, by the canonical constants.
#[test]
fn gauges_carry_solutions_to_solutions() {
    let cases: [Mirrored; 3] = [
        Mirrored {
            dynamics: Box::new(DampedPendulum::default()),
            constants: &[9.0, 0.2, -1.3, 0.7],
            state: &[0.4, -2.0],
        },
        Mirrored {
            dynamics: Box::new(MassSpringDamper::default()),
            constants: &[4.0, 0.2, -0.6, 0.3],
            state: &[0.4, -2.0],
        },
        Mirrored {
            dynamics: Box::new(CartPole::default()),
            constants: &[0.5, 0.1, -0.9, 0.4, 9.8],
            state: &[0.2, 0.3, 1.0, -0.7],
        },
    ];
    for Mirrored { dynamics, constants, state } in cases {
        let gauge = dynamics.gauge(constants);
        assert!(gauge.is_mirrored());
        let read: Vec<f64> =
            (0..state.len()).map(|i| gauge.sign[i] * (state[i] - gauge.shift[i])).collect();
        let here = derivative(&*dynamics, state, &[0.8], constants);
        let there = derivative(&*dynamics, &read, &[0.8], &dynamics.canonical(constants));
        for i in 0..state.len() {
            let (moved, expected) = (gauge.sign[i] * here[i], there[i]);
            assert!((moved - expected).abs() < 1e-12, "{dynamics:?}, component {i}");
        }
    }
}

/// A family of changes that an equation says recordings leave open, of one system that is scaled by two:
/// constants and a state before and after.
struct Scaled {
    dynamics: Box<dyn Dynamics>,
    constants: [&'static [f64]; 2],
    state: [&'static [f64]; 2],
}

/// What is said to be left open is: the state that is scaled moves, with other constants, as before, and
/// exactly the constants that are said to change do.
#[test]
fn freedoms_carry_solutions_to_solutions() {
    let cases: [Scaled; 3] = [
        Scaled {
            dynamics: Box::new(MassSpringDamper::default()),
            constants: [&[4.0, 0.2, -0.6, 0.3], &[4.0, 0.2, -1.2, 0.6]],
            state: [&[0.4, -2.0], &[0.8, -4.0]],
        },
        Scaled {
            dynamics: Box::new(PointMass::default()),
            constants: [&[0.2, 1.5], &[0.2, 3.0]],
            state: [&[0.4, -2.0, 1.0, 0.5], &[0.8, -4.0, 2.0, 1.0]],
        },
        Scaled {
            dynamics: Box::new(CartPole::default()),
            constants: [&[0.5, 0.1, 0.9, 0.4, 9.8], &[1.0, 0.1, 1.8, 0.4, 19.6]],
            state: [&[0.2, 0.3, 1.0, -0.7], &[0.4, 0.3, 2.0, -0.7]],
        },
    ];
    for Scaled { dynamics, constants: [c, scaled_c], state: [z, scaled_z] } in cases {
        let control = [0.8, -0.3];
        let control = &control[..dynamics.controls()];
        let here = derivative(&*dynamics, z, control, c);
        let there = derivative(&*dynamics, scaled_z, control, scaled_c);
        for i in 0..z.len() {
            let scale = scaled_z[i] / z[i];
            assert!((there[i] - scale * here[i]).abs() < 1e-12, "{dynamics:?}, component {i}");
        }
        let changed: Vec<usize> =
            (0..c.len()).filter(|&i| (c[i] - scaled_c[i]).abs() > 0.0).collect();
        let [freedom] = &dynamics.freedoms()[..] else { panic!("{dynamics:?}: one family") };
        assert_eq!((&freedom.constants, freedom.parameters), (&changed, 1), "{dynamics:?}");
    }
}

/// A linear system in another basis: `z → T z` with `A → T A T⁻¹` and `B → T B`.
#[test]
fn of_a_linear_system_only_eigenvalues_are_told() {
    let system = LinearSystem::new(2, 1);
    // T = [[2, 1], [0, 1]], A = [[0, 1], [-4, -1]], B = [0, 1].
    let (before, after) = ([0.0, 1.0, -4.0, -1.0, 0.0, 1.0], [-2.0, 3.0, -2.0, 1.0, 1.0, 1.0]);
    let z = [0.3, -0.7];
    let here = derivative(&system, &z, &[0.8], &before);
    let there = derivative(&system, &[2.0 * z[0] + z[1], z[1]], &[0.8], &after);
    for (moved, found) in [2.0 * here[0] + here[1], here[1]].into_iter().zip(there) {
        assert!((moved - found).abs() < 1e-12, "{found} against {moved}");
    }
    let [freedom] = &system.freedoms()[..] else { panic!("one family") };
    assert_eq!((freedom.constants.len(), freedom.parameters), (6, 4));
    assert!(freedom.is_open(system.constants()));
}

#[test]
fn a_known_constant_closes_a_scale() {
    let pole = CartPole::default();
    let freedom = &pole.freedoms()[0];
    assert!(!freedom.is_open(pole.constants()), "gravity is fixed");
    let mut constants = pole.constants().to_vec();
    constants[4] = Constant::positive("gravity", "m/s²", 9.8);
    assert!(freedom.is_open(&constants));
    // A rest position that is fixed at zero says nothing of a unit.
    let spring = MassSpringDamper::default();
    let mut constants = spring.constants().to_vec();
    constants[3] = Constant::fixed("rest_position", "m", 0.0);
    assert!(spring.freedoms()[0].is_open(&constants));
    assert_eq!(DampedPendulum::default().freedoms(), []);
}

/// Gymnasium 1.x, `CartPole-v1`: constants 9.8, 1.0, 0.1, 0.5; the acceleration written out there.
#[test]
fn the_cart_pole_is_that_of_gymnasium() {
    let (cart, pole, length, gravity) = (1.0, 0.1, 0.5, 9.8);
    let total = cart + pole;
    let (state, force) = ([0.1, 0.3, -0.4, 1.2], 10.0);
    let (sine, cosine) = f64::sin_cos(state[1]);
    let temp = (force + pole * length * state[3] * state[3] * sine) / total;
    let angular =
        (gravity * sine - cosine * temp) / (length * (4.0 / 3.0 - pole * cosine * cosine / total));
    let linear = temp - pole * length * angular * cosine / total;
    let constants = [length, pole / total, 1.0 / total, 0.0, gravity];
    let found = derivative(&CartPole::default(), &state, &[force], &constants);
    for (found, expected) in found.iter().zip([state[2], state[3], linear, angular]) {
        assert!((found - expected).abs() < 1e-13, "{found} against {expected}");
    }
}

#[test]
fn names_are_known_and_taken_once() {
    let sizes = Sizes { state: 2, controls: 1 };
    for name in dynamics_names() {
        let made = dynamics(&name, sizes).unwrap();
        assert!(!made.components().is_empty(), "{name}");
    }
    register_dynamics("of-this-test", |_| Arc::new(PointMass::default())).unwrap();
    assert_eq!(dynamics("of-this-test", sizes).unwrap().controls(), 2);
    let taken = register_dynamics("damped-pendulum", |_| Arc::new(PointMass::default()));
    assert_eq!(taken, Err(RegistryError::Taken { name: "damped-pendulum".into() }));
    let unknown = dynamics("damped-pendulun", sizes).unwrap_err().to_string();
    assert!(unknown.contains("damped-pendulum"), "{unknown}");
}
