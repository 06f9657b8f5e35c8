//! The cart and its pole against Gymnasium (`data/make_gym_cart_pole.py`), against the mass matrix,
//! energy balances, the order of the integrators, and the settings' checks.

use dvbf_envs::{CartPole, CartPoleSettings, EnvError, Environment, Integrator, StateKind, record};
use ndarray::{Array1, Array2, Array3, s};
use ndarray_npy::NpzReader;
use proptest::prelude::*;

fn cart(settings: CartPoleSettings) -> CartPole {
    CartPole::new(settings).expect("valid settings")
}

fn default() -> CartPoleSettings {
    CartPoleSettings::default()
}

/// With every constant unlike one and unlike its default.
fn odd() -> CartPoleSettings {
    CartPoleSettings {
        gravity: 3.7,
        cart_mass: 1.4,
        pole_mass: 0.6,
        half_length: 0.8,
        cart_friction: 0.35,
        pole_friction: 0.09,
        ..default()
    }
}

#[test]
fn replays_gymnasium_beyond_its_termination() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/gym_cart_pole.npz");
    let mut golden = NpzReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let states: Array3<f64> = golden.by_name("state").unwrap();
    let forces: Array2<f64> = golden.by_name("force").unwrap();
    let euler: Array1<f64> = golden.by_name("euler").unwrap();
    let (count, steps) = forces.dim();
    assert_eq!((count, steps), (8, 100));
    let mut worst = 0.0_f64;
    for n in 0..count {
        let semi = Integrator::SemiImplicitEuler;
        let integrator = if euler[n] > 0.5 { Integrator::Euler } else { semi };
        let cart = cart(CartPoleSettings { integrator, ..CartPoleSettings::gymnasium() });
        let mut state = [0, 1, 2, 3].map(|i| states[[n, 0, i]]);
        for t in 0..steps {
            state = cart.step(state, forces[[n, t]]);
            for (i, value) in state.iter().enumerate() {
                let error = (value - states[[n, t + 1, i]]).abs();
                worst = worst.max(error);
                assert!(error <= 1e-12, "sequence {n}, step {t}, component {i}: {error:e}");
            }
        }
    }
    println!("largest difference from Gymnasium: {worst:e}");
    // Both schemes, both kinds of force, and angles at which Gymnasium stops long before.
    assert!(euler.iter().any(|&e| e < 0.5) && euler.iter().any(|&e| e > 0.5));
    assert!(forces.slice(s![..4, ..]).iter().all(|force| (force.abs() - 10.0).abs() < 1e-12));
    assert!(forces.slice(s![4.., ..]).iter().all(|force| (force.abs() - 10.0).abs() > 1e-12));
    assert!(states.slice(s![.., .., 2]).iter().any(|angle| angle.abs() > 6.3));
}

