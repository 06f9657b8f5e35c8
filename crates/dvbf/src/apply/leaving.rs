//! Whether simulated states leave the range of the states that the model was trained on.

use crate::data::RawSequence;
use dvbf_core::{Filter, features_of};
use ndarray::Array2;

/// A remark on sequences that leave the training range, of which the model file of `filter` may know;
/// their states are latent ones.
pub(super) fn remark(filter: &Filter, sequences: &[RawSequence]) -> Option<String> {
    let range = filter.range()?;
    let features = features_of(&filter.model().transition().components());
    let (mut left, mut first, mut farthest) = (0, usize::MAX, 0.0_f32);
    for states in sequences.iter().filter_map(|sequence| sequence.states.as_ref()) {
        let mut shown = Array2::zeros((states.nrows(), features.outputs()));
        features.apply(states.view(), shown.view_mut());
        let mut departures = vec![0.0; states.nrows()];
        range.departures(shown.view(), &mut departures);
        if let Some(step) = departures.iter().position(|departure| *departure > 0.0) {
            left += 1;
            first = first.min(step);
            farthest = departures.iter().copied().fold(farthest, f32::max);
        }
    }
    (left > 0).then(|| {
        format!(
            "{left} of {} simulated sequences leave the range of the states that the model was trained on, \
             the first at step {}, by up to {farthest:.2} of its half-width",
            sequences.len(),
            first + 1,
        )
    })
}
