//! Named constants of a differential equation, and the unconstrained numbers behind them.
//!
//! A constant `c` is learned as `r`, which any optimizer may move anywhere; `r = 0` is the start
//! value `c₀`:
//!
//! | range | `c(r)` | `dc/dr` |
//! |-------|--------|---------|
//! | positive | `c₀ softplus(r) / ln 2` | `c₀ logistic(r) / ln 2` |
//! | signed | `c₀ + s r`, `s = max(\|c₀\|, 1)` | `s` |
//! | bounded | `l + (h − l) logistic(r + r₀)` | `(h − l) p (1 − p)` |
//! | fixed | `c₀` | `0` |
//!
//! A unit of `r` is about the size of the start value, so one learning rate serves all constants.

use serde::{Deserialize, Serialize};
use std::f64::consts::LN_2;

/// Which values a constant may take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Range {
    /// More than zero.
    Positive,
    /// Any number.
    Signed,
    /// Between two numbers.
    Bounded {
        /// The lower one.
        low: f64,
        /// The upper one.
        high: f64,
    },
    /// The start value alone: the constant is known.
    Fixed,
}

/// A constant of a differential equation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constant {
    /// Its name, in lower case with underscores.
    pub name: String,
    /// Its unit, such as `1/s²`.
    pub unit: String,
    /// Where learning starts, or the value of a fixed constant.
    pub start: f64,
    /// Which values it may take.
    pub range: Range,
}

/// A constant that cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct ConstantError {
    /// The constant.
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Constant {
    /// A constant in the given range.
    pub fn new(name: &str, unit: &str, start: f64, range: Range) -> Self {
        Self { name: name.into(), unit: unit.into(), start, range }
    }

    /// A constant above zero.
    pub fn positive(name: &str, unit: &str, start: f64) -> Self {
        Self::new(name, unit, start, Range::Positive)
    }

    /// A constant of either sign.
    pub fn signed(name: &str, unit: &str, start: f64) -> Self {
        Self::new(name, unit, start, Range::Signed)
    }

    /// A known constant.
    pub fn fixed(name: &str, unit: &str, value: f64) -> Self {
        Self::new(name, unit, value, Range::Fixed)
    }

    /// Checks that the start value lies in the range.
    ///
    /// # Errors
    /// If it does not, or the range is empty.
    pub fn validate(&self) -> Result<(), ConstantError> {
        let fail = |problem: String| Err(ConstantError { name: self.name.clone(), problem });
        let start = self.start;
        if !start.is_finite() {
            return fail(format!("starts at {start}, which is not a finite number"));
        }
        match self.range {
            Range::Positive if start <= 0.0 => {
                fail(format!("starts at {start}; it must be positive"))
            }
            Range::Bounded { low, high } if !(low < start && start < high) => {
                fail(format!("starts at {start}; it must lie between {low} and {high}"))
            }
            Range::Bounded { low, high } if !(low.is_finite() && high.is_finite()) => {
                fail(format!("its bounds {low} and {high} must be finite"))
            }
            _ => Ok(()),
        }
    }

    /// Whether learning can move it.
    pub fn is_learned(&self) -> bool {
        self.range != Range::Fixed
    }

    /// `c(r)`.
    pub fn value(&self, raw: f64) -> f64 {
        match self.range {
            Range::Positive => self.start * softplus(raw) / LN_2,
            Range::Signed => self.start + self.start.abs().max(1.0) * raw,
            Range::Bounded { low, high } => low + (high - low) * logistic(raw + self.middle()),
            Range::Fixed => self.start,
        }
    }

    /// `dc/dr`.
    pub fn slope(&self, raw: f64) -> f64 {
        match self.range {
            Range::Positive => self.start * logistic(raw) / LN_2,
            Range::Signed => self.start.abs().max(1.0),
            Range::Bounded { low, high } => {
                let p = logistic(raw + self.middle());
                (high - low) * p * (1.0 - p)
            }
            Range::Fixed => 0.0,
        }
    }

    /// `r` with `c(r) = value`, the inverse of [`value`](Self::value).
    ///
    /// # Panics
    /// If the value lies outside the range.
    #[track_caller]
    pub fn raw(&self, value: f64) -> f64 {
        match self.range {
            Range::Positive => {
                assert!(value > 0.0, "{} is positive", self.name);
                // softplus⁻¹(y) = y + ln(1 − e⁻ʸ)
                let y = value / self.start * LN_2;
                y + (-(-y).exp_m1()).ln()
            }
            Range::Signed => (value - self.start) / self.start.abs().max(1.0),
            Range::Bounded { low, high } => {
                assert!(low <= value && value <= high, "{} between {low} and {high}", self.name);
                // Learning may come so near to an end that no number lies between.
                let share = ((value - low) / (high - low)).clamp(f64::EPSILON, 1.0 - f64::EPSILON);
                logit(share) - self.middle()
            }
            Range::Fixed => 0.0,
        }
    }

    /// `r₀` of a bounded constant.
    fn middle(&self) -> f64 {
        match self.range {
            Range::Bounded { low, high } => logit((self.start - low) / (high - low)),
            _ => 0.0,
        }
    }
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> [Constant; 4] {
        [
            Constant::positive("p", "1", 3.0),
            Constant::signed("s", "1", -0.5),
            Constant::new("b", "1", 0.2, Range::Bounded { low: -1.0, high: 2.0 }),
            Constant::fixed("f", "1", 9.81),
        ]
    }

    #[test]
    fn raw_zero_is_the_start_and_slopes_are_differences() {
        for constant in all() {
            assert!((constant.value(0.0) - constant.start).abs() < 1e-15, "{constant:?}");
            for raw in [-3.0, -0.4, 0.0, 1.7, 5.0] {
                let h = 1e-6;
                let difference = (constant.value(raw + h) - constant.value(raw - h)) / (2.0 * h);
                assert!((constant.slope(raw) - difference).abs() < 1e-8, "{constant:?} at {raw}");
                if constant.is_learned() {
                    let back = constant.raw(constant.value(raw));
                    assert!((back - raw).abs() < 1e-12, "{constant:?}: {back} is not {raw}");
                }
            }
        }
    }

    #[test]
    fn ranges_hold_far_away() {
        let [positive, _, bounded, _] = all();
        for raw in [-30.0, 30.0] {
            assert!(positive.value(raw) > 0.0);
            assert!((-1.0..=2.0).contains(&bounded.value(raw)));
        }
    }

    #[test]
    fn impossible_starts_say_why() {
        for constant in all() {
            constant.validate().unwrap();
        }
        let wrong = [
            Constant::positive("p", "1", 0.0),
            Constant::signed("s", "1", f64::NAN),
            Constant::new("b", "1", 2.0, Range::Bounded { low: -1.0, high: 2.0 }),
            Constant::new("b", "1", 2.0, Range::Bounded { low: 1.0, high: f64::INFINITY }),
        ];
        for constant in wrong {
            let error = constant.validate().unwrap_err().to_string();
            assert!(error.starts_with(&constant.name), "{error}");
        }
    }
}
