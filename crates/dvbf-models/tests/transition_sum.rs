//! A sum of parts: the contract for every combination of parts, what each part does alone, and
//! settings that describe no sum.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;
#[macro_use]
mod contract;

use common::fill;
use dvbf_dynamics::{DampedPendulum, Dynamics, Flow, Integrator, Point};
use dvbf_models::{
    CloneTransition, Context, KindTable, Sum, TRANSITIONS, Transition, TransitionDims,
    TransitionInput,
};
use dvbf_ops::Params;
use dvbf_tensor::Noise;
use ndarray::Array2;
use proptest::prelude::*;
use serde_json::json;
use std::any::Any;

fn context(dims: TransitionDims) -> Context {
    Context {
        observation: 1,
        control: dims.control,
        state: dims.state,
        noise: dims.state,
        hidden: 4,
        initial_frames: 2,
        dt: Some(0.1),
        uneven: false,
        control_units: None,
        components: Vec::new(),
    }
}

fn sum(table: &KindTable, context: &Context, noise: Noise) -> Sum<f64> {
    let transition: Box<dyn Transition<f64>> = TRANSITIONS.init(table, context, noise).unwrap();
    let transition: Box<dyn Any> = transition;
    *transition.downcast().unwrap()
}

/// The known parts, each with a state and controls of its own; the last has uneven steps, and controls
/// in units of the model.
fn known(seed: u64) -> (serde_json::Value, TransitionDims, bool) {
    let dims = |state, control| TransitionDims { state, control, noise: state };
    let fixed = json!({ "dynamics": "damped-pendulum", "integrator": "semi-implicit-euler",
        "constants": { "gravity_over_length": { "start": 9.8, "range": "fixed" } } });
    match seed % 5 {
        0 => (json!({ "dynamics": "damped-pendulum", "substeps": 2 }), dims(2, 1), false),
        1 => (fixed, dims(2, 1), false),
        2 => (json!({ "dynamics": "cart-pole" }), dims(4, 1), false),
        3 => (json!({ "dynamics": "linear-system" }), dims(3, 2), false),
        _ => (json!({ "dynamics": "mass-spring-damper" }), dims(2, 2), true),
    }
}

fn drawn() -> impl Strategy<Value = contract::Case<Sum<f64>>> {
    contract::cases(|drawn, seed| {
        let parts = (seed / 5) % 8;
        let mut table = KindTable::new("sum").with("noise", json!({ "std": 0.3 }));
        let (known, dims, uneven) = known(seed);
        let dims = if parts & 1 == 1 {
            table.set("known", known);
            dims
        } else {
            TransitionDims { noise: drawn.state, ..drawn }
        };
        if parts & 2 == 2 {
            table.set("linear", json!({}));
        }
        if parts & 4 == 4 {
            // Of an equation, the remainder of every other case is a force inside; some are linear.
            let action = if parts & 1 == 1 && (seed / 40) % 2 == 1 { "force" } else { "kick" };
            let hidden = if (seed / 80) % 3 == 0 { 0 } else { 3 };
            table.set(
                "remainder",
                json!({ "hidden": hidden, "penalty": 0.7, "action": action,
                    "library": (seed / 240) % 2 == 1 }),
            );
        }
        if parts & 1 == 0 {
            let angles = seed % 3 % (1 + dims.state as u64);
            table.set("angles", angles);
            table.set("levels", seed % 2 % (1 + dims.state as u64 - angles));
        }
        let uneven = uneven && parts & 1 == 1;
        let control_units = uneven.then(|| vec![(0.4, 2.0), (0.3, 0.05)]);
        let context = Context { uneven, control_units, ..context(dims) };
        sum(&table, &context, Noise::new(seed, 1))
    })
}

transition_contract!(drawn());

fn next(transition: &Sum<f64>, z: &Array2<f64>, u: &Array2<f64>, w: &Array2<f64>) -> Array2<f64> {
    let mut cache = transition.cache(z.nrows());
    transition.prepare(&mut cache);
    let mut next = Array2::zeros(z.dim());
    let input = TransitionInput { state: z.view(), control: u.view(), noise: w.view() };
    transition.forward(0, input, next.view_mut(), &mut cache);
    next
}

