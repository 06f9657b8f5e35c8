//! Settings of the model.

use dvbf_core::{ConfigError, EmissionStd, ModelConfig, TransitionKind};
use dvbf_data::settings::ValueError;
use serde::{Deserialize, Serialize};

/// Sizes and kinds of the model's parts; what the data determine is missing here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// `Z`, dimensions of the latent state.
    pub state: usize,
    /// `W`, dimensions of the process noise.
    pub noise: usize,
    /// `H`, hidden units of emission and recognition.
    pub hidden: usize,
    /// `k`, frames that start the state.
    pub initial_frames: usize,
    /// The kind of transition.
    pub transition: TransitionKind,
    /// `M`, base matrices of the locally linear transition.
    pub matrices: usize,
    /// `R`, trailing dimensions of the state whose own dynamics all base matrices share: how they act
    /// on themselves, and how the control acts on them. At most `state`.
    pub shared_state: usize,
    /// Hidden units of the mixing network (affine if zero) or of the residual network.
    pub transition_hidden: usize,
    /// Leading dimensions of the state that the emission sees.
    pub emission_state: usize,
    /// How the emission's standard deviation is set.
    pub emission_std_kind: EmissionStd,
    /// The emission's standard deviation: the value, or where training starts.
    pub emission_std: f64,
}

impl ModelSettings {
    /// The model's configuration for data with `observation` and `control` channels.
    ///
    /// # Errors
    /// Names the first setting that no model can have.
    pub fn resolve(&self, observation: usize, control: usize) -> Result<ModelConfig, ConfigError> {
        let config = ModelConfig {
            observation,
            control,
            state: self.state,
            noise: self.noise,
            hidden: self.hidden,
            initial_frames: self.initial_frames,
            transition: self.transition,
            matrices: self.matrices,
            shared_state: self.shared_state,
            transition_hidden: self.transition_hidden,
            emission_state: self.emission_state,
            emission_std_kind: self.emission_std_kind,
            emission_std: self.emission_std,
        };
        config.validate()?;
        Ok(config)
    }

    /// Refuses parts of the state that are larger than the state.
    ///
    /// # Errors
    /// Names the first of them.
    pub fn check_parts(&self) -> Result<(), ValueError> {
        let state = self.state;
        for (key, own) in
            [("emission_state", self.emission_state), ("shared_state", self.shared_state)]
        {
            if own > state && state > 0 {
                let problem = format!(
                    "is {own}, more than model.state = {state}; set both, such as \
                     model.state={state} and model.{key}={state}"
                );
                return Err(ValueError::new(&format!("model.{key}"), problem));
            }
        }
        Ok(())
    }
}
