//! Settings of the model.

use dvbf_core::{
    ConfigError, EMISSIONS, INITIAL_STATES, ImageConfig, KindError, KindTable, ModelConfig,
    RECOGNITIONS, TRANSITIONS,
};
use serde::Serialize;

/// Sizes and kinds of the model's parts; what the data determine is missing here.
///
/// Every part is a table with the name of its kind and the settings of that kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelSettings {
    /// `Z`, dimensions of the latent state.
    pub state: usize,
    /// `W`, dimensions of the process noise.
    pub noise: usize,
    /// `H`, hidden units of every network whose table does not say otherwise.
    pub hidden: usize,
    /// `k`, frames that start the state.
    pub initial_frames: usize,
    /// The initial state.
    pub initial: KindTable,
    /// The recognition network.
    pub recognition: KindTable,
    /// The transition.
    pub transition: KindTable,
    /// The emission.
    pub emission: KindTable,
}

impl ModelSettings {
    /// Whether a differential equation is a part of the transition.
    pub fn has_equation(&self) -> bool {
        self.transition.settings.contains_key("known")
    }

    /// The model's configuration for data with `observation` and `control` channels, unchecked, and
    /// without what else only the data know.
    pub fn config(&self, observation: usize, control: usize) -> ModelConfig {
        ModelConfig {
            noise: self.noise,
            hidden: self.hidden,
            initial_frames: self.initial_frames,
            initial: self.initial.clone(),
            recognition: self.recognition.clone(),
            transition: self.transition.clone(),
            emission: self.emission.clone(),
            ..ModelConfig::new(observation, control, self.state)
        }
    }

    /// The model's configuration for data with `observation` and `control` channels and steps of one
    /// second.
    ///
    /// # Errors
    /// Names the first setting that no model can have.
    pub fn resolve(&self, observation: usize, control: usize) -> Result<ModelConfig, ConfigError> {
        let config = ModelConfig { dt: Some(1.0), ..self.config(observation, control) };
        config.validate()?;
        Ok(config)
    }

    /// Refuses what no data with `observation` channels could make a model of; of any number of
    /// channels if it is not known yet.
    ///
    /// # Errors
    /// Names the first setting that no model can have.
    pub fn check(&self, observation: Option<usize>) -> Result<(), ConfigError> {
        /// A differential equation says how many controls it has, and few have more.
        const CONTROLS: usize = 16;
        let observation = observation.unwrap_or_else(|| self.possible_observation());
        let first = self.resolve(observation, 1).map(drop);
        let possible = |control| self.resolve(observation, control).is_ok();
        if first.is_ok() || (0..CONTROLS).any(possible) {
            return Ok(());
        }
        first
    }

    /// A number of channels that the parts can have: those of an image, if one of them sees images.
    fn possible_observation(&self) -> usize {
        let image = |table: &KindTable| {
            let image = table.settings.get("image")?;
            serde_json::from_value::<ImageConfig>(image.clone()).ok()
        };
        let parts = [&self.initial, &self.recognition, &self.emission];
        parts.into_iter().find_map(image).map_or(1, |image| image.possible_values())
    }

    /// The same settings with all those of the parts, the missing ones with their defaults.
    ///
    /// # Errors
    /// If a kind or a setting is unknown.
    pub fn complete(&self) -> Result<Self, KindError> {
        let within = |part: &'static str| move |e: KindError| e.within(part).within("model");
        Ok(Self {
            initial: INITIAL_STATES.complete(&self.initial).map_err(within("initial"))?,
            recognition: RECOGNITIONS.complete(&self.recognition).map_err(within("recognition"))?,
            transition: TRANSITIONS.complete(&self.transition).map_err(within("transition"))?,
            emission: EMISSIONS.complete(&self.emission).map_err(within("emission"))?,
            ..*self
        })
    }

    /// The standard deviation of the emission, where training starts; 0.05 where the kind has none.
    pub fn emission_std(&self) -> f64 {
        self.emission.settings.get("std").and_then(serde_json::Value::as_f64).unwrap_or(0.05)
    }

    /// Leading dimensions of the state that the emission sees.
    pub fn emission_state(&self) -> usize {
        let own = self.emission.settings.get("state").and_then(serde_json::Value::as_u64);
        own.and_then(|own| usize::try_from(own).ok()).unwrap_or(self.state)
    }
}
