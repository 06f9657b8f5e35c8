//! The density of an observation before it is seen: one Gaussian with the moments of the paths.

use super::belief::Score;
use super::cholesky::Triangle;
use super::deviations::{Deviations, Leave, Project, narrow};
use crate::model::Dvbf;
use crate::units::Channels;
use dvbf_models::Cache;
use dvbf_tensor::{Accum, PackedMatrix, gemm_packed, sum_squares, vectorize};
use ndarray::{Array2, ArrayView2, s};

/// `N(m, c² Σ)` and what its computation needs; see the module.
#[derive(Debug)]
pub(super) struct Predictive {
    emission: Cache,
    /// `x̃ (N, X)`.
    observed: Array2<f32>,
    /// `m`.
    mean: Vec<f64>,
    /// `c σ`, `σ⁻¹`, and `1 / (σ √(N − 1))`.
    std: Vec<f64>,
    inverse_std: Vec<f64>,
    weight: Vec<f64>,
    /// `2 ln (c σ)`, of observations in the units of the recordings.
    log_variance: Vec<f64>,
    /// `σ⁻² Σⱼⱼ`.
    inflation: Vec<f64>,
    /// `A (N, X)`, or its transpose where there are fewer channels than paths.
    factor: Array2<f32>,
    by_channel: bool,
    /// `A Aᵀ` of the factor's rows, `I + A Aᵀ` and then its root, and the right-hand side.
    products: Array2<f32>,
    packed: PackedMatrix<f32>,
    gram: Triangle,
    side: Vec<f64>,
    residual: Vec<f64>,
    scale: f64,
}

const CONTIGUOUS: &str = "a fresh array is contiguous";

impl Predictive {
    pub(super) fn new(model: &Dvbf<f32>, samples: usize, scale: f64) -> Self {
        let channels = model.observation();
        let by_channel = channels < samples;
        let (small, large) = (channels.min(samples), channels.max(samples));
        let mut emission = model.emission.scratch();
        model.emission.prepare(&mut emission);
        let log_std = model.emission.log_std();
        let log_std = (0..channels).map(|j| f64::from(log_std[j.min(log_std.len() - 1)]));
        let log_std: Vec<f64> = log_std.collect();
        let factor = Array2::<f32>::zeros((small, large));
        let mut packed = PackedMatrix::new();
        packed.pack(factor.t());
        let spread = (samples as f64 - 1.0).sqrt();
        Self {
            emission,
            observed: Array2::zeros((samples, channels)),
            mean: vec![0.0; channels],
            std: log_std.iter().map(|log| scale * log.exp()).collect(),
            inverse_std: log_std.iter().map(|log| (-log).exp()).collect(),
            weight: log_std.iter().map(|log| (-log).exp() / spread).collect(),
            log_variance: log_std.iter().map(|log| 2.0 * (log + scale.ln())).collect(),
            inflation: vec![0.0; channels],
            factor,
            packed,
            by_channel,
            products: Array2::zeros((small, small)),
            gram: Triangle::zeros(small),
            side: vec![0.0; small],
            residual: vec![0.0; channels],
            scale,
        }
    }

    /// Takes observations in these units, or in those of the model.
    pub(super) fn set_units(&mut self, units: Option<&Channels>) {
        for (j, (log_variance, std)) in self.log_variance.iter_mut().zip(&self.std).enumerate() {
            let unit = units.map_or(1.0, |units| f64::from(units.scale()[j]));
            *log_variance = 2.0 * (std * unit).ln();
        }
    }

    /// Moments of what paths in `state (N, Z)` show; false if they are not finite.
    pub(super) fn update(&mut self, model: &Dvbf<f32>, state: ArrayView2<'_, f32>) -> bool {
        model.emission.mean(state, self.observed.view_mut(), &mut self.emission);
        vectorize(Deviations {
            observed: self.observed.as_slice().expect(CONTIGUOUS),
            weight: &self.weight,
            mean: &mut self.mean,
            factor: self.factor.as_slice_mut().expect(CONTIGUOUS),
            inflation: &mut self.inflation,
            by_channel: self.by_channel,
        });
        self.inflation.iter().all(|v| v.is_finite())
    }

