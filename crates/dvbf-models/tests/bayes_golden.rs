//! Filters, smoother, one iteration of EM and quantiles against established Python packages;
//! `data/make_kalman.py` says which.
#![cfg(feature = "bayes")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_models::bayes::{
    Belief, DMatrix, DVector, Dims, EmOptions, Extended, GaussianFilter, GaussianModel, Jacobians,
    KalmanFilter, LinearGaussian, Parameter, Sequence, SigmaPoints, StateSpace, Unscented,
    chi_square_quantile, expectation_maximization,
};
use ndarray::{Array2, ArrayD, Ix1, Ix2, Ix3};
use ndarray_npy::NpzReader;
use std::collections::BTreeMap;
use std::fs::File;

struct Golden(BTreeMap<String, ArrayD<f64>>);

impl Golden {
    fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/kalman.npz");
        let mut npz = NpzReader::new(File::open(path).unwrap()).unwrap();
        let names = npz.names().unwrap();
        Self(names.into_iter().map(|n| (n.clone(), npz.by_name(&n).unwrap())).collect())
    }

    fn array(&self, name: &str) -> Array2<f64> {
        self.0[name].clone().into_dimensionality::<Ix2>().unwrap()
    }

    fn matrix(&self, name: &str) -> DMatrix<f64> {
        let a = self.array(name);
        DMatrix::from_row_iterator(a.nrows(), a.ncols(), a.iter().copied())
    }

    fn vector(&self, name: &str) -> DVector<f64> {
        DVector::from_vec(self.0[name].clone().into_dimensionality::<Ix1>().unwrap().to_vec())
    }

    fn scalar(&self, name: &str) -> f64 {
        *self.0[name].first().unwrap()
    }

    fn beliefs(&self, name: &str) -> Vec<Belief> {
        let mean = self.array(&format!("{name}/mean"));
        let covariance = self.0[&format!("{name}/covariance")].clone();
        let covariance = covariance.into_dimensionality::<Ix3>().unwrap();
        mean.outer_iter()
            .zip(covariance.outer_iter())
            .map(|(m, p)| Belief {
                mean: DVector::from_vec(m.to_vec()),
                covariance: DMatrix::from_row_iterator(p.nrows(), p.ncols(), p.iter().copied()),
            })
            .collect()
    }

    fn linear(&self) -> (LinearGaussian, Belief) {
        let model = LinearGaussian {
            transition: self.matrix("A"),
            control: self.matrix("B"),
            process_noise: self.matrix("Q"),
            emission: self.matrix("C"),
            observation_noise: self.matrix("R"),
        };
        (model, Belief::new(self.vector("m0"), self.matrix("P0")).unwrap())
    }
}

fn close(what: &str, got: &DMatrix<f64>, expected: &DMatrix<f64>) {
    let error = (got - expected).amax();
    assert!(error < 1e-9, "{what} is off by {error:e}");
}

fn same(what: &str, got: &[Belief], expected: &[Belief]) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (t, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (&got.mean - &expected.mean).amax();
        assert!(error < 1e-9, "{what}: mean {t} is off by {error:e}");
        close(&format!("{what}: covariance {t}"), &got.covariance, &expected.covariance);
    }
}

#[test]
fn kalman_filter_is_that_of_filterpy() {
    let golden = Golden::read();
    let (model, initial) = golden.linear();
    let (x, u) = (golden.array("linear/x"), golden.array("u"));
    let sequence = Sequence { observations: x.view(), controls: u.view() };
    let out = KalmanFilter::exact(model, initial).unwrap().filter(&sequence).unwrap();
    same("filtered", &out.filtered, &golden.beliefs("linear"));
    assert!((out.log_likelihood - golden.scalar("linear/log_likelihood")).abs() < 1e-9);
    for (correction, &nis) in out.corrections.iter().zip(golden.vector("linear/nis").iter()) {
        assert_eq!(correction.is_none(), nis.is_nan());
        if let Some(correction) = correction {
            assert!((correction.nis - nis).abs() < 1e-9);
        }
    }
}

