//! From the sets of a run to recordings that can be written to files.

use super::raw::{Part, RawRecordings, RawSequence};
use super::{Dataset, Splits};
use ndarray::{Array3, s};

impl RawRecordings {
    /// The sequences of `splits`, each with the part that it is for, in the units of the model; long
    /// sequences follow the others of their part.
    ///
    /// Read again, they give the same sets, if `data` has the numbers and lengths that made them.
    pub fn exported(splits: &Splits) -> Self {
        let sets = [
            (&splits.train, Part::Train),
            (&splits.validation, Part::Validation),
            (&splits.validation_long, Part::Validation),
            (&splits.test, Part::Test),
            (&splits.test_long, Part::Test),
        ];
        let train = &splits.train;
        let (_, _, width) = train.observations.dim();
        let numbered = |letter: &str, count: usize| {
            let name = |i| if count == 1 { letter.to_owned() } else { format!("{letter}{i}") };
            (0..count).map(name).collect::<Vec<_>>()
        };
        Self {
            sequences: sets.iter().flat_map(|(set, part)| sequences(set, *part)).collect(),
            observation_names: if train.names.is_empty() {
                numbered("x", width)
            } else {
                train.names.clone()
            },
            control_names: numbered("u", train.controls.dim().2),
            state_names: train.state_names.clone(),
            dt: Some(train.dt),
            image: train.image,
            ignored: Vec::new(),
            remarks: Vec::new(),
        }
    }
}

fn sequences(set: &Dataset, part: Part) -> Vec<RawSequence> {
    set.lengths
        .iter()
        .enumerate()
        .map(|(n, &length)| {
            let cut = |values: &Array3<f32>| values.slice(s![n, ..length, ..]).to_owned();
            let mut observations = cut(&set.observations);
            for ((t, x), value) in observations.indexed_iter_mut() {
                if !set.is_observed((n, t, x)) {
                    *value = f32::NAN;
                }
            }
            RawSequence {
                name: format!("sequence {n}"),
                observations,
                controls: cut(&set.controls),
                intervals: None,
                states: (!set.state_names.is_empty()).then(|| cut(&set.states)),
                part: Some(part),
            }
        })
        .collect()
}
