//! The example projects outside the workspace, built and run as a user would.

use std::path::PathBuf;
use std::process::Command;

/// Where the example projects are built: one folder for all, so that what they share is compiled once, and not
/// ours, which cargo locks.
pub fn project_target() -> PathBuf {
    root().join("target/projects")
}

/// `cargo run` of the example project `name`, to which arguments can be added.
pub fn project(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["run", "--quiet", "--"])
        .env("CARGO_TARGET_DIR", project_target())
        // Nobody steps through them, and their linker reads less.
        .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only")
        .current_dir(root().join("examples").join(name));
    command
}

fn root() -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    tests.parent().map_or(tests.clone(), PathBuf::from)
}
