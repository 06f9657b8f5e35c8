//! What a model infers of whole sets of recordings.

use super::Seen;
use crate::pool::Pool;
use crate::train::{Learner, Purpose, stream};
use dvbf_core::{Batch, Bound};
use dvbf_data::Dataset;
use ndarray::{Array1, Array2, Array3, Axis, s};
use rayon::prelude::*;
use std::ops::Range;

/// Sequences that are filtered together.
pub const CHUNK: usize = 25;

/// Which path through the posterior is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// The means of all innovations.
    Mean,
    /// A sample, drawn from this seed.
    Sample(u64),
}

/// Filtered recordings.
#[derive(Clone, Debug)]
pub struct Inferred {
    /// `z (N, T, Z)`.
    pub state: Array3<f32>,
    /// `ln p(x | z)` of every sequence.
    pub log_lik: Array1<f64>,
    /// Divergence of every sequence.
    pub kl: Array1<f64>,
}

/// Time-major rows of the sequences `range` of `values (N, T, …)`, first `steps` steps.
pub(in crate::eval) fn time_major(
    values: &Array3<f32>,
    range: Range<usize>,
    steps: usize,
) -> Array2<f32> {
    let block = values.slice(s![range, ..steps, ..]);
    let (n, t, x) = block.dim();
    block
        .permuted_axes([1, 0, 2])
        .as_standard_layout()
        .into_owned()
        .into_shape_with_order((t * n, x))
        .expect("the axes were brought into order")
}

/// One for every row where anything was observed: only there is there anything to recognize.
pub(super) fn seen(mask: Option<&Array2<f32>>, rows: usize) -> Array1<f32> {
    match mask {
        None => Array1::ones(rows),
        Some(mask) => {
            let any = |row: ndarray::ArrayView1<'_, f32>| row.iter().any(|&m| m > 0.0);
            mask.rows().into_iter().map(|row| f32::from(u8::from(any(row)))).collect()
        }
    }
}

/// States and terms of the bound of the first `steps` steps of all recordings. Results do not depend on
/// the pool.
///
/// # Panics
/// If the recordings have fewer steps, or other channels than the model.
pub fn infer<M: Learner<f32>>(
    model: &M,
    data: &Dataset,
    steps: usize,
    draw: Draw,
    pool: &Pool,
) -> Inferred {
    let count = data.observations.dim().0;
    let starts: Vec<usize> = (0..count).step_by(CHUNK).collect();
    let parts: Vec<(Array3<f32>, Bound<f32>)> = pool.install(|| {
        starts
            .par_iter()
            .map(|&first| infer_some(model, data, first..(first + CHUNK).min(count), steps, draw))
            .collect()
    });
    let states: Vec<_> = parts.iter().map(|(state, _)| state.view()).collect();
    let gather = |term: fn(&Bound<f32>) -> &Array1<f32>| {
        parts.iter().flat_map(|(_, b)| term(b).iter().map(|&v| f64::from(v))).collect()
    };
    Inferred {
        state: ndarray::concatenate(Axis(0), &states).expect("chunks have equal shapes"),
        log_lik: gather(|b| &b.log_lik),
        kl: gather(|b| &b.kl),
    }
}

/// States `(N, T, Z)` and bound of the sequences `range`, which go through the model together.
fn infer_some<M: Learner<f32>>(
    model: &M,
    data: &Dataset,
    range: Range<usize>,
    steps: usize,
    draw: Draw,
) -> (Array3<f32>, Bound<f32>) {
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
}

/// `(T·B, Z)` as `(B, T, Z)`.
pub(super) fn by_sequence(rows: Array2<f32>, sequences: usize) -> Array3<f32> {
    let (count, width) = rows.dim();
    rows.into_shape_with_order((count / sequences, sequences, width))
        .expect("rows are steps of sequences")
        .permuted_axes([1, 0, 2])
        .as_standard_layout()
        .into_owned()
}

/// Some sequences, time-major.
pub(super) struct Rows {
    sequences: usize,
    observed: Array2<f32>,
    mask: Option<Array2<f32>>,
    seen: Array1<f32>,
    control: Array2<f32>,
}

impl Rows {
    /// The first `steps` steps of the sequences `range`.
    pub(super) fn of(data: &Dataset, range: Range<usize>, steps: usize) -> Self {
        let mask = data.mask.as_ref().map(|mask| time_major(mask, range.clone(), steps));
        Self {
            sequences: range.len(),
            observed: time_major(&data.observations, range.clone(), steps),
            seen: seen(mask.as_ref(), range.len() * steps),
            mask,
            control: time_major(&data.controls, range, steps),
        }
    }

    /// All of them with this noise.
    pub(super) fn batch<'a>(&'a self, noise: &'a Array2<f32>) -> Batch<'a, f32> {
        Batch {
            sequences: self.sequences,
            input: self.observed.view(),
            start: None,
            target: self.observed.view(),
            mask: self.mask.as_ref().map(|mask| mask.view()),
            seen: self.seen.view(),
            control: self.control.view(),
            noise: noise.view(),
        }
    }

    /// Their first `steps` steps as seen, and the controls of all.
    pub(super) fn beginning(&self, steps: usize) -> Seen<'_, f32> {
        let rows = ..steps * self.sequences;
        Seen {
            sequences: self.sequences,
            observed: self.observed.slice(s![rows, ..]),
            mask: self.mask.as_ref().map(|mask| mask.slice(s![rows, ..])),
            seen: self.seen.slice(s![rows]),
            control: self.control.view(),
        }
    }
}