    /// Writes mean and standard deviation of every channel, in the units of the recordings.
    pub(super) fn marginals(&self, units: Option<&Channels>, mean: &mut [f32], std: &mut [f32]) {
        for (j, (mean, std)) in mean.iter_mut().zip(std).enumerate() {
            *mean = narrow(self.mean[j]);
            *std = narrow(self.std[j] * self.inflation[j].sqrt());
            if let Some(units) = units {
                *mean = narrow(f64::from(*mean * units.scale()[j]) + units.mean()[j]);
                *std *= units.scale()[j];
            }
        }
    }

    /// How well `x (X)` in the units of the model was predicted, over the channels that were
    /// `seen`; nothing if the figures are not finite.
    pub(super) fn score(&mut self, x: ArrayView2<'_, f32>, seen: &[bool]) -> Option<Score> {
        let (mut freedom, mut log_det) = (0, 0.0);
        for (j, &seen) in seen.iter().enumerate() {
            if !seen {
                // A channel without deviations and without residual takes no part.
                let channel = if self.by_channel { s![j..=j, ..] } else { s![.., j..=j] };
                self.factor.slice_mut(channel).fill(0.0);
                self.residual[j] = 0.0;
                continue;
            }
            freedom += 1;
            self.residual[j] = (f64::from(x[[0, j]]) - self.mean[j]) * self.inverse_std[j];
            log_det += self.log_variance[j];
        }
        let (squared, log_gram) = self.whiten()?;
        let nis = squared.max(0.0) / self.scale.powi(2);
        let constant = freedom as f64 * std::f64::consts::TAU.ln();
        let log_likelihood = -0.5 * (nis + log_gram + log_det + constant);
        log_likelihood.is_finite().then_some(Score { log_likelihood, nis, freedom })
    }

    /// `r̃ᵀ (I + Aᵀ A)⁻¹ r̃` and `ln det (I + Aᵀ A)` of the residual `r̃`.
    fn whiten(&mut self) -> Option<(f64, f64)> {
        if self.by_channel { self.whiten_by_channel() } else { self.whiten_by_path() }
    }

    /// By `I + Aᵀ A` of the channels, in double precision: it is small.
    fn whiten_by_channel(&mut self) -> Option<(f64, f64)> {
        for j in 0..self.gram.size() {
            let own = self.factor.row(j);
            for (to, i) in self.gram.column_mut(j).iter_mut().zip(j..) {
                let pairs = own.iter().zip(self.factor.row(i));
                *to = pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
            }
            self.gram.column_mut(j)[0] += 1.0;
        }
        // Only what is not finite is not positive definite.
        if !self.gram.factorize() {
            return None;
        }
        let log_det = self.gram.log_det();
        self.side.copy_from_slice(&self.residual);
        // L y = r̃; the quadratic form of the inverse is |y|².
        self.gram.solve(&mut self.side);
        Some((sum_squares(&self.side), log_det))
    }

    /// By `I + A Aᵀ` of the paths: the form is the least of `‖r̃ − Aᵀ c‖² + ‖c‖²`, which
    /// `c = (I + A Aᵀ)⁻¹ A r̃` attains. What single precision does to the products moves it by squares alone.
    fn whiten_by_path(&mut self) -> Option<(f64, f64)> {
        let factor = self.factor.view();
        self.packed.pack(factor.reversed_axes());
        gemm_packed(Accum::Replace, self.products.view_mut(), factor, &self.packed);
        for j in 0..self.gram.size() {
            let column = self.gram.column_mut(j);
            let products = self.products.slice(s![j, j..]);
            column.iter_mut().zip(products).for_each(|(to, &g)| *to = f64::from(g));
            column[0] += 1.0;
        }
        if !self.gram.factorize() {
            return None;
        }
        let log_det = self.gram.log_det();
        let factor = self.factor.as_slice().expect(CONTIGUOUS);
        let residual = &mut self.residual;
        vectorize(Project { factor, residual, out: &mut self.side });
        self.gram.solve(&mut self.side);
        self.gram.solve_transposed(&mut self.side);
        let left = vectorize(Leave { factor, coefficients: &self.side, residual });
        Some((left + sum_squares(&self.side), log_det))
    }
}

