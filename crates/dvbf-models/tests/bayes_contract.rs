//! What no input may do: make a covariance indefinite, panic, or leave a filter half changed.
#![cfg(feature = "bayes")]

mod systems;

use dvbf_models::bayes::{
    BayesError, Belief, DMatrix, DVector, Dims, Extended, GaussianFilter, KalmanFilter,
    LinearGaussian, ParticleFilter, Sequence, SigmaPoints, TimeVarying, Unscented,
};
use ndarray::Array2;
use proptest::prelude::*;
use systems::System;

const DIMS: Dims = Dims { state: 2, control: 1, observation: 2 };

/// Smallest eigenvalue of the covariance scaled to unit variances.
fn smallest(covariance: &DMatrix<f64>) -> f64 {
    let scale = DMatrix::from_diagonal(&covariance.diagonal().map(|v| 1.0 / v.sqrt()));
    (&scale * covariance * &scale).symmetric_eigenvalues().min()
}

/// Position, velocity and acceleration that start unknown to a part in 10⁹, with almost no process
/// noise, seen by two sensors that differ by 10⁻⁶ and are exact to 10⁻⁶, now and then.
#[test]
fn covariance_stays_positive_over_many_steps() {
    let dt = 1e-3;
    let model = LinearGaussian {
        transition: DMatrix::from_row_slice(
            3,
            3,
            &[1.0, dt, 0.5 * dt * dt, 0.0, 1.0, dt, 0.0, 0.0, 1.0],
        ),
        control: DMatrix::zeros(3, 0),
        process_noise: DMatrix::from_diagonal(&DVector::from_column_slice(&[0.0, 0.0, 1e-9])),
        emission: DMatrix::from_row_slice(2, 3, &[1.0, 0.0, 0.0, 1.0, 1e-6, 0.0]),
        observation_noise: DMatrix::from_diagonal_element(2, 2, 1e-12),
    };
    let start = Belief::independent(&[0.0; 3], &[1e6; 3]).unwrap();
    let mut filter = KalmanFilter::exact(model, start).unwrap();
    for step in 0..100_000_u32 {
        let observation = match step % 5 {
            0 => [0.1, 0.1],
            1 | 2 => [f64::NAN, 0.1],
            3 => [0.1, f64::NAN],
            _ => [f64::NAN; 2],
        };
        filter.update(Some(&observation)).unwrap();
        if step % 500 < 5 {
            let covariance = &filter.belief().covariance;
            assert_eq!(covariance, &covariance.transpose(), "step {step}");
            assert!(covariance.diagonal().iter().all(|&v| v > 0.0), "step {step}: {covariance}");
            let least = smallest(covariance);
            assert!(least > -1e-14, "step {step}: {least:e}");
        }
        filter.predict(&[]).unwrap();
    }
    assert!((filter.belief().mean[0] - 0.1).abs() < 1e-3);
}