proptest! {
    /// The accelerations solve the equations of motion in their implicit form.
    #[test]
    fn accelerations_solve_the_equations(
        x in -3.0..3.0_f64, v in -4.0..4.0_f64, angle in -7.0..7.0_f64, w in -6.0..6.0_f64,
        force in -20.0..20.0_f64,
    ) {
        let s = odd();
        let [along, turning] = cart(s.clone()).acceleration([x, v, angle, w], force);
        let ml = s.pole_mass * s.half_length;
        let first = (s.cart_mass + s.pole_mass) * along + ml * turning * angle.cos()
            - ml * w * w * angle.sin();
        let second = 4.0 / 3.0 * ml * s.half_length * turning + ml * along * angle.cos()
            - ml * s.gravity * angle.sin();
        prop_assert!((first - (force - s.cart_friction * v)).abs() < 1e-12, "{}", first);
        prop_assert!((second + s.pole_friction * w).abs() < 1e-12, "{}", second);
    }

    /// What the force puts in and friction takes out is the change of energy.
    #[test]
    fn energy_changes_by_the_power(
        v in -2.0..2.0_f64, angle in -7.0..7.0_f64, w in -3.0..3.0_f64, force in -5.0..5.0_f64,
    ) {
        let s = CartPoleSettings { dt: 1e-3, substeps: 1, ..odd() };
        let cart = cart(s.clone());
        let power = |state: [f64; 4]| {
            force * state[1] - s.cart_friction * state[1].powi(2) - s.pole_friction * state[3].powi(2)
        };
        let (mut state, mut work) = ([0.3, v, angle, w], 0.0);
        let start = cart.energy(state);
        for _ in 0..500 {
            let next = cart.step(state, force);
            work += 0.5 * s.dt * (power(state) + power(next));
            state = next;
        }
        let change = cart.energy(state) - start;
        prop_assert!((change - work).abs() < 1e-4, "{} against {}", change, work);
    }

    #[test]
    fn energy_is_conserved_without_friction_and_force(
        v in -2.0..2.0_f64, angle in -4.0..4.0_f64, w in -3.0..3.0_f64,
    ) {
        let cart = cart(CartPoleSettings { dt: 0.005, substeps: 1, ..default() });
        let mut state = [0.0, v, angle, w];
        let (start, momentum) = (cart.energy(state), pushed(state));
        for _ in 0..1000 {
            state = cart.step(state, 0.0);
        }
        prop_assert!((cart.energy(state) - start).abs() < 1e-6);
        // Nothing pushes along the track.
        prop_assert!((pushed(state) - momentum).abs() < 1e-6);
    }

    #[test]
    fn left_is_the_mirror_image_of_right(
        x in -3.0..3.0_f64, v in -4.0..4.0_f64, angle in -7.0..7.0_f64, w in -6.0..6.0_f64,
        force in -20.0..20.0_f64,
    ) {
        let cart = cart(odd());
        let right = cart.step([x, v, angle, w], force);
        let left = cart.step([-x, -v, -angle, -w], -force);
        prop_assert!(left.iter().zip(right).all(|(l, r)| (l + r).abs() < 1e-12));
    }
}

/// Momentum along the track with the default masses.
fn pushed([_, v, angle, w]: [f64; 4]) -> f64 {
    1.1 * v + 0.1 * 0.5 * w * angle.cos()
}

#[test]
fn small_swings_have_the_textbook_period() {
    // Hanging: ω² = g / (l (4/3 − m / (M + m))).
    let cart = cart(CartPoleSettings { dt: 1e-3, substeps: 1, ..default() });
    let rate = (9.8 / (0.5 * (4.0_f64 / 3.0 - 0.1 / 1.1))).sqrt();
    let hanging = std::f64::consts::PI;
    let mut state = [0.0, 0.0, hanging + 1e-4, 0.0];
    for t in 1..=3000_u32 {
        state = cart.step(state, 0.0);
        let exact = 1e-4 * (rate * f64::from(t) * 1e-3).cos();
        assert!((state[2] - hanging - exact).abs() < 1e-9, "step {t}");
    }
}

