//! Errors of the workspace as exceptions of Python.

use pyo3::PyErr;
use pyo3::exceptions::{
    PyFileExistsError, PyFileNotFoundError, PyOSError, PyPermissionError, PyRuntimeError,
    PyValueError,
};
use std::error::Error;
use std::fmt::Display;
use std::io;

use dvbf::run::{FolderError, RunError};
use dvbf::train::TrainError;

/// What somebody gave is not what is needed.
pub(crate) fn value_error(problem: impl Display) -> PyErr {
    PyValueError::new_err(problem.to_string())
}

/// An error as an exception: of the system where it refused, of a value otherwise.
pub(crate) fn exception(error: impl Error + 'static) -> PyErr {
    of(&error)
}

fn of(error: &(dyn Error + 'static)) -> PyErr {
    let text = error.to_string();
    let mut source = Some(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            return match io.kind() {
                io::ErrorKind::NotFound => PyFileNotFoundError::new_err(text),
                io::ErrorKind::PermissionDenied => PyPermissionError::new_err(text),
                io::ErrorKind::AlreadyExists => PyFileExistsError::new_err(text),
                _ => PyOSError::new_err(text),
            };
        }
        match cause.downcast_ref::<FolderError>() {
            Some(FolderError::Exists { .. }) => return PyFileExistsError::new_err(text),
            Some(FolderError::NoRun { .. } | FolderError::NoModel { .. }) => {
                return PyFileNotFoundError::new_err(text);
            }
            _ => {}
        }
        source = cause.source();
    }
    PyValueError::new_err(text)
}

/// Why a run ended early.
pub(crate) fn run_exception(error: RunError) -> PyErr {
    match error {
        RunError::Train(
            TrainError::Config(_)
            | TrainError::NoParameters { .. }
            | TrainError::NotLinear { .. }
            | TrainError::Setting(_),
        ) => value_error(error),
        RunError::Train(_) | RunError::NotFinite { .. } | RunError::Pool(_) => {
            PyRuntimeError::new_err(error.to_string())
        }
        RunError::Folder(FolderError::Exists { ref path }) => PyFileExistsError::new_err(format!(
            "{} holds a run already; continue it with dvbf.resume, or choose another folder with out",
            path.display()
        )),
        RunError::Folder(ref folder) => of(folder),
        other => exception(other),
    }
}
