//! One line of `metrics.jsonl`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is logged at an evaluation on the validation set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogRecord {
    /// Updates made.
    pub step: u64,
    /// Mean training bound of a sequence since the last record, in nats.
    pub bound: f64,
    /// Its reconstruction term.
    pub reconstruction: f64,
    /// Its divergence.
    pub kl: f64,
    /// Mean gradient norm before clipping.
    pub grad_norm: f64,
    /// Learning rate.
    pub learning_rate: f64,
    /// Updates that were skipped for a gradient that is not finite.
    pub skipped: u64,
    /// R² on the validation set from posterior samples, by column.
    pub r2: BTreeMap<String, f64>,
    /// Bound on the validation set.
    pub validation_bound: f64,
    /// Divergence on the validation set.
    pub validation_kl: f64,
    /// Open-loop error on the validation set up to `open_loop_horizon` frames.
    pub open_loop: f64,
    /// Predicted frames of `open_loop`.
    pub open_loop_horizon: usize,
    /// Training sequences a second since the last record.
    pub sequences_per_second: f64,
    /// Seconds of this process since it began the run.
    pub seconds: f64,
}
