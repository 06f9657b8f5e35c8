//! Importance-weighted bound (Burda, Grosse and Salakhutdinov 2016):
//! `E[ln (1/K) Σ_k p(x, w_k) / q(w_k | x)]` with `K` independent paths of the filter.

use super::infer::{seen, time_major};
use crate::pool::Pool;
use crate::train::{Purpose, stream};
use dvbf_core::{Batch, Bound, Dvbf, Transition, Workspace};
use dvbf_data::Dataset;
use ndarray::Array2;
use rayon::prelude::*;

const CHUNK: usize = 25;

/// The bound with `samples` paths, in nats per sequence, averaged over all recordings.
///
/// # Panics
/// If the recordings have other channels than the model, or `samples` is zero.
pub fn importance_weighted_bound(
    model: &Dvbf<f32>,
    data: &Dataset,
    samples: usize,
    seed: u64,
    pool: &Pool,
) -> f64 {
    assert!(samples > 0, "at least one path");
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

/// The bound of every sequence of one chunk.
fn chunk(
    model: &Dvbf<f32>,
    data: &Dataset,
    range: std::ops::Range<usize>,
    samples: usize,
    seed: u64,
) -> Vec<f64> {
    let (n, first, steps) = (range.len(), range.start, data.observations.dim().1);
    let (rows, width) = (n * steps, model.transition().dims().noise);
    let x = time_major(&data.observations, range.clone(), steps);
    let u = time_major(&data.controls, range.clone(), steps);
    let mask = data.mask.as_ref().map(|mask| time_major(mask, range, steps));
    let (mut eps, seen) = (Array2::zeros((rows, width)), seen(mask.as_ref(), rows));
    let mut work = Workspace::new(model, n, rows);
    let mut bound = Bound::zeros(n);
    work.prepare(model);
    let mut weights = vec![Vec::with_capacity(samples); n];
    for sample in 0..samples {
        let values = eps.as_slice_mut().expect("a fresh array is contiguous");
        stream(seed, Purpose::Importance, sample as u64, first).normal(values);
        let batch = Batch {
            sequences: n,
            input: x.view(),
            start: None,
            target: x.view(),
            mask: mask.as_ref().map(|mask| mask.view()),
            seen: seen.view(),
            control: u.view(),
            noise: eps.view(),
        };
        model.bound(&batch, 1.0, &mut work, &mut bound);
        let mut log_weight: Vec<f64> = bound.log_lik.iter().map(|&l| f64::from(l)).collect();
        for row in 0..rows {
            // ln p(w) − ln q(w) at the sample: the constants cancel.
            let (w, std) = (work.noise(), work.noise_std());
            let terms = w.row(row).into_iter().zip(std.row(row)).zip(eps.row(row)).map(
                |((&w, &std), &e)| {
                    let (w, std, e) = (f64::from(w), f64::from(std), f64::from(e));
                    std.ln() + 0.5 * (e * e - w * w)
                },
            );
            log_weight[row % n] += terms.sum::<f64>();
        }
        for (all, weight) in weights.iter_mut().zip(log_weight) {
            all.push(weight);
        }
    }
    weights.iter().map(|w| log_mean_exp(w)).collect()
}

pub(crate) fn log_mean_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = values.iter().map(|v| (v - largest).exp()).sum();
    largest + (sum / values.len() as f64).ln()
}
