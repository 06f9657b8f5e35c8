//! Dry friction and the magnet of the pendulum: closed forms, energy, the order of the integrator.

use dvbf_envs::{EnvError, Integrator, MagnetSettings, Pendulum, PendulumSettings, euler};
use proptest::prelude::*;
use std::f64::consts::{PI, TAU};

fn pendulum(settings: PendulumSettings) -> Pendulum {
    Pendulum::new(settings).expect("valid settings")
}

fn default() -> PendulumSettings {
    PendulumSettings::default()
}

#[test]
fn none_is_added_by_default() {
    let (plain, other) = (
        pendulum(default()),
        pendulum(PendulumSettings {
            coulomb_velocity: 0.9,
            magnet: MagnetSettings { energy: 0.0, angle: 0.1, width: 0.1 },
            ..default()
        }),
    );
    for state in [[0.3, -1.0], [-0.0, -0.0], [0.0, 0.0], [2.0, 5.0]] {
        assert_eq!(plain.hidden_torque(state).to_bits(), (-0.0_f64).to_bits());
        for torque in [0.0, -0.0, 1.5] {
            let bits = |p: &Pendulum| p.step(state, torque).map(f64::to_bits);
            assert_eq!(bits(&plain), bits(&other));
            // m = L = 1.
            let expected = (torque - 0.1 * state[1]) / 1.0 - 9.81 * state[0].sin();
            assert_eq!(plain.acceleration(state, torque).to_bits(), expected.to_bits());
        }
    }
}

/// Dry friction moves the center of every half swing by `c / (m g L)` toward the side from which the
/// pendulum comes, so each half swing is shorter by twice that: amplitudes decrease on a line.
#[test]
fn dry_friction_shortens_every_swing_by_the_same() {
    let (mass, length, coulomb) = (1.3, 0.8, 0.004);
    let pendulum = pendulum(PendulumSettings {
        mass,
        length,
        coulomb,
        coulomb_velocity: 1e-4,
        damping: 0.0,
        dt: 1e-3,
        substeps: 50,
        ..default()
    });
    let offset = coulomb / (mass * 9.81 * length);
    let mut state = [0.02, 0.0];
    let (mut swings, mut time) = (0, 0.0);
    while swings < 10 {
        let next = pendulum.step(state, 0.0);
        time += 1e-3;
        if state[1] * next[1] < 0.0 {
            swings += 1;
            let expected = 0.02 - 2.0 * offset * f64::from(swings);
            let amplitude = next[0].abs();
            assert!((amplitude - expected).abs() < 0.02 * offset, "{amplitude}, {expected}");
        }
        state = next;
    }
    // Friction of this kind does not change the period.
    let expected = 10.0 * PI * (length / 9.81).sqrt();
    assert!((time - expected).abs() < 0.01 * expected, "{time} against {expected}");
}

#[test]
fn a_pendulum_nearly_sticks_where_friction_holds_it() {
    let pendulum = pendulum(PendulumSettings { coulomb: 1.0, substeps: 20, ..default() });
    let end = (0..300).fold([0.08, 0.0], |state, _| pendulum.step(state, 0.0));
    // Gravity pulls with 0.79 N m, and tanh(ω/ω_s) of friction balances it at a velocity of 0.05.
    let creep = -0.05 * (9.81 * 0.08_f64.sin()).atanh();
    let first = pendulum.step([0.08, 0.0], 0.0);
    let second = pendulum.step(first, 0.0);
    assert!((second[1] - creep).abs() < 0.2 * creep.abs(), "{second:?} against {creep}");
    assert!(end[0].abs() < 1e-3 && end[1].abs() < 1e-3, "{end:?}");
}

proptest! {
    /// `−V'` by central differences, and the period of a turn.
    #[test]
    fn the_magnet_pulls_down_its_potential(
        energy in -3.0..3.0_f64, at in -4.0..4.0_f64, width in 0.1..3.0_f64, angle in -7.0..7.0_f64,
    ) {
        let magnet = MagnetSettings { energy, angle: at, width };
        let slope = (magnet.potential(angle + 1e-5) - magnet.potential(angle - 1e-5)) / 2e-5;
        prop_assert!((magnet.torque(angle) + slope).abs() < 1e-6 * (1.0 + magnet.stiffness()));
        prop_assert!((magnet.torque(angle) - magnet.torque(angle + TAU)).abs() < 1e-9);
        // Near its angle it is a Gaussian well.
        let near = at + 0.05 * width;
        let well = -energy * (-0.5 * 0.05_f64.powi(2)).exp();
        prop_assert!((magnet.potential(near) - well).abs() <= 1e-5 * energy.abs());
        // Nowhere is the potential stiffer.
        let bend = (magnet.torque(angle + 1e-5) - magnet.torque(angle - 1e-5)) / 2e-5;
        prop_assert!(bend.abs() <= magnet.stiffness() * (1.0 + 1e-6) + 1e-6);
    }

    #[test]
    fn energy_is_conserved_with_a_magnet(
        energy in -3.0..3.0_f64, at in -3.0..3.0_f64, angle in -3.0..3.0_f64, velocity in -6.0..6.0_f64,
    ) {
        let magnet = MagnetSettings { energy, angle: at, width: 0.4 };
        let pendulum =
            pendulum(PendulumSettings { magnet, damping: 0.0, dt: 0.005, substeps: 2, ..default() });
        let mut state = [angle, velocity];
        let start = pendulum.energy(state);
        for _ in 0..500 {
            state = pendulum.step(state, 0.0);
        }
        prop_assert!((pendulum.energy(state) - start).abs() < 1e-6 * (1.0 + start.abs()));
    }

    /// Friction of both kinds takes exactly its power.
    #[test]
    fn friction_takes_its_power(
        coulomb in 0.0..0.5_f64, angle in -3.0..3.0_f64, velocity in -6.0..6.0_f64,
    ) {
        let settings = PendulumSettings { coulomb, dt: 1e-3, substeps: 1, ..default() };
        let pendulum = pendulum(settings);
        let power = |w: f64| -0.1 * w * w - coulomb * w * (w / 0.05).tanh();
        let (mut state, mut work) = ([angle, velocity], 0.0);
        let start = pendulum.energy(state);
        for _ in 0..1000 {
            let next = pendulum.step(state, 0.0);
            work += 0.5e-3 * (power(state[1]) + power(next[1]));
            state = next;
        }
        let lost = pendulum.energy(state) - start;
        prop_assert!((lost - work).abs() < 1e-4, "{} against {}", lost, work);
    }
}

