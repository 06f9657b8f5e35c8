//! The particle filter against the Kalman filter: the estimate of the likelihood is unbiased, the
//! moments agree, and the rules of resampling hold.
//!
//! Differences are measured in standard errors over independent runs. Six of them are exceeded
//! with a probability of 2e-9 by chance; the seeds are fixed besides.
#![cfg(feature = "bayes")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod systems;

use dvbf_models::bayes::{Belief, DMatrix, Dims, KalmanFilter, LinearGaussian, ParticleFilter};
use dvbf_tensor::Noise;
use systems::System;

/// Runs a particle filter over a recording; gives it as it stands after the last update.
fn run(
    system: &System,
    count: usize,
    threshold: f64,
    seed: u64,
) -> ParticleFilter<&LinearGaussian> {
    let z = system.model.dims().state;
    let mut normals = vec![0.0; z * count];
    let mut uniform = [0.0];
    Noise::new(seed, 0).normal(&mut normals);
    let mut filter =
        ParticleFilter::new(&system.model, &system.initial, threshold, &normals).unwrap();
    for (t, observation) in (0..).zip(system.observations.outer_iter()) {
        if t > 0 {
            Noise::new(seed, 2 * t).normal(&mut normals);
            Noise::new(seed, 2 * t + 1).uniform(&mut uniform);
            let control = system.controls.row(usize::try_from(t).unwrap() - 1).to_vec();
            filter.predict(&control, &normals, uniform[0]).unwrap();
        }
        filter.update(Some(&observation.to_vec())).unwrap();
    }
    filter
}

