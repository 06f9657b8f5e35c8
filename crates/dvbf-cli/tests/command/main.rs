//! The command as a user meets it: what it says, how it exits, what it leaves behind.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod apply;
mod arguments;
mod compare;
#[cfg(unix)]
mod damaged;
mod empower;
mod formats;
#[cfg(target_os = "linux")]
mod full_disk;
#[cfg(unix)]
mod interrupt;
#[cfg(unix)]
mod killed;
mod lock;
#[cfg(target_os = "linux")]
mod memory;
mod names;
#[cfg(unix)]
mod pipe;
#[cfg(target_os = "linux")]
mod power;
mod recordings;
mod run;
mod score;
mod sweep;
mod tiny;
