//! Cross-talk of a read-out by rows and columns.
//!
//! A taxel is read over the lines of its row and its column, on which its neighbors lie too:
//!
//! `G' = (1 − 2c) G + c (mean of its row) + c (mean of its column)`.
//!
//! The sum over the grid stays as it is.

use crate::error::{EnvError, between};
use serde::{Deserialize, Serialize};

/// The cross-talk. Settings left out take their default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CrosstalkSettings {
    /// Share `c` of each line, between 0 and 0.5; 0.03 by default, and 0 switches cross-talk off.
    pub share: f64,
}

impl Default for CrosstalkSettings {
    fn default() -> Self {
        Self { share: 0.03 }
    }
}

impl CrosstalkSettings {
    /// No cross-talk.
    pub fn off() -> Self {
        Self { share: 0.0 }
    }

    pub(super) fn validate(&self) -> Result<(), EnvError> {
        between("crosstalk.share", self.share, (0.0, 0.5), "between 0 and 0.5")
    }

    /// Mixes the conductances `grid`, row by row with `cols` in a row.
    pub(super) fn mix(&self, cols: usize, grid: &mut [f64]) {
        if self.share == 0.0 {
            return;
        }
        let rows = grid.len() / cols;
        let mut columns = vec![0.0; cols];
        for row in grid.chunks_exact(cols) {
            columns.iter_mut().zip(row).for_each(|(mean, g)| *mean += g / rows as f64);
        }
        for row in grid.chunks_exact_mut(cols) {
            let mean = row.iter().sum::<f64>() / cols as f64;
            for (g, column) in row.iter_mut().zip(&columns) {
                *g = (1.0 - 2.0 * self.share) * *g + self.share * (mean + column);
            }
        }
    }
}
