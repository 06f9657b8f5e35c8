//! From what was given on a command line to recordings.

use super::columns::Columns;
use super::format::{self, FORMATS, Format};
use super::raw::RawRecordings;
use super::{RecordingError, read_tables};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The files that the `given` words mean: a file is itself, a folder all its `.csv` files, with those of its
/// folders `train`, `validation` and `test`, and a
/// pattern such as `walks/*.csv` all files that match it. Those of a folder or a pattern come in
/// the order of their names.
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
            for part in ["train", "validation", "test"] {
                let folder = path.join(part);
                if folder.is_dir() {
                    files.extend(recordings_in(&folder)?);
                }
            }
            files
        } else if path.exists() || !word.contains(['*', '?', '[']) {
            vec![path.to_owned()]
        } else {
            let matches = glob::glob(word)
                .map_err(|e| selection(format!("{word} is not a pattern of file names: {e}")))?;
            matches.filter_map(Result::ok).filter(|file| file.is_file()).collect()
        };
        if here.is_empty() {
            let what = if path.is_dir() { "holds no .csv file" } else { "matches no file" };
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

/// The recordings in a folder by name.
fn recordings_in(folder: &Path) -> Result<Vec<PathBuf>, RecordingError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| RecordingError::io(folder, e))? {
        let file = entry.map_err(|e| RecordingError::io(folder, e))?.path();
        if FORMATS.iter().any(|format| format.in_folders && format.names(&file)) {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Whether the first of these files is of a format whose columns can be chosen.
pub fn has_columns(paths: &[PathBuf]) -> bool {
    let start = |path: &PathBuf| {
        let mut start = Vec::new();
        File::open(path)?.take(format::START as u64).read_to_end(&mut start).map(|_| start)
    };
    let first = paths.first().and_then(|path| Some((path, start(path).ok()?)));
    first
        .is_some_and(|(path, start)| format::of(path, &start).is_ok_and(|format| format.in_folders))
}

/// Reads an archive of arrays, or tables of which each is a sequence.
///
/// # Errors
/// If a file cannot be read or is damaged, is of another kind than recordings are, files of several
/// formats stand beside each other, or columns are chosen of an archive.
pub fn read_files(paths: &[PathBuf], columns: &Columns) -> Result<RawRecordings, RecordingError> {
    let mut all: Option<(&Path, &Format)> = None;
    for path in paths {
        let mut start = Vec::new();
        File::open(path)
            .and_then(|file| file.take(format::START as u64).read_to_end(&mut start))
            .map_err(|source| RecordingError::io(path, source))?;
        let own = format::of(path, &start)?;
        match all {
            Some((first, format)) if format.extension != own.extension => {
                let (path, format) = if own.in_folders { (first, format) } else { (&**path, own) };
                let problem = format!("is {}; give no other file beside it", format.called);
                return Err(RecordingError::file(path, problem));
            }
            _ => all = Some((path, own)),
        }
    }
    all.map_or_else(|| read_tables(paths, columns), |(_, format)| (format.read)(paths, columns))
}
