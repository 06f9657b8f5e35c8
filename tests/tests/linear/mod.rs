//! A linear Gaussian model, exactly.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod exact;
mod system;

pub(crate) use exact::Exact;
pub(crate) use system::{Data, Generative, Model, single};