/// Friction as a learned force inside the equation is friction in the equation, sub-steps included, and
/// its penalty is that of a step's force at the start.
#[test]
fn a_force_acts_within_the_step() {
    let friction = |value: f64| {
        json!({ "dynamics": "damped-pendulum", "substeps": 2, "constants": {
            "damping_over_mass": { "start": value, "range": "fixed" } } })
    };
    let units = Context { control_units: Some(vec![(0.2, 3.0)]), ..context(PENDULUM) };
    let plain = KindTable::new("sum").with("known", friction(0.4));
    let forced = KindTable::new("sum").with("known", friction(0.0)).with(
        "remainder",
        json!({ "hidden": 0, "penalty": 0.7, "action": "force", "components": ["velocity"] }),
    );
    let mut forced = sum(&forced, &units, Noise::new(1, 0));
    let plain = sum(&plain, &units, Noise::new(1, 0));
    let mut flat = forced.to_flat();
    // Constants, then W of [sin, cos, velocity / 4, control], then b.
    let start = flat.len() - 2 - 5;
    assert!(flat[start..start + 5].iter().all(|w| *w == 0.0));
    flat[start + 2] = -0.4;
    forced.set_flat(&flat);
    let (z, u, w) = (fill(4, 2, 1, 1), fill(4, 1, 1, 2), fill(4, 2, 1, 3));
    for (a, b) in next(&plain, &z, &u, &w).iter().zip(&next(&forced, &z, &u, &w)) {
        assert!((a - b).abs() < 1e-12, "{a} against {b}");
    }
    let mut cache = forced.cache(4);
    forced.prepare(&mut cache);
    forced.set_penalty_scale(2.0, &mut cache);
    let input = TransitionInput { state: z.view(), control: u.view(), noise: w.view() };
    forced.forward(0, input, Array2::zeros((4, 2)).view_mut(), &mut cache);
    let expected: f64 = z.column(1).iter().map(|v| (0.4 * v / 4.0 * 0.1).powi(2)).sum();
    let found = forced.penalty(&mut cache);
    assert!((found - 2.0 * 0.7 * expected).abs() < 1e-15, "{found} against {expected}");
    // What it does to a state is what it adds to the equation without it.
    let motion = forced.motion(input, &mut cache).unwrap();
    let none = Array2::zeros(z.dim());
    let moved = next(&forced, &z, &u, &none) - &z;
    for (sum, whole) in (&motion.known + &motion.remainder).iter().zip(&moved) {
        assert!((sum - whole).abs() < 1e-12);
    }
    assert!(motion.remainder.iter().any(|r| r.abs() > 1e-3));
}

/// Every term of the library is the function that it is called, as a force and as a kick.
#[test]
fn the_library_has_the_terms_of_force_laws() {
    let (angle, velocity, control) = (0.7_f64, -1.3_f64, 0.4);
    let x = velocity / 4.0;
    // Features, the control, and the terms behind them.
    let mut expected = vec![angle.sin(), angle.cos(), x, control];
    expected
        .extend((2..9).flat_map(|k| [(f64::from(k) * angle).sin(), (f64::from(k) * angle).cos()]));
    expected.extend([x * x.abs(), (50.0 * x).tanh()]);
    for action in ["kick", "force"] {
        let remainder =
            json!({ "hidden": 0, "action": action, "components": ["velocity"], "library": true });
        let table = KindTable::new("sum")
            .with("known", json!({ "dynamics": "damped-pendulum", "integrator": "rk4" }))
            .with("remainder", remainder);
        // So short that the state stays where it is.
        let brief = Context { dt: Some(1e-4), ..context(PENDULUM) };
        let mut model = sum(&table, &brief, Noise::new(1, 0));
        let flat = model.to_flat();
        let start = flat.len() - 2 - 1 - expected.len();
        let (z, u) = (ndarray::array![[angle, velocity]], ndarray::array![[control]]);
        let none = Array2::zeros((1, 2));
        let mut cache = model.cache(1);
        for (i, term) in expected.iter().enumerate() {
            let mut flat = flat.clone();
            flat[start + i] = 1.0;
            model.set_flat(&flat);
            model.prepare(&mut cache);
            let input = TransitionInput { state: z.view(), control: u.view(), noise: none.view() };
            model.set_penalty_scale(1.0, &mut cache);
            model.forward(0, input, Array2::zeros((1, 2)).view_mut(), &mut cache);
            // The penalty is the squared remainder at the start of the step, of a force times the step.
            let step = if action == "force" { 1e-4 } else { 1.0 };
            let found = model.penalty(&mut cache).sqrt();
            assert!(
                (found - step * term.abs()).abs() < 1e-12,
                "{action} {i}: {found} against {term}"
            );
            let motion = model.motion(input, &mut cache).unwrap();
            assert!(motion.remainder[[0, 1]] * term > 0.0, "{action} {i}: the sign of {term}");
        }
    }
}

