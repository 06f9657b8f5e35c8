//! Dreams: their loss against frames that are drawn and read part by part, their gradient against
//! central differences, and what they must leave alone.

use dvbf_core::{
    Bound, DreamInput, Dvbf, FirstSteps, KindTable, Params, Rollout, RolloutInput, Workspace,
};
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_tests::{Data, Scenario, places, scenarios};
use ndarray::{Array2, s};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseError};

const TOL: Tol = Tol { abs: 1e-5, rel: 1e-4 };
const SCALE: f64 = 0.3;

/// Parameters of the known state that a dream takes as they are.
const FIXED: [&str; 3] = ["initial.center", "initial.log_spread", "initial.raw_std"];

/// A scenario whose state is an angle and its velocity.
fn known(mut scenario: Scenario) -> Scenario {
    let pendulum = serde_json::json!({ "dynamics": "damped-pendulum" });
    scenario.config.initial = KindTable::new("known-state").with("std", 1.0);
    scenario.config.transition = KindTable::new("sum").with("known", pendulum);
    scenario.config.emission = KindTable::new("gaussian").with("state", 1);
    (scenario.config.state, scenario.config.noise) = (2, 2);
    scenario.config.control = 1;
    scenario.config.initial_frames = scenario.config.initial_frames.max(2);
    scenario.config.dt = Some(0.1);
    scenario
}

fn input(data: &Data<f64>) -> DreamInput<'_, f64> {
    let (control, noise) = (data.control.view(), data.noise.view());
    DreamInput { sequences: data.sequences, control, noise }
}

/// The frames of a dream, drawn with a rollout.
fn frames(model: &Dvbf<f64>, data: &Data<f64>) -> Array2<f64> {
    let n = data.sequences;
    let steps = model.initial().frames().min(data.steps());
    let mut cache = model.initial().cache(n);
    model.initial().prepare(&mut cache);
    let mut start = Array2::zeros((n, model.transition().dims().state));
    model.initial().start(0, data.noise.slice(s![..n, ..]), start.view_mut(), &mut cache);
    let mut rollout = Rollout::new(model, n);
    let later = RolloutInput {
        start: start.view(),
        control: data.control.slice(s![..(steps - 1) * n, ..]),
        noise: data.noise.slice(s![n..steps * n, ..]),
    };
    let states = rollout.states(model, later);
    let states = ndarray::concatenate![ndarray::Axis(0), start, states];
    let mut frames = Array2::zeros((states.nrows(), data.input.ncols()));
    rollout.observe(model, states.view(), frames.view_mut());
    frames
}

/// `SCALE · Σ_b −ln q(w₁ | frames)` of `model`; its angle, if it has one, counts from the nearest turn.
fn loss(model: &Dvbf<f64>, frames: &Array2<f64>, data: &Data<f64>) -> f64 {
    let (n, w) = (data.sequences, data.noise.ncols());
    let mut cache = model.initial().cache(n);
    model.initial().prepare(&mut cache);
    let mut raw = Array2::zeros((n, 2 * w));
    let first = FirstSteps { observed: frames.view(), control: data.control.view() };
    model.initial().recognize(0, first, raw.view_mut(), &mut cache);
    let spread = places(model).into_iter().find(|(name, _)| name == "initial.log_spread");
    let turn = spread.map(|(_, place)| std::f64::consts::TAU / model.to_flat()[place.start].exp());
    let mut sum = 0.0;
    for b in 0..n {
        for i in 0..w {
            // The floor of a standard deviation is 1e-4.
            let std = raw[[b, w + i]].exp().ln_1p() + 1e-4;
            let mut away = data.noise[[b, i]] - raw[[b, i]];
            if let (0, Some(turn)) = (i, turn) {
                away -= turn * (away / turn).round();
            }
            let away = away / std;
            sum += 0.5 * away * away + std.ln() + 0.5 * std::f64::consts::TAU.ln();
        }
    }
    SCALE * sum
}

