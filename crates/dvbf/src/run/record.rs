//! One line of `metrics.jsonl`.

use crate::nullable;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is logged at an evaluation on the validation set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogRecord {
    /// Updates made.
    pub step: u64,
    /// Mean training bound of a sequence since the last record, in nats.
    #[serde(deserialize_with = "nullable::number")]
    pub bound: f64,
    /// Its reconstruction term.
    #[serde(deserialize_with = "nullable::number")]
    pub reconstruction: f64,
    /// Its divergence; `E_q[ln q − c ln p]` while the tempering constant `c` is below 1.
    #[serde(deserialize_with = "nullable::number")]
    pub kl: f64,
    /// Mean gradient norm before clipping.
    #[serde(deserialize_with = "nullable::number")]
    pub grad_norm: f64,
    /// Learning rate.
    #[serde(deserialize_with = "nullable::number")]
    pub learning_rate: f64,
    /// Updates that were skipped for a gradient that is not finite.
    pub skipped: u64,
    /// Returns to an earlier state since the training began.
    #[serde(default)]
    pub rollbacks: u64,
    /// R² on the validation set from posterior samples, by column.
    #[serde(deserialize_with = "nullable::columns")]
    pub r2: BTreeMap<String, f64>,
    /// Bound on the validation set.
    #[serde(deserialize_with = "nullable::number")]
    pub validation_bound: f64,
    /// Divergence on the validation set.
    #[serde(deserialize_with = "nullable::number")]
    pub validation_kl: f64,
    /// Open-loop error on the validation set up to `open_loop_horizon` frames.
    #[serde(deserialize_with = "nullable::number")]
    pub open_loop: f64,
    /// Predicted frames of `open_loop`.
    pub open_loop_horizon: usize,
    /// Training sequences a second since the last record.
    #[serde(deserialize_with = "nullable::number")]
    pub sequences_per_second: f64,
    /// Seconds of this process since it began the run.
    #[serde(deserialize_with = "nullable::number")]
    pub seconds: f64,
}
