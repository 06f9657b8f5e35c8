//! Whole runs with tiny settings: threads, interruptions, damage, and the files they leave.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod about;
mod apply;
mod chosen;
mod files;
mod fuzz;
mod recorded;
mod resume;
mod simulator;
mod threads;
mod timed;
mod tiny;
mod trainer;
