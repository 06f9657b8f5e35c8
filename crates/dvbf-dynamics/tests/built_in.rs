//! Built-in equations: products against differences, gauges, names.

use dvbf_dynamics::{
    CartPole, Component, Constant, Cotangents, DampedPendulum, Dynamics, Gauge, LinearSystem,
    MassSpringDamper, Point, PointMass, RegistryError, Sizes, dynamics, dynamics_names,
    open_constants, register_dynamics,
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
            constants: [&[4.0, 0.2, -0.6, 0.0], &[4.0, 0.2, -1.2, 0.0]],
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
        let directions = dynamics.freedoms(c);
        let [direction] = &directions[..] else { panic!("{dynamics:?}: one family") };
        let moved: Vec<usize> = (0..c.len()).filter(|&i| direction[i].abs() > 0.0).collect();
        assert_eq!(moved, changed, "{dynamics:?}");
        // The scaled constants lie along the direction.
        for &i in &moved {
            let slope = (scaled_c[i] - c[i]) / c[i];
            assert!((direction[i] - c[i] * slope).abs() < 1e-12, "{dynamics:?}, constant {i}");
        }
    }
}

/// A linear system in another basis: `z → T z` with `A → T A T⁻¹` and `B → T B`.
#[test]
fn the_basis_of_a_linear_system_is_open() {
    let system = LinearSystem::new(2, 1);
    // T = [[2, 1], [0, 1]], A = [[0, 1], [-4, -1]], B = [0, 1].
    let (before, after) = ([0.0, 1.0, -4.0, -1.0, 0.0, 1.0], [-2.0, 3.0, -2.0, 1.0, 1.0, 1.0]);
    let z = [0.3, -0.7];
    let here = derivative(&system, &z, &[0.8], &before);
    let there = derivative(&system, &[2.0 * z[0] + z[1], z[1]], &[0.8], &after);
    for (moved, found) in [2.0 * here[0] + here[1], here[1]].into_iter().zip(there) {
        assert!((moved - found).abs() < 1e-12, "{found} against {moved}");
    }
    assert_eq!(open_constants(&system.freedoms(&before), system.constants()), [true; 6]);
    // The directions are those of small changes of basis.
    let by = 1e-6;
    let moved = system.freedoms(&before);
    for (k, (i, j)) in [(0, 0), (0, 1), (1, 0), (1, 1)].into_iter().enumerate() {
        let mut basis = [[1.0, 0.0], [0.0, 1.0]];
        basis[i][j] += by;
        let changed = in_basis(basis, before);
        for (c, (now, then)) in changed.iter().zip(&before).enumerate() {
            let slope = (now - then) / by;
            assert!((moved[k][c] - slope).abs() < 1e-4, "{i} {j} {c}: {slope}");
        }
    }
}

/// `T A T⁻¹` and `T B`.
fn in_basis(t: [[f64; 2]; 2], c: [f64; 6]) -> [f64; 6] {
    let det = t[0][0] * t[1][1] - t[0][1] * t[1][0];
    let inverse = [[t[1][1] / det, -t[0][1] / det], [-t[1][0] / det, t[0][0] / det]];
    let product = |a: [[f64; 2]; 2], b: [[f64; 2]; 2]| {
        std::array::from_fn(|i| std::array::from_fn(|j| a[i][0] * b[0][j] + a[i][1] * b[1][j]))
    };
    let [a, b]: [[f64; 2]; 2] = product(product(t, [[c[0], c[1]], [c[2], c[3]]]), inverse);
    let driven = |row: [f64; 2]| row[0] * c[4] + row[1] * c[5];
    [a[0], a[1], b[0], b[1], driven(t[0]), driven(t[1])]
}

#[test]
fn a_known_constant_closes_a_scale() {
    let pole = CartPole::default();
    let values = [0.5, 0.1, 0.9, 0.4, 9.8];
    let closed = open_constants(&pole.freedoms(&values), pole.constants());
    assert_eq!(closed, [false; 5], "gravity is fixed");
    let mut constants = pole.constants().to_vec();
    constants[4] = Constant::positive("gravity", "m/s²", 9.8);
    let open = open_constants(&pole.freedoms(&values), &constants);
    assert_eq!(open, [true, false, true, false, true]);
    // A rest position says nothing of a unit: x → x₀ + s (x − x₀) leaves it where it is.
    let spring = MassSpringDamper::default();
    let mut constants = spring.constants().to_vec();
    constants[3] = Constant::fixed("rest_position", "m", 0.3);
    let directions = spring.freedoms(&[4.0, 0.2, 0.6, 0.3]);
    assert_eq!(open_constants(&directions, &constants), [false, false, true, false]);
    let here = derivative(&spring, &[1.0, 0.5], &[0.8], &[4.0, 0.2, 0.6, 0.3]);
    let there = derivative(&spring, &[1.7, 1.0], &[0.8], &[4.0, 0.2, 1.2, 0.3]);
    assert!((there[1] - 2.0 * here[1]).abs() < 1e-12);
    assert_eq!(DampedPendulum::default().freedoms(&[9.8, 0.1, 0.0, 1.0]), Vec::<Vec<f64>>::new());
}

