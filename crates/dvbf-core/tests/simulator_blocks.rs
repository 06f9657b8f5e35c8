//! Rollouts in several blocks, what starts are drawn from, and clipped states that are lost.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_core::{
    Dvbf, Filter, FilterOptions, KindTable, ModelConfig, Noise, Params, Path, RangeBound,
    SimulatedModel, Simulator, SimulatorOptions, TrainingRange,
};
use ndarray::{Array2, Array3, Axis, array, s};
use serde_json::json;
use std::collections::HashSet;
use std::sync::Arc;

const CHANNELS: usize = 70;

fn model(transition: KindTable, state: usize) -> SimulatedModel {
    let config = ModelConfig {
        hidden: 6,
        initial_frames: 2,
        dt: Some(0.1),
        transition,
        emission: KindTable::new("gaussian").with("std", 0.5),
        ..ModelConfig::new(CHANNELS, 1, state)
    };
    SimulatedModel::new(Arc::new(Dvbf::random(&config, Noise::new(3, 0)).unwrap()))
}

fn learned() -> SimulatedModel {
    model(KindTable::new("locally-linear").with("matrices", 4).with("hidden", 7), 3)
}

fn pendulum() -> SimulatedModel {
    let known = json!({ "dynamics": "damped-pendulum" });
    let noise = json!({ "std": 0.1 });
    model(KindTable::new("sum").with("known", known).with("noise", noise), 2)
}

fn normal(rows: usize, columns: usize, stream: u64) -> Array2<f32> {
    let mut a = Array2::zeros((rows, columns));
    Noise::new(11, stream).normal(a.as_slice_mut().unwrap());
    a
}

/// Six hundred rollouts are worked off in several blocks; those of a block in the middle are left out
/// of a restart. Each is what it is alone, by single steps and by many in one call.
#[test]
fn rollouts_of_many_blocks_are_those_that_run_alone() {
    for source in [learned(), pendulum()] {
        let state = source.model.transition().dims().state;
        let count = 600;
        let controls = normal(5 * count, 1, 1).into_shape_with_order((5, count, 1)).unwrap();
        let again: Vec<bool> = (0..count).map(|n| !(250..530).contains(&n) && n % 2 == 0).collect();
        let course = |first: usize, last: usize, together: bool| {
            let options = SimulatorOptions::default();
            let mut simulator =
                Simulator::new(&source, first as u64..last as u64, options).unwrap();
            let own = controls.slice(s![.., first..last, ..]);
            let mut states = Array3::zeros((5, last - first, state));
            for (part, steps) in [0..3, 3..5].into_iter().enumerate() {
                if part == 1 {
                    simulator.start_from_prior(Some(&again[first..last]));
                }
                if together {
                    let states = states.slice_mut(s![steps.clone(), .., ..]);
                    simulator.run(own.slice(s![steps, .., ..]), states).unwrap();
                } else {
                    for t in steps {
                        simulator.step(own.index_axis(Axis(0), t)).unwrap();
                        states.index_axis_mut(Axis(0), t).assign(&simulator.states());
                    }
                }
            }
            let mut frames = Array2::zeros((last - first, CHANNELS));
            simulator.observation_samples(frames.view_mut());
            (states, frames)
        };
        let (states, frames) = course(0, count, false);
        assert_eq!(course(0, count, true), (states.clone(), frames.clone()));
        for n in [0, 1, 255, 256, 257, 511, 512, 599] {
            let (alone, frame) = course(n, n + 1, n % 2 == 0);
            assert_eq!(alone, states.slice(s![.., n..=n, ..]), "rollout {n}");
            assert_eq!(frame, frames.slice(s![n..=n, ..]), "rollout {n}");
        }
    }
}

/// Starts have the moments of `g(w)`, `w ~ N(0, I)`, with noise that is drawn elsewhere.
#[test]
fn starts_are_draws_from_the_prior() {
    let source = learned();
    let count = 8192;
    let options = SimulatorOptions { process_noise: false, ..SimulatorOptions::default() };
    let simulator = Simulator::new(&source, 0..count as u64, options).unwrap();
    let initial = source.model.initial();
    let mut cache = initial.cache(count);
    initial.prepare(&mut cache);
    let noise = normal(count, source.model.transition().dims().noise, 5);
    let mut expected = Array2::zeros((count, 3));
    initial.start(0, noise.view(), expected.view_mut(), &mut cache);
    let n = count as f32;
    let moments = |states: ndarray::ArrayView2<'_, f32>| {
        let mean = states.mean_axis(Axis(0)).unwrap();
        let off = &states - &mean;
        (mean, off.t().dot(&off) / n)
    };
    let ((mean, covariance), (other, spread)) =
        (moments(simulator.states()), moments(expected.view()));
    for i in 0..3 {
        let error = (2.0 * spread[[i, i]] / n).sqrt();
        assert!((mean[i] - other[i]).abs() < 5.0 * error, "{mean} {other}");
        for j in 0..3 {
            let scale = (spread[[i, i]] * spread[[j, j]]).sqrt();
            assert!((covariance[[i, j]] - spread[[i, j]]).abs() < 0.1 * scale, "{i} {j}");
        }
    }
}

