//! The units of recordings, and how a model sees them: `(value − mean) / scale`, channel by channel.

use serde::{Deserialize, Serialize};

/// Mean and scale of every channel of a vector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Channels {
    // Invariant: equally long.
    mean: Vec<f32>,
    scale: Vec<f32>,
}

impl Channels {
    /// Channels with these means and scales.
    ///
    /// # Panics
    /// If their numbers differ, a mean is not finite, or a scale is not a positive finite number.
    #[track_caller]
    pub fn new(mean: Vec<f32>, scale: Vec<f32>) -> Self {
        let channels = Self { mean, scale };
        assert_eq!(channels.mean.len(), channels.scale.len(), "one scale a mean");
        assert!(channels.is_valid(), "means are finite and scales positive");
        channels
    }

    /// Channels that a model sees as they are.
    pub fn plain(count: usize) -> Self {
        Self { mean: vec![0.0; count], scale: vec![1.0; count] }
    }

    /// Channels of a file, which are checked with the rest of it.
    pub(crate) fn unchecked(mean: Vec<f32>, scale: Vec<f32>) -> Self {
        Self { mean, scale }
    }

    fn is_valid(&self) -> bool {
        self.mean.len() == self.scale.len()
            && self.mean.iter().all(|m| m.is_finite())
            && self.scale.iter().all(|s| s.is_finite() && *s > 0.0)
    }

    /// Number of channels.
    #[expect(clippy::len_without_is_empty, reason = "a number of channels, not a collection")]
    pub fn len(&self) -> usize {
        self.mean.len()
    }

    /// Mean of every channel.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// Scale of every channel.
    pub fn scale(&self) -> &[f32] {
        &self.scale
    }

    /// Brings a vector from the units of the recordings to those of the model.
    ///
    /// # Panics
    /// If it has another number of channels.
    #[track_caller]
    pub fn normalize(&self, values: &mut [f32]) {
        assert_eq!(values.len(), self.len(), "values against channels");
        for ((value, mean), scale) in values.iter_mut().zip(&self.mean).zip(&self.scale) {
            *value = (*value - mean) / scale;
        }
    }

    /// Undoes [`normalize`](Self::normalize).
    ///
    /// # Panics
    /// If the vector has another number of channels.
    #[track_caller]
    pub fn restore(&self, values: &mut [f32]) {
        assert_eq!(values.len(), self.len(), "values against channels");
        for ((value, mean), scale) in values.iter_mut().zip(&self.mean).zip(&self.scale) {
            *value = *value * scale + mean;
        }
    }
}

/// Units of observations and controls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Units {
    /// Channels of the observation (`X`).
    pub observation: Channels,
    /// Channels of the control (`U`).
    pub control: Channels,
}

impl Units {
    /// Whether the values can be those of a model with `observation` and `control` channels.
    pub(crate) fn fit(&self, observation: usize, control: usize) -> bool {
        let valid = self.observation.is_valid() && self.control.is_valid();
        valid && (self.observation.len(), self.control.len()) == (observation, control)
    }
}
