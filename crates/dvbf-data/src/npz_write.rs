//! Recordings to an `.npz` archive, without compression.

use super::archive::{Archive, Failure};
use super::raw::{RawRecordings, RawSequence};
use super::{Origins, RecordingError};
use dvbf_core::replace_file_with;
use ndarray::{Array1, Array2, Array3, arr0, s};
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

/// Writes recordings as [`read_npz`](super::read_npz) reads them: sequences are padded with NaN to
/// the longest, and what is missing is NaN.
///
/// # Errors
/// If the file cannot be written; what was there before is then intact.
pub fn write_npz(path: &Path, recordings: &RawRecordings) -> Result<(), RecordingError> {
    replace_file_with(path, |file| {
        write_into(Archive::new(BufWriter::new(file)), recordings).map_err(io::Error::other)
    })
    .map_err(|e| RecordingError::file(path, format!("cannot be written: {e}")))
}

fn write_into(
    mut zip: Archive<BufWriter<&mut File>>,
    recordings: &RawRecordings,
) -> Result<(), Failure> {
    let (count, longest) = (recordings.sequences.len(), recordings.longest());
    let padded = |width: usize, of: &dyn Fn(&RawSequence) -> Option<&Array2<f32>>, fill: f32| {
        let mut all = Array3::from_elem((count, longest, width), fill);
        for (n, sequence) in recordings.sequences.iter().enumerate() {
            if let Some(values) = of(sequence) {
                all.slice_mut(s![n, ..values.nrows(), ..]).assign(values);
            }
        }
        all
    };
    // What has an origin needs double precision to be written with it.
    let whole = |values: &Array3<f32>, origins: &[f64]| {
        let mut all = values.mapv(f64::from);
        for ((_, _, i), value) in all.indexed_iter_mut() {
            *value += Origins::of(origins, i);
        }
        all
    };
    let x = padded(recordings.observation_names.len(), &|s| Some(&s.observations), f32::NAN);
    if let Some((height, width)) = recordings.image {
        zip.add("x", &x.into_shape_with_order((count, longest, height, width))?)?;
    } else {
        match recordings.origins.observation.as_slice() {
            [] => zip.add("x", &x)?,
            origins => zip.add("x", &whole(&x, origins))?,
        }
        zip.texts("x_names", &recordings.observation_names)?;
    }
    let controls = recordings.control_names.len();
    if controls > 0 {
        let u = padded(controls, &|s| Some(&s.controls), 0.0);
        match recordings.origins.control.as_slice() {
            [] => zip.add("u", &u)?,
            origins => zip.add("u", &whole(&u, origins))?,
        }
        zip.texts("u_names", &recordings.control_names)?;
    }
    let lengths: Array1<u64> =
        recordings.sequences.iter().map(|s| s.observations.nrows() as u64).collect();
    if lengths.iter().any(|&length| length != longest as u64) {
        zip.add("lengths", &lengths)?;
    }
    if recordings.is_irregular() {
        let mut dt = Array2::<f32>::zeros((count, longest));
        for (mut row, sequence) in dt.rows_mut().into_iter().zip(&recordings.sequences) {
            let values = sequence.intervals.iter().flatten();
            row.iter_mut().zip(values).for_each(|(to, &from)| *to = from);
        }
        zip.add("dt", &dt)?;
    } else if let Some(dt) = recordings.dt {
        zip.add("dt", &arr0(dt))?;
    }
    if !recordings.state_names.is_empty() {
        let width = recordings.state_names.len();
        let states = padded(width, &|s| s.states.as_ref(), f32::NAN);
        match recordings.origins.state.as_slice() {
            [] => zip.add("state", &states)?,
            origins => zip.add("state", &whole(&states, origins))?,
        }
        zip.texts("state_names", &recordings.state_names)?;
    }
    let parts: Option<Vec<String>> =
        recordings.sequences.iter().map(|s| s.part.map(|part| part.name().to_owned())).collect();
    if let Some(parts) = parts {
        zip.texts("part", &parts)?;
    }
    zip.finish().map(|_| ())
}
