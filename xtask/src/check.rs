//! What continuous integration runs, step by step; the first failure stops.

use crate::{deny, tidy};
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// A step that runs cargo.
struct Step {
    name: &'static str,
    args: &'static [&'static str],
    env: &'static [(&'static str, &'static str)],
}

const DENY_DOC_WARNINGS: &[(&str, &str)] = &[("RUSTDOCFLAGS", "-D warnings")];

/// The binary `dvbf` has pages that nobody reads, and would write them over those of the library
/// `dvbf`; so its package is left out of the documentation.
const STEPS: &[Step] = &[
    Step { name: "fmt", args: &["fmt", "--all", "--check"], env: &[] },
    Step {
        name: "clippy",
        args: &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
        env: &[],
    },
    Step {
        name: "no features",
        args: &[
            "clippy",
            "-p",
            "dvbf-core",
            "-p",
            "dvbf-models",
            "--no-default-features",
            "--",
            "-D",
            "warnings",
        ],
        env: &[],
    },
    Step { name: "feature file", args: &one_feature("file"), env: &[] },
    Step { name: "feature bayes", args: &one_feature("bayes"), env: &[] },
    Step {
        name: "doc",
        args: &["doc", "--workspace", "--no-deps", "--exclude", "dvbf-cli"],
        env: DENY_DOC_WARNINGS,
    },
    Step { name: "test", args: &["test", "--workspace"], env: &[] },
];

/// Arguments that check `dvbf-core` with `feature` alone.
const fn one_feature(feature: &'static str) -> [&'static str; 9] {
    [
        "clippy",
        "-p",
        "dvbf-core",
        "--no-default-features",
        "--features",
        feature,
        "--",
        "-D",
        "warnings",
    ]
}

/// Runs all steps on the workspace at `root`.
pub(crate) fn run(root: &Path) -> ExitCode {
    let mut times = Vec::new();
    for name in ["tidy", "deny"] {
        eprintln!("check: {name}");
        let start = Instant::now();
        let passed = if name == "tidy" { tidy::run(root) } else { deny::run(root) };
        times.push((name, start.elapsed()));
        if passed != ExitCode::SUCCESS {
            return stop(&times, "the findings above");
        }
    }
    for step in STEPS {
        let line = command_line(step);
        eprintln!("check: {}: {line}", step.name);
        let start = Instant::now();
        let mut command = crate::cargo(root);
        command.args(step.args).envs(step.env.iter().copied());
        let outcome = match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(status.to_string()),
            Err(error) => Err(error.to_string()),
        };
        times.push((step.name, start.elapsed()));
        if let Err(reason) = outcome {
            return stop(&times, &format!("`{line}`: {reason}"));
        }
    }
    eprintln!("{}check: everything passed", table(&times));
    ExitCode::SUCCESS
}

/// Says which step failed, and why; it is the last that has a time.
fn stop(times: &[(&str, Duration)], reason: &str) -> ExitCode {
    let name = times.last().map_or("no step", |&(name, _)| name);
    eprintln!("{}check: FAILED in step {name}: {reason}", table(times));
    ExitCode::FAILURE
}

fn command_line(step: &Step) -> String {
    let mut line = String::new();
    for (key, value) in step.env {
        write!(line, "{key}=\"{value}\" ").expect("writing to a string");
    }
    line + "cargo " + &step.args.join(" ")
}

fn table(times: &[(&str, Duration)]) -> String {
    let total = ("total", times.iter().map(|&(_, time)| time).sum());
    let mut table = String::from("\n");
    for (name, time) in times.iter().chain([&total]) {
        writeln!(table, "  {name:<16} {:>8.1} s", time.as_secs_f64()).expect("writing to a string");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_are_those_that_the_papers_name() {
        let lines: Vec<_> = STEPS.iter().map(command_line).collect();
        assert_eq!(
            lines,
            [
                "cargo fmt --all --check",
                "cargo clippy --workspace --all-targets -- -D warnings",
                "cargo clippy -p dvbf-core -p dvbf-models --no-default-features -- -D warnings",
                "cargo clippy -p dvbf-core --no-default-features --features file -- -D warnings",
                "cargo clippy -p dvbf-core --no-default-features --features bayes -- -D warnings",
                "RUSTDOCFLAGS=\"-D warnings\" cargo doc --workspace --no-deps --exclude dvbf-cli",
                "cargo test --workspace",
            ]
        );
    }

    #[test]
    fn the_table_ends_with_the_total() {
        let times = [("fmt", Duration::from_millis(500)), ("test", Duration::from_secs(61))];
        let table = table(&times);
        assert!(table.contains("  fmt                   0.5 s\n"), "{table}");
        assert!(table.ends_with("  total                61.5 s\n"), "{table}");
    }
}
