//! Recordings to an `.npz` archive, without compression.

use super::RecordingError;
use super::raw::{RawRecordings, RawSequence};
use ndarray::{Array1, Array2, Array3, arr0, s};
use ndarray_npy::WriteNpyExt;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Writes recordings as [`read_npz`](super::read_npz) reads them: sequences are padded with NaN to
/// the longest, and what is missing is NaN.
///
/// # Errors
/// If the file cannot be written.
pub fn write_npz(path: &Path, recordings: &RawRecordings) -> Result<(), RecordingError> {
    let file = File::create(path).map_err(|source| RecordingError::io(path, source))?;
    write_into(ZipWriter::new(BufWriter::new(file)), recordings)
        .map_err(|e| RecordingError::file(path, format!("cannot be written: {e}")))
}

type Failure = Box<dyn std::error::Error>;
type Archive = ZipWriter<BufWriter<File>>;

fn write_into(mut zip: Archive, recordings: &RawRecordings) -> Result<(), Failure> {
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
    let x = padded(recordings.observation_names.len(), &|s| Some(&s.observations), f32::NAN);
    if let Some((height, width)) = recordings.image {
        add(&mut zip, "x", &x.into_shape_with_order((count, longest, height, width))?)?;
    } else {
        add(&mut zip, "x", &x)?;
        texts(&mut zip, "x_names", &recordings.observation_names)?;
    }
    let controls = recordings.control_names.len();
    if controls > 0 {
        add(&mut zip, "u", &padded(controls, &|s| Some(&s.controls), 0.0))?;
        texts(&mut zip, "u_names", &recordings.control_names)?;
    }
    let lengths: Array1<u64> =
        recordings.sequences.iter().map(|s| s.observations.nrows() as u64).collect();
    if lengths.iter().any(|&length| length != longest as u64) {
        add(&mut zip, "lengths", &lengths)?;
    }
    if recordings.is_irregular() {
        let mut dt = Array2::<f32>::zeros((count, longest));
        for (mut row, sequence) in dt.rows_mut().into_iter().zip(&recordings.sequences) {
            let values = sequence.intervals.iter().flatten();
            row.iter_mut().zip(values).for_each(|(to, &from)| *to = from);
        }
        add(&mut zip, "dt", &dt)?;
    } else if let Some(dt) = recordings.dt {
        add(&mut zip, "dt", &arr0(dt))?;
    }
    if !recordings.state_names.is_empty() {
        let width = recordings.state_names.len();
        add(&mut zip, "state", &padded(width, &|s| s.states.as_ref(), f32::NAN))?;
        texts(&mut zip, "state_names", &recordings.state_names)?;
    }
    let parts: Option<Vec<String>> =
        recordings.sequences.iter().map(|s| s.part.map(|part| part.name().to_owned())).collect();
    if let Some(parts) = parts {
        texts(&mut zip, "part", &parts)?;
    }
    zip.finish()?.flush()?;
    Ok(())
}

fn start(zip: &mut Archive, name: &str) -> Result<(), Failure> {
    // Larger arrays need the archive's 64-bit fields, which every reader knows.
    let options =
        SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
    Ok(zip.start_file(format!("{name}.npy"), options)?)
}

fn add(zip: &mut Archive, name: &str, array: &impl WriteNpyExt) -> Result<(), Failure> {
    start(zip, name)?;
    Ok(array.write_npy(&mut *zip)?)
}

/// Texts as `NumPy` keeps them: as many code points of four bytes each as the longest has.
fn texts(zip: &mut Archive, name: &str, texts: &[String]) -> Result<(), Failure> {
    let longest = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
    let mut header = format!(
        "{{'descr': '<U{longest}', 'fortran_order': False, 'shape': ({},), }}",
        texts.len()
    );
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    let _ = writeln!(header);
    start(zip, name)?;
    zip.write_all(b"\x93NUMPY\x01\x00")?;
    zip.write_all(&u16::try_from(header.len())?.to_le_bytes())?;
    zip.write_all(header.as_bytes())?;
    for text in texts {
        let padding = std::iter::repeat('\0');
        for point in text.chars().chain(padding).take(longest) {
            zip.write_all(&u32::from(point).to_le_bytes())?;
        }
    }
    Ok(())
}