#[test]
fn the_order_of_the_integrator_is_kept() {
    let after = |integrator, substeps| {
        let settings = PendulumSettings {
            coulomb: 0.3,
            coulomb_velocity: 0.5,
            damping: 2.0,
            dt: 0.5,
            magnet: MagnetSettings { energy: 0.8, angle: 0.7, width: 0.5 },
            integrator,
            substeps,
            ..default()
        };
        pendulum(settings).step([1.2, -1.0], 1.0)
    };
    let exact = after(Integrator::Rk4, 4000);
    for (integrator, order) in
        [(Integrator::Rk4, 4.0), (Integrator::Euler, 1.0), (Integrator::SemiImplicitEuler, 1.0)]
    {
        let error = |substeps| {
            let state = after(integrator, substeps);
            (state[0] - exact[0]).abs().max((state[1] - exact[1]).abs())
        };
        let measured = (error(40) / error(80)).log2();
        assert!((measured - order).abs() < 0.3, "{integrator:?}: order {measured}");
    }
}

#[test]
fn impossible_effects_are_refused() {
    type Change = fn(&mut PendulumSettings);
    let cases: [(&str, Change); 6] = [
        ("coulomb", |s| s.coulomb = -0.1),
        ("coulomb_velocity", |s| s.coulomb_velocity = 0.0),
        ("magnet.energy", |s| s.magnet.energy = f64::NAN),
        ("magnet.angle", |s| s.magnet.angle = f64::INFINITY),
        ("magnet.width", |s| s.magnet.width = 0.0),
        ("magnet.width", |s| s.magnet.width = 11.0),
    ];
    for (name, change) in cases {
        let mut settings = default();
        change(&mut settings);
        match settings.validate() {
            Err(EnvError::Setting { key, .. }) => assert_eq!(key, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    let magnet = MagnetSettings { energy: 5.0, angle: 0.0, width: 0.1 };
    for stiff in [
        PendulumSettings { coulomb: 2.0, ..default() },
        PendulumSettings { magnet, ..default() },
        // Explicit Euler steps turn ever faster about the bottom unless friction takes the energy.
        PendulumSettings { integrator: Integrator::Euler, ..default() },
    ] {
        let error = stiff.validate().unwrap_err();
        assert!(error.to_string().contains("`substeps`"), "{error}");
        assert_eq!(PendulumSettings { substeps: 20, ..stiff }.validate(), Ok(()));
    }
}

/// The limit of explicit Euler steps is where a small swing neither grows nor ends.
#[test]
fn explicit_steps_lose_energy_just_below_their_limit() {
    let of = |substeps| PendulumSettings { integrator: Integrator::Euler, substeps, ..default() };
    let Err(EnvError::Unstable { limit, .. }) = of(1).validate() else { panic!("too long a step") };
    assert!((limit - 0.1 / 9.81).abs() < 1e-15, "{limit}");
    let pendulum = pendulum(PendulumSettings { dt: 0.9 * limit, ..of(1) });
    let (start, near) = ([1e-3, 0.0], pendulum.energy([1e-3, 0.0]));
    let end = (0..100_000).fold(start, |state, _| pendulum.step(state, 0.0));
    assert!(pendulum.energy(end) < 1e-3 * near);
    let slope = |s: &[f64; 2], _: &[f64]| [s[1], pendulum.acceleration(*s, 0.0)];
    let end = euler(slope, start, &[], 1e5 * 1.1 * limit, 100_000);
    assert!(pendulum.energy(end) > 1e3 * near);
}

#[test]
fn settings_are_read_from_files() {
    let text = "coulomb = 0.2\n[magnet]\nenergy = 1.5\n[image]\nsize = 20";
    let settings: PendulumSettings = toml::from_str(text).unwrap();
    assert_eq!(settings.magnet, MagnetSettings { energy: 1.5, ..MagnetSettings::default() });
    let written = toml::to_string(&settings).unwrap();
    assert_eq!(toml::from_str::<PendulumSettings>(&written).unwrap(), settings);
    let error = toml::from_str::<PendulumSettings>("[magnet]\nstrength = 1.0").unwrap_err();
    assert!(error.to_string().contains("unknown field"), "{error}");
}
