//! Sequences for training and evaluation, and where they come from.

mod columns;
mod dataset;
mod describe;
pub(crate) mod division;
mod export;
mod files;
pub(crate) mod noise;
mod notes;
mod npy;
mod npz;
mod npz_write;
mod packed;
mod raw;
pub(crate) mod recorded;
mod recording_error;
mod splits;
mod table;
mod table_write;
mod targets;
mod unknown;

pub use columns::Columns;
pub use dataset::Dataset;
pub use describe::{ChannelFigures, describe};
pub use files::{find_files, read_files};
pub use notes::facts;
pub use npz::{FREE, RATIO, read_npz, read_npz_from};
pub use npz_write::write_npz;
pub(crate) use raw::narrow;
pub use raw::{Part, RawRecordings, RawSequence};
pub use recorded::read_recordings;
pub use recording_error::RecordingError;
pub use splits::{DataError, Splits};
pub use table::{TableReader, read_tables};
pub use table_write::write_tables;
pub use targets::{regression_targets, target_names};
