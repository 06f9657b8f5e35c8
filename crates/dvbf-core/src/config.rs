//! Sizes and kinds of the parts of a model.

use dvbf_models::TransitionDims;
use serde::{Deserialize, Serialize};

/// Which transition carries the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransitionKind {
    /// Softmax mixture of linear maps: the DVBF-LL of Karl et al. 2017.
    LocallyLinear,
    /// `z' = z + net(z, u) + eˢ ⊙ w`.
    Residual,
}

/// How the emission's standard deviation is set.
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

/// Everything that determines the shape of a model's parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// `X`, observed channels; pixels of an image.
    pub observation: usize,
    /// `U`, control channels; may be zero.
    pub control: usize,
    /// `Z`, dimensions of the latent state.
    pub state: usize,
    /// `W`, dimensions of the process noise.
    pub noise: usize,
    /// `H`, hidden units of the emission, of the recognition network and of `z₁ = g(w₁)`.
    pub hidden: usize,
    /// `k`, observations that start the state.
    pub initial_frames: usize,
    /// The kind of transition.
    pub transition: TransitionKind,
    /// `M`, base matrices of the locally linear transition.
    pub matrices: usize,
    /// `R`, trailing dimensions of the state whose own dynamics all base matrices share: how they act
    /// on themselves, and how the control acts on them. At most `state`.
    pub shared_state: usize,
    /// Hidden units of the mixing network, which is affine if zero; of the residual network
    /// otherwise.
    pub transition_hidden: usize,
    /// `V`, leading dimensions of the state that the emission sees; at most `state`.
    pub emission_state: usize,
    /// How the emission's standard deviation is set.
    pub emission_std_kind: EmissionStd,
    /// The emission's standard deviation: the value, or where training starts.
    pub emission_std: f64,
}

/// A setting that no model can have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A size is zero that must not be.
    #[error("model.{key} is 0; it must be at least 1")]
    Zero {
        /// The setting.
        key: &'static str,
    },
    /// A size is too large to be meant.
    #[error("model.{key} is {value}; at most {limit} is supported")]
    TooLarge {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: usize,
        /// The largest supported value.
        limit: usize,
    },
    /// A standard deviation is not a positive number.
    #[error("model.emission_std is {value}; it must be a positive finite number")]
    Std {
        /// Its value.
        value: f64,
    },
    /// The residual transition adds noise to the state.
    #[error(
        "model.noise is {noise} and model.state is {state}; the residual transition needs equal sizes"
    )]
    ResidualNoise {
        /// Dimensions of the noise.
        noise: usize,
        /// Dimensions of the state.
        state: usize,
    },
}

impl ModelConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// Names the first setting that no model can have.
    pub fn validate(&self) -> Result<(), ConfigError> {
        const LIMIT: usize = 1 << 24;
        let sizes = [
            ("observation", self.observation, 1),
            ("control", self.control, 0),
            ("state", self.state, 1),
            ("noise", self.noise, 1),
            ("hidden", self.hidden, 1),
            ("initial_frames", self.initial_frames, 1),
            ("matrices", self.matrices, 1),
            ("shared_state", self.shared_state, 0),
            ("emission_state", self.emission_state, 1),
            (
                "transition_hidden",
                self.transition_hidden,
                usize::from(self.transition == TransitionKind::Residual),
            ),
        ];
        for (key, value, least) in sizes {
            if value < least {
                return Err(ConfigError::Zero { key });
            }
            let limit = match key {
                "observation" => LIMIT,
                "emission_state" | "shared_state" => self.state,
                _ => 1 << 16,
            };
            if value > limit {
                return Err(ConfigError::TooLarge { key, value, limit });
            }
        }
        if !(self.emission_std.is_finite() && self.emission_std > 0.0) {
            return Err(ConfigError::Std { value: self.emission_std });
        }
        if self.transition == TransitionKind::Residual && self.noise != self.state {
            return Err(ConfigError::ResidualNoise { noise: self.noise, state: self.state });
        }
        Ok(())
    }

    /// Sizes of the transition's arguments.
    pub fn transition_dims(&self) -> TransitionDims {
        TransitionDims { state: self.state, control: self.control, noise: self.noise }
    }
}
