#![doc = include_str!("../README.md")]

pub mod baseline;
pub mod eval;
pub mod linear;
pub mod nullable;
pub mod pool;
pub mod principal;
pub mod schedule;
pub mod settings;
pub mod train;
