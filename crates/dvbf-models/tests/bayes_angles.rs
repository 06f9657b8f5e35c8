//! Angles: residuals go the shorter way, and filters do not notice where an angle is cut.
#![cfg(feature = "bayes")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_models::bayes::{
    Angles, Belief, ClosureModel, DMatrix, DVector, Dims, Extended, GaussianFilter, GaussianModel,
    LinearGaussian, NumericJacobians, ParticleFilter, SigmaPoints, StateSpace, Unscented,
    wrap_angle,
};
use dvbf_tensor::Noise;
use ndarray::Array2;
use proptest::prelude::*;
use std::f64::consts::{PI, TAU};

#[test]
fn angles_are_wrapped_to_a_turn() {
    for (angle, wrapped) in [
        (0.0, 0.0),
        (PI, PI),
        (-PI, PI),
        (3.5, 3.5 - TAU),
        (-3.5, TAU - 3.5),
        (6.2, 6.2 - TAU),
        (100.0, 100.0 - 16.0 * TAU),
    ] {
        assert!((wrap_angle(angle) - wrapped).abs() < 1e-13, "{angle}");
    }
    assert!(wrap_angle(f64::INFINITY).is_nan());
}

proptest! {
    #[test]
    fn wrapped_angles_are_whole_turns_away(angle in -1e6..1e6f64) {
        let wrapped = wrap_angle(angle);
        prop_assert!(wrapped > -PI && wrapped <= PI);
        let turns = (angle - wrapped) / TAU;
        prop_assert!((turns - turns.round()).abs() < 1e-9);
    }
}

/// A compass on a heading that stays.
fn compass() -> LinearGaussian {
    LinearGaussian {
        transition: DMatrix::identity(1, 1),
        control: DMatrix::zeros(1, 0),
        process_noise: DMatrix::from_element(1, 1, 1e-4),
        emission: DMatrix::identity(1, 1),
        observation_noise: DMatrix::from_element(1, 1, 0.01),
    }
}

/// `3.1` against `−3.1` is `0.083`, not `6.2`, whose NIS would be 1922.
#[test]
fn residuals_go_the_shorter_way() {
    let start = Belief::independent(&[3.1], &[0.01]).unwrap();
    let model = Angles::new(compass(), &[0], &[0]);
    check(Extended(&model), &start);
    check(Extended(NumericJacobians::new(&model)), &start);
    check(Unscented::new(&model, SigmaPoints::GAUSSIAN).unwrap(), &start);

    let mut normals = vec![0.0; 4000];
    Noise::new(1, 0).normal(&mut normals);
    let mut particles = ParticleFilter::new(&model, &start, 0.5, &normals).unwrap();
    particles.update(Some(&[-3.1])).unwrap();
    let belief = particles.belief();
    assert!((belief.mean[0] - PI).abs() < 0.01, "{}", belief.mean);
    assert!((belief.covariance[(0, 0)] - 0.005).abs() < 0.001, "{}", belief.covariance);
}

fn check(model: impl GaussianModel, start: &Belief) {
    let mut filter = GaussianFilter::new(model, start.clone()).unwrap();
    let correction = filter.update(Some(&[-3.1])).unwrap().unwrap();
    let expected = (TAU - 6.2_f64).powi(2) / 0.02;
    assert!((correction.nis - expected).abs() < 1e-9, "{}", correction.nis);
    assert!((correction.residual[0] - (TAU - 6.2)).abs() < 1e-12);
    assert!((filter.belief().mean[0] - PI).abs() < 1e-9, "{}", filter.belief().mean);
}

const DIMS: Dims = Dims { state: 2, control: 1, observation: 2 };

/// A heading with its rate, seen by a compass and by what it looks at; all angles are counted from
/// `cut` and wrapped.
fn ship(cut: f64) -> impl StateSpace + Clone {
    let model = ClosureModel {
        dims: DIMS,
        transition: move |z: &DVector<f64>, u: &[f64]| {
            let heading = z[0] - cut;
            let rate = 0.9 * z[1] + 0.1 * u[0] + 0.02 * heading.sin();
            DVector::from_column_slice(&[wrap_angle(z[0] + rate), rate])
        },
        emission: move |z: &DVector<f64>| {
            let heading = z[0] - cut;
            DVector::from_column_slice(&[wrap_angle(z[0] + 0.1 * heading.sin()), heading.cos()])
        },
        process_noise: DMatrix::from_diagonal(&DVector::from_column_slice(&[1e-3, 4e-3])),
        observation_noise: DMatrix::from_diagonal(&DVector::from_column_slice(&[0.02, 0.05])),
    };
    Angles::new(model, &[0], &[0])
}

