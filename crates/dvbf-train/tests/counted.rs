//! Channels that are angles: how they are told, and models that start from what is linear in their sines.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_core::{Dvbf, KindTable, Noise};
use dvbf_data::division::Piece;
use dvbf_data::{Dataset, Origins, RawRecordings, RawSequence, narrow};
use dvbf_train::eval::rollout_errors;
use dvbf_train::linear::{
    Choice, Counted, CountedChannels, Identified, can_start, counted_channels, identify, moved,
};
use dvbf_train::pool::Pool;
use dvbf_train::settings::{ModelSettings, Span};
use ndarray::{Array2, Array3, s};
use serde_json::json;
use std::f64::consts::TAU;

const STEPS: usize = 60;

/// A damped pendulum that slow torques push over the top now and then, in steps of 0.05 s: angle in units of
/// `1 / radians`, and torque. With `gravity` zero it is a wheel.
fn pendulum(sequences: usize, radians: f64, gravity: f64, seed: u64) -> (Array3<f32>, Array3<f32>) {
    let mut x = Array3::zeros((sequences, STEPS, 1));
    let mut u = Array3::zeros((sequences, STEPS, 1));
    for n in 0..sequences {
        let mut draws = vec![0.0_f64; STEPS + 3];
        Noise::new(seed, n as u64).normal(&mut draws);
        let (mut angle, mut velocity) = (3.0 * draws[STEPS], 4.0 * draws[STEPS + 1]);
        let mut torque = draws[STEPS + 2];
        for t in 0..STEPS {
            torque = 0.9 * torque + 3.0 * draws[t];
            u[[n, t, 0]] = narrow(torque);
            x[[n, t, 0]] = narrow(angle / radians);
            for _ in 0..50 {
                velocity += 0.001 * (torque - 0.3 * velocity - gravity * angle.sin());
                angle += 0.001 * velocity;
            }
        }
    }
    (x, u)
}

const RADIANS: f64 = 2.5;

fn data(sequences: usize, seed: u64) -> Dataset {
    let (x, u) = pendulum(sequences, RADIANS, 9.81, seed);
    Dataset::observed(x, u)
}

const ANGLE: Counted = Counted { channel: 0, radians: Some(RADIANS) };

fn choice(counted: Vec<Counted>) -> Choice {
    let state = 5 + counted.len();
    Choice { filtered: 20, horizons: vec![1, 5, 20], frames: 4, state, counted }
}

/// A filter with these parts that has begun.
fn begun(found: &Identified, size: usize, linear: bool) -> Dvbf<f32> {
    let transition = KindTable::new("sum")
        .with("linear", json!({}))
        .with("remainder", json!({ "hidden": 32 }))
        .with("angles", 1);
    let settings = ModelSettings {
        state: size,
        noise: size,
        hidden: 48,
        initial_frames: 4,
        initial: KindTable::new("first-frames"),
        recognition: KindTable::new("feedforward"),
        transition,
        emission: KindTable::new("gaussian").with("std_kind", "learned-per-channel"),
    };
    let config = settings.resolve(1, 1).unwrap();
    assert!(can_start(&config));
    let mut model = Dvbf::<f32>::random(&config, Noise::new(1, 0)).unwrap();
    let start = if linear { found.best_start(size) } else { found.training_start(size) };
    model.start_linear(&start).unwrap();
    model
}

fn errors(model: &Dvbf<f32>, data: &Dataset, filtered: usize) -> [f64; 3] {
    let span = Span { filtered, horizon: 20 };
    let errors = rollout_errors(model, data, span, &Pool::new(1).unwrap());
    [1, 5, 20].map(|horizon| errors.at(horizon))
}

#[test]
fn sines_of_angles_predict_where_no_linear_model_does() {
    let (train, held) = (data(60, 1), data(60, 2));
    let plain = identify(&train, &held, &choice(Vec::new())).unwrap();
    let found = identify(&train, &held, &choice(vec![ANGLE])).unwrap();
    let linear = errors(&begun(&found, 9, true), &held, 20);
    for (own, expected) in linear.iter().zip(&plain.errors) {
        assert!((own / expected - 1.0).abs() < 1e-2, "the linear model is kept: {own} {expected}");
    }
    let turning = errors(&begun(&found, 9, false), &held, 20);
    for (horizon, (turning, linear)) in [1, 5, 20].iter().zip(turning.iter().zip(&linear)) {
        assert!(turning < &(0.1 * linear), "{horizon} steps: {turning} against {linear}");
    }
}

