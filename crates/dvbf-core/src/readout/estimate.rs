//! What a read-out says: a value and the interval around it.

use serde::{Deserialize, Serialize};

/// A value of the reference with the interval that covers it nine times of ten.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The value, in the unit of the reference.
    pub value: f64,
    /// Half of the width of the interval of 90 %.
    pub half_width: f64,
}

/// How wide intervals are: `q₀ + q₁ |f|` to both sides.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// `q₀`, in the unit of the reference.
    pub constant: f64,
    /// `q₁`.
    pub relative: f64,
}

impl Interval {
    /// The estimate `value` with its interval.
    pub fn around(&self, value: f64) -> Estimate {
        Estimate { value, half_width: self.constant + self.relative * value.abs() }
    }

    pub(super) fn is_valid(&self) -> bool {
        [self.constant, self.relative].iter().all(|q| q.is_finite() && *q >= 0.0)
    }
}
