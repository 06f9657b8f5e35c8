//! What is asked of a run, and what comes of it.

use super::{FolderError, RunFolder};
use crate::data::{DataError, RecordingError};
use crate::eval::Summary;
use crate::pool::PoolError;
use crate::report::{ReportError, Written};
use crate::settings::{Settings, SettingsError};
use crate::train::TrainError;
use std::path::PathBuf;

/// What is to be run.
#[derive(Clone, Debug)]
pub struct TrainRequest {
    /// Every setting; for a resumed run those of its folder are used.
    pub settings: Settings,
    /// The run's folder.
    pub folder: PathBuf,
    /// Whether to go on from the folder's checkpoint.
    pub resume: bool,
    /// Files to read the recordings of a resumed run from, where they are no longer those that its
    /// settings name.
    pub files: Vec<String>,
    /// Threads; as many as there are cores if zero.
    pub threads: usize,
}

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    /// All updates were made and the figures computed.
    Finished(Box<Finished>),
    /// The observer stopped it; the checkpoint holds this many updates, and the run can be continued.
    Stopped(u64),
}

/// A finished run.
#[derive(Debug)]
pub struct Finished {
    /// The figures.
    pub summary: Summary,
    /// The run's folder.
    pub folder: RunFolder,
    /// Its settings.
    pub settings: Settings,
    /// Its report, or why there is none; the figures are good in either case.
    pub report: Result<Written, ReportError>,
}

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The folder or one of its files.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A setting.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A file of recordings.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The training.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The threads.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// One of several trainings.
    #[error("{name}: {source}")]
    One {
        /// What it is about.
        name: String,
        /// What went wrong.
        source: Box<RunError>,
    },
    /// The training came to its end, and its model is worth nothing.
    #[error(
        "the bound of the trained model on the test set is {bound}, so nothing was learned; {} says \
         what happened, and a lower training.learning_rate may help", path.display()
    )]
    NotFinite {
        /// The bound.
        bound: f64,
        /// The record of the training.
        path: PathBuf,
    },
}
