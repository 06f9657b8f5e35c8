//! A reader of the results that goes away, as `head` does, and one that cannot take them.

use crate::tiny::{SETTINGS, complaint, dvbf, text, train};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs a command whose results nobody reads; its files are there all the same.
#[track_caller]
fn closed(mut command: Command, folder: &Path, written: &[&str]) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.stdout(writer).output().unwrap();
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(141), "{command:?}: {error}");
    assert!(!error.contains("dvbf: ") && !error.contains("panicked"), "{error}");
    for name in written {
        assert!(folder.join(name).exists(), "{command:?} wrote no {name}");
    }
}

#[test]
fn every_command_ends_quietly_when_nobody_reads_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let files = ["r/report.html", "r/summary.json"];
    closed(train(at, &["--out", "r"]), at, &files);
    closed(train(at, &["--out", "j", "--json"]), at, &["j/report.html"]);
    assert!(train(at, &["--out", "r2", "--quiet"]).status().unwrap().success());
    let here = |words: &[&str]| dvbf(at, words);
    closed(here(&["eval", "r2"]), at, &[]);
    fs::remove_file(at.join("r2/report.html")).unwrap();
    closed(here(&["report", "r2"]), at, &["r2/report.html"]);
    closed(here(&["export", "r2"]), at, &["r2/best.safetensors"]);
    closed(here(&["simulate", "r2", "--out", "s.npz"]), at, &["s.npz"]);
    closed(here(&["filter", "r2", "--data", "s.npz", "--out", "b.npz"]), at, &["b.npz"]);
    let settings = SETTINGS.iter().flat_map(|setting| ["--set", setting]);
    let mut data = here(&["data", "pendulum", "--preset", "smoke", "--out", "d.npz"]);
    data.args(settings.clone());
    closed(data, at, &["d.npz"]);
    closed(here(&["inspect", "d.npz"]), at, &["d.svg"]);
    let mut compare = here(&["compare", "pendulum", "--quick", "--seeds", "1", "--out", "c"]);
    compare.args(["--only", "physics", "--updates", "6"]).args(settings);
    closed(compare, at, &["c/compare.html"]);
}

#[test]
fn a_failure_is_told_although_nobody_reads_the_results() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = train(folder.path(), &["--out", "r", "--require", "r2.sample.velocity>=2"]);
    let line = complaint(&command.stdout(writer).output().unwrap(), 3);
    assert!(line.contains("r2.sample.velocity"), "{line}");
}

#[test]
#[cfg(target_os = "linux")]
fn results_that_cannot_be_written_are_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = dvbf(folder.path(), &["data", "pendulum", "--out", "d.npz"]);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let line = complaint(&command.stdout(full).output().unwrap(), 1);
    assert!(line.contains("could not be printed") && line.contains("No space left"), "{line}");
}

#[test]
fn notes_that_nobody_reads_are_no_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = train(folder.path(), &["--out", "r"]);
    let status = command.stdout(std::process::Stdio::null()).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(0));
}
