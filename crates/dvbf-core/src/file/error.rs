//! Why a model file could not be read or written.

use crate::config::ConfigError;
use std::io;
use std::path::{Path, PathBuf};

/// Why a model file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file does not begin as a model file does.
    #[error("{} is not a dvbf model file", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a later format.
    #[error("{} has format version {version}; this program reads up to {newest}", path.display())]
    Future {
        /// The file.
        path: PathBuf,
        /// Its format version.
        version: u32,
        /// The newest format version that is read.
        newest: u32,
    },
    /// The file is shorter or longer than its header says, or its checksum differs.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// A file that was to be written could not be read again.
    #[error("{} is not written: {what}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// The file does not say how long a step is.
    #[error(
        "{} does not say how long a step is; train the model again, or say it with Filter::new",
        path.display()
    )]
    NoStep {
        /// The file.
        path: PathBuf,
    },
    /// The settings inside describe no model.
    #[error("{}: {source}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The setting.
        source: ConfigError,
    },
}

impl FileError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }

    pub(super) fn unfit(path: &Path, what: impl Into<String>) -> Self {
        Self::Unfit { path: path.to_owned(), what: what.into() }
    }
}
