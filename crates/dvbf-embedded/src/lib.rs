//! The filter step of a Deep Variational Bayes Filter, along its mean path, without the standard library and
//! without an allocator.
//!
//! [`Model::parse`] reads weights that `dvbf export --format embedded` wrote, where they lie; [`Filter`] runs them
//! in memory that the caller gives. Nothing here is `unsafe`, and no input makes it panic.
//!
//! Every number is that of `dvbf_core::Filter` without sample paths, bit for bit: every element of a product is one
//! chain of fused multiply-adds from the first to the last input, which `dvbf_core` promises for all instruction
//! sets, and the exponential is the same polynomial.
//!
//! Letters are those of the workspace: `X` channels, `U` controls, `Z` dimensions of the state, `W` of the noise,
//! `M` base matrices, `k` first frames.
#![no_std]
#![forbid(unsafe_code)]

mod error;
mod evidence;
mod filter;
mod layout;
mod math;
mod memory;
mod model;
mod network;
mod transition;
mod window;

pub use error::Error;
pub use filter::{Filter, Status};
pub use layout::{HEADER, MAGIC, Sizes, VERSION, header};
pub use model::Model;
