//! The smallest and the largest values that a model was trained on, for its file.

use dvbf_core::{Channels, TrainingBounds};
use dvbf_data::Sequences;
use ndarray::{ArrayView2, Axis, s};

/// Sequences that are looked at together.
const TOGETHER: usize = 500;

/// Extremes of what was observed and of the controls between the observations, in the units of the
/// recordings; padding and what is masked do not count.
pub fn training_bounds(train: Sequences<'_>) -> TrainingBounds {
    let (mut observation, mut control) = (Extremes::default(), Extremes::default());
    for first in (0..train.count()).step_by(TOGETHER) {
        let last = (first + TOGETHER).min(train.count());
        let data = train.take(first..last, train.steps());
        for (n, &length) in data.lengths.iter().enumerate() {
            let units = data.units.as_ref();
            let seen = data.mask.as_ref().map(|mask| mask.slice(s![n, ..length, ..]));
            let values = data.observations.slice(s![n, ..length, ..]);
            observation.add(values, seen, units.map(|units| &units.observation));
            // The last control leads past the end.
            let values = data.controls.slice(s![n, ..length.saturating_sub(1), ..]);
            control.add(values, None, units.map(|units| &units.control));
        }
    }
    TrainingBounds { observation: observation.0, control: control.0 }
}

/// The smallest and the largest value of every channel.
#[derive(Default)]
struct Extremes(Vec<Option<[f64; 2]>>);

impl Extremes {
    /// Takes values `(T, X)` in the units of the model.
    fn add(
        &mut self,
        values: ArrayView2<'_, f32>,
        seen: Option<ArrayView2<'_, f32>>,
        units: Option<&Channels>,
    ) {
        self.0.resize(values.ncols(), None);
        for (j, (extremes, column)) in self.0.iter_mut().zip(values.axis_iter(Axis(1))).enumerate()
        {
            let (mean, scale) =
                units.map_or((0.0, 1.0), |u| (u.mean()[j], f64::from(u.scale()[j])));
            for (t, &value) in column.iter().enumerate() {
                if seen.is_some_and(|seen| seen[[t, j]] <= 0.0) || !value.is_finite() {
                    continue;
                }
                let value = f64::from(value) * scale + mean;
                let [low, high] = extremes.get_or_insert([value; 2]);
                (*low, *high) = (low.min(value), high.max(value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dvbf_core::Units;
    use dvbf_data::Dataset;
    use ndarray::Array3;

    #[test]
    fn only_what_was_seen_counts_and_in_its_own_units() {
        // Two sequences of three steps; the second has two, and channel 1 is masked at step 0.
        let count = |n: usize, t: usize, j: usize| (100 * n + 10 * t + j) as f32;
        let values = Array3::from_shape_fn((2, 3, 3), |(n, t, j)| count(n, t, j));
        let controls = Array3::from_shape_fn((2, 3, 1), |(n, t, j)| count(n, t, j));
        let mut mask = Array3::ones((2, 3, 3));
        mask[[0, 0, 1]] = 0.0;
        mask.slice_mut(s![.., .., 2]).fill(0.0);
        let units = Units {
            observation: Channels::new(vec![0.0, 1e6, 0.0], vec![1.0, 0.5, 1.0]),
            control: Channels::new(vec![0.0], vec![2.0]),
        };
        let data = Dataset {
            mask: Some(mask),
            lengths: vec![3, 2],
            units: Some(units),
            ..Dataset::observed(values, controls)
        };
        let found = training_bounds(Sequences::Held(&data));
        let channel = Some([1e6 + 5.5, 1e6 + 55.5]);
        assert_eq!(found.observation, [Some([0.0, 110.0]), channel, None]);
        assert_eq!(found.control, [Some([0.0, 200.0])]);
    }
}
