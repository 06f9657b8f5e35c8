//! Drift with the temperature: an Ornstein–Uhlenbeck process that scales every conductance.
//!
//! The deviation `Δ` in K from the temperature of calibration has `dΔ = −Δ/τ dt + σ √(2/τ) dW`. Over
//! `dt` that is exactly
//!
//! `Δ ← a Δ + σ √(1 − a²) ξ`, `a = exp(−dt/τ)`, `ξ` standard normal,
//!
//! with the stationary deviation `σ`, from which it starts. It acts as `g (1 − α Δ)`.

use crate::error::{EnvError, between, not_negative, positive};
use serde::{Deserialize, Serialize};

/// The drift. Settings left out take their default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TemperatureSettings {
    /// Coefficient `α` in 1/K, between −0.1 and 0.1; 0.005 by default, and 0 switches drift off.
    pub coefficient: f64,
    /// Stationary standard deviation `σ` in K; 2 by default.
    pub std: f64,
    /// Time `τ` in s; 300 by default.
    pub time: f64,
}

impl Default for TemperatureSettings {
    fn default() -> Self {
        Self { coefficient: 0.005, std: 2.0, time: 300.0 }
    }
}

impl TemperatureSettings {
    /// No drift.
    pub fn off() -> Self {
        Self { coefficient: 0.0, ..Self::default() }
    }

    pub(super) fn validate(&self) -> Result<(), EnvError> {
        let rule = "between -0.1 and 0.1 per K";
        between("temperature.coefficient", self.coefficient, (-0.1, 0.1), rule)?;
        not_negative("temperature.std", self.std)?;
        positive("temperature.time", self.time)
    }

    /// The temperature `dt` seconds after `temperature`, with the standard normal draw `noise`.
    pub(super) fn drift(&self, temperature: f64, noise: f64, dt: f64) -> f64 {
        let kept = (-dt / self.time).exp();
        // 1 − a² without the digits that a near one would lose.
        let gained = -(-2.0 * dt / self.time).exp_m1();
        kept * temperature + self.std * gained.sqrt() * noise
    }

    /// The factor of a conductance; not below zero, however warm it is.
    pub(super) fn factor(&self, temperature: f64) -> f64 {
        (1.0 - self.coefficient * temperature).max(0.0)
    }
}
