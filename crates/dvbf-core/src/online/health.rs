//! What an operator wants to know of a filter that runs.

use super::belief::ObservationStatus;

/// What has become of the calls of a filter since it was made; a reset does not set it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Steps that were taken.
    pub steps: u64,
    /// Steps without an observation.
    pub missing: u64,
    /// Steps whose observation the gate or the plausible range took for impossible, as a whole.
    pub gated: u64,
    /// Steps of which single channels were implausible and counted as missing.
    pub implausible: u64,
    /// Steps whose control was brought into the plausible range.
    pub clamped: u64,
    /// Starts from the last frames because the belief was lost.
    pub restarted: u64,
    /// Calls that gave an error.
    pub refused: u64,
    /// Steps since the last one whose observation was used, which counts as zero; `None` before the first.
    pub since_good: Option<u64>,
}

impl Health {
    /// Counts a step.
    pub(super) fn note(&mut self, status: ObservationStatus, implausible: bool, clamped: bool) {
        let count = |count: &mut u64, whether: bool| *count += u64::from(whether);
        count(&mut self.steps, true);
        count(&mut self.missing, status == ObservationStatus::Missing);
        count(&mut self.gated, status == ObservationStatus::Gated);
        count(&mut self.restarted, status == ObservationStatus::Restarted);
        count(&mut self.implausible, implausible && status != ObservationStatus::Gated);
        count(&mut self.clamped, clamped);
        self.since_good = match status {
            ObservationStatus::Seen | ObservationStatus::Partly(_) => Some(0),
            _ => self.since_good.map(|since| since + 1),
        };
    }
}
