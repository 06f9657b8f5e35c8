//! Controls as a model sees them.

use super::raw::{RawRecordings, RawSequence};
use ndarray::Array2;

/// Number of the controls, with the seconds between steps where they differ.
pub(super) fn control_width(recordings: &RawRecordings) -> usize {
    recordings.control_names.len() + usize::from(recordings.is_irregular())
}

/// The controls; where the seconds between steps differ, they are the last one.
pub fn controls(sequence: &RawSequence) -> Array2<f32> {
    match &sequence.intervals {
        Some(intervals) => timed(sequence, intervals),
        None => sequence.controls.clone(),
    }
}

/// The controls with the seconds to the next step as the last one.
pub fn timed(sequence: &RawSequence, intervals: &[f32]) -> Array2<f32> {
    let (steps, width) = sequence.controls.dim();
    Array2::from_shape_fn((steps, width + 1), |(t, i)| {
        if i < width { sequence.controls[[t, i]] } else { intervals[t] }
    })
}
