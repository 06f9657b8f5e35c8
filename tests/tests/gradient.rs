//! The gradient of a whole sequence against central differences: all parameters and all noise.
//!
//! Only several steps show a gradient that is cut in time, taken from the wrong step or
//! overwritten. Observations and controls get no gradient and are not checked.

use dvbf_core::{KindTable, ModelConfig, Params, Workspace};
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_tests::{Masking, Scenario, loss, part, pass, pass_in, places, scenarios};
use ndarray::Array2;
use proptest::{prelude::*, test_runner::TestCaseError};

/// Losses are means a row, of order one to a hundred.
const TOL: Tol = Tol { abs: 1e-6, rel: 1e-5 };

fn check(scenario: &Scenario) -> Result<(), TestCaseError> {
    let (model, data, objective) = (scenario.model(), scenario.data(), scenario.objective);
    let found = pass(&model, &data, objective);
    prop_assert_eq!(
        data.target.iter().any(|x: &f64| x.is_nan()),
        data.mask.is_some_and(|m| m.iter().any(|m| *m < 1.0))
    );

    let data = scenario.data();
    let all = model.to_flat();
    let mut trained = all.len();
    if scenario.config.emission.settings["std_kind"] == "fixed" {
        let (name, place) = places(&model).pop().expect("there are parameters");
        prop_assert_eq!(name, "emission.log_std");
        prop_assert!(found.dparams[place.clone()].iter().all(|g| g.to_bits() == 0));
        trained = place.start;
    }
    let mut moved = model.clone();
    let at = |theta: &[f64]| {
        moved.set_flat(&[theta, &all[trained..]].concat());
        loss(&moved, &data, objective)
    };
    check_coordinates(at, &all[..trained], &found.dparams[..trained], TOL)?;

    let noise: Vec<f64> = data.noise.iter().copied().collect();
    let dnoise: Vec<f64> = found.dnoise.iter().copied().collect();
    let mut moved = data.clone();
    let at = |eps: &[f64]| {
        moved.noise = Array2::from_shape_vec(data.noise.dim(), eps.to_vec()).expect("same size");
        loss(&model, &moved, objective)
    };
    check_coordinates(at, &noise, &dnoise, TOL)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn all_parameters_and_all_noise(scenario in scenarios()) {
        check(&scenario)?;
    }

    #[test]
    fn gradients_add_to_what_is_there(scenario in scenarios()) {
        let (model, data) = (scenario.model::<f64>(), scenario.data());
        let one = pass(&model, &data, scenario.objective);
        let mut work = Workspace::new(&model, data.sequences, data.input.nrows());
        let mut bound = dvbf_core::Bound::zeros(data.sequences);
        let options = dvbf_core::GradientOptions {
            objective: scenario.objective,
            scale: 1.0 / data.input.nrows() as f64,
            state_limit: f64::INFINITY,
        };
        let mut grads = model.zeros_like();
        let mut dnoise = Array2::zeros(data.noise.dim());
        for _ in 0..3 {
            work.prepare(&model);
            let batch = data.batch();
            model.gradient_with_noise(&batch, options, &mut work, &mut bound, &mut grads, dnoise.view_mut());
        }
        let three = grads.to_flat();
        for (one, three) in one.dparams.iter().chain(&one.dnoise).zip(three.iter().chain(&dnoise)) {
            prop_assert!((3.0 * one - three).abs() <= 1e-11 * (1.0 + three.abs()), "{one} thrice is not {three}");
        }
        // Without the noise's gradient it is the same one.
        let mut alone = model.zeros_like();
        work.prepare(&model);
        model.gradient(&data.batch(), options, &mut work, &mut bound, &mut alone);
        prop_assert_eq!(alone.to_flat(), one.dparams);
        prop_assert_eq!(bound, one.bound);
    }

    #[test]
    fn a_gradient_may_be_held_over_batches(scenario in scenarios(), steps in 1..5_usize) {
        // Batches of different lengths.
        let (model, first) = (scenario.model::<f64>(), scenario.data());
        let second = Scenario { steps, ..scenario.clone() }.data();
        let batches = [&first, &second, &first];
        let (n, rows) = (first.sequences, first.input.nrows().max(second.input.nrows()));
        let options = dvbf_core::GradientOptions {
            objective: scenario.objective,
            scale: 1.0 / rows as f64,
            state_limit: f64::INFINITY,
        };
        let mut bound = dvbf_core::Bound::zeros(n);
        let (mut at_once, mut held) = (model.zeros_like(), model.zeros_like());
        let mut work = Workspace::holding(&model, n, rows, 3 * n);
        work.prepare(&model);
        for data in batches {
            model.gradient(&data.batch(), options, &mut work, &mut bound, &mut at_once);
        }
        for data in batches {
            model.held_gradient(&data.batch(), options, &mut work, &mut bound, &mut held);
        }
        let initial = |grads: &dvbf_core::Dvbf<f64>| part(&model, &grads.to_flat(), "initial.");
        prop_assert!(initial(&held).iter().all(|g| *g == 0.0));
        model.add_held(&mut work, &mut held);
        for (a, b) in at_once.to_flat().iter().zip(held.to_flat()) {
            prop_assert!((a - b).abs() <= 1e-11 * (1.0 + a.abs()), "{a} {b}");
        }
        // Nothing is left over.
        let before = held.to_flat();
        model.add_held(&mut work, &mut held);
        prop_assert_eq!(before, held.to_flat());
    }

    #[test]
    fn a_used_workspace_is_as_good_as_a_new_one(scenario in scenarios(), other in scenarios()) {
        // The pass before had other data, masks, steps and sequences, and other parameters.
        let other = Scenario { config: scenario.config.clone(), ..other };
        let (model, data) = (scenario.model::<f64>(), scenario.data());
        let before = other.data();
        let sequences = data.sequences.max(before.sequences);
        let rows = data.input.nrows().max(before.input.nrows());
        let mut work = Workspace::new(&model, sequences, rows);
        pass_in(&mut work, &other.model(), &before, other.objective);
        let used = pass_in(&mut work, &model, &data, scenario.objective);
        prop_assert_eq!(used, pass(&model, &data, scenario.objective));
    }

    #[test]
    fn the_limit_of_the_state_gradient_acts_at_every_step(scenario in scenarios()) {
        // With a limit of zero nothing flows back in time: the recognition network gets only what
        // the divergence gives it, and the transition nothing.
        let (model, data) = (scenario.model::<f64>(), scenario.data());
        let mut work = Workspace::new(&model, data.sequences, data.input.nrows());
        work.prepare(&model);
        let (mut bound, mut grads) = (dvbf_core::Bound::zeros(data.sequences), model.zeros_like());
        let objective = scenario.objective;
        let options = dvbf_core::GradientOptions { objective, scale: 1.0, state_limit: 0.0 };
        model.gradient(&data.batch(), options, &mut work, &mut bound, &mut grads);
        let flat = grads.to_flat();
        for prefix in ["transition.", "initial.state."] {
            prop_assert!(part(&model, &flat, prefix).iter().all(|g| *g == 0.0), "{prefix}");
        }
        prop_assert!(part(&model, &flat, "initial.recognition.").iter().any(|g| *g != 0.0));
        // A generous limit is none.
        let mut free = model.zeros_like();
        let options = dvbf_core::GradientOptions { state_limit: 1e12, ..options };
        model.gradient(&data.batch(), options, &mut work, &mut bound, &mut free);
        let mut unlimited = model.zeros_like();
        let options = dvbf_core::GradientOptions { state_limit: f64::INFINITY, ..options };
        model.gradient(&data.batch(), options, &mut work, &mut bound, &mut unlimited);
        prop_assert_eq!(free.to_flat(), unlimited.to_flat());
    }
}