fn dream(model: &Dvbf<f64>, data: &Data<f64>, times: usize) -> (f64, Vec<f64>) {
    let (n, rows) = (data.sequences, data.input.nrows());
    let mut work = Workspace::holding(model, n, rows, times * n);
    let mut grads = model.zeros_like();
    work.prepare(model);
    let mut sum = 0.0;
    for _ in 0..times {
        sum += SCALE * model.held_dream(input(data), SCALE, &mut work);
    }
    model.add_held(&mut work, &mut grads);
    (sum, grads.to_flat())
}

fn check(scenario: &Scenario) -> Result<(), TestCaseError> {
    let (model, data) = (scenario.model::<f64>(), scenario.data());
    let frames = frames(&model, &data);
    let (found, gradient) = dream(&model, &data, 1);
    let right = loss(&model, &frames, &data);
    prop_assert!((found - right).abs() <= 1e-10 * (1.0 + right.abs()), "{found}, not {right}");

    let flat = model.to_flat();
    for (name, place) in places(&model) {
        if name.starts_with("initial.") && !FIXED.contains(&name.as_str()) {
            let mut moved = model.clone();
            // Where an angle is read off a short direction the loss bends within a step of 1e-5.
            let mut compare = |step: f64, tol: Tol| {
                let at = |by: &[f64]| {
                    let mut all = flat.clone();
                    all[place.clone()].iter_mut().zip(by).for_each(|(p, by)| *p += step * by);
                    moved.set_flat(&all);
                    loss(&moved, &frames, &data)
                };
                let slope: Vec<f64> = gradient[place.clone()].iter().map(|g| step * g).collect();
                check_coordinates(at, &vec![0.0; place.len()], &slope, tol)
            };
            compare(1.0, TOL).or_else(|_| compare(1e-2, Tol { abs: 1e-7, rel: 1e-4 }))?;
        } else {
            prop_assert!(gradient[place].iter().all(|g| *g == 0.0), "{name} moves in a dream");
        }
    }

    let (sum, three) = dream(&model, &data, 3);
    prop_assert!((sum - 3.0 * found).abs() <= 1e-10 * (1.0 + sum.abs()));
    for (one, three) in gradient.iter().zip(&three) {
        prop_assert!((3.0 * one - three).abs() <= 1e-10 * (1.0 + three.abs()));
    }
    Ok(())
}

proptest! {
    // The same cases every time: in one of ten thousand an angle is read off a direction of length
    // zero, where no difference is right.
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(96) })]

    #[test]
    fn dreams_of_a_state_that_networks_start(scenario in scenarios()) {
        check(&scenario)?;
    }

    #[test]
    fn dreams_of_a_known_state(scenario in scenarios()) {
        check(&known(scenario))?;
    }

    #[test]
    fn dreams_and_bounds_share_a_workspace(scenario in scenarios()) {
        let (model, data) = (scenario.model::<f64>(), scenario.data());
        let rows = data.input.nrows();
        let options = dvbf_core::GradientOptions {
            objective: scenario.objective,
            scale: 1.0 / rows as f64,
            state_limit: f64::INFINITY,
        };
        let (mut bound, mut awake) = (Bound::zeros(data.sequences), model.zeros_like());
        let mut work = Workspace::new(&model, data.sequences, rows);
        work.prepare(&model);
        model.gradient(&data.batch(), options, &mut work, &mut bound, &mut awake);
        let (_, asleep) = dream(&model, &data, 1);
        let mut both = model.zeros_like();
        work.prepare(&model);
        model.held_gradient(&data.batch(), options, &mut work, &mut bound, &mut both);
        model.held_dream(input(&data), SCALE, &mut work);
        model.add_held(&mut work, &mut both);
        for ((a, b), both) in awake.to_flat().iter().zip(&asleep).zip(both.to_flat()) {
            prop_assert!((a + b - both).abs() <= 1e-11 * (1.0 + both.abs()), "{a} + {b} is not {both}");
        }
    }
}
