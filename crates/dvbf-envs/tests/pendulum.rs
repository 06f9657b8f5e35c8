//! The pendulum against NumPy, closed forms, energy balances and its settings' checks.

use dvbf_envs::{EnvError, ImageSettings, Integrator, Pendulum, PendulumSettings};
use ndarray::{Array2, Array3};
use ndarray_npy::NpzReader;
use proptest::prelude::*;
use std::f64::consts::PI;

fn pendulum(settings: PendulumSettings) -> Pendulum {
    Pendulum::new(settings).expect("valid settings")
}

/// Undamped, in steps of `dt` without sub-steps.
fn free(length: f64, gravity: f64, dt: f64) -> Pendulum {
    let settings =
        PendulumSettings { mass: 1.7, length, gravity, damping: 0.0, dt, substeps: 1, ..default() };
    pendulum(settings)
}

fn default() -> PendulumSettings {
    PendulumSettings::default()
}

#[test]
fn trajectories_and_frames_match_numpy() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/pendulum.npz");
    let mut golden = NpzReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let states: Array3<f64> = golden.by_name("state").unwrap();
    let torques: Array2<f64> = golden.by_name("torque").unwrap();
    let frames: Array3<f32> = golden.by_name("frame").unwrap();
    let (radius, blob_std) = (Some(4.2), Some(0.9));
    let pendulum = pendulum(PendulumSettings {
        mass: 1.3,
        length: 0.7,
        damping: 0.25,
        dt: 0.08,
        substeps: 3,
        image: ImageSettings { size: 12, radius, blob_std, ..ImageSettings::default() },
        ..default()
    });
    let (count, steps, _) = states.dim();
    let mut image = vec![0.0; 144];
    for n in 0..count {
        let mut state = [states[[n, 0, 0]], states[[n, 0, 1]]];
        for t in 0..steps {
            for (i, value) in state.iter().enumerate() {
                let error = (value - states[[n, t, i]]).abs();
                assert!(error < 1e-11, "sequence {n}, step {t}, component {i}: {error}");
            }
            pendulum.renderer().render(state[0], &mut image);
            for (i, pixel) in image.iter().enumerate() {
                assert!((pixel - frames[[n, t, i]]).abs() < 1e-6, "frame {n}, {t}, pixel {i}");
            }
            state = pendulum.step(state, torques[[n, t]]);
        }
    }
}

#[test]
fn small_swings_follow_the_linear_equation() {
    let (mass, length, damping, dt) = (0.8, 1.4, 0.3, 0.05);
    let pendulum = pendulum(PendulumSettings { mass, length, damping, dt, ..default() });
    let rate = damping / (2.0 * mass * length * length);
    let damped = (9.81 / length - rate * rate).sqrt();
    let (start, velocity) = (1e-4, -2e-4);
    let mut state = [start, velocity];
    for t in 1..=200_u32 {
        state = pendulum.step(state, 0.0);
        let phase = damped * f64::from(t) * dt;
        let exact = (-rate * f64::from(t) * dt).exp()
            * (start * phase.cos() + (velocity + rate * start) / damped * phase.sin());
        assert!((state[0] - exact).abs() < 1e-9, "step {t}: {} against {exact}", state[0]);
    }
}

/// The arithmetic-geometric mean.
fn agm(mut a: f64, mut b: f64) -> f64 {
    for _ in 0..40 {
        (a, b) = (f64::midpoint(a, b), (a * b).sqrt());
    }
    a
}

/// Seconds for a whole swing from rest at `amplitude`: four times the way down to the bottom.
fn period(pendulum: &Pendulum, amplitude: f64) -> f64 {
    let (dt, mut state) = (pendulum.settings().dt, [amplitude, 0.0]);
    for count in 0.. {
        let next = pendulum.step(state, 0.0);
        if next[0] <= 0.0 {
            // Near the bottom the velocity is stationary, so a straight line is exact enough.
            return 4.0 * dt * (f64::from(count) + state[0] / (state[0] - next[0]));
        }
        state = next;
    }
    unreachable!("a pendulum comes down")
}

#[test]
fn small_swings_have_the_textbook_period() {
    let (length, gravity) = (0.6, 3.7);
    let measured = period(&free(length, gravity, 1e-3), 1e-3);
    let expected = 2.0 * PI * (length / gravity).sqrt();
    assert!((measured / expected - 1.0).abs() < 1e-6, "{measured} against {expected}");
}

#[test]
fn symplectic_steps_keep_energy_near_its_start() {
    let integrator = Integrator::SemiImplicitEuler;
    let pendulum =
        pendulum(PendulumSettings { integrator, damping: 0.0, dt: 0.01, substeps: 1, ..default() });
    let mut state = [2.0, 0.0];
    let start = pendulum.energy(state);
    for _ in 0..100_000 {
        state = pendulum.step(state, 0.0);
        assert!((pendulum.energy(state) / start - 1.0).abs() < 0.03);
    }
}