#[test]
fn smoother_and_expectation_maximization_are_those_of_pykalman() {
    let golden = Golden::read();
    let (model, initial) = golden.linear();
    let (x, u) = (golden.array("smooth/x"), golden.array("u"));
    let sequence = Sequence { observations: x.view(), controls: u.view() };
    let mut filter = KalmanFilter::exact(model.clone(), initial.clone()).unwrap();
    let out = filter.filter(&sequence).unwrap();
    same("smoothed", &out.smooth().unwrap().beliefs, &golden.beliefs("smooth"));
    let log_likelihood = golden.scalar("smooth/log_likelihood");
    assert!((out.log_likelihood - log_likelihood).abs() < 1e-9);

    let options = EmOptions { iterations: 1, tolerance: 0.0, fixed: &[Parameter::Control] };
    let fit = expectation_maximization(&model, &initial, &[sequence], options).unwrap();
    assert_eq!(fit.log_likelihood.len(), 2);
    close("A", &fit.model.transition, &golden.matrix("em/A"));
    close("C", &fit.model.emission, &golden.matrix("em/C"));
    close("Q", &fit.model.process_noise, &golden.matrix("em/Q"));
    close("R", &fit.model.observation_noise, &golden.matrix("em/R"));
    close("P0", &fit.initial.covariance, &golden.matrix("em/P0"));
    assert!((fit.initial.mean - golden.vector("em/m0")).amax() < 1e-9);
}

/// The pendulum of the script.
struct Pendulum;

const DT: f64 = 0.1;

impl StateSpace for Pendulum {
    fn dims(&self) -> Dims {
        Dims { state: 2, control: 1, observation: 2 }
    }

    fn transition(&self, _: usize, z: &DVector<f64>, u: &[f64]) -> DVector<f64> {
        let speed = z[1] + DT * (u[0] - 9.81 * z[0].sin());
        DVector::from_column_slice(&[z[0] + DT * speed, speed])
    }

    fn process_noise(&self, _: usize) -> DMatrix<f64> {
        DMatrix::from_diagonal(&DVector::from_column_slice(&[1e-4, 4e-3]))
    }

    fn emission(&self, _: usize, z: &DVector<f64>) -> DVector<f64> {
        let (sine, cosine) = z[0].sin_cos();
        DVector::from_column_slice(&[sine.atan2(2.0 - cosine), -cosine + 0.1 * z[1] * z[1]])
    }

    fn observation_noise(&self, _: usize) -> DMatrix<f64> {
        DMatrix::from_diagonal(&DVector::from_column_slice(&[0.01, 0.04]))
    }
}

impl Jacobians for Pendulum {
    fn transition_jacobian(&self, _: usize, z: &DVector<f64>, _: &[f64]) -> DMatrix<f64> {
        let pull = -9.81 * DT * z[0].cos();
        DMatrix::from_row_slice(2, 2, &[1.0 + DT * pull, DT, pull, 1.0])
    }

    fn emission_jacobian(&self, _: usize, z: &DVector<f64>) -> DMatrix<f64> {
        let (a, cosine) = z[0].sin_cos();
        let b = 2.0 - cosine;
        let slope = (cosine * b - a * a) / (a * a + b * b);
        DMatrix::from_row_slice(2, 2, &[slope, 0.0, a, 0.2 * z[1]])
    }
}

fn nonlinear(golden: &Golden, name: &str, model: impl GaussianModel) {
    let (x, u) = (golden.array("nonlinear/x"), golden.array("nonlinear/u"));
    let start = Belief::independent(&[0.8, 0.2], &[0.2, 0.3]).unwrap();
    let sequence = Sequence { observations: x.view(), controls: u.view() };
    let out = GaussianFilter::new(model, start).unwrap().filter(&sequence).unwrap();
    same(name, &out.filtered, &golden.beliefs(name));
}

#[test]
fn extended_and_unscented_filters_are_those_of_filterpy() {
    let golden = Golden::read();
    nonlinear(&golden, "extended", Extended(Pendulum));
    let points = SigmaPoints { alpha: 0.7, beta: 2.0, kappa: 0.5 };
    nonlinear(&golden, "unscented", Unscented::new(Pendulum, points).unwrap());
}

#[test]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
fn quantiles_are_those_of_scipy() {
    let golden = Golden::read();
    let expected = golden.matrix("quantile/value");
    for (i, &p) in golden.vector("quantile/probability").iter().enumerate() {
        for (j, &n) in golden.vector("quantile/freedom").iter().enumerate() {
            let got = chi_square_quantile(p, n as usize).unwrap();
            let (error, scale) = ((got - expected[(i, j)]).abs(), expected[(i, j)]);
            assert!(error < 1e-8 * scale + 1e-9, "p {p}, {n} degrees: {got} against {scale}");
        }
    }
}
