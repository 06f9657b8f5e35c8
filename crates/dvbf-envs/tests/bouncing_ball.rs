//! One ball: reflection, energy, no tunnelling, reversibility, recordings, settings.

use dvbf_envs::{BouncingBall, BouncingBallSettings, EnvError, Environment, record};
use proptest::prelude::*;

fn ball(radius: f64, dt: f64) -> BouncingBall {
    let settings = BouncingBallSettings { radius, dt, ..BouncingBallSettings::default() };
    BouncingBall::new(settings).expect("valid settings")
}

/// Follows one coordinate bounce by bounce, as a person would.
fn by_hand(mut at: f64, mut velocity: f64, limit: f64, mut seconds: f64) -> (f64, f64) {
    loop {
        let wall = limit.copysign(velocity);
        let wait = (wall - at) / velocity;
        if velocity == 0.0 || wait >= seconds {
            return (at + velocity * seconds, velocity);
        }
        (at, velocity, seconds) = (wall, -velocity, seconds - wait);
    }
}

/// Numbers of every magnitude, of either sign.
fn any_magnitude() -> impl Strategy<Value = f64> {
    (-12.0..150.0_f64, any::<bool>()).prop_map(|(exponent, negative)| {
        let size = 10.0_f64.powf(exponent);
        if negative { -size } else { size }
    })
}

/// A state inside the box of a ball of that radius.
fn inside() -> impl Strategy<Value = (f64, [f64; 4])> {
    let unit = || -1.0..=1.0_f64;
    (0.01..0.9_f64, unit(), unit(), -30.0..30.0_f64, -30.0..30.0_f64)
        .prop_map(|(r, x, y, vx, vy)| (r, [x * (1.0 - r), y * (1.0 - r), vx, vy]))
}

#[test]
fn a_wall_mirrors_the_way_and_turns_one_velocity() {
    let ball = ball(0.2, 0.1);
    // 0.3 m to the wall at 0.8 m, 1 m to go: 0.7 m back, and the other axis knows nothing of it.
    let [x, y, vx, vy] = ball.step([0.5, -0.1, 10.0, 2.0], [0.0, 0.0]);
    assert!((x - 0.1).abs() < 1e-12 && (y - 0.1).abs() < 1e-12);
    assert_eq!((vx.to_bits(), vy.to_bits()), ((-10.0_f64).to_bits(), 2.0_f64.to_bits()));
    // A corner turns both.
    let [x, y, vx, vy] = ball.step([0.75, 0.75, 1.0, 1.0], [0.0, 0.0]);
    assert!((x - 0.75).abs() < 1e-12 && (y - 0.75).abs() < 1e-12);
    assert!(vx < 0.0 && vy < 0.0);
    // At the wall and moving inward: nothing happens to the velocity.
    let [x, _, vx, _] = ball.step([0.8, 0.0, -1.0, 0.0], [0.0, 0.0]);
    assert!((x - 0.7).abs() < 1e-12 && vx < 0.0);
}

#[test]
fn a_control_acts_before_the_flight() {
    let [x, y, vx, vy] = ball(0.2, 0.1).step([0.0, 0.0, 1.0, -1.0], [0.5, 0.25]);
    assert!((x - 0.15).abs() < 1e-12 && (y + 0.075).abs() < 1e-12);
    assert!((vx - 1.5).abs() < 1e-12 && (vy + 0.75).abs() < 1e-12);
}

#[test]
fn a_start_outside_is_reflected() {
    let [x, y, ..] = ball(0.2, 0.1).step([0.85, -5.0, 0.0, 0.0], [0.0, 0.0]);
    assert!((x - 0.75).abs() < 1e-12 && y.abs() <= 0.8);
}

#[test]
#[should_panic(expected = "lead nowhere")]
fn a_velocity_without_end_is_refused() {
    ball(0.2, 0.1).step([0.0; 4], [f64::INFINITY, 0.0]);
}

