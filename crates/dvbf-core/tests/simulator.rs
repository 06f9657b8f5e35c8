//! The batch simulator: noise of its own for every rollout, starts, snapshots, the training range.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_core::{
    Channels, Dvbf, Filter, FilterOptions, KindTable, ModelConfig, Noise, RangeBound, Rollout,
    RolloutInput, Scalar, SimulatedModel, Simulator, SimulatorError, SimulatorOptions,
    TrainingRange, Units,
};
use ndarray::{Array2, Array3, ArrayView2, Axis, array, concatenate, s};
use proptest::prelude::*;
use serde_json::json;
use std::ops::Range;
use std::sync::Arc;

/// A model of every built-in transition; two of them have an angle.
fn config(kind: usize) -> ModelConfig {
    let known = |known: serde_json::Value| {
        KindTable::new("sum").with("known", known).with("noise", json!({ "std": 0.1 }))
    };
    let (transition, state) = match kind {
        0 => (KindTable::new("locally-linear").with("matrices", 5).with("hidden", 7), 3),
        1 => (KindTable::new("locally-linear").with("matrices", 3).with("hidden", 0), 5),
        2 => (KindTable::new("residual").with("hidden", 6), 3),
        3 => (known(json!({ "dynamics": "damped-pendulum" })), 2),
        _ => (known(json!({ "dynamics": "damped-pendulum" })).with("remainder", json!({})), 2),
    };
    ModelConfig {
        hidden: 6,
        initial_frames: 2,
        dt: Some(0.1),
        transition,
        emission: KindTable::new("gaussian")
            .with("state", state - 1)
            .with("std_kind", "learned-per-channel")
            .with("std", 0.5),
        ..ModelConfig::new(70, 1, state)
    }
}

fn model(kind: usize) -> Arc<Dvbf<f32>> {
    Arc::new(Dvbf::random(&config(kind), Noise::new(3, 0)).unwrap())
}

fn units() -> Units {
    Units {
        observation: Channels::new((0..70).map(f64::from).collect(), vec![0.25; 70]),
        control: Channels::new(vec![1.0], vec![8.0]),
    }
}

fn normal(rows: usize, columns: usize, stream: u64) -> Array2<f32> {
    let mut a = Array2::zeros((rows, columns));
    Noise::new(11, stream).normal(a.as_slice_mut().unwrap());
    a
}

fn simulator(source: &SimulatedModel, rollouts: Range<u64>) -> Simulator {
    Simulator::new(source, rollouts, SimulatorOptions::default()).unwrap()
}

fn samples(simulator: &mut Simulator) -> Array2<f32> {
    let mut out = Array2::zeros((simulator.len(), simulator.model().observation()));
    simulator.observation_samples(out.view_mut());
    out
}

