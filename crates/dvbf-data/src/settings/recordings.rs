//! Settings of recordings that come from files.

use super::ValueError;
use crate::{Columns, Frames, Pace, Reading, find_files};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
    /// Column that changes where a new sequence begins; by its usual name if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub episode: Option<String>,
    /// Steps that become one, averaged.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub every: usize,
    /// Seconds of a step, where steps are to be made even.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resample: Option<f64>,
    /// Observed channels that are angles whose whole turns count, with the value of a turn, such as
    /// `{ position = 6.283185307179586 }`: what acts on them is learned as the same in every turn.
    #[serde(default)]
    pub angles: BTreeMap<String, f64>,
    /// Observed channels whose value does not matter for what happens, such as a position on a long track.
    #[serde(default)]
    pub levels: Vec<String>,
    /// Files that are for validation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validation: Vec<String>,
    /// Files that are for the test.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
    /// How frames of images and video are taken.
    #[serde(default, skip_serializing_if = "Frames::is_default")]
    pub frames: Frames,
    /// How the sequences are divided.
    pub division: Division,
    /// Share of the sequences, or of every sequence, that is for validation, and again for the test.
    pub held_out: f64,
    /// Whether channels are brought to mean zero and standard deviation one.
    pub normalize: bool,
    /// CRC-32 of what was read; not checked if zero. A run that goes on needs the same recordings.
    pub checksum: u32,
}

fn one() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_one(value: &usize) -> bool {
    *value == 1
}

impl RecordingsSettings {
    /// The chosen columns.
    pub fn columns(&self) -> Columns {
        Columns {
            observe: self.observe.clone(),
            control: self.control.clone(),
            state: self.state.clone(),
            time: self.time.clone(),
            episode: self.episode.clone(),
        }
    }

    /// Steps that are taken.
    pub fn pace(&self) -> Pace {
        Pace { every: self.every, resample: self.resample }
    }

    /// What is to be read.
    pub fn reading(&self) -> Reading {
        Reading {
            files: self.files.clone(),
            validation: self.validation.clone(),
            test: self.test.clone(),
            columns: self.columns(),
            pace: self.pace(),
            frames: self.frames.clone(),
        }
    }

    /// The files by their full names in the folder where they were given; `None` if that changes
    /// nothing.
    pub(crate) fn remembered(&self) -> Option<Reading> {
        let folder = Path::new(self.folder.as_ref()?);
        let full = |files: &Vec<String>| {
            files.iter().map(|file| folder.join(file).display().to_string()).collect()
        };
        let own = self.reading();
        let there = Reading {
            files: full(&own.files),
            validation: full(&own.validation),
            test: full(&own.test),
            ..own.clone()
        };
        (there != own).then_some(there)
    }

    /// The files that there are: where the command runs, and where they were given.
    pub fn found(&self) -> Vec<PathBuf> {
        let places = [Some(self.reading()), self.remembered()];
        let all = places.into_iter().flatten();
        all.flat_map(|reading| [reading.files, reading.validation, reading.test])
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
        for (name, turn) in &self.angles {
            if !(turn.is_finite() && *turn > 0.0) {
                let problem = format!("has a turn of {turn} for {name}; it must be positive");
                return Err(ValueError::new("recordings.angles", problem));
            }
            if self.levels.contains(name) {
                let problem = format!("names {name}, which is an angle");
                return Err(ValueError::new("recordings.levels", problem));
            }
        }
        Ok(())
    }
}