proptest! {
    #[test]
    fn no_speed_and_no_control_leads_out(
        (radius, [x, y, ..]) in inside(),
        v in [any_magnitude(), any_magnitude()],
        u in [any_magnitude(), any_magnitude()],
    ) {
        let ball = ball(radius, 0.1);
        let [x1, y1, vx, vy] = ball.step([x, y, v[0], v[1]], u);
        prop_assert!(x1.abs() <= ball.limit() && y1.abs() <= ball.limit(), "{} {}", x1, y1);
        // Walls change the sign of a velocity and nothing else, to the last bit.
        prop_assert_eq!(vx.abs().to_bits(), (v[0] + u[0]).abs().to_bits());
        prop_assert_eq!(vy.abs().to_bits(), (v[1] + u[1]).abs().to_bits());
    }

    #[test]
    fn unfolding_is_bouncing((radius, [x, y, vx, vy]) in inside()) {
        let (ball, dt) = (ball(radius, 0.7), 0.7);
        let next = ball.step([x, y, vx, vy], [0.0, 0.0]);
        for ((at, v), (next, next_v)) in [((x, vx), (next[0], next[2])), ((y, vy), (next[1], next[3]))] {
            let (expected, speed) = by_hand(at, v, ball.limit(), dt);
            prop_assert!((next - expected).abs() < 1e-10, "{} against {}", next, expected);
            // At the wall itself the sign is a matter of the last bit.
            if (ball.limit() - expected.abs()).abs() > 1e-9 {
                prop_assert_eq!(next_v.to_bits(), speed.to_bits());
            }
        }
    }

    #[test]
    fn energy_is_kept_without_control((radius, start) in inside()) {
        let ball = ball(radius, 0.1);
        let energy = |s: [f64; 4]| s[2].powi(2) + s[3].powi(2);
        let end = (0..1000).fold(start, |state, _| ball.step(state, [0.0, 0.0]));
        prop_assert_eq!(energy(end).to_bits(), energy(start).to_bits());
    }

    /// Turning every velocity round leads back; controls are taken back after the flight.
    #[test]
    fn time_can_be_turned_round(
        (radius, start) in inside(), u in [-1.0..1.0_f64, -1.0..1.0_f64],
    ) {
        let ball = ball(radius, 0.1);
        let mut state = start;
        for _ in 0..5 {
            state = ball.step(state, u);
        }
        for _ in 0..5 {
            let [x, y, vx, vy] = ball.step([state[0], state[1], -state[2], -state[3]], [0.0, 0.0]);
            state = [x, y, -vx - u[0], -vy - u[1]];
        }
        for (i, (back, start)) in state.iter().zip(start).enumerate() {
            // A bounce within the last bits of a step's end may fall on its other side.
            prop_assert!((back - start).abs() < 1e-9, "component {i}: {back} against {start}");
        }
    }
}

#[test]
fn recordings_stay_in_the_box_and_bounce() {
    let ball = BouncingBall::new(BouncingBallSettings::default()).unwrap();
    let recordings = record(&ball, 200, 15, 3);
    assert_eq!(recordings.observations.dim(), (200, 15, 256));
    assert_eq!(recordings.controls.dim(), (200, 15, 2));
    assert_eq!(recordings.state_names, ["x", "y", "vx", "vy"]);
    let (mut bounces, mut sequences) = (0, 0);
    for states in recordings.states.outer_iter() {
        let before = bounces;
        for t in 0..15 {
            for axis in 0..2 {
                assert!(states[[t, axis]].abs() <= 0.7);
                let turned = t > 0 && states[[t, 2 + axis]] * states[[t - 1, 2 + axis]] < 0.0;
                // A change of sign near a wall is a bounce; elsewhere the control made it.
                bounces += usize::from(turned && states[[t, axis]].abs() > 0.5);
            }
        }
        sequences += usize::from(bounces > before);
    }
    assert!(sequences > 100, "{sequences} of 200 sequences bounce");
}

#[test]
fn wrong_settings_are_named() {
    let base = BouncingBallSettings::default;
    let image = |size| dvbf_envs::BallImageSettings { size, ..base().image };
    for (name, settings) in [
        ("radius", BouncingBallSettings { radius: 1.0, ..base() }),
        ("radius", BouncingBallSettings { radius: 0.0, ..base() }),
        ("dt", BouncingBallSettings { dt: f64::NAN, ..base() }),
        ("control_max", BouncingBallSettings { control_max: -0.1, ..base() }),
        (
            "initial_velocity_max",
            BouncingBallSettings { initial_velocity_max: f64::INFINITY, ..base() },
        ),
        ("image.size", BouncingBallSettings { image: image(0), ..base() }),
    ] {
        match BouncingBall::new(settings) {
            Err(EnvError::Setting { key, .. }) => assert_eq!(key, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    let settings: BouncingBallSettings =
        toml::from_str("radius = 0.25\n[image]\nstyle = 'disc'").unwrap();
    assert_eq!(
        toml::from_str::<BouncingBallSettings>(&toml::to_string(&settings).unwrap()),
        Ok(settings)
    );
    let error = toml::from_str::<BouncingBallSettings>("raduis = 0.1").unwrap_err();
    assert!(error.to_string().contains("unknown field"), "{error}");
}

#[test]
fn the_trait_plays_the_same_step() {
    let ball = ball(0.3, 0.2);
    let mut state = [0.1, 0.2, 3.0, -4.0];
    let expected = ball.step(state, [0.5, -0.5]);
    ball.advance(&mut state, &[0.5, -0.5]);
    assert_eq!(state.map(f64::to_bits), expected.map(f64::to_bits));
}
