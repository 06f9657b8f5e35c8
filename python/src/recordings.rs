//! Recordings in memory or from files.

use crate::arrays::owned;
use crate::errors::{exception, value_error};
use dvbf::data::{ObservationArray, RawRecordings, Reading, RecordingArrays, RecordingError};
use numpy::PyReadonlyArrayDyn;
use pyo3::prelude::*;

/// Recordings, checked.
#[pyclass(frozen, module = "dvbf._dvbf")]
pub(crate) struct Recordings {
    pub(crate) inner: RawRecordings,
}

/// Names of observed channels, controls and components of the true state.
type Names = (Option<Vec<String>>, Option<Vec<String>>, Option<Vec<String>>);

/// An array in double precision, if it was given.
type Wide<'py> = Option<PyReadonlyArrayDyn<'py, f64>>;

/// Controls, mask, lengths, seconds and true states.
type Others<'py> =
    (Wide<'py>, Option<PyReadonlyArrayDyn<'py, f32>>, Wide<'py>, Wide<'py>, Wide<'py>);

#[derive(FromPyObject)]
enum Observations<'py> {
    Single(PyReadonlyArrayDyn<'py, f32>),
    Double(PyReadonlyArrayDyn<'py, f64>),
}

#[pymethods]
impl Recordings {
    /// Recordings from arrays; what they are is checked as that of an archive is.
    #[new]
    fn new(x: Observations<'_>, others: Others<'_>, names: Names) -> PyResult<Self> {
        let x = match &x {
            Observations::Single(x) => ObservationArray::Single(owned(x)),
            Observations::Double(x) => ObservationArray::Double(owned(x)),
        };
        let (u, mask, lengths, dt, state) = others;
        let (x_names, u_names, state_names) = names;
        let wide = |array: Wide<'_>| array.as_ref().map(owned);
        let arrays = RecordingArrays {
            u: wide(u),
            mask: mask.as_ref().map(owned),
            lengths: wide(lengths),
            dt: wide(dt),
            state: wide(state),
            x_names,
            u_names,
            state_names,
            ..RecordingArrays::new(x)
        };
        let inner = arrays.recordings("arrays").map_err(|error| match error {
            // There is no file that would have to be named.
            RecordingError::Key { key, problem, .. } => value_error(format!("{key} {problem}")),
            other => exception(other),
        })?;
        Ok(Self { inner })
    }

    /// Recordings from files, folders and patterns of file names.
    #[staticmethod]
    fn read(files: Vec<String>) -> PyResult<Self> {
        let reading = Reading { files, ..Reading::default() };
        Ok(Self { inner: reading.read().map_err(exception)? })
    }

    /// Sequences.
    fn __len__(&self) -> usize {
        self.inner.sequences.len()
    }

    /// What somebody should know of how they were read.
    #[getter]
    fn remarks(&self) -> Vec<String> {
        self.inner.remarks.clone()
    }
}