#[test]
fn wrong_observations_and_controls_change_nothing() {
    let system = System::draw(1, DIMS, 2, 0.0);
    let mut filter = KalmanFilter::exact(system.model.clone(), system.initial.clone()).unwrap();
    filter.update(Some(&[0.5, 0.5])).unwrap();
    let before = filter.clone();
    let unchanged = |filter: &KalmanFilter| {
        assert_eq!(filter.belief(), before.belief());
        assert_eq!(filter.step(), before.step());
        assert!(filter.log_likelihood().total_cmp(&before.log_likelihood()).is_eq());
    };
    for (values, message) in [
        (&[1.0][..], "observation has 1 values instead of 2"),
        (&[1.0, f64::NEG_INFINITY], "observation value 1 is not finite"),
    ] {
        assert_eq!(filter.update(Some(values)).unwrap_err().to_string(), message);
        unchanged(&filter);
    }
    for (values, message) in [
        (&[][..], "control has 0 values instead of 1"),
        (&[f64::NAN], "control value 0 is not finite"),
    ] {
        assert_eq!(filter.predict(values).unwrap_err().to_string(), message);
        unchanged(&filter);
    }
    for observation in [None, Some(&[f64::NAN; 2][..])] {
        assert_eq!(filter.update(observation).unwrap(), None);
        unchanged(&filter);
    }
    let mut observations = system.observations.clone();
    observations[[1, 0]] = f64::INFINITY;
    let sequence = Sequence { observations: observations.view(), controls: system.controls.view() };
    let error = filter.filter(&sequence).unwrap_err().to_string();
    assert_eq!(error, "step 1: observation value 0 is not finite");
    unchanged(&filter);
    let (no_observations, no_controls) = (Array2::zeros((0, 2)), Array2::zeros((0, 1)));
    let sequence = Sequence { observations: no_observations.view(), controls: no_controls.view() };
    assert_eq!(filter.filter(&sequence), Err(BayesError::Empty { what: "step" }));
    let sequence = Sequence { controls: no_controls.view(), ..system.sequence() };
    let error = filter.filter(&sequence).unwrap_err().to_string();
    assert_eq!(error, "controls has 0 values instead of 2");
    let wide = Array2::zeros((3, 2));
    assert!(filter.forecast(wide.view()).is_err());
    unchanged(&filter);
}

#[test]
fn wrong_models_are_refused() {
    let good = System::draw(2, DIMS, 1, 0.0);
    let refuse = |change: &dyn Fn(&mut LinearGaussian), message: &str| {
        let mut model = good.model.clone();
        change(&mut model);
        let error = KalmanFilter::exact(model, good.initial.clone()).unwrap_err();
        assert_eq!(error.to_string(), message);
    };
    refuse(&|m| m.emission = DMatrix::zeros(2, 3), "emission is (2, 3) instead of (2, 2)");
    refuse(&|m| m.transition[(1, 0)] = f64::NAN, "transition value 1 is not finite");
    refuse(&|m| m.process_noise[(1, 0)] += 0.1, "process noise is not symmetric");
    refuse(
        &|m| m.observation_noise = DMatrix::from_row_slice(2, 2, &[1.0, 2.0, 2.0, 1.0]),
        "observation noise is not positive definite",
    );
    refuse(&|m| m.emission = DMatrix::zeros(0, 2), "there is no observation");
    let short = Belief::independent(&[0.0], &[1.0]).unwrap();
    let error = KalmanFilter::exact(good.model.clone(), short).unwrap_err();
    assert_eq!(error.to_string(), "initial mean has 1 values instead of 2");
    let gate =
        KalmanFilter::exact(good.model.clone(), good.initial.clone()).unwrap().with_gate(Some(1.0));
    assert_eq!(
        gate.unwrap_err().to_string(),
        "probability is 1; it must be between 0 and 1, both excluded"
    );
    assert!(Belief::independent(&[0.0], &[-1.0]).is_err());
    assert!(Belief::independent(&[0.0, 1.0], &[1.0]).is_err());
}

/// Nothing is left to learn, and the observation has no noise: an error, not an infinite density.
#[test]
fn exact_observations_of_a_known_state_are_refused() {
    let mut model = System::draw(3, DIMS, 1, 0.0).model;
    model.observation_noise = DMatrix::zeros(2, 2);
    let known = Belief::independent(&[0.0; 2], &[0.0; 2]).unwrap();
    let mut filter = KalmanFilter::exact(model, known).unwrap();
    assert_eq!(
        filter.update(Some(&[0.0; 2])).unwrap_err().to_string(),
        "covariance of the observation is not positive definite"
    );
}

