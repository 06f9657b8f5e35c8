//! Why recordings could not be read or written, in one sentence that names the file.

use std::io;
use std::path::{Path, PathBuf};

/// A file of recordings is not what it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file as a whole.
    #[error("{} {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// An array or a column of a file.
    #[error("{}: {key} {problem}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// The array or the column.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A cell of a table.
    #[error("{}, line {line}: {column} {problem}", path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// Its line, the header being the first.
        line: u64,
        /// The column.
        column: String,
        /// What is wrong with the cell.
        problem: String,
    },
    /// What was given names no files that can be read together.
    #[error("{problem}")]
    Selection {
        /// What is wrong with it.
        problem: String,
    },
}

impl RecordingError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(super) fn file(path: &Path, problem: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), problem: problem.into() }
    }

    pub(super) fn key(path: &Path, key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Key { path: path.to_owned(), key: key.into(), problem: problem.into() }
    }
}
