//! Whether the intervals of one-step predictions cover as they say.
//!
//! The online filter predicts every channel of every step before it sees it, with mean `m` and
//! standard deviation `s`. Of a filter that knows what it does not know, `z = (x − m) / s` is
//! standard normal, a fraction `p` of the values lies in the central interval of probability `p`, and
//! the probability integral transform `Φ(z)` is uniform. Channels of one step depend on each other, so
//! the fractions scatter more than their number says.
//!
//! **The fitted scale** is `c = √mean z²` over the validation set, the most likely one if deviations were
//! normal and independent. It makes the spread right and leaves its shape: where tails are heavy, the wide
//! intervals cover too little and the narrow ones too much.

use super::FitTest;
use crate::nullable;
use crate::pool::Pool;
use dvbf_core::{Dvbf, Filter, FilterOptions};
use dvbf_data::Dataset;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};
use std::sync::Arc;

/// Sequences that are filtered, at most; figures of more differ in the third digit.
const SEQUENCES: usize = 200;
/// Sequences that one filter takes one after the other.
const CHUNK: usize = 10;
/// Bars of the histogram of `Φ(z)`.
pub(crate) const BARS: usize = 20;
/// Quantiles of the standard normal distribution at 0.75, 0.95 and 0.995.
const HALF_WIDTHS: [f64; 3] =
    [0.674_489_750_196_081_7, 1.644_853_626_951_472_2, 2.575_829_303_548_901];

/// Fractions of observed values inside central intervals.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Of probability 0.5.
    pub p50: f64,
    /// Of probability 0.9.
    pub p90: f64,
    /// Of probability 0.99.
    pub p99: f64,
}

/// How well one-step predictions know their errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// `c`, fitted on the validation set; the model file has it, and `Filter::load` applies it.
    pub scale: f64,
    /// Coverage on the validation set, as the model says.
    pub validation: Coverage,
    /// Coverage on the test set, as the model says.
    pub test: Coverage,
    /// Coverage on the test set with the fitted scale.
    pub test_scaled: Coverage,
    /// Normalized innovation squared over its degrees of freedom on the test set, averaged, as the
    /// model says.
    #[serde(deserialize_with = "nullable::number")]
    pub nis: f64,
    /// Average log-likelihood of a step of the test set in nats, as the model says: the logarithm of a
    /// density in the units of the recordings, `log p(x) = log p(z) − Σ log s` over the channels seen
    /// where the model sees `z = (x − m) / s`.
    #[serde(deserialize_with = "nullable::number")]
    pub log_likelihood: f64,
    /// The same with the fitted scale.
    #[serde(deserialize_with = "nullable::number")]
    pub log_likelihood_scaled: f64,
    /// Fractions of the test set's `Φ(z)` in equal parts of `[0, 1]`, as the model says.
    pub pit: Vec<f64>,
    /// The same with the fitted scale.
    pub pit_scaled: Vec<f64>,
}

/// Figures of one data set.
struct Deviations {
    /// `z` of every predicted value.
    z: Vec<f32>,
    /// NIS over freedom, and log-likelihood, of every predicted step.
    steps: Vec<(f64, f64)>,
}

/// Filters both sets: the scale is fitted to the validation set, and the test set judges it. Nothing
/// if no step was predicted or a figure is not finite.
pub fn calibrate(model: &Dvbf<f32>, sets: FitTest<&Dataset>, pool: &Pool) -> Option<Calibration> {
    let model = Arc::new(model.clone());
    let fitted = Deviations::of(&model, sets.fit, 1.0, pool)?;
    let squares: f64 = fitted.z.iter().map(|&z| f64::from(z).powi(2)).sum();
    let scale = (squares / fitted.z.len() as f64).sqrt();
    if !(scale.is_finite() && scale > 0.0) {
        return None;
    }
    let plain = Deviations::of(&model, sets.test, 1.0, pool)?;
    let scaled = Deviations::of(&model, sets.test, scale, pool)?;
    let average = |of: &Deviations, part: fn(&(f64, f64)) -> f64| {
        of.steps.iter().map(part).sum::<f64>() / of.steps.len() as f64
    };
    Some(Calibration {
        scale,
        validation: fitted.coverage(),
        test: plain.coverage(),
        test_scaled: scaled.coverage(),
        nis: average(&plain, |step| step.0),
        log_likelihood: average(&plain, |step| step.1),
        log_likelihood_scaled: average(&scaled, |step| step.1),
        pit: plain.pit(),
        pit_scaled: scaled.pit(),
    })
}

