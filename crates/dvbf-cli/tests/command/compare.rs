//! `dvbf compare`: a table, two files, and one sentence where it cannot.

use crate::tiny::{dvbf, refusal, text};
use std::path::Path;
use std::process::Command;

/// Overrides of `--quick`.
const SETTINGS: [&str; 16] = [
    "data.train=8",
    "data.validation=4",
    "data.test=4",
    "data.steps=6",
    "data.long_steps=9",
    "model.hidden=6",
    "model.initial_frames=2",
    "training.batch=4",
    "training.shard=2",
    "training.window=4",
    "training.restart_steps=2",
    "training.log_interval=3",
    "evaluation.filtered=3",
    "evaluation.horizons=[2, 6]",
    "evaluation.chosen_by=6",
    "evaluation.importance_samples=2",
];

fn compare(folder: &Path, arguments: &[&str]) -> Command {
    let start = ["compare", "pendulum", "--quick", "--updates", "6", "--threads", "1"];
    let mut command = dvbf(folder, &start);
    for setting in SETTINGS {
        command.args(["--set", setting]);
    }
    command.args(arguments);
    command
}

#[test]
fn it_prints_a_table_and_writes_its_files_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--seeds", "2", "--only", "vae,physics"];
    let output = compare(folder.path(), &arguments).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let (table, lines) = (text(&output.stdout), text(&output.stderr));
    for expected in ["VAE of frames (3)", "True equations, EKF (3)", "0.916", "±", "filter µs"] {
        assert!(table.contains(expected), "{expected} in {table}");
    }
    assert_eq!(lines.lines().count(), 3, "a line a row: {lines}");
    let files = folder.path().join("runs/compare-pendulum");
    let (rows, page) = (files.join("compare.json"), files.join("compare.html"));
    assert!(rows.exists() && page.exists() && files.join("compare.md").exists());
    // Nothing is left to do but one contender.
    let before = std::fs::read_to_string(&rows).unwrap();
    let arguments = ["--seeds", "2", "--only", "vae,recurrent"];
    let output = compare(folder.path(), &arguments).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let lines = text(&output.stderr);
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(lines.lines().all(|line| line.contains("Recurrent predictor, seed")), "{lines}");
    assert!(std::fs::read_to_string(&rows).unwrap().len() > before.len());
    // Quiet is quiet.
    let arguments = ["--seeds", "1", "--quiet", "--only", "vae"];
    let output = compare(folder.path(), &arguments).output().unwrap();
    assert_eq!((text(&output.stdout), text(&output.stderr)), (String::new(), String::new()));
}

#[test]
fn what_is_impossible_is_said_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let line = refusal(compare(folder.path(), &["--set", "training.batc=3"]));
    assert!(line.contains("training.batc") && line.contains("training.batch"), "{line}");
    let line = refusal(compare(folder.path(), &["--only", "vae,magic"]));
    assert!(line.contains("magic") && line.contains("pca-kalman"), "{line}");
    let output = compare(folder.path(), &["--seeds", "0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(!folder.path().join("runs").exists(), "nothing was begun");

    let vae = ["--seeds", "1", "--only", "vae"];
    assert!(compare(folder.path(), &vae).output().unwrap().status.success());
    let mut other = compare(folder.path(), &vae);
    other.args(["--set", "data.train=9"]);
    let line = refusal(other);
    assert!(line.contains("comparison with other settings") && line.contains("--out"), "{line}");
}
