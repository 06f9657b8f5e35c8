//! Folders of data sets that other programs lay out.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders in folders that are looked into.
const DEPTH: usize = 3;

/// The files with recordings of a data set in `folder`; none if it is no folder of one.
///
/// | data set | has | recordings are in |
/// |---|---|---|
/// | LeRobot v3 | `meta/info.json` | `data/chunk-000/file-000.parquet`, … |
/// | Minari | `data/metadata.json` | `data/main_data.hdf5` |
pub(super) fn files_of(folder: &Path) -> Option<Vec<PathBuf>> {
    for minari in [folder.to_owned(), folder.join("data")] {
        let file = minari.join("main_data.hdf5");
        if file.is_file() {
            return Some(vec![file]);
        }
    }
    if !folder.join("meta").join("info.json").is_file() {
        return None;
    }
    let mut files = Vec::new();
    parquet_in(&folder.join("data"), DEPTH, &mut files);
    files.sort();
    (!files.is_empty()).then_some(files)
}

fn parquet_in(folder: &Path, depth: usize, out: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.is_dir() && depth > 0 {
            parquet_in(&path, depth - 1, out);
        } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("parquet")) {
            out.push(path);
        }
    }
}
