//! From what was given on a command line to recordings.

use super::columns::Columns;
use super::datasets;
use super::format::{self, FORMATS, Folder, Format};
use super::frames::{Frames, is_image};
use super::guess::ColumnFacts;
use super::raw::RawRecordings;
use super::{RecordingError, read_tables};
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that are for a part.
const PARTS: [&str; 3] = ["train", "validation", "test"];

/// The files that the `given` words mean: a file is itself; a folder with images is a recording of frames; any
/// other folder is all recordings in it (files, and folders of frames), with those of its folders `train`,
/// `validation` and `test`; and a pattern such as `walks/*.csv` is all that matches it. What is in a folder or
/// matches a pattern comes in the order of names.
///
/// # Errors
/// If a word means no file, or two words mean the same one.
pub fn find_files(given: &[String]) -> Result<Vec<PathBuf>, RecordingError> {
    let selection = |problem: String| RecordingError::Selection { problem };
    let mut found: Vec<PathBuf> = Vec::new();
    for word in given {
        let path = Path::new(word);
        let mut here = if path.is_dir() {
            let mut files = recordings_in(path)?;
            for part in PARTS {
                let folder = path.join(part);
                if folder.is_dir() && files != [path] {
                    files.extend(recordings_in(&folder)?);
                }
            }
            files
        } else if path.exists() || !word.contains(['*', '?', '[']) {
            vec![path.to_owned()]
        } else {
            let matches = glob::glob(word)
                .map_err(|e| selection(format!("{word} is not a pattern of file names: {e}")))?;
            let meant = |path: &PathBuf| path.is_file() || holds_frames(path);
            matches.filter_map(Result::ok).filter(meant).collect()
        };
        if here.is_empty() {
            let what = if path.is_dir() {
                let all = FORMATS.iter().filter(|format| format.folder != Folder::Nothing);
                let all: Vec<&str> = all.flat_map(|f| f.extensions.iter().copied()).collect();
                format!("holds no recordings, which end with .{}", all.join(", ."))
            } else {
                "matches no file".into()
            };
            return Err(selection(format!("{word} {what}")));
        }
        if let Some(twice) = here.iter().find(|file| found.contains(file)) {
            return Err(selection(format!("{} is given twice", twice.display())));
        }
        found.append(&mut here);
    }
    if found.is_empty() {
        return Err(selection("no file with recordings was given".into()));
    }
    Ok(found)
}

/// What is in a folder, by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, RecordingError> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| RecordingError::io(folder, e))? {
        out.push(entry.map_err(|e| RecordingError::io(folder, e))?.path());
    }
    out.sort();
    Ok(out)
}

/// Whether `path` is a folder with images.
fn holds_frames(path: &Path) -> bool {
    path.is_dir() && entries(path).is_ok_and(|all| all.iter().any(|file| is_image(file)))
}

/// The recordings in a folder by name: the folder itself, if it holds frames.
fn recordings_in(folder: &Path) -> Result<Vec<PathBuf>, RecordingError> {
    if let Some(files) = datasets::files_of(folder) {
        return Ok(files);
    }
    let all = entries(folder)?;
    if all.iter().any(|file| is_image(file)) {
        return Ok(vec![folder.to_owned()]);
    }
    let kind = |path: &Path| FORMATS.iter().find(|format| format.names(path)).map(|f| f.folder);
    let films: Vec<&PathBuf> =
        all.iter().filter(|path| kind(path) == Some(Folder::Films)).collect();
    let belongs = |table: &Path| films.iter().any(|film| film.with_extension("csv") == table);
    let meant = |path: &&PathBuf| {
        if path.is_dir() {
            let part = path.file_name().is_some_and(|own| PARTS.iter().any(|part| own == *part));
            return !part && holds_frames(path);
        }
        match kind(path) {
            Some(Folder::Recordings) => !belongs(path),
            Some(Folder::Films) => true,
            _ => false,
        }
    };
    Ok(all.iter().filter(meant).cloned().collect())
}

/// Whether the first of these files is of a format whose columns can be chosen.
pub fn has_columns(paths: &[PathBuf]) -> bool {
    paths.first().is_some_and(|path| format::at(path).is_ok_and(|format| format.guess.is_some()))
}

/// The columns of the recordings at `path`; those of a table by its first hundred thousand rows, and of frames
/// those of the table beside them.
///
/// # Errors
/// If they cannot be read, or have no columns.
pub fn guess_columns(path: &Path) -> Result<Vec<ColumnFacts>, RecordingError> {
    match format::at(path)?.guess {
        Some(guess) => guess(path),
        None => Err(RecordingError::file(path, "has no columns")),
    }
}

/// Reads recordings of one format.
///
/// # Errors
/// If a file cannot be read or is damaged, is of another kind than recordings are, files of several
/// formats stand beside each other, or something is chosen that the format does not have.
pub fn read_files(
    paths: &[PathBuf],
    columns: &Columns,
    frames: &Frames,
) -> Result<RawRecordings, RecordingError> {
    let mut all: Option<(&Path, &Format)> = None;
    for path in paths {
        let own = format::at(path)?;
        match all {
            Some((first, format)) if format.name() != own.name() => {
                let alone = own.folder != Folder::Nothing;
                let (path, format) = if alone { (first, format) } else { (&**path, own) };
                let problem = format!("is {}; give no other file beside it", format.called);
                return Err(RecordingError::file(path, problem));
            }
            _ => all = Some((path, own)),
        }
    }
    match all {
        None => read_tables(paths, columns),
        Some((_, format)) => (format.read)(paths, columns, frames),
    }
}
