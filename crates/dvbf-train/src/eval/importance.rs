//! Importance-weighted bound (Burda, Grosse and Salakhutdinov 2016):
//! `E[ln (1/K) Σ_k p(x, w_k) / q(w_k | x)]` with `K` independent samples.

use super::infer::Rows;
use super::{Factors, Generative};
use crate::pool::Pool;
use crate::train::{Purpose, stream};
use dvbf_core::Bound;
use dvbf_data::Dataset;
use ndarray::Array2;
use rayon::prelude::*;

const CHUNK: usize = 25;

/// The bound with `samples` samples for every factor of the density, in nats per sequence, averaged over
/// all recordings.
///
/// # Panics
/// If the recordings have other channels than the model, or `samples` is zero.
pub fn importance_weighted_bound<M: Generative<f32>>(
    model: &M,
    data: &Dataset,
    samples: usize,
    seed: u64,
    pool: &Pool,
) -> f64 {
    assert!(samples > 0, "at least one sample");
    let (count, _, _) = data.observations.dim();
    let starts: Vec<usize> = (0..count).step_by(CHUNK).collect();
    let bounds: Vec<Vec<f64>> = pool.install(|| {
        starts
            .par_iter()
            .map(|&first| {
                let range = first..(first + CHUNK).min(count);
                chunk(model, data, range, samples, seed)
            })
            .collect()
    });
    bounds.iter().flatten().sum::<f64>() / count as f64
}

/// The bound of every factor of one chunk.
fn chunk<M: Generative<f32>>(
    model: &M,
    data: &Dataset,
    range: std::ops::Range<usize>,
    samples: usize,
    seed: u64,
) -> Vec<f64> {
    let (n, first, steps) = (range.len(), range.start, data.observations.dim().1);
    let rows = Rows::of(data, range, steps);
    let mut noise = Array2::zeros((n * steps, model.noise()));
    let (mut work, mut bound) = (model.work(n, n * steps), Bound::zeros(n));
    model.prepare(&mut work);
    let factors = if model.factors() == Factors::Frames { n * steps } else { n };
    let mut weights = vec![Vec::with_capacity(samples); factors];
    for sample in 0..samples {
        let values = noise.as_slice_mut().expect("a fresh array is contiguous");
        stream(seed, Purpose::Importance, sample as u64, first).normal(values);
        model.bound(&rows.batch(&noise), &mut work, &mut bound);
        let sample = M::log_weights(&work, &bound, noise.view());
        for (all, weight) in weights.iter_mut().zip(sample) {
            all.push(weight);
        }
    }
    weights.iter().map(|w| log_mean_exp(w)).collect()
}

fn log_mean_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = values.iter().map(|v| (v - largest).exp()).sum();
    largest + (sum / values.len() as f64).ln()
}