/// A scenario that later ones change in one way.
fn plain() -> Scenario {
    Scenario {
        config: ModelConfig {
            noise: 2,
            hidden: 4,
            initial_frames: 2,
            dt: Some(0.1),
            transition: KindTable::new("locally-linear").with("matrices", 3).with("hidden", 0),
            emission: KindTable::new("gaussian").with("std_kind", "learned").with("std", 0.7),
            ..ModelConfig::new(3, 1, 3)
        },
        sequences: 2,
        steps: 6,
        masking: Masking::None,
        dropped: false,
        start: false,
        objective: dvbf_core::Objective::BOUND,
        seed: 11,
    }
}

fn residual(config: &mut ModelConfig) {
    config.transition = KindTable::new("residual").with("hidden", 4);
    config.noise = 3;
}

/// A sum of all parts on the state of a pendulum, which the first frames tell.
fn pendulum(config: &mut ModelConfig) {
    (config.state, config.noise, config.initial_frames) = (2, 2, 3);
    config.initial = KindTable::new("known-state").with("gain", 1.0);
    config.transition = KindTable::new("sum")
        .with("known", serde_json::json!({ "dynamics": "damped-pendulum", "substeps": 2 }))
        .with("linear", serde_json::json!({}))
        .with("remainder", serde_json::json!({ "hidden": 4, "penalty": 0.0 }));
    config.emission.set("state", 1);
}

