//! The units of recordings, and how a model sees them: `(value − mean) / scale`, channel by channel.

use serde::{Deserialize, Serialize};

/// Mean and scale of every channel of a vector.
///
/// Means are in double precision: a position in a map projection or seconds since an epoch need more
/// digits than single precision has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Channels {
    // Invariant: equally long.
    mean: Vec<f64>,
    scale: Vec<f32>,
}

/// Distance of a mean from zero, in scales, from which on it is taken off in double precision.
const FAR: f64 = 64.0;

impl Channels {
    /// Channels with these means and scales.
    ///
    /// # Panics
    /// If their numbers differ, a mean is beyond single precision, or a scale is not a positive finite
    /// number.
    #[track_caller]
    pub fn new<M: Into<f64>>(mean: Vec<M>, scale: Vec<f32>) -> Self {
        let channels = Self { mean: mean.into_iter().map(Into::into).collect(), scale };
        assert_eq!(channels.mean.len(), channels.scale.len(), "one scale a mean");
        assert!(channels.is_valid(), "means are finite and scales positive");
        channels
    }

    /// Channels that a model sees as they are.
    pub fn plain(count: usize) -> Self {
        Self { mean: vec![0.0; count], scale: vec![1.0; count] }
    }

    /// Channels of a file, which are checked with the rest of it.
    #[cfg(feature = "file")]
    pub(crate) fn unchecked(mean: Vec<f32>, scale: Vec<f32>) -> Self {
        Self { mean: mean.into_iter().map(f64::from).collect(), scale }
    }

    fn is_valid(&self) -> bool {
        self.mean.len() == self.scale.len()
            && self.mean.iter().all(|m| m.abs() <= f64::from(f32::MAX))
            && self.scale.iter().all(|s| s.is_finite() && *s > 0.0)
    }

    /// Scales and means that recordings have in some unit: with others, what is written in their units would
    /// leave single precision.
    #[cfg(feature = "file")]
    fn is_usual(&self) -> bool {
        let scales = self.scale.iter().all(|scale| (1e-30..=1e30).contains(scale));
        scales && self.mean.iter().all(|mean| mean.abs() <= 1e30)
    }

    /// Number of channels.
    #[expect(clippy::len_without_is_empty, reason = "a number of channels, not a collection")]
    pub fn len(&self) -> usize {
        self.scale.len()
    }

    /// Mean of every channel.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Scale of every channel.
    pub fn scale(&self) -> &[f32] {
        &self.scale
    }

    /// What has to be taken off in double precision before values are narrowed, and the units of the
    /// rest. It is the mean of a channel that single precision does not hold or that is more than 64
    /// scales from zero, and zero of the others.
    pub fn split(&self) -> (Vec<f64>, Self) {
        self.split_leading(self.len())
    }

    /// [`split`](Self::split) of the first `count` channels; nothing is taken off the others.
    pub fn split_leading(&self, count: usize) -> (Vec<f64>, Self) {
        let pairs = self.mean.iter().zip(&self.scale).enumerate();
        let off = pairs.map(|(i, (&mean, &scale))| {
            let rest = mean - f64::from(narrow(mean));
            let far = rest.abs() > 0.0 || mean.abs() > FAR * f64::from(scale);
            if i < count && far { mean } else { 0.0 }
        });
        let off: Vec<f64> = off.collect();
        let mean = self.mean.iter().zip(&off).map(|(mean, off)| mean - off).collect();
        (off, Self { mean, scale: self.scale.clone() })
    }

    /// From the units of the recordings to those of the model.
    ///
    /// # Panics
    /// If there are not as many values as channels.
    #[track_caller]
    pub fn normalize(&self, values: &mut [f32]) {
        assert_eq!(values.len(), self.len(), "values against channels");
        for ((value, mean), scale) in values.iter_mut().zip(&self.mean).zip(&self.scale) {
            *value = narrow(f64::from(*value) - mean) / scale;
        }
    }

    /// From the units of the model to those of the recordings.
    ///
    /// # Panics
    /// If there are not as many values as channels.
    #[track_caller]
    pub fn restore(&self, values: &mut [f32]) {
        assert_eq!(values.len(), self.len(), "values against channels");
        for ((value, mean), scale) in values.iter_mut().zip(&self.mean).zip(&self.scale) {
            *value = narrow(f64::from(*value * scale) + mean);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "models are in single precision")]
fn narrow(value: f64) -> f32 {
    value as f32
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

    /// Whether a file may hold them.
    #[cfg(feature = "file")]
    pub(crate) fn are_usual(&self) -> bool {
        self.observation.is_usual() && self.control.is_usual()
    }
}
