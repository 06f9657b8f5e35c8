//! Filters of single sequences over whole sets of them.

use crate::pool::Pool;
use dvbf_core::bayes::BayesError;
use ndarray::{Array2, Array3, Axis};
use rayon::prelude::*;

/// What `one` gives for each of `count` sequences, in their order.
pub(super) fn each<T: Send>(
    count: usize,
    one: impl Fn(usize) -> Result<T, BayesError> + Send + Sync,
    pool: &Pool,
) -> Result<Vec<T>, BayesError> {
    pool.install(|| (0..count).into_par_iter().map(one).collect())
}

/// Arrays `(T, D)` of equal shape as one `(N, T, D)`.
pub(super) fn stacked<'a>(parts: impl IntoIterator<Item = &'a Array2<f32>>) -> Array3<f32> {
    let views: Vec<_> = parts.into_iter().map(|part| part.view()).collect();
    ndarray::stack(Axis(0), &views).expect("sequences have equal shapes")
}
