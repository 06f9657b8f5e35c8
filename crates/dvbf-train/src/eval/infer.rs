//! Filtering of whole sets of recordings.

use crate::pool::Pool;
use crate::train::{Purpose, stream};
use dvbf_core::{Batch, Bound, Dvbf, Transition, Workspace};
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
pub(crate) fn time_major(values: &Array3<f32>, range: Range<usize>, steps: usize) -> Array2<f32> {
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

/// Filters the first `steps` steps of all recordings. Results do not depend on the pool.
///
/// # Panics
/// If the recordings have fewer steps, or other channels than the model.
pub fn infer(model: &Dvbf<f32>, data: &Dataset, steps: usize, draw: Draw, pool: &Pool) -> Inferred {
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

/// States `(N, T, Z)` and bound of the sequences `range`, which are filtered together.
pub(super) fn infer_some(
    model: &Dvbf<f32>,
    data: &Dataset,
    range: Range<usize>,
    steps: usize,
    draw: Draw,
) -> (Array3<f32>, Bound<f32>) {
    let (n, dims) = (range.len(), model.transition().dims());
    let rows = n * steps;
    let x = time_major(&data.observations, range.clone(), steps);
    let u = time_major(&data.controls, range.clone(), steps);
    let mut noise = Array2::zeros((rows, dims.noise));
    if let Draw::Sample(seed) = draw {
        let values = noise.as_slice_mut().expect("a fresh array is contiguous");
        stream(seed, Purpose::Evaluation, 0, range.start).normal(values);
    }
    let mask = data.mask.as_ref().map(|mask| time_major(mask, range, steps));
    let seen = seen(mask.as_ref(), rows);
    let batch = Batch {
        sequences: n,
        input: x.view(),
        start: None,
        target: x.view(),
        mask: mask.as_ref().map(|mask| mask.view()),
        seen: seen.view(),
        control: u.view(),
        noise: noise.view(),
    };
    let mut work = Workspace::new(model, n, rows);
    let mut bound = Bound::zeros(n);
    work.prepare(model);
    model.bound(&batch, 1.0, &mut work, &mut bound);
    let state = work
        .state()
        .to_owned()
        .into_shape_with_order((steps, n, dims.state))
        .expect("rows are steps of sequences");
    (state.permuted_axes([1, 0, 2]).as_standard_layout().into_owned(), bound)
}
