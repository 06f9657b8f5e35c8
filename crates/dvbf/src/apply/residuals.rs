//! Correlations of what predictions of one step leave.

use crate::data::Dataset;
use ndarray::{Array3, s};
use serde::Serialize;
use std::collections::BTreeMap;

/// Lags of correlations.
const LAGS: usize = 20;

/// Correlations of what one step ahead leaves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Residuals {
    /// Largest absolute autocorrelation at lags 1 to 20.
    pub autocorrelation: f64,
    /// Largest absolute correlation with an input, lags 0 to 20; none without inputs.
    pub input_correlation: Option<f64>,
    /// What 95 % of the correlations of white residuals stay below.
    pub bound: f64,
}

/// Residuals of one step in the order of time, with the inputs that acted before them.
pub(super) struct Correlations {
    residuals: Vec<Vec<f64>>,
    inputs: Vec<Vec<f64>>,
}

impl Correlations {
    pub(super) fn new(names: usize) -> Self {
        Self { residuals: vec![Vec::new(); names], inputs: Vec::new() }
    }

    pub(super) fn add(&mut self, predicted: &Array3<f32>, truth: &Dataset, after: usize) {
        let names = self.residuals.len();
        for n in 0..predicted.dim().0 {
            for c in 0..predicted.dim().2.min(names) {
                let seen = truth.is_observed((n, after, c));
                let off = f64::from(truth.observations[[n, after, c]] - predicted[[n, 0, c]]);
                self.residuals[c].push(if seen { off } else { 0.0 });
            }
            let control = truth.controls.slice(s![n, after - 1, ..]);
            self.inputs.resize(control.len(), Vec::new());
            for (all, &u) in self.inputs.iter_mut().zip(control) {
                all.push(f64::from(u));
            }
        }
    }

    pub(super) fn figures(self, names: &[String]) -> BTreeMap<String, Residuals> {
        let each = |(name, own): (&String, &Vec<f64>)| {
            let largest = |other: &Vec<f64>, from: usize| {
                (from..=LAGS.min(own.len().saturating_sub(2)))
                    .map(|lag| correlation(&own[lag..], &other[..other.len() - lag]).abs())
                    .fold(0.0, f64::max)
            };
            let residuals = Residuals {
                autocorrelation: largest(own, 1),
                input_correlation: self.inputs.iter().map(|u| largest(u, 0)).reduce(f64::max),
                bound: 1.96 / (own.len().max(1) as f64).sqrt(),
            };
            (name.clone(), residuals)
        };
        names.iter().zip(&self.residuals).map(each).collect()
    }
}

/// Correlation of two series of equal length; zero if one is constant.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len().max(1) as f64;
    let (ma, mb) = (mean(a), mean(b));
    let sum =
        |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| f(a - ma, b - mb)).sum::<f64>();
    let (ab, aa, bb) = (sum(&|a, b| a * b), sum(&|a, _| a * a), sum(&|_, b| b * b));
    if aa > 0.0 && bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlations_are_those_of_the_textbook() {
        let a = [1.0, 2.0, 3.0, 4.0];
        assert!((correlation(&a, &[2.0, 4.0, 6.0, 8.0]) - 1.0).abs() < 1e-12);
        assert!((correlation(&a, &[4.0, 3.0, 2.0, 1.0]) + 1.0).abs() < 1e-12);
        assert!(correlation(&a, &[1.0; 4]).abs() < 1e-12);
    }
}
