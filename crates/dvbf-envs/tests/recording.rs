//! Recordings: determinism, independence of sequences, timing of controls, noise, first draws.

use dvbf_envs::{
    Environment, GymPendulum, GymPendulumSettings, ImageSettings, Pendulum, PendulumSettings,
    Recordings, Spec, StateKind, StateVariable, record, record_numbered, rollout,
};
use ndarray::{Array3, Axis, array, s};
use proptest::collection::vec;
use proptest::prelude::*;
use rand::{Rng, RngCore};
use std::f64::consts::PI;

fn pendulum(noise_std: f64) -> Pendulum {
    let image = ImageSettings { noise_std, ..ImageSettings::default() };
    Pendulum::new(PendulumSettings { image, ..PendulumSettings::default() }).expect("valid")
}

/// The first `count` sequences, the first `steps` steps of each.
fn part(from: &Recordings, count: usize, steps: usize) -> Recordings {
    let cut = |array: &Array3<f32>| array.slice(s![..count, ..steps, ..]).to_owned();
    Recordings {
        observations: cut(&from.observations),
        controls: cut(&from.controls),
        states: cut(&from.states),
        ..from.clone()
    }
}

/// Mean and standard deviation.
fn moments<'a>(values: impl Iterator<Item = &'a f32> + Clone) -> (f64, f64) {
    let count = values.clone().count() as f64;
    let mean = values.clone().map(|&v| f64::from(v)).sum::<f64>() / count;
    let variance = values.map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

#[test]
fn recordings_describe_themselves() {
    let recordings = record(&pendulum(0.0), 3, 7, 1);
    assert_eq!(recordings.observations.dim(), (3, 7, 256));
    assert_eq!(recordings.controls.dim(), (3, 7, 1));
    assert_eq!(recordings.states.dim(), (3, 7, 2));
    assert_eq!(recordings.state_names, ["angle", "velocity"]);
    assert_eq!(recordings.state_kinds, [StateKind::Angle, StateKind::Linear]);
    assert_eq!((recordings.dt.to_bits(), recordings.image), (0.1_f64.to_bits(), Some((16, 16))));
    assert_eq!(record(&pendulum(0.0), 0, 7, 1).states.dim(), (0, 7, 2));
    assert_eq!(record(&pendulum(0.1), 3, 0, 1).states.dim(), (3, 0, 2));
}

/// Pins the first draws, so that a change of generator or of the order of draws is noticed.
#[test]
fn value_stability() {
    let recordings = record(&pendulum(0.1), 2, 3, 42);
    let clean = record(&pendulum(0.0), 2, 3, 42);
    let noise = &recordings.observations - &clean.observations;
    let drawn = |index: usize| {
        [
            recordings.states[[index, 0, 0]],
            recordings.states[[index, 0, 1]],
            recordings.controls[[index, 0, 0]],
            recordings.controls[[index, 1, 0]],
            noise[[index, 0, 0]],
            noise[[index, 0, 1]],
        ]
    };
    let now = [drawn(0), drawn(1)];
    let then: [[f32; 6]; 2] = [
        [1.142_888, 2.668_141, -0.289_934, 0.509_442, -0.182_248, 0.022_842],
        [1.362_142, -1.786_454, -0.070_340, 1.385_065, 0.125_355, 0.101_996],
    ];
    for (now_value, then_value) in now.as_flattened().iter().zip(then.as_flattened()) {
        assert!((now_value - then_value).abs() < 1e-6, "{now:?} instead of {then:?}");
    }
}

#[test]
fn controls_act_between_their_step_and_the_next() {
    let pendulum = pendulum(0.0);
    let recordings = record(&pendulum, 4, 20, 3);
    for n in 0..4 {
        for t in 0..19 {
            let state = [0, 1].map(|i| f64::from(recordings.states[[n, t, i]]));
            let next = pendulum.step(state, f64::from(recordings.controls[[n, t, 0]]));
            for (i, next) in next.iter().enumerate() {
                let recorded = f64::from(recordings.states[[n, t + 1, i]]);
                assert!((next - recorded).abs() < 1e-5, "sequence {n}, step {t}");
            }
        }
    }
}

#[test]
fn a_rollout_repeats_a_recording() {
    // Starts that `f32` holds exactly: at rest, hanging.
    let settings = PendulumSettings {
        initial_angle_max: 0.0,
        initial_velocity_std: 0.0,
        ..PendulumSettings::default()
    };
    let pendulum = Pendulum::new(settings).unwrap();
    let recordings = record(&pendulum, 3, 50, 9);
    let initial = recordings.states.index_axis(Axis(1), 0).mapv(f64::from);
    assert_eq!(rollout(&pendulum, initial.view(), recordings.controls.view()), recordings);
}

#[test]
fn starts_and_controls_have_their_distributions() {
    let recordings = record(&pendulum(0.0), 4000, 2, 5);
    let starts = recordings.states.index_axis(Axis(1), 0);
    let (mean, std) = moments(starts.column(0).iter());
    assert!(mean.abs() < 0.1 && (std - PI / 3.0_f64.sqrt()).abs() < 0.05, "{mean}, {std}");
    let (mean, std) = moments(starts.column(1).iter());
    assert!(mean.abs() < 0.1 && (std - 2.0).abs() < 0.08, "{mean}, {std}");
    let (mean, std) = moments(recordings.controls.iter());
    assert!(mean.abs() < 0.05 && (std - 2.0 / 3.0_f64.sqrt()).abs() < 0.03, "{mean}, {std}");
    assert!(recordings.controls.iter().all(|u| u.abs() <= 2.0));
    assert!(starts.column(0).iter().all(|angle| f64::from(angle.abs()) <= PI + 1e-6));
}

#[test]
fn noise_has_the_stated_deviation_and_changes_nothing_else() {
    let (noisy, clean) = (record(&pendulum(0.3), 20, 30, 11), record(&pendulum(0.0), 20, 30, 11));
    assert_eq!((&noisy.states, &noisy.controls), (&clean.states, &clean.controls));
    let noise = &noisy.observations - &clean.observations;
    let (mean, std) = moments(noise.iter());
    assert!(mean.abs() < 0.003 && (std - 0.3).abs() < 0.003, "{mean}, {std}");
    let neighbors = noise.slice(s![.., .., 1..]).to_owned() * noise.slice(s![.., .., ..-1]);
    let (covariance, _) = moments(neighbors.iter());
    assert!(covariance.abs() < 0.001, "{covariance}");
}

#[test]
fn seeds_and_sequences_differ() {
    let (one, other) = (record(&pendulum(0.1), 3, 4, 1), record(&pendulum(0.1), 3, 4, 2));
    assert_ne!(one.controls, other.controls);
    assert_ne!(one.controls.index_axis(Axis(0), 0), one.controls.index_axis(Axis(0), 1));
    assert_ne!(one.states.index_axis(Axis(0), 0), one.states.index_axis(Axis(0), 2));
}

#[test]
fn environments_can_be_objects() {
    let gym = GymPendulum::new(GymPendulumSettings::default()).unwrap();
    let expected = [record(&pendulum(0.0), 2, 5, 8), record(&gym, 2, 5, 8)];
    let objects: [Box<dyn Environment>; 2] = [Box::new(pendulum(0.0)), Box::new(gym)];
    for (object, expected) in objects.iter().zip(expected) {
        assert_eq!(record(object.as_ref(), 2, 5, 8), expected);
    }
}

proptest! {
    /// Neither more sequences nor more steps change what was there before.
    #[test]
    fn a_part_of_a_recording_is_a_recording(
        count in 1..6_usize, steps in 1..8_usize, seed in any::<u64>(), noise in 0..2_u8,
    ) {
        let pendulum = pendulum(f64::from(noise) * 0.2);
        let whole = record(&pendulum, 6, 8, seed);
        prop_assert_eq!(record(&pendulum, count, steps, seed), part(&whole, count, steps));
    }

    /// A sequence does not depend on those that are made beside it, or in which order.
    #[test]
    fn sequences_by_number_are_those_of_the_whole(
        numbers in vec(0..6_usize, 0..5), steps in 1..8_usize, seed in any::<u64>(),
    ) {
        let pendulum = pendulum(0.2);
        let whole = record(&pendulum, 6, steps, seed);
        let some = record_numbered(&pendulum, numbers.iter().copied(), steps, seed);
        prop_assert_eq!(&some.observations, &whole.observations.select(Axis(0), &numbers));
        prop_assert_eq!(&some.controls, &whole.controls.select(Axis(0), &numbers));
        prop_assert_eq!(&some.states, &whole.states.select(Axis(0), &numbers));
    }
}

/// A walk with random strides, read with a sensor of its own noise; what was drawn is hidden.
#[derive(Debug)]
struct Walk;

impl Environment for Walk {
    fn spec(&self) -> Spec {
        let at = StateVariable { name: "at".into(), kind: StateKind::Linear, error: 0.1 };
        Spec {
            state: vec![at],
            control_size: 0,
            observation_size: 1,
            image: None,
            dt: 1.0,
            noise_std: 0.0,
        }
    }

    fn reset(&self, _: &mut dyn RngCore, state: &mut [f64]) {
        state.copy_from_slice(&[3.0, 0.0]);
    }

    fn sample_control(&self, _: &mut dyn RngCore, _: &mut [f64]) {}

    fn advance(&self, state: &mut [f64], _: &[f64]) {
        state[0] += state[1];
    }

    #[expect(clippy::cast_possible_truncation, reason = "observations are in single precision")]
    fn observe(&self, state: &[f64], out: &mut [f32]) {
        out[0] = state[0] as f32;
    }

    fn hidden_size(&self) -> usize {
        1
    }

    fn disturb(&self, rng: &mut dyn RngCore, state: &mut [f64]) {
        state[1] = rng.random();
    }

    fn sense(&self, rng: &mut dyn RngCore, state: &[f64], out: &mut [f32]) {
        self.observe(state, out);
        out[0] += rng.random_range(10.0..11.0);
    }
}

#[test]
fn chance_acts_in_recordings_and_not_in_rollouts() {
    let recordings = record(&Walk, 2, 50, 6);
    assert_eq!(recordings.states.dim(), (2, 50, 1));
    let strides =
        &recordings.states.slice(s![.., 1.., 0]) - &recordings.states.slice(s![.., ..-1, 0]);
    let (mean, std) = moments(strides.iter());
    assert!((mean - 0.5).abs() < 0.1 && (std - 1.0 / 12.0_f64.sqrt()).abs() < 0.05);
    assert_ne!(strides.row(0), strides.row(1));
    let noise = &recordings.observations - &recordings.states;
    assert!(noise.iter().all(|n| (10.0..11.001).contains(n)));
    assert!((noise[[0, 0, 0]] - noise[[1, 0, 0]]).abs() > 1e-3, "every sequence has its noise");
    assert_eq!(record(&Walk, 1, 20, 6), part(&recordings, 1, 20));
    let still = rollout(&Walk, array![[4.0]].view(), Array3::zeros((1, 9, 0)).view());
    assert!(still.states.iter().chain(&still.observations).all(|x| (x - 4.0).abs() < 1e-6));
}
