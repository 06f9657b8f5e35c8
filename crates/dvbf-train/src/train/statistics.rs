//! Slow features of the training data (Wiskott and Sejnowski 2002): what parts are told of the data
//! before training begins.
//!
//! With observations whitened by their leading principal axes, the slow features are the directions
//! along which consecutive observations differ least. A pointer that turns draws a closed ring on the
//! first two, however unevenly its angles are visited.
//!
//! Where several things move, the slowest takes the first features, and functions of it alone, which
//! are slow too, the next ones. So features are found in groups, each in what is left of the
//! observations when everything is taken away that polynomials of the features before explain.

use crate::principal::principal_axes;
use dvbf_core::Statistics;
use dvbf_data::Dataset;
use ndarray::{Array1, Array2, Axis, concatenate, s};

/// Frames that are looked at, at most, and principal axes that are kept.
const FRAMES: usize = 8000;
const AXES: usize = 30;
/// Variance of the largest axis that an axis must have a share of, or it is taken for noise.
const LEAST: f64 = 1e-4;
/// Largest total degree of the polynomials.
const DEGREE: usize = 8;

/// Observations of `data` for the slow features of `groups`: so many features for each, slowest first.
/// Missing channels count as zeros, as networks see them.
pub(super) fn of(data: &Dataset, groups: &[usize]) -> Statistics {
    let frames = Frames::of(data);
    let mut left = frames.centered.clone();
    let channels = left.ncols();
    let mut axes = Array2::zeros((channels, 0));
    // Projects observations to what is left of them.
    let mut rest = Array2::eye(channels);
    for (i, &count) in groups.iter().enumerate() {
        let own = rest.dot(&frames.slow(&left, count));
        axes = concatenate![Axis(1), axes, own];
        if i + 1 < groups.len() {
            let explained = explained(&frames.centered, &frames.centered.dot(&axes));
            rest = Array2::eye(channels) - explained.dot(&explained.t());
            left = frames.centered.dot(&rest);
        }
    }
    Statistics { mean: frames.mean, axes }
}

/// Turns things over for initialization `start`: features cannot tell left from right, which one thing
/// alone need not, but several must agree. Bit `i` of `start` turns group `i + 1`.
pub(super) fn mirrored(mut found: Statistics, groups: &[usize], start: u8) -> Statistics {
    let mut at = 0;
    for (i, &count) in groups.iter().enumerate() {
        if i > 0
            && start.checked_shr(u32::try_from(i - 1).unwrap_or(u32::MAX)).unwrap_or(0) & 1 == 1
        {
            found.axes.column_mut(at).mapv_inplace(|a| -a);
        }
        at += count;
    }
    found
}

struct Frames {
    mean: Array1<f64>,
    centered: Array2<f64>,
    /// First row of every sequence, and its length.
    sequences: Vec<(usize, usize)>,
}

impl Frames {
    fn of(data: &Dataset) -> Self {
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
        Self { centered: frames - &mean, mean, sequences: firsts }
    }

    /// The `count` slowest features of unit variance of `centered`, columns; fewer if it has fewer
    /// dimensions.
    fn slow(&self, centered: &Array2<f64>, count: usize) -> Array2<f64> {
        let whitening = whitening(centered, AXES, LEAST);
        let kept = whitening.ncols();
        let white = centered.dot(&whitening);
        let mut changes = Array2::zeros((0, kept));
        for &(first, length) in self.sequences.iter().filter(|(_, length)| *length > 1) {
            let now = white.slice(s![first..first + length - 1, ..]);
            let next = white.slice(s![first + 1..first + length, ..]);
            changes.append(Axis(0), (&next - &now).view()).expect("rows have as many features");
        }
        // The slowest directions are the last principal axes of the changes.
        let (directions, _) = principal_axes(&changes, kept);
        let slow = directions.slice(s![.., ..;-1]);
        whitening.dot(&slow.slice(s![.., ..count.min(kept)]))
    }
}

