//! What the sets of a run are made from.

use super::{DataSettings, Source};

/// What the sets of a run are made from, and what training and evaluation need of them. Settings of a
/// whole run convert into it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DataPlan<'a> {
    /// Where the data come from.
    pub source: Source<'a>,
    /// How many sequences, and how long: the table `data`.
    pub data: &'a DataSettings,
    /// `training.window`: steps that an update cuts from a sequence; the whole sequence if zero.
    pub window: usize,
    /// `training.batch`: there must be as many training sequences.
    pub batch: usize,
    /// `evaluation.filtered`: steps that are filtered before a prediction.
    pub filtered: usize,
    /// `evaluation.chosen_by`: predicted steps on the validation set.
    pub chosen_by: usize,
    /// The longest of `evaluation.horizons`: predicted steps on the test set, at most.
    pub longest: usize,
}
