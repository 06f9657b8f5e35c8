//! Sequences for training and evaluation, and where they come from.

mod dataset;
mod splits;
mod targets;

pub use dataset::Dataset;
pub use splits::{DataError, Splits};
pub use targets::regression_targets;
