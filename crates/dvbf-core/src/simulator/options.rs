//! What a simulator may be told.

use super::error::SimulatorError;

/// What happens to states outside of the training range.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum RangeBound {
    /// Nothing: the state goes where the model takes it.
    #[default]
    Free,
    /// Every component of the state that is not an angle is clipped to
    /// `[low − margin · h, high + margin · h]` after every step, with the extremes `low` and `high` of
    /// the training range and `h = (high − low)/2`. A rollout that is clipped no longer follows the
    /// model; its [departure](super::Simulator::departures) is that before clipping.
    Clip {
        /// Half-widths of the range beyond it that a state may reach, at least zero.
        margin: f32,
    },
}

/// What a simulator may be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimulatorOptions {
    /// Seed of all noise.
    pub seed: u64,
    /// Whether steps have noise; without, `z ← f(z, u, 0)` is the mean prediction. Starts from the
    /// prior have noise either way.
    pub process_noise: bool,
    /// What happens to states outside of the training range.
    pub bound: RangeBound,
}

/// Seed 0, with noise, free.
impl Default for SimulatorOptions {
    fn default() -> Self {
        Self { seed: 0, process_noise: true, bound: RangeBound::Free }
    }
}

impl SimulatorOptions {
    pub(super) fn validate(&self) -> Result<(), SimulatorError> {
        match self.bound {
            RangeBound::Clip { margin } if !(margin.is_finite() && margin >= 0.0) => {
                let (key, value) = ("margin", f64::from(margin));
                Err(SimulatorError::Setting { key, value, range: "a finite number from zero on" })
            }
            _ => Ok(()),
        }
    }
}
