//! Recordings in memory or from files.

use crate::arrays::owned;
use crate::errors::{exception, value_error};
use dvbf::data::{
    Columns, ObservationArray, Pace, RawRecordings, Reading, RecordingArrays, RecordingError,
};
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

/// How tables are read, by the names of the command line.
#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Chosen {
    observe: Vec<String>,
    control: Vec<String>,
    state: Vec<String>,
    time: Option<String>,
    episode: Option<String>,
    every: Option<usize>,
    resample: Option<f64>,
}

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

    /// Recordings from files, folders and patterns of file names; `columns` is a table of TOML.
    #[staticmethod]
    fn read(files: Vec<String>, columns: &str) -> PyResult<Self> {
        let table: toml::Table = columns.parse().map_err(value_error)?;
        let chosen: Chosen = table.try_into().map_err(|error: toml::de::Error| {
            value_error(format!("columns: {}", error.message()))
        })?;
        let Chosen { observe, control, state, time, episode, every, resample } = chosen;
        let columns = Columns { observe, control, state, time, episode };
        let pace = Pace { every: every.unwrap_or(1), resample };
        let reading = Reading { files, columns, pace, ..Reading::default() };
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