#[test]
fn forces_without_an_equation_are_refused() {
    let table = KindTable::new("sum").with("remainder", json!({ "action": "force" }));
    let error = TRANSITIONS.check(&table, &context(PENDULUM)).unwrap_err().to_string();
    assert!(error.starts_with("remainder.action: "), "{error}");
    let table = KindTable::new("sum")
        .with("known", json!({ "dynamics": "damped-pendulum" }))
        .with("remainder", json!({ "action": "force", "hidden": 65 }));
    let error = TRANSITIONS.check(&table, &context(PENDULUM)).unwrap_err().to_string();
    assert_eq!(error, "remainder.hidden: is 65; a force has at most 64");
}

const PENDULUM: TransitionDims = TransitionDims { state: 2, control: 1, noise: 2 };

/// At the start linear part and remainder are exactly zero: the step is that of the equation, in the
/// units of the controls, with noise in units of the components.
#[test]
fn it_starts_as_what_is_known() {
    let table = KindTable::new("sum")
        .with("known", json!({ "dynamics": "damped-pendulum" }))
        .with("linear", json!({}))
        .with("remainder", json!({}))
        .with("noise", json!({ "std": [0.1, 0.5] }));
    let units = Context { control_units: Some(vec![(0.2, 3.0)]), ..context(PENDULUM) };
    let transition = sum(&table, &units, Noise::new(1, 0));
    let (z, u, w) = (fill(4, 2, 1, 1), fill(4, 1, 1, 2), fill(4, 2, 1, 3));
    let found = next(&transition, &z, &u, &w);
    let dynamics = DampedPendulum::default();
    let start: Vec<f64> = dynamics.constants().iter().map(|c| c.start).collect();
    let mut flow = Flow::new(2, Integrator::Rk4, 1);
    for r in 0..4 {
        let (state, control) = (z.row(r).to_vec(), [u[[r, 0]] * 3.0 + 0.2]);
        let mut expected = [0.0; 2];
        let point = Point { state: &state, control: &control, constants: &start };
        flow.step(&dynamics, point, 0.1, &mut expected);
        for (i, std) in [0.1, 0.5 * 4.0].into_iter().enumerate() {
            let expected = expected[i] + std * w[[r, i]];
            assert!((found[[r, i]] - expected).abs() < 1e-12, "{} {expected}", found[[r, i]]);
        }
    }
}

/// What is learned beside the linear part sees neither in which turn an angle is nor where a level is.
#[test]
fn the_remainder_is_the_same_in_every_turn() {
    let dims = TransitionDims { state: 3, control: 1, noise: 3 };
    let table = KindTable::new("sum")
        .with("angles", 1)
        .with("levels", 1)
        .with("remainder", json!({ "hidden": 8 }));
    let mut transition = sum(&table, &context(dims), Noise::new(1, 0));
    let moved: Vec<f64> = fill(1, transition.count(), 1, 9).iter().copied().collect();
    transition.set_flat(&moved);
    let (z, u, w) = (fill(4, 3, 1, 1), fill(4, 1, 1, 2), fill(4, 3, 1, 3));
    let turn = 4.0 * std::f64::consts::PI;
    let mut turned = z.clone();
    turned.column_mut(0).mapv_inplace(|angle| angle + turn);
    turned.column_mut(1).mapv_inplace(|level| level - 7.0);
    let (here, there) = (next(&transition, &z, &u, &w), next(&transition, &turned, &u, &w));
    assert!((&here - &z).iter().any(|change| change.abs() > 0.1), "it does something");
    for ((r, i), there) in there.indexed_iter() {
        let expected = here[[r, i]] + [turn, -7.0, 0.0][i];
        assert!((there - expected).abs() < 1e-12, "{there} {expected}");
    }
    let linear = KindTable::new("sum").with("angles", 1).with("linear", json!({}));
    let mut transition = sum(&linear, &context(dims), Noise::new(1, 0));
    transition.set_flat(&vec![0.3; transition.count()]);
    let ahead = next(&transition, &turned, &u, &w) - next(&transition, &z, &u, &w);
    let ahead = ahead[[0, 2]];
    assert!((ahead - 0.3 * (turn - 7.0)).abs() < 1e-12, "the linear part counts both");
}

