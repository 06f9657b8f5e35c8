//! What was found, and how.

use super::landscape::Landscape;
use super::trial::Trial;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that was found; `empowerment.json` in the run folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmpowermentSummary {
    /// The learned landscape beside the true one.
    pub landscape: Landscape,
    /// Trials of every policy, `true` by the true state and equations, `pixels` through the filter.
    pub control: BTreeMap<String, BTreeMap<String, Trial>>,
    /// How it was made.
    pub settings: EmpowermentSettings,
    /// Wall time.
    pub seconds: f64,
}

/// How the figures of an [`EmpowermentSummary`] were made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmpowermentSettings {
    /// Steps of the channel of the closed form.
    pub steps: usize,
    /// Steps of the channel of the variational bound.
    pub bound_steps: usize,
    /// Resolution in standard deviations of visited states.
    pub resolution: f64,
    /// Updates of an actor.
    pub updates: u64,
    /// Seed of policies, starts and noise.
    pub seed: u64,
    /// Version of this program.
    pub version: String,
}

impl EmpowermentSettings {
    /// The settings in one line.
    pub(super) fn sentence(&self) -> String {
        format!(
            "Held actions of {} steps (variational bound: {}), σ {} standard deviations, {} updates of an \
             actor, seed {}, dvbf {}.",
            self.steps, self.bound_steps, self.resolution, self.updates, self.seed, self.version
        )
    }
}
