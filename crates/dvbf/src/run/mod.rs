//! A run from settings to figures, in a folder of its own.

mod about;
mod experiment;
mod held;
mod judge;
mod observer;
mod phase;
mod start;

pub use about::own_recordings;
pub use dvbf_run::{FolderError, LogRecord, RunFolder};
pub use experiment::{Finished, Outcome, RunError, TrainRequest, evaluate, train};
pub use observer::Observer;
pub use phase::Phase;
