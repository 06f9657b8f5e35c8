//! From the effective strain of a taxel to its conductance, with a spread from taxel to taxel.
//!
//! | law | conductance |
//! |-----|-------------|
//! | [`ConductanceLaw::Power`] | `g = g₀ + a_i h^γ` |
//! | [`ConductanceLaw::Contact`] | `g = g₀ + s_i h / (2 R_S + s_i R h)` |
//!
//! In the second, two contacts whose resistance `R_S / h` falls with the load are in series with a
//! film of the resistance `R`; it grows like a line and saturates at `g₀ + 1/R`. The factors
//! `s_i = a_i / a = exp(spread · ξ_i)` with normal `ξ_i` are drawn once for a sensor.

use crate::error::{EnvError, between, not_negative, positive};
use serde::{Deserialize, Serialize};

/// The choice among the laws of this module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConductanceLaw {
    /// A power of the strain.
    #[default]
    Power,
    /// Contacts in series with a film.
    Contact,
}

/// The law of a taxel. Settings left out take their default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConductanceSettings {
    /// The law; a power by default.
    pub law: ConductanceLaw,
    /// Conductance `g₀` without load in mS; 0.002 by default.
    pub offset: f64,
    /// Sensitivity `a` of the power law in mS/N^γ; 0.1 by default.
    pub sensitivity: f64,
    /// Exponent `γ` of the power law, between 0.1 and 2; 0.85 by default.
    pub exponent: f64,
    /// `R_S` of a contact in kΩ N; 5 by default.
    pub contact_resistance: f64,
    /// Resistance `R` of the film in kΩ; 1 by default.
    pub film_resistance: f64,
    /// Standard deviation of the logarithm of a taxel's factor; 0.1 by default, about 10 %.
    pub spread: f64,
}

impl Default for ConductanceSettings {
    fn default() -> Self {
        Self {
            law: ConductanceLaw::Power,
            offset: 0.002,
            sensitivity: 0.1,
            exponent: 0.85,
            contact_resistance: 5.0,
            film_resistance: 1.0,
            spread: 0.1,
        }
    }
}

impl ConductanceSettings {
    /// Conductance is strain, of every taxel alike.
    pub fn off() -> Self {
        Self { offset: 0.0, sensitivity: 1.0, exponent: 1.0, spread: 0.0, ..Self::default() }
    }

    pub(super) fn validate(&self) -> Result<(), EnvError> {
        not_negative("conductance.offset", self.offset)?;
        positive("conductance.sensitivity", self.sensitivity)?;
        between("conductance.exponent", self.exponent, (0.1, 2.0), "between 0.1 and 2")?;
        positive("conductance.contact_resistance", self.contact_resistance)?;
        not_negative("conductance.film_resistance", self.film_resistance)?;
        between("conductance.spread", self.spread, (0.0, 2.0), "between 0 and 2")
    }

    /// Conductance in mS of a taxel with this `factor` under the effective `strain` in N.
    pub(super) fn conductance(&self, strain: f64, factor: f64) -> f64 {
        // Rounding can leave a strain a hair below zero.
        let strain = strain.max(0.0);
        let through = match self.law {
            ConductanceLaw::Power => self.sensitivity * factor * strain.powf(self.exponent),
            ConductanceLaw::Contact => {
                let load = factor * strain;
                load / (2.0 * self.contact_resistance + self.film_resistance * load)
            }
        };
        self.offset + through
    }
}
