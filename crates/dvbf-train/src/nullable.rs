//! Figures that may not be finite. JSON has no number for them: they are written as `null`, and
//! `null` is read as NaN.

use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// A figure.
///
/// # Errors
/// If it is neither a number nor `null`.
pub fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Option::deserialize(from).map(|value| value.unwrap_or(f64::NAN))
}

/// Figures by name.
///
/// # Errors
/// If one is neither a number nor `null`.
pub fn columns<'de, D>(from: D) -> Result<BTreeMap<String, f64>, D::Error>
where
    D: Deserializer<'de>,
{
    let read: BTreeMap<String, Option<f64>> = Deserialize::deserialize(from)?;
    Ok(read.into_iter().map(|(name, value)| (name, value.unwrap_or(f64::NAN))).collect())
}
