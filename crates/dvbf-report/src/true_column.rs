//! A component of the true state at every point that is shown.

use dvbf_envs::StateKind;
use std::f64::consts::PI;

/// What colors the points where nobody knows the true state.
pub(super) const STEP: &str = "step";

/// A component of the true state at every point.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TrueColumn {
    pub(super) name: String,
    pub(super) kind: StateKind,
    /// Angles lie in `[−π, π)`.
    pub(super) values: Vec<f64>,
}

impl TrueColumn {
    /// Where the color scale begins and ends: the whole circle, or all but the outermost half
    /// percent on either side.
    pub(super) fn limits(&self) -> (f64, f64) {
        if self.kind == StateKind::Angle {
            return (-PI, PI);
        }
        let mut sorted: Vec<f64> = self.values.iter().copied().filter(|v| v.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let cut = sorted.len() / 200;
        match (sorted.get(cut), sorted.iter().nth_back(cut)) {
            (Some(&low), Some(&high)) if low < high => (low, high),
            (Some(&low), _) => (low - 0.5, low + 0.5),
            _ => (0.0, 1.0),
        }
    }

    /// What it is called in a caption.
    pub(super) fn caption(&self) -> String {
        if self.name == STEP { "step".into() } else { format!("true {}", self.name) }
    }

    /// What it is called beside a scale.
    pub(super) fn label(&self) -> String {
        match self.kind {
            StateKind::Angle => format!("{} (rad)", self.name),
            StateKind::Linear => self.name.clone(),
        }
    }
}
