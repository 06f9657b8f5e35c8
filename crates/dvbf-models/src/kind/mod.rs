//! Kinds of parts by name: how a settings table becomes a part of a model.
//!
//! A kind is a configuration that implements [`PartConfig`] and is registered once. Everything else
//! (settings, training, model file, online filter) works with the name and the table.

mod context;
mod error;
mod registry;
mod table;

pub(crate) use context::unnamed;
pub use context::{Context, features_of};
pub use error::KindError;
pub use registry::{Kind, PartConfig, Registry, Role};
pub use table::KindTable;

/// Parameters of an affine layer.
pub(crate) fn affine(inputs: usize, outputs: usize) -> usize {
    inputs.saturating_add(1).saturating_mul(outputs)
}
