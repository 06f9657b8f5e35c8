//! Settings of a Gaussian emission.

use super::{GaussianEmission, GaussianSizes, NoiseScale};
use crate::emission::{Emission, EmissionRole};
use crate::kind::{Context, KindError, PartConfig, affine};
use dvbf_tensor::{Noise, Scalar};
use ndarray::Array1;
use serde::{Deserialize, Serialize};

/// How the standard deviation of an emission is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmissionStd {
    /// One value that stays as configured.
    Fixed,
    /// One value, trained.
    Learned,
    /// One value a channel, trained, as in Karl et al. 2017.
    LearnedPerChannel,
    /// One value a channel that stays: that of the sensors' noise, where somebody knows it.
    FixedPerChannel,
}

impl EmissionStd {
    /// How many values there are for so many channels, and whether they are trained.
    pub(in crate::emission) fn values(self, channels: usize) -> (usize, NoiseScale) {
        match self {
            Self::Fixed => (1, NoiseScale::Fixed),
            Self::Learned => (1, NoiseScale::Learned),
            Self::LearnedPerChannel => (channels, NoiseScale::Learned),
            Self::FixedPerChannel => (channels, NoiseScale::Fixed),
        }
    }
}

/// Refuses leading dimensions of the state that it does not have.
pub(in crate::emission) fn check_visible(
    visible: usize,
    context: &Context,
) -> Result<(), KindError> {
    match visible {
        0 => Err(KindError::new("state", "is 0; it must be at least 1")),
        visible if visible > context.state => {
            let problem = format!("is {visible}, more than model.state = {}", context.state);
            Err(KindError::new("state", problem))
        }
        _ => Ok(()),
    }
}

/// Settings of a Gaussian emission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GaussianConfig {
    /// `V`, leading dimensions of the state that the network sees; all of them if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<usize>,
    /// Hidden units; those of the model if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<usize>,
    /// How the standard deviation is set.
    pub std_kind: EmissionStd,
    /// The standard deviation: the value, or where training starts.
    pub std: f64,
}

impl Default for GaussianConfig {
    fn default() -> Self {
        Self { state: None, hidden: None, std_kind: EmissionStd::Fixed, std: 0.05 }
    }
}

impl GaussianConfig {
    fn visible(&self, context: &Context) -> usize {
        self.state.unwrap_or(context.state)
    }
}

impl PartConfig<EmissionRole> for GaussianConfig {
    const KIND: &'static str = "gaussian";

    fn check(&self, context: &Context) -> Result<(), KindError> {
        KindError::check_size("hidden", self.hidden.unwrap_or(context.hidden), 1 << 16)?;
        KindError::check_positive("std", self.std)?;
        check_visible(self.visible(context), context)
    }

    fn parameters(&self, context: &Context) -> usize {
        let hidden = self.hidden.unwrap_or(context.hidden);
        let inputs = context.features().leading(self.visible(context)).outputs();
        affine(inputs, hidden)
            .saturating_add(affine(hidden, context.observation))
            .saturating_add(self.std_kind.values(context.observation).0)
    }

    fn init<S: Scalar>(&self, context: &Context, noise: Noise) -> Box<dyn Emission<S>> {
        let (channels, scale) = self.std_kind.values(context.observation);
        let log_std = Array1::from_elem(channels, S::of(self.std.ln()));
        let hidden = self.hidden.unwrap_or(context.hidden);
        let features = context.features().leading(self.visible(context));
        let sizes =
            GaussianSizes { state: context.state, hidden, observation: context.observation };
        Box::new(GaussianEmission::random(sizes, features, log_std, scale, noise))
    }
}
