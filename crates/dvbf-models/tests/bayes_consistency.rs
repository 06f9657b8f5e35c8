//! NIS and NEES of simulated systems have the distribution that they should, those of a wrong
//! model do not, and the gate lets pass what it says.
#![cfg(feature = "bayes")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod systems;

use dvbf_models::bayes::{
    Belief, Consistency, DMatrix, Dims, KalmanFilter, LinearGaussian, chi_square_quantile,
};
use dvbf_tensor::Noise;
use ndarray::{Array1, Array2};
use ndarray_npy::NpzReader;
use std::fs::File;
use systems::System;

/// A right filter is outside bounds of this probability once in a million.
const SURE: f64 = 1.0 - 1e-6;
const DIMS: Dims = Dims { state: 3, control: 1, observation: 2 };

fn nis(system: &System, model: LinearGaussian) -> Consistency {
    let mut filter = KalmanFilter::exact(model, system.initial.clone()).unwrap();
    let out = filter.filter(&system.sequence()).unwrap();
    let mut collected = Consistency::new();
    for correction in out.corrections.iter().flatten() {
        collected.add(correction.nis, correction.channels.len()).unwrap();
    }
    collected
}

/// Standard errors between the coverage and its probability.
fn coverage_error(coverage: f64, probability: f64, count: usize) -> f64 {
    (coverage - probability).abs() / (probability * (1.0 - probability) / count as f64).sqrt()
}

#[test]
fn innovations_are_chi_square() {
    let system = System::draw(11, DIMS, 4000, 0.2);
    let collected = nis(&system, system.model.clone());
    let report = collected.report(SURE).unwrap();
    assert!(report.is_consistent(), "{report:?}");
    assert!(report.count > 3500);
    for probability in [0.05, 0.5, 0.9, 0.99] {
        let report = collected.report(probability).unwrap();
        let error = coverage_error(report.coverage, probability, report.count);
        assert!(error < 5.0, "{error} standard errors: {report:?}");
    }
}

#[test]
fn innovations_of_a_wrong_model_are_not() {
    let system = System::draw(11, DIMS, 4000, 0.2);
    for (scale, sure) in [(0.7, true), (1.4, false)] {
        let mut model = system.model.clone();
        model.observation_noise *= scale;
        model.process_noise *= scale;
        let report = nis(&system, model).report(SURE).unwrap();
        assert!(!report.is_consistent(), "{report:?}");
        assert_eq!(report.ratio > 1.0, sure);
    }
}

#[test]
fn errors_of_independent_sequences_are_chi_square() {
    let base = System::draw(12, DIMS, 1, 0.0);
    let (mut filtered, mut smoothed) = (Consistency::new(), Consistency::new());
    for sequence in 0..600 {
        let noise = Noise::new(13, sequence);
        let (model, start) = (base.model.clone(), base.initial.clone());
        let system = System::record(model, start, 12, 0.2, noise);
        let mut filter = KalmanFilter::exact(system.model.clone(), system.initial.clone()).unwrap();
        let out = filter.filter(&system.sequence()).unwrap();
        let truth = |t: usize| system.states.row(t).to_vec();
        let error = out.filtered[11].squared_distance(&truth(11)).unwrap();
        filtered.add(error, 3).unwrap();
        let error = out.smooth().unwrap().beliefs[4].squared_distance(&truth(4)).unwrap();
        smoothed.add(error, 3).unwrap();
    }
    for collected in [filtered, smoothed] {
        let report = collected.report(SURE).unwrap();
        assert!(report.is_consistent(), "{report:?}");
        let report = collected.report(0.9).unwrap();
        assert!(coverage_error(report.coverage, 0.9, 600) < 5.0, "{report:?}");
    }
}

