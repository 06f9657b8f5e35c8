//! Two balls: momentum, energy, contact, no overlap, no tunnelling, reversibility, recordings.

use dvbf_envs::{BallImageSettings, EnvError, TwoBalls, TwoBallsSettings, record};
use proptest::prelude::*;

fn balls(radius: [f64; 2], mass: [f64; 2], dt: f64) -> TwoBalls {
    let settings = TwoBallsSettings { radius, mass, dt, ..TwoBallsSettings::default() };
    TwoBalls::new(settings).expect("valid settings")
}

fn distance(state: [f64; 8]) -> f64 {
    (state[4] - state[0]).hypot(state[5] - state[1])
}

fn momentum(state: [f64; 8], mass: [f64; 2]) -> [f64; 2] {
    [2, 3].map(|i| mass[0] * state[i] + mass[1] * state[i + 4])
}

/// Balls that do not overlap, in a box, with velocities of the magnitude `10^speed`.
fn scene(speed: std::ops::Range<f64>) -> impl Strategy<Value = ([f64; 2], [f64; 2], [f64; 8])> {
    let unit = || prop::array::uniform8(-1.0..=1.0_f64);
    ([0.05..0.45_f64, 0.05..0.45_f64], [0.1..10.0_f64, 0.1..10.0_f64], unit(), speed)
        .prop_map(|(radius, mass, s, exponent)| {
            let (first, second, speed) =
                (1.0 - radius[0], 1.0 - radius[1], 10.0_f64.powf(exponent));
            let state = [
                s[0] * first,
                s[1] * first,
                s[2] * speed,
                s[3] * speed,
                s[4] * second,
                s[5] * second,
                s[6] * speed,
                s[7] * speed,
            ];
            (radius, mass, state)
        })
        .prop_filter("balls do not overlap", |(radius, _, state)| {
            distance(*state) >= radius[0] + radius[1]
        })
}

