//! Creep: a chain of Kelvin–Voigt elements beside the instantaneous strain.
//!
//! `τ_j ė_j = J_j p − e_j`, `ε = p + Σ_j e_j`
//!
//! Under a pressure that is held for `dt` this has the solution
//! `e_j ← J_j p + (e_j − J_j p) exp(−dt / τ_j)`. Strain has the unit of the pressure: `ε = p` is the
//! strain right after a load, and `ε = p (1 + Σ_j J_j)` that after a long time.

use crate::error::{EnvError, not_negative, positive, require};
use serde::{Deserialize, Serialize};

/// The chain. Settings left out take their default; empty lists switch creep off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CreepSettings {
    /// Times `τ_j` in s; 0.5, 5 and 50 by default.
    pub times: Vec<f64>,
    /// Compliances `J_j`, as many as times; 0.03, 0.04 and 0.05 by default.
    pub compliances: Vec<f64>,
}

impl Default for CreepSettings {
    fn default() -> Self {
        Self { times: vec![0.5, 5.0, 50.0], compliances: vec![0.03, 0.04, 0.05] }
    }
}

impl CreepSettings {
    /// No creep.
    pub fn off() -> Self {
        Self { times: Vec::new(), compliances: Vec::new() }
    }

    pub(super) fn validate(&self) -> Result<(), EnvError> {
        self.times.iter().try_for_each(|&time| positive("creep.times", time))?;
        self.compliances.iter().try_for_each(|&j| not_negative("creep.compliances", j))?;
        let (count, holds) =
            (self.compliances.len() as f64, self.compliances.len() == self.times.len());
        require(holds, "creep.compliances", count, "as many as `creep.times`")
    }

    /// What is left of a deviation after `dt` seconds, one factor per element.
    pub(super) fn decays(&self, dt: f64) -> Vec<f64> {
        self.times.iter().map(|time| (-dt / time).exp()).collect()
    }

    /// Moves the elements of one taxel through the time that `decays` belong to, `pressure` held.
    pub(super) fn relax(&self, decays: &[f64], pressure: f64, elements: &mut [f64]) {
        for ((element, decay), compliance) in elements.iter_mut().zip(decays).zip(&self.compliances)
        {
            let end = compliance * pressure;
            *element = end + (*element - end) * decay;
        }
    }
}
