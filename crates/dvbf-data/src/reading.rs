//! What is to be read, and how: files by what they are for, columns, and the pace.

use super::columns::Columns;
use super::frames::Frames;
use super::pace::Pace;
use super::raw::{Part, RawRecordings};
use super::{RecordingError, find_files, read_files};
use std::path::{Path, PathBuf};

/// Files of recordings with what is to be done with them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Files, folders and patterns of file names.
    pub files: Vec<String>,
    /// Those that are for validation.
    pub validation: Vec<String>,
    /// Those that are for the test.
    pub test: Vec<String>,
    /// Columns of tables.
    pub columns: Columns,
    /// Steps that are taken.
    pub pace: Pace,
    /// How frames are taken.
    pub frames: Frames,
}

impl Reading {
    /// Reads the recordings.
    ///
    /// # Errors
    /// If a file cannot be read or is given twice, the files are not of one kind with the same channels, or they have no
    /// such pace.
    pub fn read(&self) -> Result<RawRecordings, RecordingError> {
        let mut all: Vec<(PathBuf, Option<Part>)> = Vec::new();
        for (words, part) in [
            (&self.files, None),
            (&self.validation, Some(Part::Validation)),
            (&self.test, Some(Part::Test)),
        ] {
            if words.is_empty() && part.is_some() {
                continue;
            }
            for path in find_files(words)? {
                if all.iter().any(|(other, _)| *other == path) {
                    let problem = format!("{} is given twice", path.display());
                    return Err(RecordingError::Selection { problem });
                }
                all.push((path, part));
            }
        }
        let paths: Vec<PathBuf> = all.iter().map(|(path, _)| path.clone()).collect();
        let mut recordings = read_files(&paths, &self.columns, &self.frames)?;
        for (path, part) in all.iter().filter(|(_, part)| part.is_some()) {
            let name = path.display().to_string();
            let own = |other: &str| {
                other
                    .strip_prefix(&name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(", "))
            };
            recordings.sequences.iter_mut().filter(|s| own(&s.name)).for_each(|s| s.part = *part);
        }
        let first = paths.first().map_or_else(|| Path::new("recordings"), PathBuf::as_path);
        recordings.at_pace(self.pace, first)
    }
}
