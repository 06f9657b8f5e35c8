#![doc = include_str!("../README.md")]

pub mod baseline;
mod communicator;
pub mod eval;
mod filter_many;
pub mod linear;
pub mod nullable;
pub mod pool;
pub mod principal;
pub mod reference;
pub mod schedule;
pub mod settings;
pub mod skin;
pub mod train;

pub use communicator::Communicator;
pub use filter_many::filter_many;