/// Starts, steps, restarts some, steps again; states and samples at the end. `controls` has a row a
/// rollout, `again` a flag.
fn course(
    simulator: &mut Simulator,
    controls: ArrayView2<'_, f32>,
    again: &[bool],
) -> (Array2<f32>, Array2<f32>) {
    for _ in 0..3 {
        simulator.step(controls).unwrap();
    }
    simulator.start_from_prior(Some(again));
    for _ in 0..2 {
        simulator.step(controls).unwrap();
    }
    (simulator.states().to_owned(), samples(simulator))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// However the rollouts are divided, each has the same bits.
    #[test]
    fn a_rollout_does_not_depend_on_its_batch(
        kind in 0..5_usize,
        count in 1..150_usize,
        cut in 0.0..1.0_f64,
        with_units in any::<bool>(),
        first in prop_oneof![Just(0_u64), Just(1 << 40)],
    ) {
        let mut source = SimulatedModel::new(model(kind));
        source.units = with_units.then(units);
        let controls = normal(count, 1, 1);
        let again: Vec<bool> = normal(count, 1, 2).iter().map(|v| *v > 0.5).collect();
        let last = first + count as u64;
        let whole = course(&mut simulator(&source, first..last), controls.view(), &again);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
        let cut = 1.max((count as f64 * cut) as usize).min(count);
        let mut parts = Vec::new();
        for rows in [0..cut, cut..count] {
            if rows.is_empty() {
                continue;
            }
            let own = first + rows.start as u64..first + rows.end as u64;
            let controls = controls.slice(s![rows.clone(), ..]);
            parts.push(course(&mut simulator(&source, own), controls, &again[rows]));
        }
        let join = |all: Vec<ArrayView2<'_, f32>>| concatenate(Axis(0), &all).unwrap();
        prop_assert_eq!(whole.0, join(parts.iter().map(|part| part.0.view()).collect()));
        prop_assert_eq!(whole.1, join(parts.iter().map(|part| part.1.view()).collect()));
    }

    /// Without noise it is the rollout of the mean that evaluation uses; many steps in one call are
    /// the same steps.
    #[test]
    fn steps_are_those_of_the_model(kind in 0..5_usize, count in 1..90_usize) {
        let (source, steps) = (SimulatedModel::new(model(kind)), 4);
        let state = source.model.transition().dims().state;
        let (start, controls) = (normal(count, state, 1), normal(steps * count, 1, 2));
        let noise = Array2::zeros((steps * count, source.model.transition().dims().noise));
        let input =
            RolloutInput { start: start.view(), control: controls.view(), noise: noise.view() };
        let expected = Rollout::new(&source.model, count).states(&source.model, input);

        let options = SimulatorOptions { process_noise: false, ..SimulatorOptions::default() };
        let mut simulator = Simulator::new(&source, 0..count as u64, options).unwrap();
        simulator.start_from_states(start.view(), None).unwrap();
        let by_step = controls.to_shape((steps, count, 1)).unwrap().into_owned();
        let mut states = Array3::zeros((steps, count, state));
        simulator.run(by_step.view(), states.view_mut()).unwrap();
        prop_assert_eq!(states.to_shape((steps * count, state)).unwrap(), expected);
        prop_assert_eq!(simulator.steps(), vec![steps as u64; count]);

        let mut noisy = Simulator::new(&source, 0..count as u64, SimulatorOptions::default()).unwrap();
        let before = noisy.snapshot();
        noisy.run(by_step.view(), states.view_mut()).unwrap();
        noisy.restore(&before);
        for (controls, states) in by_step.outer_iter().zip(states.outer_iter()) {
            noisy.step(controls).unwrap();
            prop_assert_eq!(noisy.states(), states);
        }
    }
}

/// The noise of a step, seen through a transition that is linear in it: mean and covariance of many
/// rollouts are those of the model, and steps are independent.
#[test]
fn noise_has_the_moments_of_the_model() {
    let source = SimulatedModel::new(model(3));
    let count = 20_000;
    let mut simulator = simulator(&source, 0..count);
    let start = Array2::zeros((20_000, 2));
    let controls = Array2::zeros((20_000, 1));
    let mut before = Vec::new();
    for _ in 0..2 {
        simulator.start_from_states(start.view(), None).unwrap();
        simulator.step(controls.view()).unwrap();
        // The pendulum hangs still: what moves it is the noise, 0.1 times the typical magnitudes.
        let angles: Vec<f64> = simulator.states().column(0).iter().map(|v| f64::from(*v)).collect();
        let mean = angles.iter().sum::<f64>() / 20_000.0;
        let std = (angles.iter().map(|a| a * a).sum::<f64>() / 20_000.0).sqrt();
        assert!(mean.abs() < 4.0 * std / 20_000.0_f64.sqrt(), "{mean}");
        before.push((angles, std));
    }
    let (one, std) = &before[0];
    let scale = source.model.transition().components()[0].scale;
    assert!((std / (0.1 * scale) - 1.0).abs() < 0.02, "{std} against 0.1 · {scale}");
    let (two, other) = &before[1];
    let product = one.iter().zip(two).map(|(a, b)| a * b).sum::<f64>() / 20_000.0;
    assert!((product / (std * other)).abs() < 0.03, "{product}");
}

#[test]
fn a_mask_restarts_some_and_leaves_the_others() {
    let source = SimulatedModel::new(model(0));
    let (mut with, mut without) = (simulator(&source, 0..100), simulator(&source, 0..100));
    let controls = normal(100, 1, 1);
    let mask: Vec<bool> = (0..100).map(|n| n % 3 == 0).collect();
    with.step(controls.view()).unwrap();
    without.step(controls.view()).unwrap();
    let before = with.states().to_owned();
    with.start_from_prior(Some(&mask));
    let starts = with.states().to_owned();
    with.start_from_states(normal(100, 3, 4).view(), Some(&[false; 100])).unwrap();
    with.step(controls.view()).unwrap();
    without.step(controls.view()).unwrap();
    for (row, &again) in mask.iter().enumerate() {
        assert_eq!(starts.row(row) != before.row(row), again, "rollout {row}");
        assert_eq!(with.states().row(row) == without.states().row(row), !again, "{row}");
        assert_eq!(with.steps()[row], if again { 1 } else { 2 });
    }
    // A start never repeats another: its noise has a number of its own.
    with.start_from_prior(Some(&mask));
    assert_ne!(with.states().row(0), starts.row(0));
}