/// A basis is fixed by as many entries as it has, if they tell bases apart: the companion form does, and a matrix
/// that is known altogether does not, for every polynomial of it leaves it as it is.
#[test]
fn entries_that_are_known_fix_the_basis_of_a_linear_system() {
    let system = LinearSystem::new(2, 1);
    let values = [0.0, 1.0, -4.0, -1.0, 0.0, 1.0];
    let open = |fixed: &[usize]| {
        let mut constants = system.constants().to_vec();
        for &i in fixed {
            constants[i] = Constant::fixed(&constants[i].name, "1", values[i]);
        }
        open_constants(&system.freedoms(&values), &constants)
    };
    assert_eq!(open(&[0, 1, 4, 5]), [false; 6]);
    assert_eq!(open(&[0, 1, 2, 3]), [false, false, false, false, true, true]);
    // The trace is the same in every basis, so one entry of the diagonal tells the other.
    assert_eq!(open(&[0]), [false, true, true, false, true, true]);
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

/// A pendulum that says one thing wrongly.
#[derive(Debug)]
struct Misdeclared {
    inner: DampedPendulum,
    components: Vec<Component>,
    constants: Vec<Constant>,
    gauge: Gauge,
    canonical: usize,
    direction: usize,
}

impl Misdeclared {
    fn new(change: impl FnOnce(&mut Self)) -> Self {
        let inner = DampedPendulum::default();
        let mut declared = Self {
            components: inner.components().to_vec(),
            constants: inner.constants().to_vec(),
            gauge: Gauge::identity(2),
            canonical: inner.constants().len(),
            direction: inner.constants().len(),
            inner,
        };
        change(&mut declared);
        declared
    }
}

impl Dynamics for Misdeclared {
    fn components(&self) -> &[Component] {
        &self.components
    }

    fn controls(&self) -> usize {
        1
    }

    fn constants(&self) -> &[Constant] {
        &self.constants
    }

    fn derivative(&self, at: Point<'_>, out: &mut [f64]) {
        self.inner.derivative(at, out);
    }

    fn pull_back(&self, at: Point<'_>, cotangent: &[f64], out: &mut Cotangents<'_>) {
        self.inner.pull_back(at, cotangent, out);
        // The derivative of the first constant alone is wrong.
        out.constants[0] += cotangent[1];
    }

    fn gauge(&self, _: &[f64]) -> Gauge {
        self.gauge.clone()
    }

    fn canonical(&self, _: &[f64]) -> Vec<f64> {
        vec![1.0; self.canonical]
    }

    fn freedoms(&self, _: &[f64]) -> Vec<Vec<f64>> {
        vec![vec![0.0; self.direction]]
    }
}

/// Makes one declaration wrong.
type Change = fn(&mut Misdeclared);

#[test]
fn what_an_equation_says_of_itself_is_checked() {
    let said = |change: fn(&mut Misdeclared)| {
        check_dynamics(&Misdeclared::new(change), 1).unwrap_err().to_string()
    };
    let cases: [(Change, &str); 9] = [
        (|d| d.components[1].scale = 0.0, "velocity: its typical magnitude is 0"),
        (|d| d.components[1].name = "angle".into(), "components: \"angle\""),
        (
            |d| d.constants[1].name = d.constants[0].name.clone(),
            "constants: \"gravity_over_length\"",
        ),
        (|d| d.constants[0].start = -1.0, "gravity_over_length: starts at -1"),
        (|d| d.gauge.sign = vec![1.0], "gauge: 1 numbers in sign for 2 components"),
        (|d| d.gauge.sign = vec![1.0, 0.5], "gauge: signs"),
        (|d| d.gauge.shift = vec![0.0, f64::NAN], "gauge: shifts"),
        (|d| d.canonical = 1, "canonical: 1 values"),
        (|d| d.direction = 9, "freedoms: a direction of 9"),
    ];
    for (change, expected) in cases {
        let told = said(change);
        assert!(told.contains(expected), "{told}, not {expected}");
    }
    let told = said(|_| ());
    assert!(told.contains("Derivative: constant gravity_over_length: "), "{told}");
}
