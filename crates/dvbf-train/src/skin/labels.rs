//! The labelled piece.

use dvbf_core::Memory;
use ndarray::{Array2, ArrayView2, s};

/// Readings `(T, X)` with the force of the reference beside them.
#[derive(Clone, Debug)]
pub struct Labels {
    /// `(T, X)`.
    pub readings: Array2<f32>,
    /// `(T)`, in N.
    pub force: Vec<f64>,
    /// Seconds of a step.
    pub dt: f64,
    /// Full scale of the reference in N.
    pub full_scale: f64,
}

impl Labels {
    /// The first `seconds`, or all of fewer.
    #[must_use]
    pub fn first(&self, seconds: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of steps, saturating"
        )]
        let steps = ((seconds / self.dt).round() as usize).min(self.force.len());
        Self {
            readings: self.readings.slice(s![..steps, ..]).to_owned(),
            force: self.force[..steps].to_vec(),
            ..*self
        }
    }

    /// Memories of creep and of play, alone and together; thresholds are shares of full scale.
    pub fn memories(&self) -> Vec<Memory> {
        let mut all = vec![creep(Vec::new())];
        for thresholds in self.thresholds() {
            all.push(Memory { times: Vec::new(), thresholds: thresholds.clone() });
            all.push(creep(thresholds));
        }
        all
    }

    /// Thresholds for parts of the force, and for all of it.
    pub fn thresholds(&self) -> [Vec<f64>; 2] {
        [[0.003, 0.01, 0.03], [0.02, 0.06, 0.2]]
            .map(|shares| shares.iter().map(|share| share * self.full_scale).collect())
    }
}

fn creep(thresholds: Vec<f64>) -> Memory {
    Memory { times: vec![0.4, 4.0, 40.0], thresholds }
}

/// Readings in double precision.
pub(super) fn wide(readings: ArrayView2<'_, f32>) -> Array2<f64> {
    readings.mapv(f64::from)
}
