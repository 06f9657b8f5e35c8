//! Sequences of chosen columns become recordings.

use super::center::Wide;
use super::columns::Layout;
use super::raw::{RawRecordings, RawSequence};
use super::{Origins, RecordingError};
use std::path::Path;

/// What was read of all sequences.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Names and parts; their values are in `values`.
    pub(super) sequences: Vec<RawSequence>,
    pub(super) values: Vec<Wide>,
    /// Seconds after every step, where they are known.
    pub(super) intervals: Vec<Option<Vec<f64>>>,
    pub(super) remarks: Vec<String>,
}

impl Gathered {
    /// The recordings; `path` is what errors call them.
    ///
    /// # Errors
    /// If a channel has values that cannot be used.
    pub(super) fn finish(
        self,
        layout: Layout,
        path: &Path,
    ) -> Result<RawRecordings, RecordingError> {
        let names = |channels: &[(String, usize)]| {
            channels.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        let mut out = RawRecordings {
            sequences: self.sequences,
            observation_names: names(&layout.observations),
            control_names: names(&layout.controls),
            state_names: names(&layout.states),
            dt: None,
            image: None,
            colors: 1,
            ignored: layout.unused,
            remarks: self.remarks,
            origins: Origins::default(),
        };
        out.take(&self.values).map_err(|(key, problem)| RecordingError::key(path, key, problem))?;
        if let Some(intervals) = self.intervals.into_iter().collect() {
            out.set_intervals(intervals);
        }
        out.checked(path)
    }
}
