//! Sizes and kinds of the parts of a model.

use dvbf_models::{
    Context, EMISSIONS, INITIAL_STATES, KindError, KindTable, RECOGNITIONS, TRANSITIONS,
    TransitionDims,
};
use serde::{Deserialize, Serialize};

/// Everything that determines the shape of a model's parameters.
///
/// Each of the four parts is a table with the name of a kind and its settings. A kind that is
/// registered with [`TRANSITIONS`], [`EMISSIONS`], [`RECOGNITIONS`] or [`INITIAL_STATES`] can be
/// named.
///
/// ```
/// use dvbf_core::{Dvbf, KindTable, ModelConfig, Noise};
/// let config = ModelConfig {
///     transition: KindTable::new("residual").with("hidden", 32),
///     ..ModelConfig::new(2, 1, 3)
/// };
/// let model = Dvbf::<f32>::random(&config, Noise::new(0, 0))?;
/// assert_eq!(model.observation(), 2);
/// # Ok::<(), dvbf_core::ConfigError>(())
/// ```
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
    /// `H`, hidden units of every network whose table does not say otherwise.
    pub hidden: usize,
    /// `k`, observations that start the state.
    pub initial_frames: usize,
    /// Seconds between two steps, or one where the recordings did not say; nothing where nobody
    /// knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dt: Option<f64>,
    /// Whether steps are uneven: the seconds to the next step are then the last control.
    #[serde(default)]
    pub uneven: bool,
    /// Mean and scale of every control as the model sees it, `(value − mean) / scale`; nothing if it
    /// sees controls in their own units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_units: Option<Vec<(f64, f64)>>,
    /// The initial state.
    pub initial: KindTable,
    /// The recognition network.
    pub recognition: KindTable,
    /// The transition.
    pub transition: KindTable,
    /// The emission.
    pub emission: KindTable,
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
    /// The length of a step is no positive number.
    #[error("model.dt is {value}; it must be a positive finite number of seconds")]
    Step {
        /// Its value.
        value: f64,
    },
    /// The units of the controls do not fit the controls.
    #[error("model.control_units: {problem}")]
    ControlUnits {
        /// What does not fit.
        problem: String,
    },
    /// The settings of a part.
    #[error(transparent)]
    Part(#[from] KindError),
}

impl ModelConfig {
    /// A model for `observation = X` and `control = U` channels with `state = Z` dimensions: a
    /// locally linear transition, a Gaussian emission of fixed standard deviation, networks with
    /// 128 hidden units, five first frames, as much noise as state.
    pub fn new(observation: usize, control: usize, state: usize) -> Self {
        Self {
            observation,
            control,
            state,
            noise: state,
            hidden: 128,
            initial_frames: 5,
            dt: None,
            uneven: false,
            control_units: None,
            initial: KindTable::new("first-frames"),
            recognition: KindTable::new("feedforward"),
            transition: KindTable::new("locally-linear"),
            emission: KindTable::new("gaussian"),
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// Names the first setting that no model can have.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let context = self.context()?;
        EMISSIONS.check(&self.emission, &context).map_err(within("emission"))?;
        RECOGNITIONS.check(&self.recognition, &context).map_err(within("recognition"))?;
        Ok(INITIAL_STATES.check(&self.initial, &context).map_err(within("initial"))?)
    }

    /// Checks the sizes.
    fn check_sizes(&self) -> Result<(), ConfigError> {
        let sizes = [
            ("observation", self.observation, 1, 1 << 24),
            ("control", self.control, 0, 1 << 16),
            ("state", self.state, 1, 1 << 16),
            ("noise", self.noise, 1, 1 << 16),
            ("hidden", self.hidden, 1, 1 << 16),
            ("initial_frames", self.initial_frames, 1, 1 << 16),
        ];
        for (key, value, least, limit) in sizes {
            if value < least {
                return Err(ConfigError::Zero { key });
            }
            if value > limit {
                return Err(ConfigError::TooLarge { key, value, limit });
            }
        }
        if let Some(value) = self.dt.filter(|dt| !(dt.is_finite() && *dt > 0.0)) {
            return Err(ConfigError::Step { value });
        }
        if self.uneven && self.control == 0 {
            return Err(ConfigError::Zero { key: "control" });
        }
        if let Some(units) = &self.control_units {
            let problem = |problem: String| Err(ConfigError::ControlUnits { problem });
            if units.len() != self.control {
                return problem(format!("{} for {} controls", units.len(), self.control));
            }
            let valid =
                |(mean, scale): &(f64, f64)| mean.is_finite() && scale.is_finite() && *scale > 0.0;
            if let Some(i) = units.iter().position(|unit| !valid(unit)) {
                return problem(format!("control {i} has {:?}", units[i]));
            }
        }
        Ok(())
    }

    /// What parts are told of the model.
    ///
    /// # Errors
    /// If a size or the transition is impossible.
    pub fn context(&self) -> Result<Context, ConfigError> {
        self.check_sizes()?;
        let context = Context {
            observation: self.observation,
            control: self.control,
            state: self.state,
            noise: self.noise,
            hidden: self.hidden,
            initial_frames: self.initial_frames,
            dt: self.dt,
            uneven: self.uneven,
            control_units: self.control_units.clone(),
            components: Vec::new(),
        };
        let components = TRANSITIONS
            .check(&self.transition, &context)
            .and_then(|()| TRANSITIONS.components(&self.transition, &context))
            .map_err(within("transition"))?;
        Ok(Context { components, ..context })
    }

    /// The same configuration with all settings of all parts, those that are missing with their
    /// defaults.
    ///
    /// # Errors
    /// If a kind or a setting is unknown.
    pub fn complete(&self) -> Result<Self, ConfigError> {
        Ok(Self {
            initial: INITIAL_STATES.complete(&self.initial).map_err(within("initial"))?,
            recognition: RECOGNITIONS.complete(&self.recognition).map_err(within("recognition"))?,
            transition: TRANSITIONS.complete(&self.transition).map_err(within("transition"))?,
            emission: EMISSIONS.complete(&self.emission).map_err(within("emission"))?,
            ..self.clone()
        })
    }

    /// Parameters of every part under the name of the part, found without making any.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    #[cfg(feature = "file")]
    pub(crate) fn parameters(&self) -> Result<[(&'static str, usize); 4], ConfigError> {
        self.validate()?;
        let context = self.context()?;
        let initial = INITIAL_STATES.parameters(&self.initial, &context)?;
        let recognition = RECOGNITIONS.parameters(&self.recognition, &context)?;
        let transition = TRANSITIONS.parameters(&self.transition, &context)?;
        let emission = EMISSIONS.parameters(&self.emission, &context)?;
        Ok([
            ("initial", initial),
            ("recognition", recognition),
            ("transition", transition),
            ("emission", emission),
        ])
    }

    /// Sizes of the transition's arguments.
    pub fn transition_dims(&self) -> TransitionDims {
        TransitionDims { state: self.state, control: self.control, noise: self.noise }
    }
}

fn within(part: &'static str) -> impl Fn(KindError) -> KindError {
    move |error| error.within(part).within("model")
}
