//! Recordings from an `.npz` archive.
//!
//! | array | shape | is |
//! |---|---|---|
//! | `x` | `(N, T)`, `(N, T, X)`, `(N, T, height, width)` | observations; bytes are scaled to `[0, 1]`, NaN is missing |
//! | `u` | `(N, T)` or `(N, T, U)` | controls; row `t` acts between `t` and `t + 1` |
//! | `mask` | `(N, T)`, `(N, T, X)` or that of `x` | one where something was observed, zero elsewhere |
//! | `lengths` | `(N)` | steps of every sequence, the rest is padding |
//! | `dt` | `()`, `(T)` or `(N, T)` | seconds to the next step |
//! | `state` | `(N, T)` or `(N, T, S)` | true states, for evaluation only |
//! | `part` | `(N)` | texts: `train`, `validation` or `test` |
//! | `state_names`, `x_names`, `u_names` | `(S)`, `(X)`, `(U)` | texts |
//!
//! Any number type, byte order and memory order will do. What an archive may ask for is bounded by
//! its real size: see [`FREE`] and [`RATIO`].

use super::RecordingError;
use super::budget::{FREE, RATIO};
use super::columns::Columns;
use super::frames::Frames;
use super::npy::{ArrayHeader, Kind};
use super::packed::{Packed, Seen, assemble};
use super::raw::{RawRecordings, narrow};
use super::unknown::{Entry, left_out};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

const NAMES: [&str; 10] =
    ["x", "u", "mask", "lengths", "dt", "state", "state_names", "x_names", "u_names", "part"];

/// Reads the archive at `path`.
///
/// # Errors
/// If the file cannot be read, is damaged, asks for more memory than its size allows, or its arrays
/// are missing, misspelled or do not fit each other.
pub fn read_npz(path: &Path) -> Result<RawRecordings, RecordingError> {
    let file = File::open(path).map_err(|source| RecordingError::io(path, source))?;
    read_npz_from(BufReader::new(file), path)
}

/// Reads the only archive among `paths`.
///
/// # Errors
/// If there are several, or columns are chosen; as [`read_npz`].
pub(super) fn read_archive(
    paths: &[PathBuf],
    columns: &Columns,
    frames: &Frames,
) -> Result<RawRecordings, RecordingError> {
    let path = &paths[0];
    frames.unused(path, "an archive has its frames as they are to be")?;
    if paths.len() > 1 {
        let problem = "is an archive with all its sequences; give no other file beside it";
        return Err(RecordingError::file(path, problem));
    }
    if *columns != Columns::default() {
        let problem = "is an archive of arrays; columns can be chosen of tables only";
        return Err(RecordingError::file(path, problem));
    }
    read_npz(path)
}

