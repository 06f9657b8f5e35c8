//! Recordings from HDF5: data sets of Minari and robomimic, MATLAB v7.3, and files of arrays.
//!
//! | what is in the file | is read as |
//! |---|---|
//! | groups `episode_0`, …, or `data/demo_0`, … | a sequence each; [`Sheets`] says what is observed and what acts |
//! | an array `x` of three or more axes | as in an archive of `numpy.savez` |
//! | arrays with equally many rows, also in groups | columns of one sequence |
//!
//! MATLAB counts the axes of its arrays from the other end, which is undone. No array is read before its size was
//! compared with that of the file: see [`FREE`](super::FREE) and [`RATIO`](super::RATIO).

use super::RecordingError;
use super::columns::Columns;
use super::frames::Frames;
use super::guess::ColumnFacts;
use super::hdf5_layout::{Laid, is_matlab, laid};
use super::hdf5_store::{Numbers, Store, damaged};
use super::packed::{Packed, Seen, assemble};
use super::raw::{RawRecordings, narrow};
use super::sheets::{Sheets, guess_sheet};
use super::unknown::{Entry, left_out};
use hdf5_pure::{DType, File};
use ndarray::ArrayD;
use std::path::{Path, PathBuf};

/// Reads HDF5 files.
///
/// # Errors
/// If a file cannot be read or is damaged, asks for more memory than its size allows, or its arrays do not fit
/// each other.
pub(super) fn read_hdf5(
    paths: &[PathBuf],
    columns: &Columns,
    frames: &Frames,
) -> Result<RawRecordings, RecordingError> {
    frames.unused(&paths[0], "its arrays are read as they are")?;
    let mut sheets = Sheets::new(columns);
    for path in paths {
        let mut store = Store::open(path)?;
        match laid(&mut store, columns, path)? {
            Laid::Sheets(own) => {
                own.into_iter().try_for_each(|sheet| sheets.add(sheet, path))?;
            }
            Laid::Arrays(_) if paths.len() > 1 || *columns != Columns::default() => {
                let problem = "has an array x of all its sequences; give no other file beside it, and choose no columns";
                return Err(RecordingError::file(path, problem));
            }
            Laid::Arrays(names) => return arrays(&mut store, &names, path),
        }
    }
    sheets.finish()
}

/// Reads an HDF5 file from memory; `path` is what errors call it.
///
/// # Errors
/// If it is damaged, asks for more memory than its size allows, or its arrays do not fit each other.
pub fn read_hdf5_from(bytes: Vec<u8>, path: &Path) -> Result<RawRecordings, RecordingError> {
    let size = bytes.len() as u64;
    let file = File::from_bytes(bytes).map_err(|e| damaged(path, &e))?;
    let mut store = Store::of(file, size);
    let mut sheets = Sheets::new(&Columns::default());
    match laid(&mut store, &Columns::default(), path)? {
        Laid::Sheets(own) => own.into_iter().try_for_each(|sheet| sheets.add(sheet, path))?,
        Laid::Arrays(names) => return arrays(&mut store, &names, path),
    }
    sheets.finish()
}

/// What the columns of the first sequence probably are.
pub(super) fn guess_hdf5(path: &Path) -> Result<Vec<ColumnFacts>, RecordingError> {
    let mut store = Store::open(path)?;
    match laid(&mut store, &Columns::default(), path)? {
        Laid::Sheets(sheets) => Ok(sheets.first().map(guess_sheet).unwrap_or_default()),
        Laid::Arrays(_) => Err(RecordingError::file(path, "has arrays and no columns")),
    }
}

/// Reads arrays as those of an archive are read.
fn arrays(
    store: &mut Store,
    names: &[String],
    path: &Path,
) -> Result<RawRecordings, RecordingError> {
    const KNOWN: [&str; 6] = ["x", "u", "mask", "lengths", "dt", "state"];
    let root = store.file.root();
    let mut packed = Packed::default();
    let mut entries = Vec::new();
    for name in names {
        let dataset = root.dataset(name).map_err(|e| damaged(path, &e))?;
        let own = dataset.shape().ok();
        let turned = is_matlab(&dataset);
        let shape = own.and_then(|own| {
            let shape = own.iter().map(|&n| usize::try_from(n).ok());
            if turned { shape.rev().collect() } else { shape.collect::<Option<Vec<_>>>() }
        });
        entries.push(Entry { name: name.clone(), shape });
        if !KNOWN.contains(&name.as_str()) {
            continue;
        }
        let bytes = matches!(dataset.dtype(), Ok(DType::U8));
        let Some(Numbers { shape, values, .. }) = store.numbers(&dataset, name, path)? else {
            return Err(RecordingError::key(path, name, "holds no numbers"));
        };
        let all = ArrayD::from_shape_vec(shape, values)
            .map_err(|e| RecordingError::key(path, name, e.to_string()))?;
        let all = if turned { all.reversed_axes() } else { all };
        match name.as_str() {
            "x" if bytes => {
                packed.observations = Some(Seen::Narrow(all.mapv(|v| narrow(v / 255.0))));
            }
            "x" => packed.observations = Some(Seen::Wide(all)),
            "u" => packed.controls = Some(all),
            "mask" => packed.mask = Some(all.mapv(narrow)),
            "lengths" => packed.lengths = Some(all),
            "dt" => packed.intervals = Some(all),
            _ => packed.states = Some(all),
        }
    }
    packed.ignored = left_out(&entries, &KNOWN, path)?;
    assemble(packed, &entries, path)
}