/// A filter that begins some turns further says the same of every turn.
#[test]
fn a_start_with_angles_is_the_same_in_every_turn() {
    let (train, held) = (data(60, 1), data(20, 2));
    let found = identify(&train, &held, &choice(vec![ANGLE])).unwrap();
    let model = begun(&found, 9, false);
    let mut turned = held.clone();
    turned.observations.mapv_inplace(|x| narrow(f64::from(x) + 3.0 * TAU / RADIANS));
    for (here, there) in errors(&model, &held, 20).iter().zip(errors(&model, &turned, 20)) {
        assert!((here - there).abs() < 1e-5 + 0.01 * here, "{here} against {there}");
    }
}

#[test]
fn sequences_are_moved_by_whole_turns_to_all_of_them() {
    let mut train = data(40, 1);
    let mut mask = train.observations.mapv(|_| 1.0);
    mask.slice_mut(s![3, ..2, ..]).fill(0.0);
    train.observations.slice_mut(s![3, ..2, ..]).fill(0.0);
    train.mask = Some(mask);
    let moved = moved(&train, &[ANGLE]);
    let mut turns = Vec::new();
    for n in 0..40 {
        let first = if n == 3 { 2 } else { 0 };
        let by = |t| f64::from(moved.observations[[n, t, 0]] - train.observations[[n, t, 0]]);
        let turn = by(first) * RADIANS / TAU;
        assert!((turn - turn.round()).abs() < 1e-4, "{turn}");
        assert!((by(STEPS - 1) - by(first)).abs() < 1e-5);
        turns.push((f64::from(moved.observations[[n, first, 0]]) * RADIANS / TAU).round());
    }
    assert_eq!(moved.observations[[3, 0, 0]].to_bits(), 0, "what is missing stays");
    assert_eq!(moved.controls, train.controls);
    let (low, high) = turns.iter().fold((0.0_f64, 0.0_f64), |(l, h), t| (l.min(*t), h.max(*t)));
    assert!(low <= -2.0 && high >= 2.0, "{turns:?}");
}

fn recordings(name: &str, radians: f64, gravity: f64) -> (RawRecordings, Vec<Piece>) {
    let (x, u) = pendulum(40, radians, gravity, 3);
    let rows =
        |values: &Array3<f32>, n: usize| -> Array2<f32> { values.slice(s![n, .., ..]).to_owned() };
    let sequence = |n: usize| RawSequence {
        name: n.to_string(),
        observations: rows(&x, n),
        controls: rows(&u, n),
        intervals: None,
        states: None,
        part: None,
    };
    let recordings = RawRecordings {
        sequences: (0..40).map(sequence).collect(),
        observation_names: vec![name.into()],
        control_names: vec!["torque".into()],
        state_names: Vec::new(),
        dt: Some(0.05),
        image: None,
        colors: 1,
        ignored: Vec::new(),
        remarks: Vec::new(),
        origins: Origins::default(),
    };
    let piece = |sequence| Piece { sequence, start: 0, length: STEPS };
    (recordings, (0..40).map(piece).collect())
}

#[test]
fn angles_are_told_by_what_moves_them() {
    let counted = |name: &str, radians: f64, gravity: f64| {
        let (recordings, pieces) = recordings(name, radians, gravity);
        counted_channels(&recordings, &pieces)
    };
    let angle = |turn| CountedChannels { angles: vec![(0, turn)], levels: Vec::new() };
    assert_eq!(counted("position", 1.0, 9.81), angle(TAU));
    assert_eq!(counted("angle [rad]", 1.0, 9.81), angle(TAU));
    assert_eq!(counted("angle", TAU / 360.0, 9.81), angle(360.0));
    assert_eq!(counted("angle [deg]", TAU / 360.0, 9.81), angle(360.0));
    // A unit of another kind turns nowhere; nor do other periods.
    assert_eq!(counted("position [m]", 1.0, 9.81).angles, []);
    assert_eq!(counted("position", 0.37, 9.81).angles, []);
    // Without gravity nothing comes again, and the value does not matter.
    let level = CountedChannels { angles: Vec::new(), levels: vec![0] };
    assert_eq!(counted("position", 1.0, 0.0), level);
    assert_eq!(counted("position [m]", 1.0, 0.0), level);
}
