//! The range of the states that a model was trained on, for its file.

use super::infer::{Draw, infer};
use crate::pool::Pool;
use dvbf_core::{Dvbf, TrainingRange, features_of};
use dvbf_data::{Dataset, Sequences};
use ndarray::{Array2, ArrayView2, Axis, s};

/// Sequences that are looked at together.
const TOGETHER: usize = 500;

/// Quantiles of the states that `model` infers of the first `steps` steps of the training recordings,
/// along one sample path a sequence, whose noise is drawn from `seed`; padding does not count. `None` if
/// there is no state, or one is not finite.
///
/// # Panics
/// If the recordings have other channels than the model.
pub fn training_range(
    model: &Dvbf<f32>,
    train: Sequences<'_>,
    steps: usize,
    seed: u64,
    pool: &Pool,
) -> Option<TrainingRange> {
    let steps = steps.min(train.steps());
    let features = features_of(&model.transition().components());
    let mut shown: Array2<f32> = Array2::zeros((0, features.outputs()));
    for first in (0..train.count()).step_by(TOGETHER) {
        let last = (first + TOGETHER).min(train.count());
        let data: Dataset = train.take(first..last, steps);
        let draw = Draw::Sample(seed.wrapping_add(first as u64));
        let states = infer(model, &data, steps, draw, pool).state;
        for (states, &length) in states.axis_iter(Axis(0)).zip(&data.lengths) {
            let states: ArrayView2<'_, f32> = states.slice_move(s![..length.min(steps), ..]);
            let mut rows = Array2::zeros((states.nrows(), features.outputs()));
            features.apply(states, rows.view_mut());
            shown.append(Axis(0), rows.view()).expect("rows are equally wide");
        }
    }
    TrainingRange::of(shown.view())
}
