//! A run from settings to figures, in a folder of its own.

mod about;
mod experiment;
mod held;
mod judge;
mod observer;
mod opening;
mod phase;
mod request;
mod start;

pub use about::own_recordings;
pub use dvbf_core::replace_file;
pub use dvbf_run::{
    FolderError, LogRecord, RunFolder, RunLock, Sweep, SweepError, SweepRow, SweepState,
    SweepTable, Writer,
};
pub use experiment::{evaluate, train, train_on};
pub use observer::Observer;
pub use phase::Phase;
pub use request::{Finished, Outcome, RunError, TrainRequest};