impl Deviations {
    fn of(model: &Arc<Dvbf<f32>>, data: &Dataset, scale: f64, pool: &Pool) -> Option<Self> {
        let count = data.observations.dim().0.min(SEQUENCES);
        let starts: Vec<usize> = (0..count).step_by(CHUNK).collect();
        let parts: Option<Vec<Self>> = pool.install(|| {
            let chunk =
                |&first: &usize| Self::chunk(model, data, first..(first + CHUNK).min(count), scale);
            starts.par_iter().map(chunk).collect()
        });
        let (mut z, mut steps) = (Vec::new(), Vec::new());
        for part in parts? {
            z.extend(part.z);
            steps.extend(part.steps);
        }
        let finite = z.iter().all(|z| z.is_finite()) && steps.iter().all(|s| s.1.is_finite());
        (finite && !z.is_empty()).then_some(Self { z, steps })
    }

    fn chunk(
        model: &Arc<Dvbf<f32>>,
        data: &Dataset,
        sequences: std::ops::Range<usize>,
        scale: f64,
    ) -> Option<Self> {
        // A density in the units of the recordings is smaller by the scale of every channel seen.
        let scale_of = |x: usize| data.units.as_ref().map_or(1.0, |u| u.observation.scale()[x]);
        let logs: Vec<f64> =
            (0..data.observations.dim().2).map(|x| f64::from(scale_of(x)).ln()).collect();
        // The sequences are in the units of the model; every chunk has noise of its own.
        let options = FilterOptions { seed: sequences.start as u64, ..FilterOptions::default() };
        let filter = Filter::new(Arc::clone(model), data.dt, options).ok()?;
        let mut filter = filter.with_std_scale(scale).ok()?;
        let (mut z, mut steps) = (Vec::new(), Vec::new());
        for n in sequences {
            filter.reset();
            for t in 0..data.lengths[n].min(data.observations.dim().1) {
                let mut x = data.observations.slice(ndarray::s![n, t, ..]).to_vec();
                for (i, x) in x.iter_mut().enumerate() {
                    if !data.is_observed((n, t, i)) {
                        *x = f32::NAN;
                    }
                }
                let u = data.controls.slice(ndarray::s![n, t.saturating_sub(1), ..]).to_vec();
                let belief = filter.step(Some(&x), &u, data.dt).ok()?;
                let spread = belief.spread.as_ref()?;
                let Some(score) = spread.score else { continue };
                let seen = x.iter().zip(&logs).filter(|(x, _)| !x.is_nan());
                let shift: f64 = seen.map(|(_, log)| log).sum();
                steps.push((score.nis / score.freedom as f64, score.log_likelihood - shift));
                let predicted = spread.predicted_mean.iter().zip(&spread.predicted_std);
                let seen = x.iter().zip(predicted).filter(|(x, _)| !x.is_nan());
                z.extend(seen.map(|(x, (mean, std))| (x - mean) / std));
            }
        }
        Some(Self { z, steps })
    }

    fn coverage(&self) -> Coverage {
        let inside = HALF_WIDTHS.map(|width| {
            let count = self.z.iter().filter(|&&z| f64::from(z).abs() <= width).count();
            count as f64 / self.z.len() as f64
        });
        Coverage { p50: inside[0], p90: inside[1], p99: inside[2] }
    }

