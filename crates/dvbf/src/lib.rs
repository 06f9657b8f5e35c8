#![doc = include_str!("../README.md")]

pub mod apply;
pub mod baseline;
pub mod compare;
pub mod data;
pub mod eval;
pub mod export;
mod nullable;
pub mod pool;
mod principal;
pub mod report;
pub mod run;
pub mod schedule;
pub mod settings;
pub mod train;