#[test]
fn a_ball_at_rest_takes_the_velocity_of_its_equal() {
    let balls = balls([0.1, 0.1], [1.0, 1.0], 0.5);
    let next = balls.step([-0.5, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    // They touch after 0.3 s, 0.2 m apart; then the second moves for 0.2 s.
    let expected = [-0.2, 0.0, 0.0, 0.0, 0.2, 0.0, 1.0, 0.0];
    for (value, expected) in next.iter().zip(expected) {
        assert!((value - expected).abs() < 1e-12, "{next:?}");
    }
}

#[test]
fn an_oblique_contact_turns_equal_balls_at_right_angles() {
    let balls = balls([0.1, 0.1], [2.0, 2.0], 0.5);
    let next = balls.step([-0.5, 0.05, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    let product = next[2] * next[6] + next[3] * next[7];
    assert!(product.abs() < 1e-12, "{next:?}");
    assert!(next[3] > 0.0 && next[7] < 0.0, "{next:?}");
}

/// A ball as fast as a bullet neither jumps over the other one nor over the wall behind it.
#[test]
fn nothing_is_jumped_over() {
    let balls = balls([0.01, 0.5], [1.0, 1e-2 * 5e3], 0.1);
    for speed in [10.0, 1e2, 1e3, 9e3] {
        // Head-on through the middle: the small ball always stays on the left side.
        let next = balls.step([-0.9, 0.0, speed, 0.0, 0.4, 0.0, 0.0, 0.0]);
        assert!(next[0] < next[4], "at {speed} m/s: {next:?}");
        assert!((next[1], next[5]) == (0.0, 0.0), "at {speed} m/s: {next:?}");
    }
}

proptest! {
    #[test]
    fn balls_keep_energy_and_box_and_distance((radius, mass, start) in scene(-3.0..3.5)) {
        let balls = balls(radius, mass, 0.1);
        let (energy, mut state) = (balls.energy(start), start);
        for _ in 0..20 {
            state = balls.step(state);
            prop_assert!((balls.energy(state) / energy - 1.0).abs() < 1e-9);
            for (i, radius) in radius.into_iter().enumerate() {
                prop_assert!(state[4 * i].abs() <= 1.0 - radius, "{:?}", state);
                prop_assert!(state[4 * i + 1].abs() <= 1.0 - radius, "{:?}", state);
            }
            prop_assert!(distance(state) >= radius[0] + radius[1] - 1e-9, "{}", distance(state));
        }
    }

    /// Far from walls momentum is kept, and the line between the centers at contact takes it all.
    #[test]
    fn contacts_keep_momentum(
        mass in [0.1..10.0_f64, 0.1..10.0_f64],
        (angle, offset, speed) in (0.0..std::f64::consts::TAU, -0.15..0.15_f64, 0.5..2.0_f64),
    ) {
        let balls = balls([0.1, 0.1], mass, 0.3);
        let (sin, cos) = angle.sin_cos();
        // The first ball in the middle at rest, the second one 0.3 m away and on its way to it.
        let state = [
            0.0, 0.0, 0.0, 0.0,
            0.3 * cos - offset * sin, 0.3 * sin + offset * cos, -speed * cos, -speed * sin,
        ];
        // What is hit is at most twice as fast; nothing may come to a wall, and back from it.
        prop_assume!(2.0 * speed * mass[1] / (mass[0] + mass[1]) * 0.3 < 0.85);
        let next = balls.step(state);
        for (before, after) in momentum(state, mass).into_iter().zip(momentum(next, mass)) {
            prop_assert!((before - after).abs() < 1e-12 * (1.0 + before.abs()));
        }
        let touched = next[2] != 0.0 || next[3] != 0.0;
        let closest = offset.abs();
        // At least 0.3 m nearer after 0.3 s from 0.5 m/s on only if fast enough.
        let reach = 0.3 - (0.04 - closest * closest).max(0.0).sqrt();
        if (speed * 0.3 - reach).abs() > 1e-9 {
            prop_assert_eq!(touched, speed * 0.3 > reach);
        }
    }

    /// A few collisions are undone when every velocity is turned round. Collisions of balls amplify
    /// rounding, so not for long.
    #[test]
    fn time_can_be_turned_round((radius, mass, start) in scene(-1.0..0.7)) {
        let balls = balls(radius, mass, 0.1);
        let turn = |mut s: [f64; 8]| {
            for i in [2, 3, 6, 7] {
                s[i] = -s[i];
            }
            s
        };
        let there = (0..5).fold(start, |state, _| balls.step(state));
        let back = turn((0..5).fold(turn(there), |state, _| balls.step(state)));
        for (i, (back, start)) in back.iter().zip(start).enumerate() {
            prop_assert!((back - start).abs() < 1e-5, "component {i}: {back} against {start}");
        }
    }

    /// One long step is many short ones.
    #[test]
    fn collisions_do_not_know_of_steps((radius, mass, start) in scene(-1.0..0.5)) {
        let whole = balls(radius, mass, 0.4).step(start);
        let short = balls(radius, mass, 0.1);
        let parts = (0..4).fold(start, |state, _| short.step(state));
        for (whole, part) in whole.iter().zip(parts) {
            prop_assert!((whole - part).abs() < 1e-6, "{:?} against {:?}", whole, part);
        }
    }

    #[test]
    fn starts_in_each_other_come_apart(s in prop::array::uniform8(-3.0..3.0_f64)) {
        let balls = balls([0.3, 0.4], [1.0, 3.0], 0.1);
        let end = (0..200).fold(s, |state, _| balls.step(state));
        prop_assert!(end.iter().all(|v| v.is_finite()));
        prop_assert!((balls.energy(end) / balls.energy(s) - 1.0).abs() < 1e-9);
    }
}

#[test]
#[should_panic(expected = "collide too often")]
fn balls_of_no_world_are_refused() {
    balls([0.2, 0.2], [1.0, 1.0], 0.1).step([0.0, 0.0, 1e12, 0.0, 0.5, 0.0, 0.0, 0.0]);
}

#[test]
fn recordings_are_made_without_controls() {
    let balls = TwoBalls::new(TwoBallsSettings::default()).unwrap();
    let recordings = record(&balls, 100, 15, 5);
    assert_eq!(recordings.observations.dim(), (100, 15, 400));
    assert_eq!(recordings.controls.dim(), (100, 15, 0));
    assert_eq!(recordings.state_names, ["x1", "y1", "vx1", "vy1", "x2", "y2", "vx2", "vy2"]);
    let mut met = 0;
    for states in recordings.states.outer_iter() {
        for row in states.rows() {
            let (dx, dy) = (row[4] - row[0], row[5] - row[1]);
            assert!(dx.hypot(dy) >= 0.65 - 1e-6);
        }
        // The heavier ball changes its direction without a wall near: it was hit.
        let hit = (1..15).any(|t| {
            let turned = |v: usize| (states[[t, v]] - states[[t - 1, v]]).abs() > 1e-5;
            let inner =
                |at: usize| states[[t, at]].abs() < 0.45 && states[[t - 1, at]].abs() < 0.45;
            turned(6) && turned(7) && inner(4) && inner(5)
        });
        met += usize::from(hit);
    }
    assert!(met > 15, "balls met in {met} of 100 sequences");
    // Where the first ball is, and where the second: two bodies of their own brightness.
    assert!(recordings.observations.iter().all(|p| (0.0..=1.0).contains(p)));
}

#[test]
fn wrong_settings_are_named() {
    let base = TwoBallsSettings::default;
    let image = BallImageSettings { noise_std: -1.0, ..base().image };
    for (name, settings) in [
        ("radius", TwoBallsSettings { radius: [0.2, 0.0], ..base() }),
        ("radius", TwoBallsSettings { radius: [0.6, 0.5], ..base() }),
        ("radius", TwoBallsSettings { radius: [0.8, 0.1], ..base() }),
        ("mass", TwoBallsSettings { mass: [1.0, 0.0], ..base() }),
        ("mass", TwoBallsSettings { mass: [1e4, 1.0], ..base() }),
        ("dt", TwoBallsSettings { dt: 0.0, ..base() }),
        ("initial_velocity_max", TwoBallsSettings { initial_velocity_max: -1.0, ..base() }),
        ("initial_velocity_max", TwoBallsSettings { initial_velocity_max: 1e5, ..base() }),
        ("image.noise_std", TwoBallsSettings { image, ..base() }),
    ] {
        match TwoBalls::new(settings) {
            Err(EnvError::Setting { key, .. }) => assert_eq!(key, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    let error = TwoBallsSettings { radius: [0.6, 0.5], ..base() }.validate().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`radius` must be at most 1 m for both balls together, but it is 1.1"
    );
    let error = toml::from_str::<TwoBallsSettings>("masses = [1.0, 2.0]").unwrap_err();
    assert!(error.to_string().contains("unknown field"), "{error}");
    let settings: TwoBallsSettings = toml::from_str("mass = [1.0, 2.0]").unwrap();
    assert_eq!(
        toml::from_str::<TwoBallsSettings>(&toml::to_string(&settings).unwrap()),
        Ok(settings)
    );
}

/// The fastest balls that settings allow are followed to the end.
#[test]
fn the_limits_of_the_settings_can_be_simulated() {
    let settings = TwoBallsSettings {
        radius: [0.75, 0.25],
        mass: [100.0, 0.01],
        initial_velocity_max: 5000.0,
        ..TwoBallsSettings::default()
    };
    let recordings = record(&TwoBalls::new(settings).unwrap(), 3, 10, 0);
    assert!(recordings.states.iter().all(|v| v.is_finite()));
}
