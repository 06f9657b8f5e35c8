//! A model with its configuration, and whatever a trainer needs to go on.

use super::error::FileError;
use super::frame::header;
use super::tensors::{Mismatch, Tensor, append_range, check_count, tensors_of};
use crate::bounds::TrainingBounds;
use crate::config::ModelConfig;
use crate::durable::replace_file;
use crate::layout::{Layout, Steps};
use crate::model::Dvbf;
use crate::range::TrainingRange;
use crate::readout::{ReadoutInput, Reference};
use crate::units::Units;
use dvbf_ops::Params;
use dvbf_tensor::{Noise, Scalar};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A model with its configuration, and whatever a trainer needs to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFile {
    /// Sizes and kinds of the parts, and the length of a step.
    pub config: ModelConfig,
    /// Parameters in the order of visits.
    pub values: Vec<f32>,
    /// State of a trainer in its own encoding; empty in a file made for use.
    pub trainer: Vec<u8>,
    /// Units of the recordings, where the model sees others.
    pub units: Option<Units>,
    /// What the standard deviations of one-step predictions are multiplied by to cover as they say.
    pub std_scale: f64,
    /// What the numbers of the recordings are, where that is known; earlier formats did not keep it.
    pub layout: Option<Layout>,
    /// The range of the states that the model was trained on, where that is known.
    pub range: Option<TrainingRange>,
    /// The smallest and the largest values that the model was trained on, where they are known.
    pub bounds: Option<TrainingBounds>,
    /// The read-out to a reference sensor, where the filter was calibrated.
    pub reference: Option<Reference>,
}

/// The text at the beginning of the model section.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Description {
    pub(super) config: ModelConfig,
    pub(super) units: Option<Units>,
    pub(super) std_scale: f64,
    pub(super) layout: Option<Layout>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reference: Option<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bounds: Option<TrainingBounds>,
    pub(super) tensors: Vec<Tensor>,
}

impl ModelFile {
    /// A file for use, without a trainer's state.
    pub fn new(config: &ModelConfig, model: &Dvbf<f32>) -> Self {
        Self {
            config: config.clone(),
            values: model.to_flat(),
            trainer: Vec::new(),
            units: None,
            std_scale: 1.0,
            layout: None,
            range: None,
            bounds: None,
            reference: None,
        }
    }

    /// What does not fit together.
    pub(super) fn check(&self) -> Result<(), String> {
        let refuse = |what: &str| Err(what.to_owned());
        if let Some(i) = self.values.iter().position(|v| !v.is_finite()) {
            return Err(format!("parameter {i} is not finite"));
        }
        let (x, u) = (self.config.observation, self.config.control);
        if self.units.as_ref().is_some_and(|units| !units.fit(x, u)) {
            return refuse("its units do not fit its channels");
        }
        if self.units.as_ref().is_some_and(|units| !units.are_usual()) {
            return refuse("its units have a scale outside of 1e-30 to 1e30 or a mean beyond 1e30");
        }
        if let Some(dt) = self.config.dt
            && !(1e-9..=1e9).contains(&dt)
        {
            return Err(format!("its step of {dt} s is not between 1e-9 and 1e9 s"));
        }
        if let Some(layout) = &self.layout {
            if !layout.fit(x, u) {
                return refuse("its names do not fit its channels");
            }
            if (layout.steps == Steps::Control) != self.config.uneven {
                return refuse("its layout and its configuration disagree about uneven steps");
            }
        }
        if let Some(range) = &self.range {
            let features = self.config.context().map(|context| context.features().outputs());
            if features.is_ok_and(|features| features != range.features()) {
                return refuse("its training range does not fit its state");
            }
        }
        if let Some(bounds) = &self.bounds {
            bounds.check(x, u)?;
        }
        if let Some(reference) = &self.reference {
            reference.check()?;
            let own = match reference.input {
                ReadoutInput::State => self.config.state,
                ReadoutInput::Channels => x,
            };
            if reference.inputs() != own {
                return refuse("its read-out does not fit its channels or its state");
            }
        }
        if !(1e-9..=1e9).contains(&self.std_scale) {
            return refuse("its scale of predictions has to be between 1e-9 and 1e9");
        }
        Ok(())
    }

    /// Writes the file so that a crash leaves the old file or the new one.
    ///
    /// # Errors
    /// If the system refuses, or what is to be written could not be read again because the
    /// configuration describes no model or something does not fit it; the old file is then intact.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        let config = |source| FileError::Config { path: path.to_owned(), source };
        let mismatch = |mismatch| match mismatch {
            Mismatch::Config(source) => config(source),
            Mismatch::Contents(what) => FileError::unfit(path, what),
        };
        check_count(&self.config, self.values.len()).map_err(mismatch)?;
        self.check().map_err(|what| FileError::unfit(path, what))?;
        let (mut tensors, mut values) =
            (tensors_of(&self.config).map_err(config)?, self.values.clone());
        if let Some(range) = &self.range {
            append_range(range, &mut tensors, &mut values);
        }
        let description = Description {
            config: self.config.clone(),
            units: self.units.clone(),
            std_scale: self.std_scale,
            layout: self.layout.clone(),
            reference: self.reference.clone(),
            bounds: self.bounds.clone(),
            tensors,
        };
        let text = serde_json::to_vec(&description)
            .map_err(|e| FileError::damaged(path, e.to_string()))?;
        let mut model = Vec::with_capacity(8 + text.len() + 4 * values.len());
        model.extend_from_slice(&(text.len() as u64).to_le_bytes());
        model.extend_from_slice(&text);
        model.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        let header = header(&model, &self.trainer);
        replace_file(path, &[&header, &model, &self.trainer])
            .map_err(|source| FileError::io(path, source))
    }

    /// The model, with the file's parameters.
    ///
    /// # Panics
    /// If the fields were changed since reading so that they no longer fit each other.
    pub fn into_model(self) -> Dvbf<f32> {
        self.model()
    }

    /// The model with the file's parameters, in single or double precision.
    ///
    /// # Panics
    /// If the fields were changed since reading so that they no longer fit each other.
    pub fn model<S: Scalar>(&self) -> Dvbf<S> {
        let mut model = Dvbf::random(&self.config, Noise::new(0, 0)).expect("checked on reading");
        let values: Vec<S> = self.values.iter().map(|&value| S::of(f64::from(value))).collect();
        model.set_flat(&values);
        model
    }
}
