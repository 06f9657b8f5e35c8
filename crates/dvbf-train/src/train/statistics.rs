//! Slow features of the training data (Wiskott and Sejnowski 2002): what parts are told of the data
//! before training begins.
//!
//! With observations whitened by their leading principal axes, the slow features are the directions
//! along which consecutive observations differ least. A pointer that turns draws a closed ring on the
//! first two, however unevenly its angles are visited.

use crate::principal::principal_axes;
use dvbf_core::Statistics;
use dvbf_data::Dataset;
use ndarray::{Array1, Array2, Axis, s};

/// Frames that are looked at, at most, and principal axes that are kept.
const FRAMES: usize = 8000;
const AXES: usize = 30;
/// Variance of the largest axis that an axis must have a share of, or it is taken for noise.
const LEAST: f64 = 1e-4;

/// The `count` slowest features of observations of `data`, slowest first; missing channels count as
/// zeros, as networks see them.
pub(super) fn of(data: &Dataset, count: usize) -> Statistics {
    let (sequences, steps, x) = data.observations.dim();
    let lengths: Vec<usize> = data.lengths.iter().map(|&length| length.min(steps)).collect();
    let enough = |used: &mut usize, length: usize| {
        let take = *used < FRAMES;
        *used += length;
        Some(take)
    };
    let taken: Vec<bool> = lengths.iter().copied().scan(0, |u, l| enough(u, l)).collect();
    let mut frames = Array2::zeros((0, x));
    let mut firsts = Vec::new();
    for n in (0..sequences).filter(|&n| taken[n]) {
        let own = Array2::from_shape_fn((lengths[n], x), |(t, channel)| {
            let seen = data.mask.as_ref().is_none_or(|mask| mask[[n, t, channel]] > 0.0);
            if seen { f64::from(data.observations[[n, t, channel]]) } else { 0.0 }
        });
        firsts.push((frames.nrows(), lengths[n]));
        frames.append(Axis(0), own.view()).expect("rows have as many channels");
    }
    let mean = frames.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(x));
    let centered = frames - &mean;
    let (basis, variances) = principal_axes(&centered, AXES.min(x));
    let least = (LEAST * variances[0]).max(f64::MIN_POSITIVE);
    let kept = variances.iter().take(basis.ncols()).filter(|&&v| v > least).count();
    let mut whitening = basis.slice(s![.., ..kept]).to_owned();
    for (mut axis, variance) in whitening.columns_mut().into_iter().zip(&variances) {
        axis /= variance.sqrt();
    }
    let white = centered.dot(&whitening);
    let mut changes = Array2::zeros((0, kept));
    for (first, length) in firsts.into_iter().filter(|&(_, length)| length > 1) {
        let now = white.slice(s![first..first + length - 1, ..]);
        let next = white.slice(s![first + 1..first + length, ..]);
        changes.append(Axis(0), (&next - &now).view()).expect("rows have as many features");
    }
    // The slowest directions are the last principal axes of the changes.
    let (directions, _) = principal_axes(&changes, kept);
    let slow = directions.slice(s![.., ..;-1]);
    let axes = whitening.dot(&slow.slice(s![.., ..count.min(kept)]));
    Statistics { mean, axes }
}