/// Observations and controls of the ship: the heading turns through the cut many times.
fn recording(cut: f64) -> (Array2<f64>, Array2<f64>) {
    let (mut noise, steps) = (vec![0.0; 4 * 40], 40);
    Noise::new(7, 0).normal(&mut noise);
    let model = ship(cut);
    let mut state = DVector::from_column_slice(&[cut, 0.3]);
    let mut observations = Array2::zeros((steps, 2));
    let controls = Array2::from_shape_fn((steps, 1), |(t, _)| (0.4 * t as f64).sin() + 0.5);
    for (t, noise) in noise.chunks_exact(4).enumerate() {
        if t > 0 {
            state = model.transition(t, &state, &[controls[[t - 1, 0]]]);
            state[0] += 0.03 * noise[0];
            state[1] += 0.06 * noise[1];
        }
        let seen = model.emission(t, &state);
        observations[[t, 0]] = wrap_angle(seen[0] + 0.14 * noise[2]);
        observations[[t, 1]] = seen[1] + 0.2 * noise[3];
        if t % 7 == 3 {
            observations[[t, t % 2]] = f64::NAN;
        }
    }
    (observations, controls)
}

/// Every belief, with headings counted from the cut.
fn gaussian(model: impl GaussianModel, cut: f64) -> Vec<Belief> {
    let (observations, controls) = recording(cut);
    let start = Belief::independent(&[wrap_angle(cut), 0.3], &[0.05, 0.01]).unwrap();
    let sequence = dvbf_models::bayes::Sequence {
        observations: observations.view(),
        controls: controls.view(),
    };
    let out = GaussianFilter::new(model, start).unwrap().filter(&sequence).unwrap();
    let smoothed = out.smooth().unwrap().beliefs;
    out.filtered.into_iter().chain(smoothed).map(|belief| counted(belief, cut)).collect()
}

fn particles(cut: f64) -> Vec<Belief> {
    let (observations, controls) = recording(cut);
    let start = Belief::independent(&[wrap_angle(cut), 0.3], &[0.05, 0.01]).unwrap();
    let mut normals = vec![0.0; 600];
    Noise::new(3, 0).normal(&mut normals);
    let mut filter = ParticleFilter::new(ship(cut), &start, 0.5, &normals).unwrap();
    let mut beliefs = Vec::new();
    for (t, observation) in (0_u64..).zip(observations.outer_iter()) {
        if t > 0 {
            Noise::new(3, t).normal(&mut normals);
            let control = controls[[usize::try_from(t).unwrap() - 1, 0]];
            filter.predict(&[control], &normals, 0.5).unwrap();
        }
        filter.update(Some(&observation.to_vec())).unwrap();
        beliefs.push(counted(filter.belief(), cut));
    }
    beliefs
}

fn counted(mut belief: Belief, cut: f64) -> Belief {
    belief.mean[0] = wrap_angle(belief.mean[0] - cut);
    belief
}

fn same(name: &str, got: &[Belief], expected: &[Belief], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    for (t, (got, expected)) in got.iter().zip(expected).enumerate() {
        let turn = wrap_angle(got.mean[0] - expected.mean[0]).abs();
        let rate = (got.mean[1] - expected.mean[1]).abs();
        let spread = (&got.covariance - &expected.covariance).amax();
        let worst = turn.max(rate).max(spread);
        assert!(worst < tolerance, "{name}, belief {t}: {got:?} against {expected:?}");
        assert!(got.covariance[(0, 0)] < 0.2, "{name}, belief {t}: {got:?}");
    }
}

/// Headings counted from elsewhere give the same beliefs.
#[test]
fn beliefs_do_not_depend_on_where_angles_are_cut() {
    let extended = |cut| gaussian(Extended(NumericJacobians::new(ship(cut))), cut);
    let points = SigmaPoints { alpha: 0.9, beta: 2.0, kappa: 0.5 };
    let unscented = |cut| gaussian(Unscented::new(ship(cut), points).unwrap(), cut);
    for cut in [0.4, 2.0, PI, -3.0] {
        same("extended", &extended(cut), &extended(0.0), 1e-7);
        same("unscented", &unscented(cut), &unscented(0.0), 1e-9);
        same("particle", &particles(cut), &particles(0.0), 1e-9);
    }
}

#[test]
#[should_panic(expected = "angle 1 of 1 values of the observation")]
fn angles_must_be_there() {
    let _ = Angles::new(compass(), &[0], &[1]);
}
