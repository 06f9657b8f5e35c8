#![doc = include_str!("../README.md")]

mod figures;
mod folder;
mod forces;
mod lock;
mod record;
pub mod settings;
mod summary;
mod sweep;

pub use figures::figure_names;
pub use folder::{FolderError, RunFolder};
pub use forces::{Calibrated, FORCE_METHODS, ForcePiece, ForceSeries, ForceTable, LABEL_SECONDS};
pub use lock::{RunLock, Writer};
pub use record::LogRecord;
pub use summary::{
    BoundFigures, Columns, OpenLoopRow, R2Figures, READ_OUT, Summary, r2 as summary_r2, rows,
};
pub use sweep::{Sweep, SweepError, SweepRow, SweepRun, SweepState, SweepTable};