proptest! {
    /// `T = 2π √(L/g) / agm(1, cos(θ₀/2))` at any amplitude.
    #[test]
    fn wide_swings_have_the_elliptic_period(
        length in 0.3..3.0_f64, gravity in 1.0..20.0_f64, amplitude in 0.1..3.0_f64,
    ) {
        let expected = 2.0 * PI * (length / gravity).sqrt() / agm(1.0, (amplitude / 2.0).cos());
        let measured = period(&free(length, gravity, expected * 2e-4), amplitude);
        prop_assert!((measured / expected - 1.0).abs() < 1e-6, "{} against {}", measured, expected);
    }

    #[test]
    fn energy_is_conserved_without_damping(angle in -3.1..3.1_f64, velocity in -6.0..6.0_f64) {
        let pendulum = free(1.2, 9.81, 0.005);
        let mut state = [angle, velocity];
        let start = pendulum.energy(state);
        for _ in 0..1000 {
            state = pendulum.step(state, 0.0);
        }
        prop_assert!((pendulum.energy(state) - start).abs() < 1e-6 * (1.0 + start));
    }

    #[test]
    fn damping_only_takes_energy(
        angle in -3.1..3.1_f64, velocity in -6.0..6.0_f64, damping in 0.05..1.0_f64,
    ) {
        let pendulum = pendulum(PendulumSettings { damping, substeps: 10, ..default() });
        let mut state = [angle, velocity];
        let start = pendulum.energy(state);
        for _ in 0..100 {
            let next = pendulum.step(state, 0.0);
            prop_assert!(pendulum.energy(next) <= pendulum.energy(state) + 1e-9);
            state = next;
        }
        prop_assert!(pendulum.energy(state) < start.max(1e-9));
    }

    /// A torque `u = m g L sin θ` holds the pendulum at `θ`.
    #[test]
    fn torque_balances_gravity(
        angle in -1.5..1.5_f64, mass in 0.2..4.0_f64, length in 0.5..2.0_f64,
    ) {
        let pendulum = pendulum(PendulumSettings { mass, length, ..default() });
        let [next, velocity] = pendulum.step([angle, 0.0], mass * 9.81 * length * angle.sin());
        prop_assert!((next - angle).abs() < 1e-12 && velocity.abs() < 1e-12);
    }

    /// The equation does not change when everything is mirrored.
    #[test]
    fn left_is_the_mirror_image_of_right(
        angle in -3.0..3.0_f64, velocity in -6.0..6.0_f64, torque in -3.0..3.0_f64,
    ) {
        let pendulum = pendulum(default());
        let right = pendulum.step([angle, velocity], torque);
        let left = pendulum.step([-angle, -velocity], -torque);
        prop_assert!(left.iter().zip(right).all(|(l, r)| (l + r).abs() < 1e-12));
    }
}

#[test]
fn settings_outside_their_range_are_named() {
    type Change = fn(&mut PendulumSettings);
    let cases: [(&str, Change); 14] = [
        ("mass", |s| s.mass = 0.0),
        ("length", |s| s.length = -1.0),
        ("gravity", |s| s.gravity = -9.81),
        ("damping", |s| s.damping = f64::NAN),
        ("dt", |s| s.dt = f64::INFINITY),
        ("substeps", |s| s.substeps = 0),
        ("torque_max", |s| s.torque_max = -2.0),
        ("initial_angle_max", |s| s.initial_angle_max = -0.1),
        ("initial_velocity_std", |s| s.initial_velocity_std = -0.1),
        ("image.size", |s| s.image.size = 0),
        ("image.radius", |s| s.image.radius = Some(-1.0)),
        ("image.blob_std", |s| s.image.blob_std = Some(0.0)),
        ("image.rod_half_width", |s| s.image.rod_half_width = Some(0.0)),
        ("image.noise_std", |s| s.image.noise_std = -0.5),
    ];
    for (name, change) in cases {
        let mut settings = default();
        change(&mut settings);
        match Pendulum::new(settings) {
            Err(EnvError::Setting { key, .. }) => assert_eq!(key, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    let error = PendulumSettings { mass: -2.5, ..default() }.validate().unwrap_err();
    assert_eq!(error.to_string(), "`mass` must be finite and above zero, but it is -2.5");
}

#[test]
fn steps_that_would_blow_up_are_refused() {
    let stiff = PendulumSettings { damping: 50.0, ..default() };
    let error = stiff.validate().unwrap_err();
    assert!(error.to_string().contains("`substeps`"), "{error}");
    let settings = PendulumSettings { substeps: 5, ..stiff };
    assert_eq!(settings.validate(), Ok(()));
    let pendulum = pendulum(settings);
    let end = (0..100).fold([1.0, 100.0], |state, _| pendulum.step(state, 2.0));
    assert!(end.iter().all(|s| s.is_finite()));
}

#[test]
fn settings_are_read_from_files_and_unknown_keys_refused() {
    let settings: PendulumSettings = toml::from_str(
        "damping = 0.4\nintegrator = 'semi-implicit-euler'\n[image]\nsize = 20\nstyle = 'rod'",
    )
    .unwrap();
    assert_eq!((settings.damping.to_bits(), settings.image.size), (0.4_f64.to_bits(), 20));
    assert_eq!(settings.integrator, Integrator::SemiImplicitEuler);
    let written = toml::to_string(&settings).unwrap();
    assert_eq!(toml::from_str::<PendulumSettings>(&written).unwrap(), settings);
    let resolved = PendulumSettings { image: settings.image.resolved(), ..settings };
    let written = toml::to_string(&resolved).unwrap();
    assert_eq!(toml::from_str::<PendulumSettings>(&written).unwrap(), resolved);
    for unknown in ["dampening = 0.4", "[image]\nsise = 20"] {
        let error = toml::from_str::<PendulumSettings>(unknown).unwrap_err();
        assert!(error.to_string().contains("unknown field"), "{error}");
    }
}
