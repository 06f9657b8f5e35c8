//! One line of `metrics.jsonl`.

use dvbf_train::nullable;
use serde::{Deserialize, Deserializer, Serialize};
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
    /// Constants of the differential equation inside, by name.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "nullable::columns"
    )]
    pub constants: BTreeMap<String, f64>,
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
    /// Beside a linear model: its ratio to the least error of a linear model on the validation set, by
    /// horizon.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "ratios")]
    pub linear_ratio: BTreeMap<usize, f64>,
    /// Whether the model was the best so far, and was kept.
    #[serde(default)]
    pub kept: bool,
    /// Training sequences a second since the last record.
    #[serde(deserialize_with = "nullable::number")]
    pub sequences_per_second: f64,
    /// Seconds of this process since it began the run.
    #[serde(deserialize_with = "nullable::number")]
    pub seconds: f64,
}

/// Ratios by horizon, of which any may not be a number.
fn ratios<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<usize, f64>, D::Error> {
    let all = BTreeMap::<usize, Option<f64>>::deserialize(from)?;
    Ok(all.into_iter().map(|(horizon, ratio)| (horizon, ratio.unwrap_or(f64::NAN))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OpenLoopRow;

    #[test]
    fn what_is_not_finite_survives_a_file() {
        let row = OpenLoopRow {
            model: f64::NAN,
            persistence: f64::INFINITY,
            mean_image: 0.25,
            linear: None,
            kalman: None,
            physics: Some(1.0),
        };
        let text = serde_json::to_string(&row).unwrap();
        let back: OpenLoopRow = serde_json::from_str(&text).unwrap();
        assert!(back.model.is_nan() && back.persistence.is_nan(), "{text}");
        assert!((back.mean_image - 0.25).abs() < 1e-15);
    }

    #[test]
    fn a_record_of_a_diverged_run_can_be_read_and_a_missing_figure_cannot() {
        let text = r#"{"step":5,"bound":null,"reconstruction":1.0,"kl":2.0,"grad_norm":null,
            "learning_rate":0.001,"skipped":3,"r2":{"sin":null,"cos":0.5},"validation_bound":null,
            "validation_kl":1.0,"open_loop":null,"open_loop_horizon":45,
            "sequences_per_second":10.0,"seconds":1.0}"#;
        let record: LogRecord = serde_json::from_str(text).unwrap();
        assert!(record.bound.is_nan() && record.r2["sin"].is_nan());
        assert!((record.r2["cos"] - 0.5).abs() < 1e-15);
        let cut = text.replace(r#""bound":null,"#, "");
        let error = serde_json::from_str::<LogRecord>(&cut).unwrap_err();
        assert!(error.to_string().contains("missing field `bound`"), "{error}");
    }
}
