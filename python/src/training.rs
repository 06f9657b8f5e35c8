//! Training, and what its folder holds.

use crate::errors::{exception, run_exception};
use crate::recordings::Recordings;
use crate::watcher::Watcher;
use dvbf::pool::Pool;
use dvbf::run::{Outcome, RunError, RunFolder, TrainRequest, own_recordings};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::path::{Path, PathBuf};

/// Trains on recordings in a new folder.
#[pyfunction]
pub(crate) fn train(
    py: Python<'_>,
    recordings: &Bound<'_, Recordings>,
    settings: (String, Vec<String>),
    folder: PathBuf,
    threads: usize,
    tell: Option<Py<PyAny>>,
) -> PyResult<()> {
    let (preset, overrides) = settings;
    let recordings = &recordings.get().inner;
    let request = py
        .detach(|| TrainRequest::about(recordings, &preset, &overrides, &folder))
        .map_err(run_exception)?;
    run(py, TrainRequest { threads, ..request }, tell)
}

/// Brings the run in a folder to its end.
#[pyfunction]
pub(crate) fn resume(
    py: Python<'_>,
    folder: PathBuf,
    threads: usize,
    tell: Option<Py<PyAny>>,
) -> PyResult<()> {
    let open = RunFolder::open(&folder).and_then(|folder| folder.settings());
    let settings = open.map_err(|error| run_exception(RunError::Folder(error)))?;
    let files = files_of(&folder);
    run(py, TrainRequest { settings, folder, resume: true, files, threads }, tell)
}

fn run(py: Python<'_>, request: TrainRequest, tell: Option<Py<PyAny>>) -> PyResult<()> {
    let mut watcher = Watcher::new(tell);
    let outcome = py.detach(|| dvbf::run::train(&request, &mut watcher));
    // Signals that came during the last part of the run are heard now.
    let signal = py.check_signals();
    if let Some(raised) = watcher.raised() {
        return Err(raised);
    }
    match outcome.map_err(run_exception)? {
        Outcome::Stopped(steps) => {
            Err(PyRuntimeError::new_err(format!("the run stopped after {steps} updates")))
        }
        Outcome::Finished(finished) => {
            finished.report.map_err(exception)?;
            signal
        }
    }
}

/// Makes the report of a finished run again; the pages that were written.
#[pyfunction]
pub(crate) fn report(
    py: Python<'_>,
    folder: PathBuf,
    threads: usize,
) -> PyResult<(PathBuf, PathBuf)> {
    let files = files_of(&folder);
    let written = py.detach(|| {
        let pool = Pool::new(threads).map_err(exception)?;
        dvbf::report::report(&folder, &files, &pool).map_err(exception)
    })?;
    Ok((written.page, written.picture))
}

/// Settings as TOML, the summary as JSON if there is one, and the records of the training as JSON.
#[pyfunction]
pub(crate) fn run_facts(folder: PathBuf) -> PyResult<(String, Option<String>, Vec<String>)> {
    let folder = RunFolder::open(&folder).map_err(exception)?;
    let settings = folder.settings().map_err(exception)?.to_toml();
    let summary = std::fs::read_to_string(folder.file("summary.json")).ok();
    let history = folder.history().map_err(exception)?;
    let records = history.iter().map(|r| serde_json::to_string(r).unwrap_or_default()).collect();
    Ok((settings, summary, records))
}

/// The recordings of a run that are in its folder.
pub(crate) fn files_of(folder: &Path) -> Vec<String> {
    own_recordings(folder).iter().map(|path| path.display().to_string()).collect()
}