/// Every kind is checked in every run, whatever is drawn.
#[test]
fn every_kind_once() {
    let base = plain();
    let with = |change: &dyn Fn(&mut Scenario)| {
        let mut scenario = base.clone();
        change(&mut scenario);
        check(&scenario).unwrap();
    };
    with(&|_| ());
    with(&|s| s.config.transition.set("hidden", 4));
    with(&|s| s.config.transition.set("shared", 2));
    with(&|s| s.config.emission.set("state", 1));
    with(&|s| s.config.control = 0);
    with(&|s| s.config.emission.set("std_kind", "fixed"));
    with(&|s| s.config.emission.set("std_kind", "learned-per-channel"));
    with(&|s| residual(&mut s.config));
    with(&|s| pendulum(&mut s.config));
    for masking in [Masking::Full, Masking::Steps, Masking::Channels] {
        with(&|s| s.masking = masking);
    }
    with(&|s| s.dropped = true);
    with(&|s| s.start = true);
    with(&|s| s.objective.likelihood = 0.3);
    with(&|s| s.objective.prior = 0.3);
    with(&|s| s.objective.kl = 2.5);
    with(&|s| s.steps = 1);
    with(&|s| s.steps = 2);
    with(&|s| (s.steps, s.config.initial_frames, s.start) = (2, 4, true));
    with(&|s| {
        (s.steps, s.masking, s.dropped, s.start) = (8, Masking::Channels, true, true);
        s.config.transition = s.config.transition.clone().with("hidden", 4).with("shared", 1);
        s.config.emission.set("state", 2);
        s.objective = dvbf_core::Objective { likelihood: 0.4, prior: 0.6, kl: 3.0 };
    });
}

/// With one sequence, the gradient of an output's bias is the state's gradient itself: of the first
/// step for the initial state, and of the second one for a transition that adds to the state.
#[test]
fn the_limit_clips_every_element_and_keeps_its_sign() {
    let base = plain();
    let mut signs = [false; 2];
    for (steps, bias, seed) in [
        (1, "initial.state.1.bias", 0),
        (2, "transition.net.1.bias", 1),
        (2, "transition.net.1.bias", 2),
    ] {
        let mut scenario = Scenario { sequences: 1, steps, seed, ..base.clone() };
        residual(&mut scenario.config);
        let (model, data) = (scenario.model::<f64>(), scenario.data());
        let mut work = Workspace::new(&model, 1, steps);
        work.prepare(&model);
        let mut found = |state_limit: f64| {
            let (mut bound, mut grads) = (dvbf_core::Bound::zeros(1), model.zeros_like());
            let objective = scenario.objective;
            let options = dvbf_core::GradientOptions { objective, scale: 1.0, state_limit };
            model.gradient(&data.batch(), options, &mut work, &mut bound, &mut grads);
            part(&model, &grads.to_flat(), bias)
        };
        let free = found(f64::INFINITY);
        assert_eq!(free.len(), 3, "{bias}");
        let mut sizes: Vec<f64> = free.iter().map(|g| g.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        // Between the smallest and the largest, so that some are clipped and some are not.
        let limit = 0.5 * (sizes[0] + sizes[1]);
        for (free, limited) in free.iter().zip(found(limit)) {
            assert!(
                (limited - free.clamp(-limit, limit)).abs() <= 1e-12 * limit,
                "{free} {limited}"
            );
            signs[usize::from(*free > 0.0)] |= free.abs() > limit;
        }
    }
    assert_eq!(signs, [true; 2], "both signs are clipped somewhere");
}
