//! The read-out of a conductance: divider, noise, limits and steps of the converter, dead taxels.
//!
//! `V = g / (g + G_ref)`, then noise with the standard deviation `f V_max + v V`, then the limits
//! `0 ≤ V ≤ V_max`, then the nearest of the `2^bits` values `k V_max / (2^bits − 1)`.
//!
//! Voltages are shares of the supply. A dead taxel conducts nothing at the read-out: `V = 0` before
//! the noise.

use crate::error::{EnvError, between, not_negative, require};
use serde::{Deserialize, Serialize};

/// The read-out. Settings left out take their default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReadoutSettings {
    /// Conductance `G_ref` of the divider in mS; 0.1 by default. At 0 there is no divider, and
    /// the conductance itself is read.
    pub reference: f64,
    /// Highest value `V_max` of the converter; 0.75 by default. At 0 there are no limits, the noise
    /// is that of `V_max = 1`, and there are no steps.
    pub full_scale: f64,
    /// Noise `f` as a share of full scale; 0.003 by default.
    pub noise_full: f64,
    /// Noise `v` as a share of the value; 0.002 by default.
    pub noise_value: f64,
    /// Bits of the converter, up to 24; 12 by default. At 0 there are no steps.
    pub bits: u32,
    /// Dead taxels, which the sensor's seed chooses; 1 by default.
    pub dead: usize,
}

impl Default for ReadoutSettings {
    fn default() -> Self {
        Self {
            reference: 0.1,
            full_scale: 0.75,
            noise_full: 0.003,
            noise_value: 0.002,
            bits: 12,
            dead: 1,
        }
    }
}

impl ReadoutSettings {
    /// The conductance is read as it is.
    pub fn off() -> Self {
        Self {
            reference: 0.0,
            full_scale: 0.0,
            noise_full: 0.0,
            noise_value: 0.0,
            bits: 0,
            dead: 0,
        }
    }

    pub(super) fn validate(&self, taxels: usize) -> Result<(), EnvError> {
        not_negative("readout.reference", self.reference)?;
        not_negative("readout.full_scale", self.full_scale)?;
        not_negative("readout.noise_full", self.noise_full)?;
        not_negative("readout.noise_value", self.noise_value)?;
        between("readout.bits", f64::from(self.bits), (0.0, 24.0), "at most 24")?;
        let dead = self.dead as f64;
        require(self.dead <= taxels, "readout.dead", dead, "at most the number of taxels")
    }

    /// The voltage of a conductance.
    pub(super) fn divide(&self, conductance: f64) -> f64 {
        if self.reference == 0.0 {
            conductance
        } else {
            conductance / (conductance + self.reference)
        }
    }

    /// Standard deviation of the noise of a voltage.
    pub(super) fn noise_std(&self, voltage: f64) -> f64 {
        let full = if self.full_scale == 0.0 { 1.0 } else { self.full_scale };
        self.noise_full * full + self.noise_value * voltage
    }

    /// What the converter makes of a voltage.
    pub(super) fn convert(&self, voltage: f64) -> f64 {
        if self.full_scale == 0.0 {
            return voltage;
        }
        let limited = voltage.clamp(0.0, self.full_scale);
        if self.bits == 0 {
            return limited;
        }
        let steps = f64::from((1_u32 << self.bits) - 1);
        (limited / self.full_scale * steps).round() * self.full_scale / steps
    }
}
