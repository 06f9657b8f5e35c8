//! Evaluation of baselines: states, bounds, predictions, importance samples of whole data sets.

use super::{Factors, Generative, Learner, Predictor};
use crate::eval::{Draw, Inferred, log_mean_exp, time_major};
use crate::pool::Pool;
use crate::train::{Purpose, stream};
use dvbf_core::{Batch, Bound};
use dvbf_data::Dataset;
use ndarray::{Array1, Array2, Array3, Axis, s};
use rayon::prelude::*;
use std::ops::Range;

/// Sequences that are evaluated together.
const CHUNK: usize = 25;

/// Runs `work` on chunks of sequences; results come in order.
fn chunks<T: Send>(count: usize, pool: &Pool, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    let starts: Vec<usize> = (0..count).step_by(CHUNK).collect();
    pool.install(|| starts.par_iter().map(|&at| work(at..(at + CHUNK).min(count))).collect())
}

/// `(T·B, Z)` as `(B, T, Z)`.
fn by_sequence(rows: Array2<f32>, sequences: usize) -> Array3<f32> {
    let (count, width) = rows.dim();
    rows.into_shape_with_order((count / sequences, sequences, width))
        .expect("rows are steps of sequences")
        .permuted_axes([1, 0, 2])
        .as_standard_layout()
        .into_owned()
}

fn join(parts: &[Array3<f32>]) -> Array3<f32> {
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    ndarray::concatenate(Axis(0), &views).expect("chunks have equal shapes")
}

/// Observations and controls of some sequences, time-major.
struct Rows {
    sequences: usize,
    observed: Array2<f32>,
    control: Array2<f32>,
    seen: Array1<f32>,
}

impl Rows {
    fn of(data: &Dataset, range: Range<usize>, steps: usize) -> Self {
        let observed = time_major(&data.observations, range.clone(), steps);
        let seen = Array1::ones(observed.nrows());
        let control = time_major(&data.controls, range.clone(), steps);
        Self { sequences: range.len(), observed, control, seen }
    }

    fn batch<'a>(&'a self, noise: &'a Array2<f32>) -> Batch<'a, f32> {
        Batch {
            sequences: self.sequences,
            input: self.observed.view(),
            start: None,
            target: self.observed.view(),
            mask: None,
            seen: self.seen.view(),
            control: self.control.view(),
            noise: noise.view(),
        }
    }
}

/// States and terms of the bound of the first `steps` steps of all sequences. Results do not depend
/// on the pool.
///
/// # Panics
/// If the sequences have fewer steps, or other channels than the model.
pub fn infer<M: Learner<f32>>(
    model: &M,
    data: &Dataset,
    steps: usize,
    draw: Draw,
    pool: &Pool,
) -> Inferred {
    let parts = chunks(data.observations.dim().0, pool, |range| {
        let (n, first) = (range.len(), range.start);
        let rows = Rows::of(data, range, steps);
        let mut noise = Array2::zeros((n * steps, model.noise()));
        if let Draw::Sample(seed) = draw {
            let values = noise.as_slice_mut().expect("a fresh array is contiguous");
            stream(seed, Purpose::Evaluation, 0, first).normal(values);
        }
        let (mut work, mut bound) = (model.work(n, n * steps), Bound::zeros(n));
        model.prepare(&mut work);
        model.bound(&rows.batch(&noise), &mut work, &mut bound);
        (by_sequence(M::state(&work).to_owned(), n), bound)
    });
    let states: Vec<_> = parts.iter().map(|(state, _)| state.clone()).collect();
    let gather = |term: fn(&Bound<f32>) -> &Array1<f32>| {
        parts.iter().flat_map(|(_, b)| term(b).iter().map(|&v| f64::from(v))).collect()
    };
    Inferred { state: join(&states), log_lik: gather(|b| &b.log_lik), kl: gather(|b| &b.kl) }
}

/// Predicted frames `(N, horizon, X)` after the first `filtered` frames of all sequences, under the
/// recorded controls.
///
/// # Panics
/// If the sequences are shorter than `filtered + horizon` frames.
pub fn predict<M: Predictor<f32>>(
    model: &M,
    data: &Dataset,
    (filtered, horizon): (usize, usize),
    pool: &Pool,
) -> Array3<f32> {
    join(&chunks(data.observations.dim().0, pool, |range| {
        let n = range.len();
        let rows = Rows::of(data, range, filtered + horizon - 1);
        let observed = rows.observed.slice(s![..filtered * n, ..]);
        by_sequence(model.predict(n, observed, rows.control.view()), n)
    }))
}

/// Importance-weighted bound (Burda, Grosse and Salakhutdinov 2016) with `samples` samples for every
/// factor of the density, in nats per sequence, averaged over all sequences.
///
/// # Panics
/// If the sequences have other channels than the model, or `samples` is zero.
pub fn importance_weighted<M: Generative<f32>>(
    model: &M,
    data: &Dataset,
    samples: usize,
    seed: u64,
    pool: &Pool,
) -> f64 {
    assert!(samples > 0, "at least one sample");
    let (count, steps, _) = data.observations.dim();
    let bounds = chunks(count, pool, |range| {
        let (n, first) = (range.len(), range.start);
        let rows = Rows::of(data, range, steps);
        let mut noise = Array2::zeros((n * steps, model.noise()));
        let (mut work, mut bound) = (model.work(n, n * steps), Bound::zeros(n));
        model.prepare(&mut work);
        let groups = if model.factors() == Factors::Frames { n * steps } else { n };
        let mut weights = vec![Vec::with_capacity(samples); groups];
        for sample in 0..samples {
            let values = noise.as_slice_mut().expect("a fresh array is contiguous");
            stream(seed, Purpose::Importance, sample as u64, first).normal(values);
            model.bound(&rows.batch(&noise), &mut work, &mut bound);
            let mut sums = vec![0.0; groups];
            for (row, weight) in M::latent(&work).log_weights(noise.view()).iter().enumerate() {
                sums[row % groups] += weight;
            }
            for (all, sum) in weights.iter_mut().zip(sums) {
                all.push(sum);
            }
        }
        weights.iter().map(|w| log_mean_exp(w)).sum::<f64>()
    });
    bounds.iter().sum::<f64>() / count as f64
}
