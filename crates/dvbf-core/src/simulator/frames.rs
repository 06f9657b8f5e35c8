//! The emission of a simulator with its buffers.

use crate::model::Dvbf;
use crate::units::{Channels, Units};
use dvbf_models::Cache;
use ndarray::{Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2};

/// Buffers of the emission.
#[derive(Debug)]
pub(super) struct Frames {
    emission: Cache,
    /// `σ (X)`, in the units of the observations.
    pub(super) std: Vec<f32>,
    /// Noise of one observation, `(X)`.
    pub(super) noise: Vec<f32>,
    /// States of chosen rollouts, `(Z, N)`.
    pub(super) chosen: Array2<f32>,
}

impl Frames {
    pub(super) fn new(model: &Dvbf<f32>, rollouts: usize) -> Self {
        let mut emission = model.emission.scratch();
        model.emission.prepare(&mut emission);
        let x = model.observation();
        let mut frames = Self {
            emission,
            std: vec![0.0; x],
            noise: vec![0.0; x],
            chosen: Array2::zeros((model.transition.dims().state, rollouts)),
        };
        frames.set_units(model, None);
        frames
    }

    /// The standard deviations in these units.
    pub(super) fn set_units(&mut self, model: &Dvbf<f32>, units: Option<&Units>) {
        let log_std = model.emission.log_std();
        for (j, std) in self.std.iter_mut().enumerate() {
            let unit = units.map_or(1.0, |units| units.observation.scale()[j]);
            *std = log_std[j.min(log_std.len() - 1)].exp() * unit;
        }
    }

    /// Writes `μ (K, X)` of states `(K, Z)`, in these units.
    pub(super) fn means(
        &mut self,
        (model, units): (&Dvbf<f32>, Option<&Channels>),
        state: ArrayView2<'_, f32>,
        mut out: ArrayViewMut2<'_, f32>,
    ) {
        model.emission.mean(state, out.view_mut(), &mut self.emission);
        if let Some(units) = units {
            out.rows_mut().into_iter().for_each(|row| restore(units, row));
        }
    }
}

/// From the units of the model to those of the recordings.
#[expect(clippy::cast_possible_truncation, reason = "observations are in single precision")]
fn restore(units: &Channels, row: ArrayViewMut1<'_, f32>) {
    for ((value, mean), scale) in row.into_iter().zip(units.mean()).zip(units.scale()) {
        *value = (f64::from(*value * scale) + mean) as f32;
    }
}
