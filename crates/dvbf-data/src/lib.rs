#![doc = include_str!("../README.md")]

mod align;
pub mod archive;
mod arrays;
#[cfg(any(feature = "images", feature = "video"))]
mod beside;
mod budget;
#[cfg(any(feature = "images", feature = "video"))]
mod camera;
mod center;
mod clock;
mod columns;
mod controls;
mod dataset;
mod datasets;
mod describe;
pub mod division;
mod export;
mod files;
mod format;
mod frames;
mod gathered;
mod guess;
#[cfg(feature = "hdf5")]
mod hdf5;
#[cfg(feature = "hdf5")]
mod hdf5_layout;
#[cfg(feature = "hdf5")]
mod hdf5_store;
#[cfg(feature = "images")]
mod images;
mod lines;
#[cfg(feature = "mcap")]
mod mcap_file;
#[cfg(feature = "mcap")]
mod mcap_records;
mod noise;
mod notes;
mod npy;
mod npz;
mod npz_write;
mod oddities;
mod origins;
mod pace;
mod packed;
#[cfg(feature = "parquet")]
mod parquet_file;
mod raw;
mod reading;
mod recorded;
mod recording_error;
mod scaling;
mod sequences;
pub mod settings;
#[cfg(any(feature = "hdf5", feature = "mcap", feature = "parquet"))]
mod sheets;
mod splits;
mod supply;
mod table;
mod table_write;
mod targets;
mod thinning;
mod unknown;
#[cfg(feature = "video")]
mod video;

pub use align::{Aligned, Places, Series, align};
pub use arrays::{ObservationArray, RecordingArrays};
pub use budget::{FREE, RATIO};
pub use columns::Columns;
pub use controls::{controls, timed};
pub use dataset::{Dataset, numbered};
pub use describe::{ChannelFigures, describe};
pub use files::{find_files, guess_columns, has_columns, read_files};
pub use frames::{Crop, FrameSize, Frames};
pub use guess::{ColumnFacts, Guess};
#[cfg(feature = "hdf5")]
pub use hdf5::read_hdf5_from;
#[cfg(feature = "images")]
pub use images::{read_gif_from, read_images_from};
#[cfg(feature = "mcap")]
pub use mcap_file::read_mcap_from;
pub use noise::noise;
pub use notes::facts;
use npz::read_archive;
pub use npz::{read_npz, read_npz_from};
pub use npz_write::write_npz;
pub use origins::Origins;
pub use pace::Pace;
#[cfg(feature = "parquet")]
pub use parquet_file::read_parquet_from;
pub use raw::{Part, RawRecordings, RawSequence, narrow};
pub use reading::Reading;
pub use recorded::read_recordings;
pub use recording_error::RecordingError;
pub use sequences::Sequences;
pub use splits::{DataError, Splits};
pub use supply::{Set, Supply};
pub use table::{TableReader, read_tables};
pub use table_write::write_tables;
pub use targets::{regression_targets, target_names};
pub use thinning::{thinning, usual_step};
