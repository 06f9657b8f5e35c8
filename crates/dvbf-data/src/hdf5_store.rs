//! Numbers of HDF5 files, of which none is read before its size was compared with that of the file.

use super::RecordingError;
use super::budget::{FREE, RATIO};
use hdf5_pure::{DType, Dataset, File};
use std::path::Path;

pub(super) fn damaged(path: &Path, error: &dyn std::fmt::Display) -> RecordingError {
    RecordingError::file(path, format!("is not HDF5, or damaged: {error}"))
}

/// An array of numbers.
#[derive(Debug)]
pub(super) struct Numbers {
    pub(super) shape: Vec<usize>,
    /// Row by row.
    pub(super) values: Vec<f64>,
    /// The smallest step that its numbers can show.
    pub(super) resolution: f64,
}

/// A file, and how much may still be taken from it.
pub(super) struct Store {
    pub(super) file: File,
    size: u64,
    budget: u64,
}

impl Store {
    pub(super) fn open(path: &Path) -> Result<Self, RecordingError> {
        let size = std::fs::metadata(path).map_err(|e| RecordingError::io(path, e))?.len();
        let file = File::open_streaming(path).map_err(|e| damaged(path, &e))?;
        Ok(Self::of(file, size))
    }

    pub(super) fn of(file: File, size: u64) -> Self {
        Self { file, size, budget: FREE.saturating_add(size.saturating_mul(RATIO)) }
    }

    /// The numbers of an array; none if it holds something else.
    pub(super) fn numbers(
        &mut self,
        dataset: &Dataset,
        key: &str,
        path: &Path,
    ) -> Result<Option<Numbers>, RecordingError> {
        let failed =
            |e: hdf5_pure::Error| RecordingError::key(path, key, format!("cannot be read: {e}"));
        let kind = dataset.dtype().map_err(failed)?;
        let resolution = match &kind {
            DType::F32 => f64::from(f32::EPSILON),
            DType::F64 => 0.0,
            DType::I8
            | DType::I16
            | DType::I32
            | DType::I64
            | DType::U8
            | DType::U16
            | DType::U32
            | DType::U64
            | DType::Enum(_) => 1.0,
            _ => return Ok(None),
        };
        let own = dataset.shape().map_err(failed)?;
        let count = own.iter().try_fold(1_u64, |product, &n| product.checked_mul(n));
        let width = dataset.element_size().map_err(failed)?.max(8);
        let bytes = count.and_then(|count| count.checked_mul(width));
        let Some(bytes) = bytes.filter(|bytes| *bytes <= self.budget) else {
            let problem = format!(
                "has shape {own:?}, which is too much for a file of {} bytes: at most {} MiB and {RATIO} \
                 times the file are read",
                self.size,
                FREE >> 20
            );
            return Err(RecordingError::key(path, key, problem));
        };
        self.budget -= bytes;
        let shape: Result<Vec<usize>, _> = own.iter().map(|&n| usize::try_from(n)).collect();
        let shape = shape.map_err(|e| RecordingError::key(path, key, e.to_string()))?;
        let values = if let DType::Enum(_) = kind {
            let raw = dataset.read_raw().map_err(failed)?;
            raw.into_iter().map(f64::from).collect()
        } else {
            dataset.read_f64().map_err(failed)?
        };
        if values.len() != shape.iter().product::<usize>() {
            let problem = format!("has shape {shape:?} and {} values", values.len());
            return Err(RecordingError::key(path, key, problem));
        }
        let largest = values.iter().filter(|v| v.is_finite()).fold(0.0_f64, |m, v| m.max(v.abs()));
        let resolution = if resolution < 1.0 { 2.0 * resolution * largest } else { resolution };
        Ok(Some(Numbers { shape, values, resolution }))
    }
}
