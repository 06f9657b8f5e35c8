//! The folder that a run is made in, new or as it was left.

use super::request::{RunError, TrainRequest};
use super::{FolderError, RunFolder, RunLock};
use crate::settings::Settings;
use crate::train::TrainerState;
use dvbf_core::{ModelConfig, ModelFile};

/// A model file with the state of its training.
pub(super) type Checkpoint = (ModelFile, TrainerState);

/// The folder with its settings, and the checkpoint of a resumed run.
pub(super) struct Opened {
    pub(super) folder: RunFolder,
    pub(super) settings: Settings,
    pub(super) checkpoint: Option<Checkpoint>,
    /// Held until the run ends.
    pub(super) lock: RunLock,
}

/// Opens the folder of a request.
pub(super) fn open(request: &TrainRequest) -> Result<Opened, RunError> {
    if !request.resume {
        request.settings.validate()?;
        let (folder, lock) = RunFolder::create(&request.folder, &request.settings)?;
        let settings = request.settings.clone();
        return Ok(Opened { folder, settings, checkpoint: None, lock });
    }
    let folder = RunFolder::open(&request.folder)?;
    let lock = folder.lock()?;
    // What is half written is nobody's.
    folder.clean()?;
    let settings = folder.settings()?;
    if folder.is_unbegun()? {
        return Ok(Opened { folder, settings, checkpoint: None, lock });
    }
    let file = folder.checkpoint()?;
    let state = TrainerState::decode(&file.trainer, file.values.len()).ok_or_else(|| {
        let problem = "it holds a model for use, not a training to continue".into();
        FolderError::Damaged { path: folder.file("checkpoint.dvbf"), problem }
    })?;
    // What only the data know is checked with the data.
    let config = ModelConfig {
        dt: file.config.dt,
        uneven: file.config.uneven,
        control_units: file.config.control_units.clone(),
        ..settings.model.config(file.config.observation, file.config.control)
    };
    let same = config.complete().is_ok_and(|own| file.config.complete() == Ok(own));
    let model = (!same).then_some("model");
    if let Some(key) = model.or(state.mismatch(&settings)) {
        let problem = format!("it does not belong to config.toml, which has another {key}");
        return Err(FolderError::Damaged { path: folder.file("checkpoint.dvbf"), problem }.into());
    }
    folder.truncate_history(state.step)?;
    Ok(Opened { folder, settings, checkpoint: Some((file, state)), lock })
}