/// The leading principal axes of `centered`, at most `most`, each divided by its standard deviation.
fn whitening(centered: &Array2<f64>, most: usize, least: f64) -> Array2<f64> {
    let (basis, variances) = principal_axes(centered, most.min(centered.ncols()));
    let least = (least * variances[0]).max(f64::MIN_POSITIVE);
    let kept = variances.iter().take(basis.ncols()).filter(|&&v| v > least).count();
    let mut whitening = basis.slice(s![.., ..kept]).to_owned();
    for (mut axis, variance) in whitening.columns_mut().into_iter().zip(&variances) {
        axis /= variance.sqrt();
    }
    whitening
}

/// An orthonormal basis `(X, ·)` of what polynomials of `features (N, d)` explain of `centered (N, X)`.
fn explained(centered: &Array2<f64>, features: &Array2<f64>) -> Array2<f64> {
    let largest = features.iter().fold(f64::MIN_POSITIVE, |largest, f| largest.max(f.abs()));
    let mut powers = monomials(&(features / largest), DEGREE);
    let mean = powers.mean_axis(Axis(0)).expect("there are frames");
    powers -= &mean;
    let white = powers.dot(&whitening(&powers, powers.ncols(), 1e-9));
    let fitted = white.dot(&(white.t().dot(centered) / centered.nrows() as f64));
    let (basis, variances) = principal_axes(&fitted, fitted.ncols());
    let kept = variances.iter().filter(|&&v| v > 10.0 * LEAST * variances[0]).count();
    basis.slice(s![.., ..kept]).to_owned()
}

/// All products of columns up to a total degree, without the constant.
fn monomials(columns: &Array2<f64>, degree: usize) -> Array2<f64> {
    // Every monomial with the last column in it, to which only that and later ones are multiplied.
    let mut all = vec![(Array1::ones(columns.nrows()), 0)];
    let (mut from, mut to) = (0, 1);
    for _ in 0..degree {
        for i in from..to {
            for j in all[i].1..columns.ncols() {
                let next = &all[i].0 * &columns.column(j);
                all.push((next, j));
            }
        }
        (from, to) = (to, all.len());
    }
    let mut out = Array2::zeros((columns.nrows(), all.len() - 1));
    for (mut column, (values, _)) in out.columns_mut().into_iter().zip(&all[1..]) {
        column.assign(values);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monomials_are_all_there() {
        let columns = ndarray::array![[2.0, 3.0]];
        let mut found: Vec<f64> = monomials(&columns, 3).row(0).to_vec();
        found.sort_by(f64::total_cmp);
        assert_eq!(found, [2.0, 3.0, 4.0, 6.0, 8.0, 9.0, 12.0, 18.0, 27.0]);
    }

    #[test]
    fn a_slow_thing_and_a_fast_ring_are_told_apart() {
        // A place that drifts lights two channels and their product; a faster angle two others.
        let (n, t) = (200, 30);
        let place = |i: usize, t: usize| (0.7 * i as f64 + 0.02 * t as f64).sin();
        let angle = |i: usize, t: usize| 2.4 * i as f64 + 0.3 * t as f64;
        let observations = ndarray::Array3::from_shape_fn((n, t, 5), |(i, t, channel)| {
            let (p, a) = (place(i, t), angle(i, t));
            #[expect(clippy::cast_possible_truncation, reason = "test data")]
            let value = [p, p * p, p * p * p, a.sin(), a.cos()][channel] as f32;
            value
        });
        let data = Dataset {
            observations,
            mask: None,
            lengths: vec![t; n],
            controls: ndarray::Array3::zeros((n, t, 0)),
            states: ndarray::Array3::zeros((n, t, 0)),
            state_names: Vec::new(),
            state_kinds: Vec::new(),
            dt: 0.1,
            image: None,
            names: Vec::new(),
            units: None,
            noise: None,
            layout: None,
        };
        let found = of(&data, &[1, 2]);
        assert_eq!(found.axes.dim(), (5, 3));
        // The ring is that of the two channels alone.
        for column in [1, 2] {
            let axis = found.axes.column(column);
            let own = axis[3].hypot(axis[4]);
            let other = axis.iter().take(3).fold(0.0_f64, |sum, a| sum.hypot(*a));
            assert!(other < 0.05 * own, "{axis}");
        }
        // At once, a function of the place takes the second feature.
        let together = of(&data, &[3]);
        let second = together.axes.column(1);
        assert!(second[3].hypot(second[4]) < 0.05 * second[1].hypot(second[2]), "{second}");
    }
}