/// Reads an archive; `path` is what errors call it.
///
/// # Errors
/// As [`read_npz`].
pub fn read_npz_from(
    mut from: impl Read + Seek,
    path: &Path,
) -> Result<RawRecordings, RecordingError> {
    let damaged = |e: &dyn std::fmt::Display| {
        RecordingError::file(path, format!("is not an archive of numpy.savez, or damaged: {e}"))
    };
    let size = from.seek(SeekFrom::End(0)).map_err(|source| RecordingError::io(path, source))?;
    from.rewind().map_err(|source| RecordingError::io(path, source))?;
    let mut archive = ZipArchive::new(&mut from).map_err(|e| damaged(&e))?;
    let listed = archive.len();
    let start = archive.central_directory_start();

    let mut packed = Packed::default();
    let mut seen: Vec<Entry> = Vec::new();
    let mut budget = FREE.saturating_add(size.saturating_mul(RATIO));
    for index in 0..listed {
        let mut entry = archive.by_index(index).map_err(|e| damaged(&e))?;
        let name = entry.name().strip_suffix(".npy").unwrap_or(entry.name()).to_owned();
        if seen.iter().any(|other| other.name == name) {
            return Err(RecordingError::key(path, name, "is there twice"));
        }
        if !NAMES.contains(&name.as_str()) {
            // It may be anything, and is looked at for what can be said of it only.
            let shape = ArrayHeader::read(&mut entry).ok().map(|header| header.shape);
            seen.push(Entry { name, shape });
            continue;
        }
        let promised = entry.size();
        if entry.compressed_size() > size {
            return Err(RecordingError::key(path, name, "is said to be larger than the file"));
        }
        if promised > budget {
            return Err(RecordingError::key(path, name, too_much(promised, size)));
        }
        budget -= promised;
        // One byte more than promised, so that the end, and with it the checksum, is reached.
        let mut limited = entry.take(promised + 1);
        let shape = read_array(&name, &mut limited, promised, &mut packed)
            .map_err(|problem| RecordingError::key(path, &name, problem))?;
        seen.push(Entry { name, shape: Some(shape) });
    }
    drop(archive);
    if listed_twice(&mut from, start, listed).map_err(|source| RecordingError::io(path, source))? {
        return Err(RecordingError::file(path, "lists an array twice"));
    }
    packed.ignored = left_out(&seen, &NAMES, path)?;
    assemble(packed, &seen, path)
}

fn too_much(promised: u64, size: u64) -> String {
    format!(
        "would unpack to {promised} bytes from a file of {size}; at most {} MiB and {RATIO} times \
         the file are read, numpy.savez writes without compression",
        FREE >> 20
    )
}

/// Reads one array into its place and gives its shape; what is wrong with it otherwise.
fn read_array(
    name: &str,
    from: &mut dyn Read,
    promised: u64,
    packed: &mut Packed,
) -> Result<Vec<usize>, String> {
    let header = ArrayHeader::read(from)?;
    if header.bytes != promised {
        return Err(format!(
            "has {promised} bytes; shape {:?} in its header takes {}",
            header.shape, header.bytes
        ));
    }
    match name {
        "x" => {
            let bytes = header.kind == Kind::Unsigned && header.bytes_per_item() == 1;
            // Images are many numbers near zero.
            if bytes || header.shape.len() > 3 {
                let mut values = header.numbers(from, narrow)?;
                if bytes {
                    values.mapv_inplace(|v| v / 255.0);
                }
                packed.observations = Some(Seen::Narrow(values));
            } else {
                packed.observations = Some(Seen::Wide(header.numbers(from, |v| v)?));
            }
        }
        "u" => packed.controls = Some(header.numbers(from, |v| v)?),
        "mask" => packed.mask = Some(header.numbers(from, narrow)?),
        "state" => packed.states = Some(header.numbers(from, |v| v)?),
        "lengths" => packed.lengths = Some(header.numbers(from, |v| v)?),
        "dt" => packed.intervals = Some(header.numbers(from, |v| v)?),
        "state_names" => packed.state_names = Some(header.texts(from)?),
        "x_names" => packed.observation_names = Some(header.texts(from)?),
        "part" => packed.parts = Some(header.texts(from)?),
        _ => packed.control_names = Some(header.texts(from)?),
    }
    Ok(header.shape)
}

/// Whether the directory that begins at `start` has more entries than the `listed` names: the
/// archive's reader keeps one of each name.
fn listed_twice(from: &mut (impl Read + Seek), start: u64, listed: usize) -> std::io::Result<bool> {
    from.seek(SeekFrom::Start(start))?;
    let mut reader = BufReader::new(from);
    let mut entries = 0;
    let mut fixed = [0; 46];
    while reader.read_exact(&mut fixed).is_ok() && fixed.starts_with(b"PK\x01\x02") {
        entries += 1;
        let length = |at: usize| i64::from(u16::from_le_bytes([fixed[at], fixed[at + 1]]));
        reader.seek_relative(length(28) + length(30) + length(32))?;
    }
    Ok(entries > listed)
}