/// Mean and standard error of the mean.
fn estimate(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

fn check(seed: u64, dims: (usize, usize, usize), threshold: f64) {
    const RUNS: u64 = 60;
    let dims = Dims { state: dims.0, control: dims.1, observation: dims.2 };
    let system = System::draw(seed, dims, 8, 0.15);
    let exact = KalmanFilter::exact(system.model.clone(), system.initial.clone())
        .unwrap()
        .filter(&system.sequence())
        .unwrap();
    let end = exact.filtered.last().unwrap();
    let mut ratios = Vec::new();
    let mut moments = vec![Vec::new(); 2 * dims.state];
    for run_seed in 0..RUNS {
        let filter = run(&system, 2000, threshold, 1000 * seed + run_seed);
        ratios.push((filter.log_likelihood() - exact.log_likelihood).exp());
        let belief = filter.belief();
        for i in 0..dims.state {
            moments[i].push(belief.mean[i]);
            moments[dims.state + i].push(belief.covariance[(i, i)]);
        }
    }
    let within = |what: &str, values: &[f64], expected: f64, largest: f64| {
        let (mean, error) = estimate(values);
        let distance = (mean - expected).abs();
        assert!(distance < 6.0 * error, "{what}: {mean} ± {error} against {expected}");
        // Otherwise the test could not fail.
        assert!(6.0 * error < largest, "{what}: ± {error} is too coarse");
    };
    within("likelihood", &ratios, 1.0, 0.25);
    for i in 0..dims.state {
        let variance = end.covariance[(i, i)];
        within("mean", &moments[i], end.mean[i], 0.2 * variance.sqrt());
        within("variance", &moments[dims.state + i], variance, 0.2 * variance);
    }
}

#[test]
fn agrees_with_the_kalman_filter() {
    check(1, (1, 1, 1), 0.5);
    check(2, (2, 1, 1), 0.5);
}

#[test]
fn agrees_with_the_kalman_filter_when_it_always_resamples() {
    check(3, (2, 0, 2), 2.0);
}

/// A singular process noise and a start without any.
#[test]
fn noise_may_be_singular() {
    let mut system = System::draw(5, Dims { state: 2, control: 0, observation: 1 }, 4, 0.0);
    system.model.process_noise = DMatrix::from_row_slice(2, 2, &[0.0, 0.0, 0.0, 1.0]);
    system.model.transition = DMatrix::identity(2, 2);
    system.initial = Belief::independent(&[0.25, 0.0], &[0.0, 0.0]).unwrap();
    let filter = run(&system, 50, 0.5, 0);
    assert!(filter.particles().row(0).iter().all(|&v| (v - 0.25).abs() < 1e-15));
    assert!(filter.belief().covariance[(1, 1)] > 0.0);
}

#[test]
fn weights_stay_without_resampling_and_are_equal_after_it() {
    let system = System::draw(6, Dims { state: 2, control: 0, observation: 1 }, 6, 0.0);
    let mut never = run(&system, 100, 0.0, 3);
    let before = never.weights().to_vec();
    let size = never.effective_sample_size();
    assert!(size > 1.0 && size < 50.0, "{size}");
    assert!((before.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    let noise = vec![0.0; 200];
    never.predict(&[], &noise, 0.5).unwrap();
    assert_eq!(never.weights(), before);

    let mut always = run(&system, 100, 2.0, 3);
    assert!(always.effective_sample_size() < 99.0);
    always.predict(&[], &noise, 0.5).unwrap();
    assert!((always.effective_sample_size() - 100.0).abs() < 1e-9);
}

/// A particle that one observation all but rules out counts again when others speak for it.
#[test]
fn weights_come_back_from_below_the_smallest_number() {
    let model = LinearGaussian {
        transition: DMatrix::identity(1, 1),
        control: DMatrix::zeros(1, 0),
        process_noise: DMatrix::zeros(1, 1),
        emission: DMatrix::identity(1, 1),
        observation_noise: DMatrix::identity(1, 1),
    };
    let start = Belief::independent(&[0.0], &[625.0]).unwrap();
    let mut filter = ParticleFilter::new(model, &start, 0.0, &[1.0, -1.0]).unwrap();
    for (step, observation) in [25.0, -25.0, -25.0].into_iter().enumerate() {
        if step > 0 {
            filter.predict(&[], &[0.0; 2], 0.5).unwrap();
        }
        filter.update(Some(&[observation])).unwrap();
    }
    let belief = filter.belief();
    assert!((belief.mean[0] + 25.0).abs() < 1e-12, "{}", belief.mean);
    // ln (e⁻¹²⁵⁰ + e⁻²⁵⁰⁰) / 2 and three times the constant of the density.
    let expected = -1250.0 - 2_f64.ln() - 1.5 * std::f64::consts::TAU.ln();
    assert!((filter.log_likelihood() - expected).abs() < 1e-9, "{}", filter.log_likelihood());
    assert!((expected + 1253.45).abs() < 1e-2);
    assert!((filter.log_weights()[0] + 1250.0).abs() < 1e-9);
    assert_eq!(filter.weights(), [0.0, 1.0]);
}

/// Weights of densities beside which the logarithm of their sum is lost sum to one.
#[test]
fn weights_of_tiny_densities_sum_to_one() {
    let system = System::draw(9, Dims { state: 2, control: 0, observation: 1 }, 3, 0.0);
    let mut filter = run(&system, 7, 0.0, 3);
    for _ in 0..3 {
        filter.update(Some(&[1e140])).unwrap();
        assert!((filter.weights().iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}

#[test]
fn what_was_not_observed_changes_nothing() {
    let system = System::draw(7, Dims { state: 2, control: 0, observation: 2 }, 3, 0.0);
    let mut filter = run(&system, 100, 0.5, 3);
    let (weights, log_likelihood) = (filter.weights().to_vec(), filter.log_likelihood());
    filter.update(None).unwrap();
    filter.update(Some(&[f64::NAN; 2])).unwrap();
    assert_eq!(filter.weights(), weights);
    assert!(filter.log_likelihood().total_cmp(&log_likelihood).is_eq());
    filter.update(Some(&[f64::NAN, 0.0])).unwrap();
    assert_ne!(filter.weights(), weights);
}

#[test]
fn wrong_arguments_are_errors_and_change_nothing() {
    let system = System::draw(8, Dims { state: 2, control: 1, observation: 1 }, 3, 0.0);
    let mut filter = run(&system, 10, 0.5, 3);
    let before = filter.clone();
    let noise = [0.0; 20];
    for (result, message) in [
        (filter.predict(&[], &noise, 0.5), "control has 0 values instead of 1"),
        (filter.predict(&[f64::NAN], &noise, 0.5), "control value 0 is not finite"),
        (filter.predict(&[0.0], &noise[1..], 0.5), "noise has 19 values instead of 20"),
        (filter.predict(&[0.0], &noise, 1.0), "uniform is 1; it must be at least 0 and below 1"),
        (filter.update(Some(&[])), "observation has 0 values instead of 1"),
        (filter.update(Some(&[f64::INFINITY])), "observation value 0 is not finite"),
        (filter.update(Some(&[1e200])), "no particle can explain the observation"),
    ] {
        assert_eq!(result.unwrap_err().to_string(), message);
        assert_eq!(filter.particles(), before.particles());
        assert_eq!(filter.weights(), before.weights());
        assert_eq!(filter.step(), before.step());
    }
    let new = |threshold, normals: &[f64]| {
        ParticleFilter::new(&system.model, &system.initial, threshold, normals)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(new(0.5, &[]), "there is no particle");
    assert_eq!(new(0.5, &[0.0; 3]), "noise has 3 values instead of 2");
    assert_eq!(new(f64::NAN, &[0.0; 2]), "threshold is NaN; it must be zero or positive");
}