    fn pit(&self) -> Vec<f64> {
        // A filter says it for every value, so the bars are found by their borders.
        let normal = Normal::standard();
        let borders: Vec<f64> =
            (1..BARS).map(|bar| normal.inverse_cdf(bar as f64 / BARS as f64)).collect();
        let mut bars = [0.0; BARS];
        for &z in &self.z {
            bars[borders.partition_point(|&border| border < f64::from(z))] += 1.0;
        }
        bars.iter().map(|bar| bar / self.z.len() as f64).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dvbf_core::{Channels, KindTable, ModelConfig, Noise, Units};
    use ndarray::{Array2, Array3, s};

    fn model(emission_std: f64) -> Dvbf<f32> {
        let config = ModelConfig {
            hidden: 8,
            initial_frames: 1,
            transition: KindTable::new("locally-linear").with("matrices", 2).with("hidden", 0),
            emission: KindTable::new("gaussian").with("std", emission_std),
            ..ModelConfig::new(6, 1, 2)
        };
        Dvbf::random(&config, Noise::new(1, 0)).unwrap()
    }

    /// What the model itself shows, of a sensor whose noise is `std`.
    fn recordings(std: f64, first: u64) -> Dataset {
        let (count, steps) = (60, 12);
        let zeros = |channels| Array3::zeros((count, steps, channels));
        let mut data = Dataset { dt: 0.1, ..Dataset::observed(zeros(6), zeros(1)) };
        let filter = Filter::new(Arc::new(model(std)), 0.1, FilterOptions::MEAN_PATH).unwrap();
        for n in 0..count {
            let seed = first + n as u64;
            let mut filter = filter
                .with_options(FilterOptions {
                    samples: 4,
                    seed,
                    gate: None,
                    ..FilterOptions::default()
                })
                .unwrap();
            filter.step(None, &[0.0], 0.1).unwrap();
            let future = filter.sample(Array2::zeros((steps, 1)).view(), seed).unwrap();
            data.observations.slice_mut(s![n, .., ..]).assign(&future.observation);
        }
        data
    }

    #[test]
    fn a_model_that_knows_its_noise_covers_and_one_that_does_not_is_scaled() {
        let pool = Pool::new(1).unwrap();
        let (held, test) = (recordings(1.0, 0), recordings(1.0, 500));
        let right = calibrate(&model(1.0), FitTest { fit: &held, test: &test }, &pool).unwrap();
        // Its recognition network was not trained, so a small part of the error is not known.
        assert!((right.scale - 1.0).abs() < 0.12, "{}", right.scale);
        for (coverage, p) in
            [right.test.p50, right.test.p90, right.test.p99].iter().zip([0.5, 0.9, 0.99])
        {
            assert!((coverage - p).abs() < 0.05, "{coverage} against {p}");
        }
        assert!(right.pit.iter().all(|bar| (bar - 0.05).abs() < 0.03), "{:?}", right.pit);
        assert!((right.pit.iter().sum::<f64>() - 1.0).abs() < 1e-9);

        // The sensor is three times as good as the model believes.
        let (held, test) = (recordings(0.3, 0), recordings(0.3, 500));
        let cautious = calibrate(&model(0.9), FitTest { fit: &held, test: &test }, &pool).unwrap();
        assert!(cautious.test.p50 > 0.7 && cautious.nis < 0.5, "{cautious:?}");
        assert!(cautious.scale < 0.75, "{}", cautious.scale);
        let scaled = cautious.test_scaled;
        assert!((scaled.p50 - 0.5).abs() < 0.1 && (scaled.p90 - 0.9).abs() < 0.04, "{scaled:?}");
        assert!(cautious.log_likelihood_scaled > cautious.log_likelihood + 1.0);
    }

    #[test]
    fn the_density_is_one_in_the_units_of_the_recordings() {
        let pool = Pool::new(1).unwrap();
        let (held, mut test) = (recordings(1.0, 0), recordings(1.0, 500));
        // The first channel is missing at every step.
        let mut mask = test.observations.mapv(|_| 1.0);
        mask.slice_mut(s![.., .., 0]).fill(0.0);
        test.mask = Some(mask);
        let plain = calibrate(&model(1.0), FitTest { fit: &held, test: &test }, &pool).unwrap();
        let scales = vec![100.0, 0.5, 0.5, 4.0, 1.0, 8.0];
        test.units = Some(Units {
            observation: Channels::new(vec![0.0; 6], scales),
            control: Channels::new(vec![0.0], vec![1.0]),
        });
        let units = calibrate(&model(1.0), FitTest { fit: &held, test: &test }, &pool).unwrap();
        let shift = (0.5_f64 * 0.5 * 4.0 * 8.0).ln();
        for (own, other) in [
            (units.log_likelihood, plain.log_likelihood),
            (units.log_likelihood_scaled, plain.log_likelihood_scaled),
        ] {
            assert!((own + shift - other).abs() < 1e-6, "{own}, {other}, {shift}");
        }
        assert_eq!((units.scale, units.nis, units.pit), (plain.scale, plain.nis, plain.pit));
    }

    #[test]
    fn sequences_that_only_start_are_not_judged() {
        let pool = Pool::new(1).unwrap();
        let mut short = recordings(1.0, 0);
        short.observations = short.observations.slice(s![.., ..1, ..]).to_owned();
        short.controls = short.controls.slice(s![.., ..1, ..]).to_owned();
        assert_eq!(calibrate(&model(1.0), FitTest { fit: &short, test: &short }, &pool), None);
    }
}
