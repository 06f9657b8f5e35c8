//! The mass on a spring against textbook solutions, a numerical one, energy, and what is seen.

use dvbf_envs::{EnvError, Environment, MassSpring, MassSpringSettings, SpringView, record, rk4};
use ndarray::s;
use proptest::prelude::*;

fn spring(settings: MassSpringSettings) -> MassSpring {
    MassSpring::new(settings).expect("valid settings")
}

fn default() -> MassSpringSettings {
    MassSpringSettings::default()
}

#[test]
fn textbook_solutions() {
    let after = |mass, stiffness, damping| {
        let settings = MassSpringSettings { mass, stiffness, damping, dt: 0.7, ..default() };
        spring(settings).step([0.4, 0.0], 0.0)[0]
    };
    // Undamped: cos ωt with ω = 3.
    assert!((after(2.0, 18.0, 0.0) - 0.4 * 2.1_f64.cos()).abs() < 1e-14);
    // Critical: (1 + γt) e^{−γt} with γ = 3.
    assert!((after(2.0, 18.0, 12.0) - 0.4 * 3.1 * (-2.1_f64).exp()).abs() < 1e-14);
    // Overdamped: rates 1 and 9.
    let exact = 0.4 * (9.0 * (-0.7_f64).exp() - (-6.3_f64).exp()) / 8.0;
    assert!((after(2.0, 18.0, 20.0) - exact).abs() < 1e-14);
    // Underdamped: γ = 1.2, and 1.6 below the natural frequency of 2.
    let (sin, cos) = (1.6_f64 * 0.7).sin_cos();
    let exact = 0.4 * (-0.84_f64).exp() * (cos + 0.75 * sin);
    assert!((after(1.0, 4.0, 2.4) - exact).abs() < 1e-14);
}

#[test]
fn friction_without_measure_only_slows() {
    // A rate of k / c, whatever the exponentials of the fast one are.
    let settings = MassSpringSettings { damping: 1e9, dt: 1e6, ..default() };
    let [position, velocity] = spring(settings).step([1.0, 0.0], 0.0);
    assert!((position - (-0.01_f64).exp()).abs() < 1e-9, "{position}");
    assert!(velocity.abs() < 1e-7);
}

proptest! {
    #[test]
    fn a_step_is_the_numerical_solution(
        mass in 0.2..3.0_f64, stiffness in 0.5..30.0_f64, ratio in 0.0..2.5_f64,
        x in -1.0..1.0_f64, v in -2.0..2.0_f64, force in -3.0..3.0_f64,
    ) {
        // A third of the cases are within a hair of critical damping.
        let ratio = if ratio > 1.7 { 1.0 + (ratio - 2.1) * 1e-6 } else { ratio };
        let damping = ratio * 2.0 * (mass * stiffness).sqrt();
        let spring =
            spring(MassSpringSettings { mass, stiffness, damping, dt: 0.3, ..default() });
        let slope = |s: &[f64; 2], u: &[f64]| {
            [s[1], (u[0] - stiffness * s[0] - damping * s[1]) / mass]
        };
        let (exact, numeric) = (spring.step([x, v], force), rk4(slope, [x, v], &[force], 0.3, 2000));
        for (exact, numeric) in exact.iter().zip(numeric) {
            prop_assert!((exact - numeric).abs() < 1e-9, "{} against {}", exact, numeric);
        }
    }

    #[test]
    fn energy_is_kept_or_lost(x in -1.0..1.0_f64, v in -2.0..2.0_f64, damping in 0.01..9.0_f64) {
        let kept = spring(MassSpringSettings { damping: 0.0, ..default() });
        let end = (0..1000).fold([x, v], |state, _| kept.step(state, 0.0));
        prop_assert!((kept.energy(end) - kept.energy([x, v])).abs() < 1e-11);
        let lost = spring(MassSpringSettings { damping, ..default() });
        prop_assert!(lost.energy(lost.step([x, v], 0.0)) <= lost.energy([x, v]));
    }

    /// Two steps are one of twice the length.
    #[test]
    fn steps_compose(x in -1.0..1.0_f64, v in -2.0..2.0_f64, damping in 0.0..9.0_f64) {
        let once = spring(MassSpringSettings { damping, dt: 0.4, ..default() }).step([x, v], 0.7);
        let half = spring(MassSpringSettings { damping, dt: 0.2, ..default() });
        let twice = half.step(half.step([x, v], 0.7), 0.7);
        prop_assert!(once.iter().zip(twice).all(|(a, b)| (a - b).abs() < 1e-12));
    }
}

#[test]
fn positions_are_seen_with_noise() {
    let recordings = record(&spring(default()), 200, 50, 3);
    assert_eq!(recordings.observations.dim(), (200, 50, 1));
    assert_eq!((recordings.image, recordings.dt.to_bits()), (None, 0.1_f64.to_bits()));
    let noise =
        &recordings.observations.slice(s![.., .., 0]) - &recordings.states.slice(s![.., .., 0]);
    let std = (noise.iter().map(|&e| f64::from(e).powi(2)).sum::<f64>() / 1e4).sqrt();
    assert!((std - 0.02).abs() < 1e-3, "{std}");
    // What the default shows stays in the frame of the image.
    assert!(recordings.states.slice(s![.., .., 0]).iter().all(|x| x.abs() < 1.0));
}

#[test]
fn a_blob_moves_along_the_middle() {
    let spring = spring(MassSpringSettings { view: SpringView::Image, ..default() });
    let spec = spring.spec();
    assert_eq!((spec.observation_size, spec.image), (256, Some((16, 16))));
    let mut image = vec![0.0; 256];
    for x in [-0.6, 0.0, 0.55] {
        spring.observe(&[x, 3.0], &mut image);
        let (mut across, mut down, mut sum) = (0.0, 0.0, 0.0);
        for (at, &pixel) in image.iter().enumerate() {
            let weight = f64::from(pixel);
            across += weight * ((2 * (at % 16) + 1) as f64 / 16.0 - 1.0);
            down += weight * ((2 * (at / 16) + 1) as f64 / 16.0 - 1.0);
            sum += weight;
        }
        assert!((across / sum - x).abs() < 0.01 && (down / sum).abs() < 1e-6);
    }
}

#[test]
fn wrong_settings_are_named() {
    type Change = fn(&mut MassSpringSettings);
    let cases: [(&str, Change); 9] = [
        ("mass", |s| s.mass = 0.0),
        ("stiffness", |s| s.stiffness = 0.0),
        ("damping", |s| s.damping = -0.1),
        ("dt", |s| s.dt = f64::NAN),
        ("force_max", |s| s.force_max = -0.1),
        ("initial_position_max", |s| s.initial_position_max = -0.1),
        ("initial_velocity_max", |s| s.initial_velocity_max = f64::INFINITY),
        ("position_noise_std", |s| s.position_noise_std = -0.1),
        ("image.size", |s| s.image.size = 0),
    ];
    for (name, change) in cases {
        let mut settings = default();
        change(&mut settings);
        match MassSpring::new(settings) {
            Err(EnvError::Setting { key, .. }) => assert_eq!(key, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    let settings: MassSpringSettings = toml::from_str("view = 'image'\nmass = 2.0").unwrap();
    let written = toml::to_string(&settings).unwrap();
    assert_eq!(toml::from_str::<MassSpringSettings>(&written).unwrap(), settings);
    let error = toml::from_str::<MassSpringSettings>("stifness = 2.0").unwrap_err();
    assert!(error.to_string().contains("unknown field"), "{error}");
}
