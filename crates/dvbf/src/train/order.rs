//! Which sequences an update sees.

use super::{Purpose, stream};

/// The order of the sequences in the epoch at hand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    epoch: Option<u64>,
    sequences: Vec<usize>,
}

impl Order {
    /// The `batch` of `count` sequences of update `step`: consecutive parts of a permutation that is
    /// drawn anew every epoch.
    pub(crate) fn choose(&mut self, seed: u64, step: u64, batch: usize, count: usize) -> &[usize] {
        let batches = (count / batch).max(1) as u64;
        let now = step / batches;
        if self.epoch != Some(now) {
            self.epoch = Some(now);
            self.sequences.clear();
            self.sequences.extend(0..count);
            stream(seed, Purpose::Order, now, 0).shuffle(&mut self.sequences);
        }
        let first = usize::try_from(step % batches).expect("fewer batches than sequences") * batch;
        &self.sequences[first..first + batch]
    }
}
