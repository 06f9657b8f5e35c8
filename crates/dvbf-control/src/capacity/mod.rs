//! What a channel can carry, computed without linearization: the oracle that estimates are judged by.
//!
//! It enumerates actions, so it is for few controls and few latent dimensions, and for tests.

mod discrete;
mod gaussian;
mod oracle;

pub use discrete::{Capacity, DiscreteChannel};
pub use oracle::{ActionSequences, Oracle};
