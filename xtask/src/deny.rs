//! What of `deny.toml` can be judged without a database: licenses, sources, wildcards, duplicates.
//!
//! It reads the same settings as `cargo deny check`, which knows more, above all of known weaknesses; where
//! that command is installed, it is run too. Whoever adds a key to `deny.toml` adds it here or is told so.

mod licenses;
mod settings;
mod sources;

use settings::Settings;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

/// The locks of the workspace and of the projects outside of it.
const LOCKS: [&str; 4] =
    ["Cargo.lock", "fuzz/Cargo.lock", "python/Cargo.lock", "examples/robot-loop/Cargo.lock"];

/// Prints every breach of `deny.toml` in the workspace at `root`; fails if there is one.
pub(crate) fn run(root: &Path) -> ExitCode {
    match judge(root) {
        Ok((said, breaches)) => {
            println!("{said}");
            for breach in &breaches {
                println!("{breach}");
            }
            if !breaches.is_empty() {
                eprintln!("deny: {} breaches of deny.toml", breaches.len());
                return ExitCode::FAILURE;
            }
        }
        Err(problem) => {
            eprintln!("deny: {problem}");
            return ExitCode::FAILURE;
        }
    }
    if is_installed(root) {
        let check = ["deny", "check", "bans", "licenses", "sources"];
        return match crate::cargo(root).args(check).status() {
            Ok(status) if status.success() => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        };
    }
    println!("deny: known weaknesses are not looked up: that needs cargo-deny and its database");
    ExitCode::SUCCESS
}

/// A sentence about what was judged, and every breach.
fn judge(root: &Path) -> Result<(String, Vec<String>), String> {
    let read = |path: &str| std::fs::read_to_string(root.join(path));
    let text = read("deny.toml").map_err(|e| format!("deny.toml: {e}"))?;
    let settings = Settings::parse(&text)?;
    let packages = licenses::parse(&tree(root)?)?;
    let mut breaches = licenses::check(&packages, &settings);
    for path in LOCKS {
        // A project without a lock has not been built here.
        if let Ok(lock) = read(path) {
            breaches.extend(sources::check(path, &lock)?);
        }
    }
    let twice = licenses::several_versions(&packages);
    let said = format!(
        "deny: {} packages, {} of them in several versions; licenses, sources and wildcards are judged",
        packages.len(),
        twice.len(),
    );
    breaches.extend(sources::wildcards(&read("Cargo.toml").map_err(|e| e.to_string())?)?);
    Ok((said, breaches))
}

/// All packages that are linked, built with, or tested with, on any platform, each with its license.
fn tree(root: &Path) -> Result<String, String> {
    let output = crate::cargo(root)
        .args(["tree", "--quiet", "--workspace", "--all-features", "--target", "all"])
        .args(["--edges", "normal,build,dev", "--prefix", "none", "--format", "{p}|{l}"])
        .output()
        .map_err(|e| format!("`cargo tree`: {e}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("`cargo tree` failed: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

fn is_installed(root: &Path) -> bool {
    let mut command: Command = crate::cargo(root);
    let quiet = command.args(["deny", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_keeps_to_its_own_settings() {
        let (said, breaches) = judge(&crate::root()).unwrap();
        assert!(breaches.is_empty(), "{said}\n{}", breaches.join("\n"));
    }
}
