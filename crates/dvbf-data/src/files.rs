//! From what was given on a command line to recordings.

use super::columns::Columns;
use super::raw::RawRecordings;
use super::{RecordingError, read_npz, read_tables};
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
            let mut files = tables_in(path)?;
            for part in ["train", "validation", "test"] {
                let folder = path.join(part);
                if folder.is_dir() {
                    files.extend(tables_in(&folder)?);
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

/// The tables in a folder by name.
fn tables_in(folder: &Path) -> Result<Vec<PathBuf>, RecordingError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| RecordingError::io(folder, e))? {
        let file = entry.map_err(|e| RecordingError::io(folder, e))?.path();
        if file.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads an archive of arrays, or tables of which each is a sequence.
///
/// # Errors
/// If a file cannot be read or is damaged, an archive stands beside other files, or columns are
/// chosen of an archive.
pub fn read_files(paths: &[PathBuf], columns: &Columns) -> Result<RawRecordings, RecordingError> {
    for path in paths {
        let mut start = Vec::new();
        File::open(path)
            .and_then(|file| file.take(6).read_to_end(&mut start))
            .map_err(|source| RecordingError::io(path, source))?;
        if start.starts_with(b"\x93NUMPY") {
            let problem = "is a single array; save it as numpy.savez(\"name.npz\", x=array)";
            return Err(RecordingError::file(path, problem));
        }
        if start.starts_with(b"PK") {
            if paths.len() > 1 {
                let problem = "is an archive with all its sequences; give no other file beside it";
                return Err(RecordingError::file(path, problem));
            }
            if *columns != Columns::default() {
                let problem = "is an archive of arrays; columns can be chosen of tables only";
                return Err(RecordingError::file(path, problem));
            }
            return read_npz(path);
        }
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npz")) {
            let problem = "is not an archive of numpy.savez, or damaged: it begins otherwise";
            return Err(RecordingError::file(path, problem));
        }
    }
    read_tables(paths, columns)
}
