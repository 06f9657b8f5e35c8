#![doc = include_str!("../README.md")]

pub mod apply;
pub mod compare;
pub mod empower;
pub mod eval;
pub mod export;
pub mod run;
mod skin;
pub mod systems;

pub use dvbf_data as data;
pub use dvbf_envs as envs;
pub use dvbf_report as report;
pub use dvbf_run::settings;
pub use dvbf_train::{Communicator, baseline, filter_many, pool, schedule, train};