#[test]
fn exact_observations_of_an_unknown_state_are_taken() {
    let mut model = System::draw(3, DIMS, 1, 0.0).model;
    model.observation_noise = DMatrix::zeros(2, 2);
    model.emission = DMatrix::identity(2, 2);
    let start = Belief::independent(&[0.0; 2], &[1.0; 2]).unwrap();
    let mut filter = KalmanFilter::exact(model, start).unwrap();
    filter.update(Some(&[0.25, -0.5])).unwrap();
    let expected = Belief::independent(&[0.25, -0.5], &[0.0; 2]).unwrap();
    assert_eq!(filter.belief(), &expected);
}

#[test]
fn models_of_steps_must_keep_their_sizes() {
    let (two, three) = (DIMS, Dims { state: 3, ..DIMS });
    let model =
        TimeVarying::new(|step| System::draw(4, if step < 2 { two } else { three }, 1, 0.0).model)
            .unwrap();
    let start = Belief::independent(&[0.0; 2], &[1.0; 2]).unwrap();
    let mut filter = GaussianFilter::new(model, start).unwrap();
    filter.predict(&[0.0]).unwrap();
    filter.predict(&[0.0]).unwrap();
    let error = filter.update(Some(&[0.0; 2])).unwrap_err();
    assert_eq!(error.to_string(), "state has 3 values instead of 2");
}

/// Every kind of number, and many of those that matter.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -3.0..3.0f64,
        1 => any::<f64>(),
        1 => proptest::sample::select(vec![0.0, -0.0, f64::NAN, f64::INFINITY, 1e300, -1e-300]),
    ]
}

fn numbers() -> impl Strategy<Value = Vec<f64>> {
    proptest::collection::vec(number(), 64)
}

proptest! {
    /// A filter either refuses what it is given or has a belief that is one.
    #[test]
    fn nothing_panics(values in numbers(), stream in numbers(), square in any::<bool>()) {
        let matrix = |at: usize| DMatrix::from_row_slice(2, 2, &values[at..at + 4]);
        let covariance = |at: usize| {
            let root = matrix(at);
            if square { &root * root.transpose() } else { root }
        };
        let model = LinearGaussian {
            transition: matrix(0),
            control: DMatrix::from_row_slice(2, 1, &values[4..6]),
            process_noise: covariance(8),
            emission: matrix(12),
            observation_noise: covariance(16),
        };
        let Ok(start) = Belief::new(DVector::from_column_slice(&values[20..22]), covariance(24))
        else {
            return Ok(());
        };
        let particles = ParticleFilter::new(&model, &start, 0.5, &values[32..48]);
        if let Ok(mut particles) = particles {
            let _ = particles.update(Some(&stream[..2]));
            let _ = particles.predict(&stream[2..3], &stream[3..19], stream[20]);
            let _ = particles.update(Some(&stream[21..23]));
            prop_assert!((particles.weights().iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
        let extended = GaussianFilter::new(Extended(model.clone()), start.clone());
        let unscented = Unscented::new(model.clone(), SigmaPoints::GAUSSIAN).unwrap();
        let unscented = GaussianFilter::new(unscented, start.clone());
        let exact = KalmanFilter::exact(model, start);
        let steps = |update: &mut dyn FnMut(&[f64], &[f64]) -> Belief| {
            for chunk in stream.chunks_exact(3) {
                let belief = update(&chunk[..2], &chunk[2..]);
                prop_assert!(Belief::new(belief.mean, belief.covariance).is_ok());
            }
            Ok(())
        };
        if let Ok(mut filter) = exact {
            steps(&mut |x, u| {
                let _ = (filter.update(Some(x)), filter.predict(u));
                filter.belief().clone()
            })?;
        }
        if let Ok(mut filter) = extended {
            steps(&mut |x, u| {
                let _ = (filter.update(Some(x)), filter.predict(u));
                filter.belief().clone()
            })?;
        }
        if let Ok(mut filter) = unscented {
            steps(&mut |x, u| {
                let _ = (filter.update(Some(x)), filter.predict(u));
                filter.belief().clone()
            })?;
        }
    }
}