#[test]
fn it_goes_back_to_a_snapshot_and_takes_other_seeds() {
    let source = SimulatedModel::new(model(2));
    let mut simulator = simulator(&source, 5..75);
    let controls = normal(70, 1, 1);
    simulator.step(controls.view()).unwrap();
    let snapshot = simulator.snapshot();
    let then = samples(&mut simulator);
    let go_on = |simulator: &mut Simulator| {
        simulator.step(controls.view()).unwrap();
        simulator.states().to_owned()
    };
    let next = go_on(&mut simulator);
    simulator.restore(&snapshot);
    assert_eq!(samples(&mut simulator), then);
    assert_eq!(go_on(&mut simulator), next);
    let mut kept = simulator.snapshot();
    simulator.save(&mut kept);
    assert_eq!(kept, simulator.snapshot());
    simulator.restore(&snapshot);
    simulator.reseed(9);
    assert_ne!(go_on(&mut simulator), next);

    simulator.reseed(0);
    simulator.start_from_prior(None);
    let fresh = self::simulator(&source, 5..75);
    assert_eq!(simulator.states(), fresh.states());
    simulator.reseed(1);
    simulator.start_from_prior(None);
    let other = SimulatorOptions { seed: 1, ..SimulatorOptions::default() };
    let other = Simulator::new(&source, 5..75, other).unwrap();
    assert_eq!(simulator.states(), other.states());
    assert_ne!(simulator.states(), fresh.states());
}

#[test]
fn units_are_those_of_the_recordings() {
    let mut source = SimulatedModel::new(model(0));
    let mut plain = simulator(&source, 0..80);
    source.units = Some(units());
    let mut scaled = simulator(&source, 0..80);
    let controls = normal(80, 1, 1);
    plain.step(controls.view()).unwrap();
    scaled.step((&controls * 8.0 + 1.0).view()).unwrap();
    for (a, b) in plain.states().iter().zip(scaled.states()) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
    let (mut mean, mut shown) = (Array2::zeros((80, 70)), Array2::zeros((80, 70)));
    plain.observation_means(mean.view_mut());
    scaled.observation_means(shown.view_mut());
    for ((row, column), value) in shown.indexed_iter() {
        let expected = mean[[row, column]] * 0.25 + f32::from(u16::try_from(column).unwrap());
        assert!((value - expected).abs() < 1e-4, "{value} {expected}");
    }
    // The noise of the sensor is in these units, too.
    let (plain, scaled) = (samples(&mut plain) - &mean, samples(&mut scaled) - &shown);
    for (a, b) in plain.iter().zip(&scaled) {
        assert!((a * 0.25 - b).abs() < 1e-4, "{a} {b}");
    }
    let std = plain.std(0.0);
    assert!((std - 0.5).abs() < 0.02, "{std}");
}

#[test]
fn frames_of_some_rollouts_are_their_rows() {
    let mut simulator = simulator(&SimulatedModel::new(model(3)), 0..30);
    let (mut all, mut some) = (Array2::zeros((30, 70)), Array2::zeros((3, 70)));
    simulator.observation_means(all.view_mut());
    let before = simulator.snapshot();
    simulator.observation_means_of(&[29, 0, 7], some.view_mut());
    assert_eq!(before, simulator.snapshot());
    assert_eq!(some, all.select(Axis(0), &[29, 0, 7]));
    let (model, state) = (simulator.model().clone(), simulator.states().to_owned());
    let mut expected = Array2::zeros((30, 70));
    Rollout::new(&model, 30).observe(&model, state.view(), expected.view_mut());
    assert_eq!(all, expected);
}

#[test]
fn beliefs_are_starts() {
    let source = SimulatedModel::new(model(0));
    for paths in [0, 8] {
        let options = FilterOptions { samples: paths, ..FilterOptions::default() };
        let mut filter = Filter::new(Arc::clone(&source.model), 0.1, options).unwrap();
        let mut simulator = simulator(&SimulatedModel::of(&filter), 3..23);
        let refused = simulator.start_from_belief(&filter, None).unwrap_err();
        assert_eq!(refused, SimulatorError::NotStarted { seen: 0, needed: 2 });
        for _ in 0..3 {
            filter.step(Some(&[0.3; 70]), &[0.1], 0.1).unwrap();
        }
        simulator.start_from_belief(&filter, None).unwrap();
        for (number, state) in (3_usize..).zip(simulator.states().rows()) {
            if paths == 0 {
                assert_eq!(state, filter.belief().state);
            } else {
                assert_eq!(state, filter.paths().row(number % paths));
            }
        }
        let other = Filter::new(model(1), 0.1, options).unwrap();
        let refused = simulator.start_from_belief(&other, None).unwrap_err();
        assert_eq!(refused, SimulatorError::OtherModel);
    }
}

