//! The model file: named arrays and a self-describing configuration in one framed file.
//!
//! The model section holds a length (`u64`), a description in JSON of that length, and the values of
//! all arrays as little-endian single precision, in the order of the description. The description has
//! the configuration, the units and the layout of the recordings, the scale of predictions, and names
//! and shapes of the arrays; arrays are found by their names. Beside the parameters there may be
//! `range.probabilities (Q)` and `range.quantiles (Q, F)`, the training range. The trainer section holds the state of
//! a trainer in an encoding of its own; who filters need not read it.
//!
//! A file is written beside its place, synced, renamed, and the directory synced, so that a crash
//! leaves the old file or the new one.

mod codec;
mod earlier;
mod error;
mod frame;
mod model_file;
mod reading;
mod tensors;

pub use codec::{CodecError, decode, encode};
pub use error::FileError;
pub use model_file::ModelFile;
