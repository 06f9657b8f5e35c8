//! The baselines: gradients, and what they are as probabilistic models.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod communicator;
mod gradient;
mod importance;
mod linear;
mod masks;
mod physics;
mod small;
mod training;
