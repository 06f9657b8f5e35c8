//! A run from settings to figures, in a folder of its own.

mod experiment;
mod folder;
mod phase;
mod record;
mod start;

pub use experiment::{Finished, Observer, Outcome, RunError, TrainRequest, evaluate, train};
pub use folder::{FolderError, RunFolder};
pub use phase::Phase;
pub use record::LogRecord;
