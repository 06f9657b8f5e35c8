//! Where the forces of indenters arrive on a grid of taxels.
//!
//! Positions are in pitches of the grid from its middle, `x` to the right along a row and `y` down
//! along a column; taxel `i = row · cols + col` lies at `(col − (cols − 1)/2, row − (rows − 1)/2)`.
//! Indenter `k` with force `F_k` at `c_k` gives taxel `i` the share
//!
//! `p_i = Σ_k F_k w_i(c_k)`, `w_i(c) = exp(−|c − q_i|² / 2σ²) / Σ_j exp(−|c − q_j|² / 2σ²)`,
//!
//! so that the taxels together carry all of it, also at the rim.

use crate::error::{EnvError, between, count};
use serde::{Deserialize, Serialize};

/// The grid and the width of a contact. Settings left out take their default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContactSettings {
    /// Rows of taxels, `1..=64`; 4 by default.
    pub rows: usize,
    /// Columns of taxels, `1..=64`; 4 by default.
    pub cols: usize,
    /// Indenters, `1..=8`; 1 by default.
    pub indenters: usize,
    /// Width `σ` of a contact in pitches, between 0.05 and 100; 0.9 by default.
    pub width: f64,
}

impl Default for ContactSettings {
    fn default() -> Self {
        Self { rows: 4, cols: 4, indenters: 1, width: 0.9 }
    }
}

impl ContactSettings {
    pub(super) fn validate(&self) -> Result<(), EnvError> {
        count("contact.rows", self.rows, 64, "between 1 and 64")?;
        count("contact.cols", self.cols, 64, "between 1 and 64")?;
        count("contact.indenters", self.indenters, 8, "between 1 and 8")?;
        between("contact.width", self.width, (0.05, 100.0), "between 0.05 and 100 pitches")
    }

    /// Number of taxels.
    pub fn taxels(&self) -> usize {
        self.rows * self.cols
    }

    /// The position of a taxel.
    pub fn place(&self, taxel: usize) -> [f64; 2] {
        let middle = |of: usize| (of as f64 - 1.0) / 2.0;
        let (row, col) = (taxel / self.cols, taxel % self.cols);
        [col as f64 - middle(self.cols), row as f64 - middle(self.rows)]
    }

    /// How far the outermost taxels are from the middle on both axes.
    pub fn reach(&self) -> [f64; 2] {
        [self.cols, self.rows].map(|of| (of as f64 - 1.0) / 2.0)
    }

    /// Adds the share of every taxel in N under `force` at `position` to `out (taxels)`.
    pub(super) fn press(&self, force: f64, position: [f64; 2], out: &mut [f64]) {
        let [across, down] =
            [(self.cols, position[0]), (self.rows, position[1])].map(|(of, at)| self.line(of, at));
        for (row, down) in out.chunks_exact_mut(self.cols).zip(down) {
            for (share, across) in row.iter_mut().zip(&across) {
                *share += force * down * across;
            }
        }
    }

    /// The bell separates: the shares of `of` lines of taxels under a contact at `at`.
    fn line(&self, of: usize, at: f64) -> Vec<f64> {
        let square = |i: usize| (i as f64 - (of as f64 - 1.0) / 2.0 - at).powi(2);
        // The nearest line has the exponent zero, so that a contact far outside has its share too.
        let nearest = (0..of).map(square).fold(f64::INFINITY, f64::min);
        let scale = 2.0 * self.width * self.width;
        let bells: Vec<f64> = (0..of).map(|i| ((nearest - square(i)) / scale).exp()).collect();
        let sum: f64 = bells.iter().sum();
        bells.into_iter().map(|bell| bell / sum).collect()
    }
}
