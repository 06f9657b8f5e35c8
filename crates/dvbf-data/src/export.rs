//! From the sets of a run to recordings that can be written to files.

use super::dataset::numbered;
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
        let all = sets.iter().flat_map(|(set, part)| sequences(set, Some(*part))).collect();
        Self { sequences: all, ..Self::of_set(&splits.train) }
    }

    /// The sequences of one set, in the units of the model.
    pub fn of_set(set: &Dataset) -> Self {
        let (_, _, width) = set.observations.dim();
        Self {
            sequences: sequences(set, None),
            observation_names: if set.names.is_empty() {
                numbered("x", width)
            } else {
                set.names.clone()
            },
            control_names: numbered("u", set.controls.dim().2),
            state_names: set.state_names.clone(),
            dt: Some(set.dt),
            image: set.image,
            colors: 1,
            ignored: Vec::new(),
            remarks: Vec::new(),
            origins: crate::Origins::default(),
        }
    }
}

fn sequences(set: &Dataset, part: Option<Part>) -> Vec<RawSequence> {
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
                part,
            }
        })
        .collect()
}