#[cfg(feature = "bayes")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ModelConfig;
    use dvbf_models::bayes::{Belief, DMatrix, DVector};
    use dvbf_models::{GaussianEmission, KindTable, gradient_of};
    use dvbf_tensor::Noise;
    use proptest::prelude::*;

    fn model(observation: usize, seed: u64) -> Dvbf<f32> {
        let config = ModelConfig {
            noise: 2,
            hidden: 8,
            initial_frames: 1,
            transition: KindTable::new("locally-linear").with("matrices", 2).with("hidden", 0),
            emission: KindTable::new("gaussian")
                .with("std_kind", "learned-per-channel")
                .with("std", 0.3),
            ..ModelConfig::new(observation, 1, 3)
        };
        let mut model = Dvbf::random(&config, Noise::new(seed, 0)).unwrap();
        let std = gradient_of::<GaussianEmission<f32>>(&mut *model.emission).log_std_mut();
        let step = normal(1, observation, seed, 1);
        std.zip_mut_with(&step.row(0), |std, step| *std += 0.5 * step);
        model
    }

    fn normal(rows: usize, columns: usize, seed: u64, stream: u64) -> Array2<f32> {
        let mut a = Array2::zeros((rows, columns));
        Noise::new(seed, stream).normal(a.as_slice_mut().unwrap());
        a
    }

    proptest! {
        /// The short way through the smaller matrix is the density of the covariance written out.
        #[test]
        fn score_is_that_of_the_whole_covariance(
            (samples, channels) in (4..36_usize, 1..60_usize),
            hidden in 0..60_usize,
            scale in 0.3..3.0_f64,
            with_units in any::<bool>(),
            seed in any::<u64>(),
        ) {
            let model = model(channels, seed);
            let state = normal(samples, 3, seed, 2);
            let x = normal(1, channels, seed, 3);
            let units = with_units.then(|| {
                let scale = normal(1, channels, seed, 4).mapv(f32::exp);
                Channels::new(vec![0.7; channels], scale.row(0).to_vec())
            });
            let mut seen = vec![true; channels];
            if channels > 1 {
                seen[hidden % channels] = false;
            }
            let mut predictive = Predictive::new(&model, samples, scale);
            predictive.set_units(units.as_ref());
            assert!(predictive.update(&model, state.view()));
            let shown = predictive.observed.mapv(f64::from);
            let (mut mean, mut std) = (vec![0.0; channels], vec![0.0; channels]);
            predictive.marginals(units.as_ref(), &mut mean, &mut std);
            let score = predictive.score(x.view(), &seen).unwrap();

            // Covariance and observation in the units of the recordings, channel by channel.
            let unit = |j: usize| units.as_ref().map_or(1.0, |u| f64::from(u.scale()[j]));
            let (n, middle) = (samples as f64, shown.mean_axis(ndarray::Axis(0)).unwrap());
            let covariance = DMatrix::from_fn(channels, channels, |i, j| {
                let pairs = shown.column(i).into_iter().zip(shown.column(j));
                let sum: f64 = pairs.map(|(a, b)| (a - middle[i]) * (b - middle[j])).sum();
                let log_std = f64::from(model.emission.log_std()[i]);
                let noise = if i == j { (2.0 * log_std).exp() } else { 0.0 };
                scale * scale * (noise + sum / (n - 1.0)) * unit(i) * unit(j)
            });
            let kept: Vec<usize> = (0..channels).filter(|&j| seen[j]).collect();
            let center = |j: usize| middle[j] * unit(j) + units.as_ref().map_or(0.0, |_| 0.7);
            let given = |j: usize| f64::from(x[[0, j]]) * unit(j) + units.as_ref().map_or(0.0, |_| 0.7);
            let dense = Belief::new(
                DVector::from_iterator(kept.len(), kept.iter().map(|&j| center(j))),
                covariance.select_rows(&kept).select_columns(&kept),
            );
            let dense = dense.unwrap();
            let value: Vec<f64> = kept.iter().map(|&j| given(j)).collect();
            let nis = dense.squared_distance(&value).unwrap();
            let log_likelihood = dense.log_density(&value).unwrap();
            prop_assert_eq!(score.freedom, kept.len());
            prop_assert!((score.nis - nis).abs() < 1e-5 * (1.0 + nis), "{score:?}, {nis}");
            let off = (score.log_likelihood - log_likelihood).abs();
            prop_assert!(off < 1e-5 * (1.0 + nis), "{score:?}, {log_likelihood}");
            for j in 0..channels {
                let (m, s) = (center(j), covariance[(j, j)].sqrt());
                prop_assert!((f64::from(mean[j]) - m).abs() < 1e-5 * (1.0 + m.abs()));
                prop_assert!((f64::from(std[j]) - s).abs() < 1e-5 * (1.0 + s));
            }
        }
    }
}
