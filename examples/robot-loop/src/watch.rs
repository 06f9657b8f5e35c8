//! Whether a filter still follows what it sees.

use dvbf_core::{Belief, ObservationStatus};

/// Normalized innovations squared per channel from which a prediction counts as wrong. Right ones
/// have one on average.
const WRONG: f64 = 25.0;
/// Innovations are standard normal if the model is right; none of this size belongs to it.
const JOLT: f32 = 10.0;
/// Wrong predictions in a row from which a filter counts as lost.
const PATIENCE: u32 = 10;

/// Counts frames that do not fit, one after the other.
#[derive(Default)]
pub(crate) struct Watch {
    wrong: u32,
}

impl Watch {
    /// Takes a belief; whether the filter is lost. Without sample paths there is no prediction to
    /// judge, but still the innovation that the frame called for.
    pub(crate) fn is_lost(&mut self, belief: &Belief) -> bool {
        if matches!(belief.status, ObservationStatus::Seen | ObservationStatus::Partly(_))
            && belief.started
        {
            let score = belief.spread.as_ref().and_then(|spread| spread.score);
            let surprised = score.is_some_and(|s| s.nis > WRONG * s.freedom as f64);
            let jolted = belief.noise_mean.iter().any(|w| w.abs() > JOLT);
            self.wrong = if surprised || jolted { self.wrong + 1 } else { 0 };
        }
        self.wrong >= PATIENCE
    }
}
