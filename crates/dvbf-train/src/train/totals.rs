//! Sums over updates, from which a log record takes its means.

use super::StepStats;
use serde::{Deserialize, Serialize};

/// Sums over the updates since the last log record. They are part of a checkpoint, so that the next
/// record of a resumed run is that of the uninterrupted one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Updates that were applied.
    pub applied: u64,
    /// Updates that were skipped for a gradient that is not finite.
    pub skipped: u64,
    /// Learning rate of the last update.
    pub learning_rate: f64,
    sums: [f64; 4],
}

impl Totals {
    pub(super) fn add(&mut self, stats: &StepStats) {
        self.learning_rate = stats.learning_rate;
        if stats.applied {
            self.applied += 1;
            let terms = [stats.bound, stats.reconstruction, stats.kl, stats.grad_norm];
            for (sum, term) in self.sums.iter_mut().zip(terms) {
                *sum += term;
            }
        } else {
            self.skipped += 1;
        }
    }

    /// Mean bound, reconstruction, divergence and gradient norm of the applied updates; zero if
    /// there are none.
    pub fn means(&self) -> [f64; 4] {
        self.sums.map(|sum| sum / self.applied.max(1) as f64)
    }
}
