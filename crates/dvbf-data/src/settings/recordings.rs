//! Settings of recordings that come from files.

use super::ValueError;
use crate::{Columns, find_files};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// How sequences are divided into training, validation and test parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Division {
    /// Every sequence belongs to one part, as the files say.
    Given,
    /// Every sequence belongs to one part, by lot.
    Sequence,
    /// Every sequence is cut: its beginning is for training, then comes validation, then the test.
    Time,
}

/// Recordings that come from files, and what is done with them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordingsSettings {
    /// Files, folders and patterns of file names.
    pub files: Vec<String>,
    /// The folder that relative names were given in. What is not found where the command runs is
    /// looked for from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Observed columns of tables; if these three lists are empty, the columns' names say what they
    /// are.
    #[serde(default)]
    pub observe: Vec<String>,
    /// Columns with controls.
    #[serde(default)]
    pub control: Vec<String>,
    /// Columns with components of the true state.
    #[serde(default)]
    pub state: Vec<String>,
    /// Column with time stamps; by its usual name if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// How the sequences are divided.
    pub division: Division,
    /// Share of the sequences, or of every sequence, that is for validation, and again for the test.
    pub held_out: f64,
    /// Whether channels are brought to mean zero and standard deviation one.
    pub normalize: bool,
    /// CRC-32 of what was read; not checked if zero. A run that goes on needs the same recordings.
    pub checksum: u32,
}

impl RecordingsSettings {
    /// The chosen columns.
    pub fn columns(&self) -> Columns {
        Columns {
            observe: self.observe.clone(),
            control: self.control.clone(),
            state: self.state.clone(),
            time: self.time.clone(),
        }
    }

    /// The files by their full names in the folder where they were given; `None` if that changes
    /// nothing.
    pub(crate) fn remembered(&self) -> Option<Vec<String>> {
        let folder = Path::new(self.folder.as_ref()?);
        let full = |file: &String| folder.join(file).display().to_string();
        let files: Vec<String> = self.files.iter().map(full).collect();
        (files != self.files).then_some(files)
    }

    /// The files that there are: where the command runs, and where they were given.
    pub fn found(&self) -> Vec<PathBuf> {
        let places = [Some(self.files.clone()), self.remembered()];
        places
            .into_iter()
            .flatten()
            .flat_map(|files| find_files(&files).unwrap_or_default())
            .collect()
    }

    /// Checks what the files do not determine.
    ///
    /// # Errors
    /// Names the first impossible setting.
    pub fn validate(&self) -> Result<(), ValueError> {
        if self.files.is_empty() {
            return Err(ValueError::new("recordings.files", "names no file"));
        }
        if !(0.01..=0.45).contains(&self.held_out) {
            let problem = format!("is {}; it must lie between 0.01 and 0.45", self.held_out);
            return Err(ValueError::new("recordings.held_out", problem));
        }
        Ok(())
    }
}
