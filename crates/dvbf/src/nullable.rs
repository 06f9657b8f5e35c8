//! Figures that may not be finite. JSON has no number for them: they are written as `null`, and
//! `null` is read as NaN.

use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// A figure.
pub(crate) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Option::deserialize(from).map(|value| value.unwrap_or(f64::NAN))
}

/// Figures by name.
pub(crate) fn columns<'de, D>(from: D) -> Result<BTreeMap<String, f64>, D::Error>
where
    D: Deserializer<'de>,
{
    let read: BTreeMap<String, Option<f64>> = Deserialize::deserialize(from)?;
    Ok(read.into_iter().map(|(name, value)| (name, value.unwrap_or(f64::NAN))).collect())
}

#[cfg(test)]
mod tests {
    use crate::eval::OpenLoopRow;
    use crate::run::LogRecord;

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
