//! Recordings to tables of comma-separated values, one file a sequence.

use super::raw::{RawRecordings, RawSequence};
use super::{Origins, RecordingError};
use std::fs;
use std::path::{Path, PathBuf};

/// Writes every sequence to a file of its own in `folder`, or in a folder in it named after what the
/// sequence is to be used for, as [`read_tables`](super::read_tables) reads them: what is missing is
/// an empty cell. Folders are made if need be.
///
/// # Errors
/// If a file cannot be written.
pub fn write_tables(
    folder: &Path,
    recordings: &RawRecordings,
) -> Result<Vec<PathBuf>, RecordingError> {
    fs::create_dir_all(folder).map_err(|source| RecordingError::io(folder, source))?;
    let digits = recordings.sequences.len().saturating_sub(1).to_string().len();
    let mut paths = Vec::with_capacity(recordings.sequences.len());
    for (n, sequence) in recordings.sequences.iter().enumerate() {
        let folder = sequence.part.map_or(folder.to_owned(), |part| folder.join(part.name()));
        fs::create_dir_all(&folder).map_err(|source| RecordingError::io(&folder, source))?;
        let path = folder.join(format!("sequence{n:0digits$}.csv"));
        write_one(&path, recordings, sequence)
            .map_err(|e| RecordingError::file(&path, format!("cannot be written: {e}")))?;
        paths.push(path);
    }
    Ok(paths)
}

fn write_one(
    path: &Path,
    recordings: &RawRecordings,
    sequence: &RawSequence,
) -> Result<(), csv::Error> {
    let mut table = csv::Writer::from_path(path)?;
    let prefixed = |letter: &'static str, names: &[String]| {
        let one = move |name: &String| {
            if name == letter { name.clone() } else { format!("{letter}_{name}") }
        };
        names.iter().map(one).collect::<Vec<_>>()
    };
    let mut header = Vec::new();
    if recordings.is_irregular() {
        header.push("dt".to_owned());
    } else if recordings.dt.is_some() {
        header.push("t".to_owned());
    }
    header.extend(prefixed("x", &recordings.observation_names));
    header.extend(prefixed("u", &recordings.control_names));
    header.extend(recordings.state_names.iter().map(|name| format!("state_{name}")));
    table.write_record(&header)?;
    for t in 0..sequence.observations.nrows() {
        let mut record = Vec::with_capacity(header.len());
        if let Some(intervals) = &sequence.intervals {
            record.push(intervals[t].to_string());
        } else if let Some(dt) = recordings.dt {
            record.push((t as f64 * dt).to_string());
        }
        let Origins { observation, control, state } = &recordings.origins;
        let states = sequence.states.as_ref().map(|states| (states.row(t), state));
        let values =
            [(sequence.observations.row(t), observation), (sequence.controls.row(t), control)];
        for (values, origins) in values.into_iter().chain(states) {
            for (i, value) in values.iter().enumerate() {
                record.push(match Origins::of(origins, i) {
                    _ if value.is_nan() => String::new(),
                    origin if origin.abs() > 0.0 => (f64::from(*value) + origin).to_string(),
                    _ => value.to_string(),
                });
            }
        }
        table.write_record(&record)?;
    }
    table.flush()?;
    Ok(())
}