#[test]
fn integrators_have_their_order() {
    let after = |integrator, substeps| {
        let settings = CartPoleSettings { integrator, substeps, dt: 0.5, ..odd() };
        cart(settings).step([0.1, -0.4, 1.0, 2.0], 3.0)
    };
    let exact = after(Integrator::Rk4, 4000);
    let error = |integrator, substeps| {
        let state = after(integrator, substeps);
        state.iter().zip(exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    };
    for (integrator, order) in
        [(Integrator::Rk4, 4.0), (Integrator::Euler, 1.0), (Integrator::SemiImplicitEuler, 1.0)]
    {
        let measured = (error(integrator, 40) / error(integrator, 80)).log2();
        assert!((measured - order).abs() < 0.2, "{integrator:?}: order {measured}");
    }
}

#[test]
fn fifty_frames_show_the_cart_move() {
    let cart = cart(default());
    let recordings = record(&cart, 300, 50, 4);
    assert_eq!(recordings.observations.dim(), (300, 50, 256));
    assert_eq!(recordings.controls.dim(), (300, 50, 1));
    assert_eq!(recordings.state_names, ["position", "velocity", "angle", "angular_velocity"]);
    assert_eq!(recordings.state_kinds[2], StateKind::Angle);
    let positions = recordings.states.slice(s![.., .., 0]);
    let seen = positions.iter().filter(|x| x.abs() <= 2.4).count() as f64 / 15_000.0;
    assert!(seen > 0.95, "the cart is seen in {seen} of all frames");
    // A tip of one pixel in deviation moves by a good part of a pixel from frame to frame.
    let angles = recordings.states.slice(s![.., .., 2]);
    let moved = &angles.slice(s![.., 1..]) - &angles.slice(s![.., ..-1]);
    let typical = moved.iter().map(|d| f64::from(d.abs())).sum::<f64>() / moved.len() as f64;
    assert!(typical * 16.0 / 4.8 > 0.3, "{typical} rad from frame to frame");
    println!("seen {seen}, {typical} rad from frame to frame");
}

#[test]
fn the_trait_plays_the_same_step() {
    let cart = cart(default());
    let mut state = [0.1, 0.2, 3.0, -4.0];
    let expected = cart.step(state, 2.5);
    cart.advance(&mut state, &[2.5]);
    assert_eq!(state.map(f64::to_bits), expected.map(f64::to_bits));
}

#[test]
fn wrong_settings_are_named() {
    type Change = fn(&mut CartPoleSettings);
    let cases: [(&str, Change); 16] = [
        ("gravity", |s| s.gravity = -9.8),
        ("cart_mass", |s| s.cart_mass = 0.0),
        ("pole_mass", |s| s.pole_mass = 0.0),
        ("half_length", |s| s.half_length = f64::NAN),
        ("cart_friction", |s| s.cart_friction = -0.1),
        ("pole_friction", |s| s.pole_friction = f64::INFINITY),
        ("dt", |s| s.dt = 0.0),
        ("substeps", |s| s.substeps = 0),
        ("force_max", |s| s.force_max = -1.0),
        ("initial_position_max", |s| s.initial_position_max = -1.0),
        ("initial_velocity_max", |s| s.initial_velocity_max = -1.0),
        ("initial_angle_max", |s| s.initial_angle_max = -1.0),
        ("initial_angular_velocity_max", |s| s.initial_angular_velocity_max = -1.0),
        ("image.size", |s| s.image.size = 0),
        ("image.view", |s| s.image.view = 0.0),
        ("image.blob_std", |s| s.image.blob_std = Some(0.0)),
    ];
    for (name, change) in cases {
        let mut settings = default();
        change(&mut settings);
        match CartPole::new(settings) {
            Err(EnvError::Setting { key, .. }) => assert_eq!(key, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    for stiff in [
        CartPoleSettings { cart_friction: 60.0, ..default() },
        CartPoleSettings { pole_friction: 2.0, ..default() },
        CartPoleSettings { dt: 0.6, ..default() },
    ] {
        assert!(matches!(stiff.validate(), Err(EnvError::Unstable { .. })), "{stiff:?}");
        let settings = CartPoleSettings { substeps: 100, ..stiff };
        let cart = cart(settings);
        let end = (0..100).fold([0.0, 10.0, 1.0, 20.0], |state, _| cart.step(state, 2.0));
        assert!(end.iter().all(|s| s.is_finite()));
    }
}

#[test]
fn settings_are_read_from_files_and_unknown_keys_refused() {
    let text = "pole_friction = 0.1\nintegrator = 'euler'\n[image]\nstyle = 'rod'\nview = 3.0";
    let settings: CartPoleSettings = toml::from_str(text).unwrap();
    assert_eq!(settings.integrator, Integrator::Euler);
    let written = toml::to_string(&settings).unwrap();
    assert_eq!(toml::from_str::<CartPoleSettings>(&written).unwrap(), settings);
    for unknown in ["friction = 0.4", "[image]\nradius = 20"] {
        let error = toml::from_str::<CartPoleSettings>(unknown).unwrap_err();
        assert!(error.to_string().contains("unknown field"), "{error}");
    }
}