/// The noise of a frame has more values than one block of the generator; that of the next frame
/// repeats none of them, and neither does that of another rollout.
#[test]
fn sensor_noise_is_drawn_once() {
    let mut simulator = Simulator::new(&learned(), 0..2, SimulatorOptions::default()).unwrap();
    let controls = Array2::zeros((2, 1));
    let (mut mean, mut seen) = (Array2::zeros((2, CHANNELS)), Array2::zeros((2, CHANNELS)));
    let mut drawn = HashSet::new();
    for _ in 0..6 {
        simulator.observation_means(mean.view_mut());
        simulator.observation_samples(seen.view_mut());
        // Rounded, since the mean is added and taken off again.
        let rounded = (&seen - &mean).mapv(|noise| (noise * 1e5).round());
        drawn.extend(rounded.iter().map(|value| value.to_bits()));
        simulator.step(controls.view()).unwrap();
    }
    // A few values of 840 meet by chance.
    assert!(drawn.len() > 820, "{} values differ", drawn.len());
}

#[test]
fn masked_beliefs_start_their_rollouts_alone() {
    let source = learned();
    let options = FilterOptions { samples: 4, ..FilterOptions::default() };
    let mut filter = Filter::new(Arc::clone(&source.model), 0.1, options).unwrap();
    for _ in 0..3 {
        filter.step(Some(&[0.3; CHANNELS]), &[0.1], 0.1).unwrap();
    }
    let mut simulator = Simulator::new(&source, 10..16, SimulatorOptions::default()).unwrap();
    let before = simulator.states().to_owned();
    let mask = [true, false, true, false, false, true];
    simulator.start_from_belief(&filter, Some(&mask)).unwrap();
    for (row, &chosen) in mask.iter().enumerate() {
        let paths = filter.paths();
        let expected = if chosen { paths.row((10 + row) % 4) } else { before.row(row) };
        assert_eq!(simulator.states().row(row), expected, "rollout {row}");
    }
}

/// Clipping holds what is finite at the edge, leaves angles alone, and does not bring back a state that
/// is lost.
#[test]
fn clipping_brings_no_lost_state_back() {
    let mut source = pendulum();
    let scale = source.model.transition().components()[1].scale;
    #[expect(clippy::cast_possible_truncation, reason = "a typical magnitude")]
    let width = (3.0 / scale) as f32;
    source.range =
        TrainingRange::of(array![[-1.0, -1.0, -width], [1.0, 1.0, width]].view()).map(Arc::new);
    let options = SimulatorOptions {
        process_noise: false,
        bound: RangeBound::Clip { margin: 0.0 },
        ..SimulatorOptions::default()
    };
    let mut simulator = Simulator::new(&source, 0..2, options).unwrap();
    simulator.start_from_states(array![[50.0, 1.0], [0.0, 2.5]].view(), None).unwrap();
    simulator.step(array![[0.0], [1e4]].view()).unwrap();
    let states = simulator.states().to_owned();
    assert!(states[[0, 0]] > 40.0, "an angle has no edge: {states}");
    assert!((states[[1, 1]] - 3.0).abs() < 1e-5, "the velocity is at the edge: {states}");

    let mut source = learned();
    let model = Arc::make_mut(&mut source.model);
    // Whatever the first state, one step of this leads beyond single precision.
    model.visit_mut(Path::ROOT, &mut |path, mut values| {
        if path.to_string().starts_with("transition.") {
            values.mapv_inplace(|v| v * 100.0 + 1.0);
        }
    });
    source.range =
        TrainingRange::of(array![[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]].view()).map(Arc::new);
    let mut simulator = Simulator::new(&source, 0..2, options).unwrap();
    simulator.start_from_states(array![[3e38, 3e38, 3e38], [0.0, 0.0, 0.0]].view(), None).unwrap();
    for _ in 0..2 {
        simulator.step(Array2::zeros((2, 1)).view()).unwrap();
        let states = simulator.states();
        assert!(!states.row(0).iter().all(|v| v.is_finite()), "{states}");
        assert!(states.row(1).iter().all(|v| v.abs() <= 1.0), "{states}");
        assert!(simulator.departures().unwrap()[0].is_infinite());
    }
}
