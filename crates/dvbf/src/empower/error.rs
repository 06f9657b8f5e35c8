//! Why there is no empowerment to be had.

use crate::pool::PoolError;
use crate::run::FolderError;
use dvbf_control::ControlError;
use dvbf_core::{FileError, FilterError, KindError};
use dvbf_data::DataError;
use dvbf_envs::EnvError;
use std::path::PathBuf;

/// Why there is no empowerment to be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmpowerError {
    /// The run folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The model file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The data of the run.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The threads.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The filter.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// An estimate or a policy.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The true equations.
    #[error(transparent)]
    Equations(#[from] KindError),
    /// The true system.
    #[error(transparent)]
    System(#[from] EnvError),
    /// The run is about something else, or its model predicts nothing.
    #[error("{}: {problem}", path.display())]
    Unfit {
        /// The run folder.
        path: PathBuf,
        /// What is in the way.
        problem: String,
    },
    /// A fault of this program.
    #[error("{0}")]
    Internal(&'static str),
}

impl EmpowerError {
    pub(super) fn internal(what: &'static str) -> Self {
        Self::Internal(what)
    }
}
