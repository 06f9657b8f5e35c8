//! Every setting of a run, its checks, presets and overrides.

mod auto;
mod overrides;
mod physics;
mod preset;
mod source;
mod table;
mod tactile;

pub use auto::{preset_for, usual_source};
pub use dvbf_data::settings::{
    DataPlan, DataSettings, Division, RecordingsSettings, Source, ValueError,
};
pub use dvbf_train::settings::{
    EARLIER_KEYS, EvaluationSettings, ModelSettings, OptimizerKind, ParameterGroup, Precision,
    Span, TrainingPlan, TrainingSettings,
};
pub use overrides::apply_override;
pub use preset::{PRESETS, preset};

use dvbf_core::ConfigError;
use dvbf_envs::System;

/// Every setting of a run. `config.toml` in a run folder holds all of them, resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Name of the preset that the settings started from.
    pub preset: String,
    /// Seed of the parameters, of the order of sequences and of all training noise.
    pub seed: u64,
    /// How many recordings are made, and how long.
    pub data: DataSettings,
    /// The simulated system, if the run is about one: in a table of its own name. Exactly one source
    /// of data has its settings here.
    pub system: Option<System>,
    /// Recordings from files, if the run is about them.
    pub recordings: Option<RecordingsSettings>,
    /// Sizes and kinds of the model's parts.
    pub model: ModelSettings,
    /// The recipe.
    pub training: TrainingSettings,
    /// What is measured.
    pub evaluation: EvaluationSettings,
}

/// A setting that no run can have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A model setting.
    #[error(transparent)]
    Model(#[from] ConfigError),
    /// Any other setting.
    #[error("{key}: {problem}")]
    Value {
        /// The dotted key.
        key: String,
        /// What is wrong with its value.
        problem: String,
    },
    /// A key that does not exist.
    #[error("unknown setting {key}{}", suggestion.as_ref().map(|s| format!("; did you mean {s}?")).unwrap_or_default())]
    UnknownKey {
        /// The key as given.
        key: String,
        /// The nearest existing key.
        suggestion: Option<String>,
    },
    /// A preset that does not exist.
    #[error("unknown preset {name}; there are {}, and auto for recordings (--data){}", PRESETS.join(", "), suggestion.as_ref().map(|s| format!("; did you mean {s}?")).unwrap_or_default())]
    UnknownPreset {
        /// The name as given.
        name: String,
        /// The nearest existing name.
        suggestion: Option<String>,
    },
    /// A configuration file that is not TOML of the right shape.
    #[error("{0}")]
    Toml(String),
}

impl From<ValueError> for SettingsError {
    fn from(ValueError { key, problem }: ValueError) -> Self {
        Self::Value { key, problem }
    }
}

fn value_error(key: &str, problem: impl Into<String>) -> SettingsError {
    SettingsError::Value { key: key.into(), problem: problem.into() }
}

/// Refuses predictions of no steps, and of more than there are.
fn check_predictions(
    evaluation: &EvaluationSettings,
    data: &DataSettings,
) -> Result<(), SettingsError> {
    if evaluation.horizons.is_empty() || evaluation.horizons.contains(&0) {
        let problem = "needs one number of predicted steps or more, each at least 1";
        return Err(value_error("evaluation.horizons", problem));
    }
    let longest = evaluation.horizons.iter().copied().max().unwrap_or(0).max(evaluation.chosen_by);
    if evaluation.filtered + longest > data.long_steps {
        let problem = format!(
            "{} filtered and {longest} predicted frames are more than data.long_steps = {}",
            evaluation.filtered, data.long_steps
        );
        return Err(value_error("evaluation.horizons", problem));
    }
    Ok(())
}

