//! A run about recordings in memory, which become a file of its folder.

use super::request::{RunError, TrainRequest};
use super::{FolderError, RunFolder};
use crate::data::{RawRecordings, Reading, write_npz};
use crate::settings::{preset_for, usual_source};
use std::path::{Path, PathBuf};

/// Name of the file with the recordings of such a run.
const RECORDINGS: &str = "recordings.npz";

impl TrainRequest {
    /// A training on `recordings`: the preset of this name with `key=value` overrides, as `dvbf train --data`
    /// makes its settings.
    ///
    /// The recordings are written to `recordings.npz` in `folder`, so that the run can be continued, evaluated
    /// and reported like any other.
    ///
    /// # Errors
    /// If the folder holds a run already or cannot be written, there is no such preset, an override cannot be
    /// made, or the recordings are too short.
    pub fn about(
        recordings: &RawRecordings,
        preset: &str,
        overrides: &[String],
        folder: &Path,
    ) -> Result<Self, RunError> {
        if RunFolder::open(folder).is_ok() {
            return Err(FolderError::Exists { path: folder.to_owned() }.into());
        }
        // What is wrong with them is said before anything is written.
        let name = vec!["the recordings".to_owned()];
        preset_for(preset, recordings, usual_source(recordings, name), overrides)?.validate()?;
        let path = written(recordings, folder)?;
        let files = vec![path.display().to_string()];
        // The numbers in the file are what the run is about.
        let reading = Reading { files: files.clone(), ..Reading::default() };
        let recordings = reading.read()?;
        let source = usual_source(&recordings, files);
        let settings = preset_for(preset, &recordings, source, overrides)?;
        let folder = folder.to_owned();
        Ok(Self { settings, folder, resume: false, files: Vec::new(), threads: 0 })
    }
}

/// Where recordings of the run in `folder` were written, if it is [about](TrainRequest::about) some that were
/// in memory.
pub fn own_recordings(folder: &Path) -> Option<PathBuf> {
    let path = folder.join(RECORDINGS);
    path.exists().then_some(path)
}

fn written(recordings: &RawRecordings, folder: &Path) -> Result<PathBuf, RunError> {
    let io = |source| FolderError::Io { path: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(io)?;
    let path = folder.canonicalize().map_err(io)?.join(RECORDINGS);
    write_npz(&path, recordings)?;
    Ok(path)
}
