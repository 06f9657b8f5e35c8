//! Values that change along a training.

use serde::{Deserialize, Serialize};

/// How a [`Ramp`] goes from one value to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// In equal differences.
    Linear,
    /// In equal ratios; both ends must be positive.
    Geometric,
    /// Along half a cosine.
    Cosine,
}

/// A value that stays at `from` until progress `start`, reaches `to` at progress `end`, and stays
/// there. Progress runs from 0 at the first update to 1 after the last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ramp {
    /// Value at the beginning.
    pub from: f64,
    /// Value at the end.
    pub to: f64,
    /// Progress at which the change begins.
    pub start: f64,
    /// Progress at which the change is over.
    pub end: f64,
    /// The way between.
    pub shape: Shape,
}

impl Ramp {
    /// The same value throughout.
    pub const fn constant(value: f64) -> Self {
        Self { from: value, to: value, start: 0.0, end: 1.0, shape: Shape::Linear }
    }

    /// The value at `progress`.
    pub fn at(&self, progress: f64) -> f64 {
        let span = (self.end - self.start).max(1e-12);
        let f = ((progress - self.start) / span).clamp(0.0, 1.0);
        match self.shape {
            Shape::Linear => self.from + (self.to - self.from) * f,
            Shape::Geometric => self.from * (self.to / self.from).powf(f),
            Shape::Cosine => {
                self.to + (self.from - self.to) * 0.5 * (1.0 + (std::f64::consts::PI * f).cos())
            }
        }
    }

    /// Why this ramp is impossible, if it is.
    pub fn problem(&self, low: f64, high: f64) -> Option<String> {
        if !(self.from.is_finite() && self.to.is_finite()) {
            return Some("its ends must be finite".into());
        }
        if self.from.min(self.to) < low || self.from.max(self.to) > high {
            return Some(format!("its values must lie between {low} and {high}"));
        }
        if !(0.0..=1.0).contains(&self.start) || !(self.start..=1.0).contains(&self.end) {
            return Some("0 ≤ start ≤ end ≤ 1 must hold".into());
        }
        if self.shape == Shape::Geometric && self.from.min(self.to) <= 0.0 {
            return Some("a geometric ramp needs positive ends".into());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ramps_hold_and_change_as_told() {
        let drop = Ramp { from: 0.7, to: 0.2, start: 0.5, end: 0.8, shape: Shape::Linear };
        for (p, v) in [(0.0, 0.7), (0.5, 0.7), (0.65, 0.45), (0.8, 0.2), (1.0, 0.2)] {
            assert!((drop.at(p) - v).abs() < 1e-12, "at {p}");
        }
        let kl = Ramp { from: 100.0, to: 1.0, start: 0.0, end: 0.5, shape: Shape::Geometric };
        assert!((kl.at(0.25) - 10.0).abs() < 1e-9);
        let rate = Ramp { from: 1.0, to: 0.0, start: 0.0, end: 1.0, shape: Shape::Cosine };
        assert!((rate.at(0.5) - 0.5).abs() < 1e-12);
        assert!((Ramp::constant(3.0).at(0.3) - 3.0).abs() < 1e-12);
    }

    #[test]
    fn impossible_ramps_say_why() {
        let good = Ramp::constant(0.5);
        assert_eq!(good.problem(0.0, 1.0), None);
        assert!(good.problem(0.6, 1.0).is_some());
        assert!(Ramp { start: 0.9, end: 0.1, ..good }.problem(0.0, 1.0).is_some());
        assert!(Ramp { from: 0.0, shape: Shape::Geometric, ..good }.problem(0.0, 1.0).is_some());
        assert!(Ramp { from: f64::NAN, ..good }.problem(0.0, 1.0).is_some());
    }
}
