//! What stands beside frames: tables, the folder's name, and the order of names.

use super::RecordingError;
use super::raw::Part;
use std::fs;
use std::path::{Path, PathBuf};

/// What a recording in `folder` is to be used for, as the folder around it says.
pub(super) fn part_of(folder: &Path) -> Option<Part> {
    let named = |path: &Path| Part::named(path.file_name()?.to_str()?);
    named(folder).or_else(|| folder.parent().and_then(named))
}

/// The table in a folder of frames, if there is one.
///
/// # Errors
/// If there are several, or the folder cannot be read.
pub(super) fn table_in(folder: &Path) -> Result<Option<PathBuf>, RecordingError> {
    let place = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut tables = Vec::new();
    for entry in fs::read_dir(place).map_err(|e| RecordingError::io(folder, e))? {
        let path = entry.map_err(|e| RecordingError::io(folder, e))?.path();
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
            tables.push(path);
        }
    }
    tables.sort();
    match tables.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        [one, two, ..] => {
            let problem = format!(
                "holds several tables beside its frames ({}, {}); one of them has a row for each frame",
                one.display(),
                two.display()
            );
            Err(RecordingError::file(folder, problem))
        }
    }
}

/// The table with the name of a film, beside it.
pub(super) fn table_of(film: &Path) -> Option<PathBuf> {
    let table = film.with_extension("csv");
    table.is_file().then_some(table)
}

/// A key that sorts names with numbers in them by these numbers: `frame_2` comes before `frame_10`.
#[cfg(feature = "images")]
pub(super) fn by_numbers(path: &Path) -> Vec<(bool, usize, String)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut out: Vec<(bool, usize, String)> = Vec::new();
    let mut before = None;
    for c in name.chars() {
        let digit = c.is_ascii_digit();
        match out.last_mut() {
            Some((_, _, part)) if before == Some(digit) => part.push(c),
            _ => out.push((!digit, 0, c.to_string())),
        }
        before = Some(digit);
    }
    for (text, length, part) in &mut out {
        if !*text {
            // Among numbers, the one with more digits is the larger one.
            let bare = part.trim_start_matches('0').to_owned();
            (*length, *part) = (bare.len(), bare);
        }
    }
    out.push((true, 0, name.into_owned()));
    out
}

#[cfg(all(test, feature = "images"))]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let mut names =
            ["f10.png", "f2.png", "f1.png", "f002b.png", "a.png", "f100000000000000000000.png"];
        names.sort_by_cached_key(|name| by_numbers(Path::new(name)));
        let right =
            ["a.png", "f1.png", "f2.png", "f002b.png", "f10.png", "f100000000000000000000.png"];
        assert_eq!(names, right);
    }
}