/// Free, a rollout says how far out it is and when it left; clipped, it stays at the edge.
#[test]
fn rollouts_say_when_they_leave_the_training_range() {
    let mut source = SimulatedModel::new(model(3));
    assert_eq!(simulator(&source, 0..2).departures(), None);
    let clip = RangeBound::Clip { margin: 0.5 };
    let clipped = SimulatorOptions { bound: clip, process_noise: false, ..Default::default() };
    let refused = Simulator::new(&source, 0..2, clipped).unwrap_err();
    assert_eq!(refused, SimulatorError::NoRange);

    // Sine, cosine and the velocity in units of its typical magnitude.
    let width = 2.0 / source.model.transition().components()[1].scale;
    let seen = array![[-1.0, -1.0, -width], [1.0, 1.0, width]].mapv(f32::of);
    source.range = TrainingRange::of(seen.view()).map(Arc::new);
    let free = SimulatorOptions { bound: RangeBound::Free, ..clipped };
    let starts = array![[9.0_f32, 1.0], [0.0, 3.0], [0.0, -8.0]];
    let push = array![[0.0_f32], [400.0], [0.0]];
    for (options, edge) in [(free, f32::INFINITY), (clipped, 3.0)] {
        let mut simulator = Simulator::new(&source, 0..3, options).unwrap();
        simulator.start_from_states(starts.view(), None).unwrap();
        let departures = simulator.departures().unwrap().to_vec();
        assert!(departures[0] <= 0.0);
        assert!((departures[1] - 0.5).abs() < 1e-5, "{departures:?}");
        assert!((departures[2] - 3.0).abs() < 1e-5, "{departures:?}");
        assert_eq!(simulator.left_after(1), Some(0));
        simulator.start_from_states((&starts * &array![1.0, 0.5]).view(), None).unwrap();
        assert_eq!(simulator.left_after(1), None);
        simulator.step(push.view()).unwrap();
        simulator.step(push.view()).unwrap();
        assert_eq!(simulator.inside(0), Some(true));
        assert_eq!(simulator.left_after(0), None);
        assert_eq!((simulator.inside(1), simulator.left_after(1)), (Some(false), Some(1)));
        assert!(simulator.states()[[1, 1]] <= edge + 1e-5, "{}", simulator.states());
        assert!(simulator.departures().unwrap()[1] > 0.5);
    }
}

#[test]
fn what_is_not_finite_is_refused_or_stays_alone() {
    let source = SimulatedModel::new(model(0));
    let (mut simulator, mut others) = (simulator(&source, 0..70), simulator(&source, 0..70));
    let mut controls = normal(70, 1, 1);
    controls[[65, 0]] = f32::NAN;
    let before = simulator.snapshot();
    let error = simulator.step(controls.view()).unwrap_err();
    assert_eq!(error.to_string(), "control 0 of rollout 65 is not finite");
    let mut states = simulator.states().to_owned();
    states[[3, 1]] = f32::INFINITY;
    let error = simulator.start_from_states(states.view(), None).unwrap_err();
    assert_eq!(error.to_string(), "state component 1 of rollout 3 is not finite");
    assert_eq!(before, simulator.snapshot());

    // A state that grows beyond all bounds.
    controls[[65, 0]] = 0.0;
    states[[3, 1]] = 3e38;
    simulator.start_from_states(states.view(), None).unwrap();
    states[[3, 1]] = 0.0;
    others.start_from_states(states.view(), None).unwrap();
    for _ in 0..30 {
        simulator.step((&controls * 1e3).view()).unwrap();
        others.step((&controls * 1e3).view()).unwrap();
    }
    assert!(!simulator.states().row(3).iter().all(|v| v.is_finite()));
    for row in (0..70).filter(|row| *row != 3) {
        assert_eq!(simulator.states().row(row), others.states().row(row), "rollout {row}");
    }
}

#[test]
#[should_panic(expected = "controls against (N, U)")]
fn wrong_shapes_panic() {
    let mut simulator = simulator(&SimulatedModel::new(model(0)), 0..4);
    let _ = simulator.step(Array2::zeros((4, 2)).view());
}
