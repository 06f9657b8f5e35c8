//! Test sequences that stand for all: the best, the worst, and those between by rank.

use dvbf_core::{Dvbf, Rollout};
use dvbf_data::{Dataset, Sequences};
use dvbf_train::eval::{CHUNK, Draw, infer, predict};
use dvbf_train::pool::Pool;
use dvbf_train::settings::Span;
use ndarray::{Array2, Array3, Axis};
use std::convert::Infallible;

/// One sequence: what was seen and what the model said.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Example {
    /// Where it stands among all sequences.
    pub(super) rank: String,
    /// Its number in the test set, from zero.
    pub(super) index: usize,
    /// Mean squared error per channel over the predicted frames.
    pub(super) error: f64,
    /// Frames that the model saw.
    pub(super) filtered: usize,
    /// True frames `(filtered + horizon, X)`.
    pub(super) truth: Array2<f32>,
    /// The model's: reconstructed while it filters, then predicted.
    pub(super) model: Array2<f32>,
}

/// Examples by rank of the error of the frames that are predicted after the first `filtered` ones,
/// and the sequences that they are of, in the same order; none if nothing is predicted.
pub(super) fn examples(
    model: &Dvbf<f32>,
    data: Sequences<'_>,
    span: Span,
    pool: &Pool,
) -> (Vec<Example>, Dataset) {
    let (filtered, steps) = (span.filtered, span.frames());
    let mut all = Vec::new();
    if span.horizon > 0 {
        let chunk = |range| {
            let truth = data.take(range, steps);
            errors(&truth, &predict(model, &truth, span), filtered)
        };
        let Ok(()) = pool.in_order(data.count(), CHUNK, chunk, |some| {
            all.extend(some);
            Ok::<_, Infallible>(())
        });
    }
    let chosen = by_rank(&all);
    let shown = data.take(chosen.iter().map(|&(_, index, _)| index), steps);
    if chosen.is_empty() {
        return (Vec::new(), shown);
    }
    let predicted = predict(model, &shown, span);
    let states = infer(model, &shown, filtered, Draw::Mean, pool).state;
    let mut run = Rollout::new(model, 1);
    let example = |(place, (rank, index, error)): (usize, (String, usize, f64))| {
        let truth = shown.observations.index_axis(Axis(0), place).to_owned();
        let mut seen = Array2::zeros((filtered, truth.ncols()));
        run.observe(model, states.index_axis(Axis(0), place), seen.view_mut());
        let ahead = predicted.index_axis(Axis(0), place);
        let frames = ndarray::concatenate(Axis(0), &[seen.view(), ahead])
            .expect("frames have equal channels");
        Example { rank, index, error, filtered, truth, model: frames }
    };
    let examples = chosen.into_iter().enumerate().map(example).collect();
    (examples, shown)
}

/// Mean squared error per channel of every sequence, over what was observed.
fn errors(data: &Dataset, predicted: &Array3<f32>, filtered: usize) -> Vec<f64> {
    let error = |(n, ahead): (usize, ndarray::ArrayView2<'_, f32>)| {
        let (mut sum, mut count) = (0.0, 0.0);
        for ((t, x), &p) in ahead.indexed_iter() {
            let at = (n, filtered + t, x);
            if data.is_observed(at) {
                sum += (f64::from(p) - f64::from(data.observations[at])).powi(2);
                count += 1.0;
            }
        }
        sum / f64::max(count, 1.0)
    };
    predicted.outer_iter().enumerate().map(error).collect()
}

/// Rank, number and error: best, quarter, median, three quarters, worst. What is not finite ranks
/// as the worst. Fewer if there are fewer sequences.
fn by_rank(errors: &[f64]) -> Vec<(String, usize, f64)> {
    let Some(last) = errors.len().checked_sub(1) else { return Vec::new() };
    let mut order: Vec<usize> = (0..errors.len()).collect();
    let key = |i: usize| if errors[i].is_finite() { errors[i] } else { f64::INFINITY };
    order.sort_by(|&a, &b| key(a).total_cmp(&key(b)).then(a.cmp(&b)));
    let quarter = (last + 2) / 4;
    let places = [
        ("median", last / 2),
        ("worst", last),
        ("best", 0),
        ("better than three quarters", quarter),
        ("worse than three quarters", last - quarter),
    ];
    let mut taken: Vec<(usize, &str)> = Vec::new();
    for (rank, place) in places {
        // The first name counts: of a single sequence, one is shown.
        if taken.iter().all(|&(other, _)| other != place) {
            taken.push((place, rank));
        }
    }
    taken.sort_by_key(|&(place, _)| place);
    let name = |rank: &str| match rank {
        "median" | "worst" | "best" => format!("{rank} of {}", errors.len()),
        _ => rank.to_owned(),
    };
    taken.into_iter().map(|(p, rank)| (name(rank), order[p], errors[order[p]])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn best_median_and_worst_are_what_they_are_called() {
        // Sequence i has the error (37 i mod 101), a permutation.
        let errors: Vec<f64> = (0..101).map(|i| f64::from(37 * i % 101)).collect();
        let chosen = by_rank(&errors);
        let values: Vec<f64> = chosen.iter().map(|c| c.2).collect();
        assert_eq!(values, [0.0, 25.0, 50.0, 75.0, 100.0]);
        assert_eq!(chosen[4].0, "worst of 101");
        assert!(chosen.iter().all(|(_, i, e)| (errors[*i] - e).abs() < 1e-12));
    }

    #[test]
    fn what_is_not_finite_is_the_worst() {
        for bad in [f64::NAN, -f64::NAN, f64::INFINITY] {
            let chosen = by_rank(&[0.3, bad, 0.1, 0.2]);
            assert_eq!(chosen.last().map(|c| c.1), Some(1));
            assert_eq!(chosen[0].1, 2);
        }
    }

    #[test]
    fn few_sequences_are_shown_once_each() {
        assert!(by_rank(&[]).is_empty());
        let counts: Vec<usize> = (1..=6).map(|n| by_rank(&vec![0.5; n]).len()).collect();
        assert_eq!(counts, [1, 2, 3, 4, 5, 5]);
    }
}