impl Settings {
    /// Checks every setting that the data do not determine.
    ///
    /// # Errors
    /// Names the first impossible setting.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let observation = match self.checked_source()? {
            Source::System(system) => system.environment().ok().map(|e| e.spec().observation_size),
            _ => None,
        };
        self.model.check(observation)?;
        for (i, group) in self.training.groups.iter().enumerate() {
            if let Some(problem) = group.problem() {
                return Err(value_error(&format!("training.groups[{i}]"), problem));
            }
        }
        let (data, training, evaluation) = (&self.data, &self.training, &self.evaluation);
        let counts = [
            ("data.train", data.train),
            ("data.validation", data.validation),
            ("data.test", data.test),
            ("data.steps", data.steps),
            ("training.batch", training.batch),
            ("training.restart_horizon", training.restart_horizon),
            ("training.shard", training.shard),
            ("training.block", training.block),
            ("evaluation.filtered", evaluation.filtered),
            ("evaluation.chosen_by", evaluation.chosen_by),
        ];
        for (key, value) in counts {
            if value == 0 {
                return Err(value_error(key, "must be at least 1"));
            }
        }
        let intervals = [
            ("training.steps", training.steps),
            ("training.temper_period", training.temper_period),
            ("training.log_interval", training.log_interval),
            ("training.checkpoint_interval", training.checkpoint_interval),
            ("training.restarts", u64::from(training.restarts)),
            ("training.finalists", u64::from(training.finalists)),
        ];
        for (key, value) in intervals {
            if value == 0 {
                return Err(value_error(key, "must be at least 1"));
            }
        }
        if training.window > data.steps {
            let problem = format!("is longer than data.steps = {}", data.steps);
            return Err(value_error("training.window", problem));
        }
        let window = if training.window == 0 { data.steps } else { training.window };
        for (key, frames) in
            [("training.window", window), ("evaluation.filtered", evaluation.filtered)]
        {
            if frames < self.model.initial_frames {
                let problem = format!(
                    "is {frames}; the start of a sequence takes model.initial_frames = {}",
                    self.model.initial_frames
                );
                return Err(value_error(key, problem));
            }
        }
        if training.batch > data.train {
            let problem = format!("is more than data.train = {}", data.train);
            return Err(value_error("training.batch", problem));
        }
        let ramps = [
            ("training.learning_rate", training.learning_rate, (0.0, 10.0)),
            ("training.warmup", training.warmup, (0.0, 1.0)),
            ("training.drop", training.drop, (0.0, 1.0)),
            ("training.kl_weight", training.kl_weight, (0.0, 1e6)),
            ("training.temper", training.temper, (1e-6, 1.0)),
            ("training.input_noise", training.input_noise, (0.0, 1e3)),
            ("training.start_noise", training.start_noise, (0.0, 1e3)),
        ];
        for (key, ramp, (low, high)) in ramps {
            if let Some(problem) = ramp.problem(low, high) {
                return Err(value_error(key, problem));
            }
        }
        let numbers = [
            ("training.clip", training.clip, f64::MIN_POSITIVE, f64::INFINITY),
            ("training.weight_decay", training.weight_decay, 0.0, 1.0),
            ("training.dream", training.dream, 0.0, 1e3),
            ("training.state_clip", training.state_clip, 0.0, f64::INFINITY),
            ("training.average", training.average, 0.0, 0.999_999),
        ];
        for (key, value, low, high) in numbers {
            if !(low..=high).contains(&value) {
                return Err(value_error(
                    key,
                    format!("is {value}; it must lie between {low} and {high}"),
                ));
            }
        }
        check_predictions(evaluation, data)
    }

    /// All settings as TOML.
    ///
    /// # Panics
    /// Never: settings are plain data.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("settings are plain data")
    }

    /// Settings from TOML that holds all of them.
    ///
    /// # Errors
    /// If the text is not TOML, a key is unknown or missing, or a value is impossible.
    pub fn from_toml(text: &str) -> Result<Self, SettingsError> {
        let settings: Self =
            toml::from_str(text).map_err(|e| SettingsError::Toml(e.to_string()))?;
        settings.validate()?;
        Ok(settings)
    }

    /// Every dotted key with its value.
    pub fn entries(&self) -> Vec<(String, String)> {
        overrides::entries(self)
    }
}
