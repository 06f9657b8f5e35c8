//! Recordings from files: both formats, round trips, and files that are wrong in some way.

#![expect(clippy::unwrap_used, reason = "tests")]

mod archives;
mod arrays;
mod bytes;
mod clocks;
mod fixtures;
mod frames;
mod hdf5;
mod hostile;
mod lines;
mod mcap;
mod oddities;
mod origins;
mod pace;
mod parquet;
mod round_trip;
mod selection;
mod tables;
mod video;