#[test]
fn gate_leaves_out_its_share_and_every_outlier() {
    let mut system = System::draw(14, DIMS, 3000, 0.0);
    let gated = |system: &System, gate| {
        let mut filter = KalmanFilter::exact(system.model.clone(), system.initial.clone())
            .unwrap()
            .with_gate(gate)
            .unwrap();
        filter.filter(&system.sequence()).unwrap()
    };
    // What a gate leaves out changes the beliefs after it, but hardly at this probability.
    let out = gated(&system, Some(0.99));
    let passed = out.corrections.iter().flatten().filter(|c| c.accepted).count();
    let error = coverage_error(passed as f64 / 3000.0, 0.99, 3000);
    assert!(error < 5.0, "{passed} of 3000 passed");

    system.observations[[100, 1]] = 1e4;
    let out = gated(&system, Some(0.999_999));
    let outlier = out.corrections[100].as_ref().unwrap();
    assert!(!outlier.accepted && outlier.nis > 1e4);
    assert_eq!(out.filtered[100], out.predicted[100]);
    // As if it had not been there.
    system.observations.row_mut(100).fill(f64::NAN);
    let without = gated(&system, Some(0.999_999));
    assert_eq!(without.filtered[101..], out.filtered[101..]);
    assert!((without.log_likelihood - out.log_likelihood).abs() < 1e-9);
}

/// `n` degrees of freedom are those of the channels that were observed.
#[test]
fn gate_counts_observed_channels() {
    let model = LinearGaussian {
        transition: DMatrix::identity(2, 2),
        control: DMatrix::zeros(2, 0),
        process_noise: DMatrix::zeros(2, 2),
        emission: DMatrix::identity(2, 2),
        observation_noise: DMatrix::identity(2, 2) * 0.5,
    };
    let start = Belief::independent(&[0.0; 2], &[0.5; 2]).unwrap();
    let filter = KalmanFilter::exact(model, start).unwrap().with_gate(Some(0.9)).unwrap();
    let (one, two) =
        (chi_square_quantile(0.9, 1).unwrap().sqrt(), chi_square_quantile(0.9, 2).unwrap().sqrt());
    let accepts = |observation: [f64; 2]| {
        filter.clone().update(Some(&observation)).unwrap().unwrap().accepted
    };
    assert!(accepts([f64::NAN, one - 1e-6]) && !accepts([f64::NAN, one + 1e-6]));
    assert!(accepts([0.0, two - 1e-6]) && !accepts([0.0, two + 1e-6]));
}

#[test]
fn wrong_values_are_errors() {
    let mut collected = Consistency::new();
    assert_eq!(collected.report(0.9).unwrap_err().to_string(), "there is no value");
    assert!(collected.add(-1.0, 1).is_err());
    assert!(collected.add(f64::NAN, 1).is_err());
    assert_eq!(collected.add(1.0, 0).unwrap_err().to_string(), "there is no degree of freedom");
    collected.add(1.0, 1).unwrap();
    for probability in [0.0, 1.0, f64::NAN, -0.5] {
        assert!(collected.report(probability).is_err());
        assert!(chi_square_quantile(probability, 1).is_err());
    }
    // With two degrees of freedom the quantile is −2 ln (1 − p).
    for probability in [0.1, 0.9, 0.999] {
        let expected = -2.0 * (1.0_f64 - probability).ln();
        assert!((chi_square_quantile(probability, 2).unwrap() - expected).abs() < 1e-9);
    }
}

/// `data/make_quantiles.py` computes them in 40 digits, from 1e-300 to 1 − 1e-15.
#[test]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
fn quantiles_keep_their_digits_in_both_tails() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/quantiles.npz");
    let mut npz = NpzReader::new(File::open(path).unwrap()).unwrap();
    let probability: Array1<f64> = npz.by_name("probability").unwrap();
    let freedom: Array1<f64> = npz.by_name("freedom").unwrap();
    let value: Array2<f64> = npz.by_name("value").unwrap();
    for ((i, j), &expected) in value.indexed_iter() {
        let got = chi_square_quantile(probability[i], freedom[j] as usize).unwrap();
        let error = (got - expected).abs() / expected.max(f64::MIN_POSITIVE);
        let (p, n) = (probability[i], freedom[j]);
        assert!(error < 1e-12, "{p:e}, {n}: {got:e} against {expected:e}");
    }
}

/// The smallest probability, and more degrees than a table has: the median is about `n − 2 / 3`.
#[test]
fn quantiles_have_no_end() {
    assert!(
        (chi_square_quantile(1e-6, 1).unwrap() / 1.570_796_326_795_719e-12 - 1.0).abs() < 1e-12
    );
    assert!(chi_square_quantile(5e-324, 400).unwrap() > 0.0);
    let median = chi_square_quantile(0.5, 10_000_000).unwrap();
    assert!((median - (1e7 - 2.0 / 3.0)).abs() < 1e-3, "{median}");
}
