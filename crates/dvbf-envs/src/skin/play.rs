//! Hysteresis: play operators after Prandtl and Ishlinskii.
//!
//! `z_j ← max(ε − r_j, min(ε + r_j, z_j))`, `h = (1 − Σ_j w_j) ε + Σ_j w_j z_j`
//!
//! An operator follows the strain `ε` at the distance `r_j` and stands still when the strain turns,
//! whatever the speed: hysteresis does not depend on the rate. A cycle of the strain between 0 and
//! `A > 2 r` encloses the area `2 w r (A − 2 r)` of the plane of `ε` and `h`.

use crate::error::{EnvError, not_negative, require};
use serde::{Deserialize, Serialize};

/// The operators. Settings left out take their default; empty lists switch hysteresis off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlaySettings {
    /// Thresholds `r_j` in N; 0.03, 0.1 and 0.3 by default.
    pub thresholds: Vec<f64>,
    /// Weights `w_j`, as many as thresholds and together at most 1; 0.08, 0.07 and 0.05 by default.
    pub weights: Vec<f64>,
}

impl Default for PlaySettings {
    fn default() -> Self {
        Self { thresholds: vec![0.03, 0.1, 0.3], weights: vec![0.08, 0.07, 0.05] }
    }
}

impl PlaySettings {
    /// No hysteresis.
    pub fn off() -> Self {
        Self { thresholds: Vec::new(), weights: Vec::new() }
    }

    pub(super) fn validate(&self) -> Result<(), EnvError> {
        self.thresholds.iter().try_for_each(|&r| not_negative("play.thresholds", r))?;
        self.weights.iter().try_for_each(|&w| not_negative("play.weights", w))?;
        let (count, holds) = (self.weights.len(), self.weights.len() == self.thresholds.len());
        require(holds, "play.weights", count as f64, "as many as `play.thresholds`")?;
        let sum: f64 = self.weights.iter().sum();
        require(sum <= 1.0 + 1e-12, "play.weights", sum, "at most 1 together")
    }

    /// Lets the operators of one taxel follow `strain`. Doing so twice is doing so once.
    pub(super) fn follow(&self, strain: f64, operators: &mut [f64]) {
        for (operator, &r) in operators.iter_mut().zip(&self.thresholds) {
            *operator = next(strain, r, *operator);
        }
    }

    /// The effective strain `h` of one taxel under `strain`.
    pub(super) fn effective(&self, strain: f64, operators: &[f64]) -> f64 {
        let (mut effective, mut rest) = (0.0, 1.0);
        for ((&operator, &r), weight) in operators.iter().zip(&self.thresholds).zip(&self.weights) {
            effective += weight * next(strain, r, operator);
            rest -= weight;
        }
        effective + rest * strain
    }
}

fn next(strain: f64, threshold: f64, operator: f64) -> f64 {
    (strain - threshold).max(operator.min(strain + threshold))
}
