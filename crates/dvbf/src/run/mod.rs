//! A run from settings to figures, in a folder of its own.

mod experiment;
mod judge;
mod phase;
mod start;

pub use dvbf_run::{FolderError, LogRecord, RunFolder};
pub use experiment::{Finished, Observer, Outcome, RunError, TrainRequest, evaluate, train};
pub use phase::Phase;