#[test]
fn constants_are_set_and_read_back() {
    let table = KindTable::new("sum").with(
        "known",
        json!({ "dynamics": "damped-pendulum",
            "constants": { "damping_over_mass": { "start": 0.2, "range": "fixed" } } }),
    );
    let mut transition = sum(&table, &context(PENDULUM), Noise::new(1, 0));
    assert_eq!(transition.known().unwrap().values, [3.0, 0.2, 1.0, 0.0]);
    assert_eq!(transition.count(), 3 + 2, "three learned constants and two scales of noise");
    transition.set_constants(&[9.81, 0.2, -0.7, 0.4]);
    for (found, expected) in transition.known().unwrap().values.iter().zip([9.81, 0.2, -0.7, 0.4]) {
        assert!((found - expected).abs() < 1e-12);
    }
}

/// Known, linear and remaining motion add up to what a step without noise does.
#[test]
fn parts_of_the_motion_add_up() {
    let table = KindTable::new("sum")
        .with("known", json!({ "dynamics": "damped-pendulum" }))
        .with("linear", json!({}))
        .with("remainder", json!({ "components": ["velocity"] }));
    let mut transition = sum(&table, &context(PENDULUM), Noise::new(1, 0));
    let moved: Vec<f64> = transition.to_flat().iter().map(|v| v + 0.1).collect();
    transition.set_flat(&moved);
    let (z, u, w) = (fill(5, 2, 1, 1), fill(5, 1, 1, 2), Array2::zeros((5, 2)));
    let expected = next(&transition, &z, &u, &w) - &z;
    let mut cache = transition.cache(5);
    transition.prepare(&mut cache);
    let input = TransitionInput { state: z.view(), control: u.view(), noise: w.view() };
    let motion = transition.motion(input, &mut cache).unwrap();
    assert_eq!(motion.scale, [1.0, 4.0]);
    assert!(motion.remainder.column(0).iter().all(|r| *r == 0.0), "the angle has no remainder");
    assert!(motion.remainder.column(1).iter().all(|r| r.abs() > 1e-3));
    let sum = &motion.known + &motion.linear + &motion.remainder;
    for (sum, expected) in sum.iter().zip(&expected) {
        assert!((sum - expected).abs() < 1e-12);
    }
}

#[test]
fn clones_are_of_their_own() {
    let table = KindTable::new("sum").with("known", json!({ "dynamics": "damped-pendulum" }));
    let transition = sum(&table, &context(PENDULUM), Noise::new(1, 0));
    let mut other = transition.clone_box();
    other.set_constants(&[5.0, 1.0, 1.0, 0.0]);
    assert!((transition.known().unwrap().values[0] - 3.0).abs() < 1e-12);
}

#[test]
fn settings_that_describe_no_sum_say_where() {
    let refused =
        |table: KindTable| TRANSITIONS.check(&table, &context(PENDULUM)).unwrap_err().to_string();
    let known = |known: serde_json::Value| KindTable::new("sum").with("known", known);
    let cases = [
        (known(json!({})), "missing field `dynamics`"),
        (known(json!({ "dynamics": "magic" })), "known.dynamics: unknown dynamics magic"),
        (known(json!({ "dynamics": "cart-pole" })), "known.dynamics: cart-pole has 4 components"),
        (known(json!({ "dynamics": "damped-pendulum", "substeps": 0 })), "known.substeps: is 0"),
        (
            known(json!({ "dynamics": "damped-pendulum", "constants": { "mass": {} } })),
            "known.constants.mass: unknown constant; there are gravity_over_length",
        ),
        (
            known(json!({ "dynamics": "damped-pendulum",
                "constants": { "gravity_over_length": { "start": -1.0 } } })),
            "known.constants.gravity_over_length: starts at -1; it must be positive",
        ),
        (
            known(json!({ "dynamics": "damped-pendulum" }))
                .with("remainder", json!({ "components": ["spin"] })),
            "remainder.components: unknown component spin; there are angle, velocity",
        ),
        (
            KindTable::new("sum").with("remainder", json!({ "penalty": -1.0 })),
            "remainder.penalty: is -1; it must not be negative",
        ),
        (
            KindTable::new("sum").with("noise", json!({ "std": [0.1] })),
            "noise.std: 1 values for 2 components",
        ),
        (KindTable::new("sum").with("noise", json!({ "std": 0.0 })), "noise.std: is 0"),
    ];
    for (table, expected) in cases {
        let error = refused(table);
        assert!(error.contains(expected), "{error} instead of {expected}");
    }
    let timeless = Context { dt: None, ..context(PENDULUM) };
    let table = known(json!({ "dynamics": "damped-pendulum" }));
    let error = TRANSITIONS.check(&table, &timeless).unwrap_err().to_string();
    assert!(error.contains("needs the length of a step"), "{error}");
}
