//! What a filter computes beyond the mean path.

use super::error::FilterError;
use dvbf_models::chi_square;

/// What a filter computes beyond the mean path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FilterOptions {
    /// `N`, sample paths that carry the spread: none, which costs least, or at least four.
    pub samples: usize,
    /// Seed of their noise.
    pub seed: u64,
    /// An observation whose normalized innovation squared exceeds this quantile of the chi-square
    /// distribution, such as 0.9999, counts as missing. It needs sample paths.
    pub gate: Option<f64>,
    /// Whether the observation is also predicted where none was seen. Without, `predicted_mean` and
    /// `predicted_std` are NaN there, and such a step of a model of images takes a third of the time or less.
    pub predict_missing: bool,
}

/// 32 sample paths, seed 0, no gate, predictions at every step.
impl Default for FilterOptions {
    fn default() -> Self {
        Self { samples: 32, seed: 0, gate: None, predict_missing: true }
    }
}

impl FilterOptions {
    /// The mean path alone: no spread, no predictions, the least time.
    pub const MEAN_PATH: Self = Self { samples: 0, seed: 0, gate: None, predict_missing: true };

    /// # Errors
    /// Names the first setting that no filter can have.
    pub(super) fn validate(&self) -> Result<(), FilterError> {
        const MOST: usize = 1 << 16;
        let wrong = |key, value, range| Err(FilterError::Setting { key, value, range });
        if !(self.samples == 0 || (4..=MOST).contains(&self.samples)) {
            return wrong("samples", self.samples as f64, "zero or between 4 and 65536");
        }
        let Some(gate) = self.gate else { return Ok(()) };
        if !(gate > 0.0 && gate < 1.0) {
            return wrong("gate", gate, "a probability strictly between zero and one");
        }
        if self.samples == 0 {
            return wrong("samples", 0.0, "at least 4 for a gate");
        }
        Ok(())
    }
}

/// The bound of a gate for the degrees of freedom of the last step that asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    probability: f64,
    freedom: usize,
    bound: f64,
}

impl Gate {
    pub(super) fn new(probability: f64) -> Self {
        Self { probability, freedom: 0, bound: 0.0 }
    }

    /// Whether `nis` lies beyond the quantile for `freedom` degrees of freedom.
    pub(super) fn excludes(&mut self, nis: f64, freedom: usize) -> bool {
        if freedom != self.freedom {
            // The quantile exists: the probability was checked, and there is a degree of freedom.
            self.bound = chi_square::quantile(self.probability, freedom).unwrap_or(f64::INFINITY);
            self.freedom = freedom;
        }
        nis > self.bound
    }
}
