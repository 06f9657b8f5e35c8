//! Runs and their folders: new ones, existing ones, damaged ones, required figures.

use crate::tiny::{complaint, dvbf, refusal, text, train};
use serde_json::Value;
use std::fs;

#[test]
fn a_run_prints_its_figures_and_writes_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let output = train(folder.path(), &["--seed", "5"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    for part in ["R² on held-out sequences", "velocity", "Open-loop", "nats per sequence"] {
        assert!(printed.contains(part), "{printed}");
    }
    let run = folder.path().join("runs/smoke-seed5");
    for name in ["config.toml", "metrics.jsonl", "summary.json", "checkpoint.dvbf", "best.dvbf"] {
        assert!(run.join(name).exists(), "{name}");
    }
    assert!(fs::read_to_string(run.join("config.toml")).unwrap().contains("seed = 5"));
}

#[test]
fn json_is_the_summary_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let output = train(folder.path(), &["--json", "--out", "here"]).output().unwrap();
    assert_eq!(text(&output.stderr), "");
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let written = fs::read_to_string(folder.path().join("here/summary.json")).unwrap();
    assert_eq!(printed, serde_json::from_str::<Value>(&written).unwrap());
    let quiet = train(folder.path(), &["--quiet", "--out", "there"]).output().unwrap();
    assert_eq!((text(&quiet.stdout), text(&quiet.stderr)), (String::new(), String::new()));
}

#[test]
fn a_training_ends_where_its_figures_are_enough() {
    let folder = tempfile::tempdir().unwrap();
    let steps = |bound: &str, out: &str| {
        // One initialization, which makes one update before it is judged.
        let start = ["restarts=1", "finalists=1", "restart_steps=1"];
        let mut command = train(folder.path(), &["--quiet", "--out", out, "--stop-when", bound]);
        for setting in start {
            command.args(["--set", &format!("training.{setting}")]);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let run = folder.path().join(out);
        let history = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        let last: Value = serde_json::from_str(history.lines().last().unwrap()).unwrap();
        assert!(run.join("summary.json").exists());
        last["step"].as_u64().unwrap()
    };
    // Evaluations are after three updates and after six.
    assert_eq!(steps("bound.total<=1e9", "soon"), 3);
    assert_eq!(steps("bound.total>=1e9", "late"), 6);
    let late = ["--stop-when", "r2.mean.velocity>=0.9"];
    let line = refusal(train(folder.path(), &late));
    assert!(line.contains("r2.mean.velocity is computed after the training"), "{line}");
}

#[test]
fn an_existing_run_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    assert!(train(folder.path(), &["--out", "r", "--quiet"]).status().unwrap().success());
    let read = || fs::read(folder.path().join("r/checkpoint.dvbf")).unwrap();
    let before = read();
    let line = refusal(train(folder.path(), &["--out", "r"]));
    for part in ["r holds a run already", "--resume", "--out"] {
        assert!(line.contains(part), "{line}");
    }
    assert_eq!(read(), before);
    let again = train(folder.path(), &["--out", "r", "--resume"]).output().unwrap();
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stderr));
    assert_eq!(read(), before);
}

#[test]
fn folders_that_cannot_be_written_are_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "not a folder").unwrap();
    for out in ["file", "file/run"] {
        let line = refusal(train(folder.path(), &["--out", out]));
        assert!(line.contains(out), "{line}");
    }
}

#[test]
fn only_a_run_can_be_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let resume = |part: &str| {
        let output = train(folder.path(), &["--out", "r", "--resume"]).output().unwrap();
        let line = complaint(&output, 1);
        assert!(line.contains(part), "{line}");
        line
    };
    resume("r holds no run: config.toml is missing");
    assert!(train(folder.path(), &["--out", "r", "--quiet"]).status().unwrap().success());
    let checkpoint = folder.path().join("r/checkpoint.dvbf");
    let good = fs::read(&checkpoint).unwrap();

    fs::remove_file(&checkpoint).unwrap();
    resume("checkpoint.dvbf is missing");
    fs::write(&checkpoint, "PK and other bytes").unwrap();
    resume("checkpoint.dvbf is not a dvbf model file");
    fs::write(&checkpoint, &good[..good.len() - 1]).unwrap();
    resume("checkpoint.dvbf is damaged");
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 4;
    fs::write(&checkpoint, flipped).unwrap();
    resume("checkpoint.dvbf is damaged: the checksum of its trainer state differs");
    let mut flipped = good.clone();
    flipped[60] ^= 4;
    fs::write(&checkpoint, flipped).unwrap();
    resume("checkpoint.dvbf is damaged: its checksum differs");
    fs::copy(folder.path().join("r/best.dvbf"), &checkpoint).unwrap();
    resume("it holds a model for use, not a training to continue");
    fs::write(&checkpoint, &good).unwrap();

    let metrics = folder.path().join("r/metrics.jsonl");
    let records = fs::read(&metrics).unwrap();
    fs::write(&metrics, "{\"step\": 1}\n").unwrap();
    resume("metrics.jsonl: line 1");
    fs::write(&metrics, records).unwrap();
    let config = folder.path().join("r/config.toml");
    let settings = fs::read_to_string(&config).unwrap();
    fs::write(&config, settings.replace("hidden = 6", "hidden = 8")).unwrap();
    let plain = dvbf(folder.path(), &["train", "--out", "r", "--resume"]).output().unwrap();
    let line = complaint(&plain, 1);
    assert!(line.contains("it does not belong to config.toml, which has another model"), "{line}");
    // What the command says is not what the run has.
    resume("model.hidden=6: is not what the run began with");
    fs::write(&config, &settings).unwrap();
    for (argument, value) in [("--steps", "7000"), ("--seed", "12")] {
        let arguments = ["train", "--out", "r", "--resume", argument, value];
        let line = complaint(&dvbf(folder.path(), &arguments).output().unwrap(), 1);
        assert!(line.contains(&format!("{argument}: is not what the run began with")), "{line}");
    }
    let larger = settings.replace("size = 16", "size = 20");
    assert_ne!(larger, settings);
    fs::write(&config, larger).unwrap();
    resume(
        "it is for (channels, controls) = (256, 1), the recordings of config.toml have (400, 1)",
    );
    fs::write(&config, "preset = 3").unwrap();
    let output = train(folder.path(), &["--out", "r", "--resume"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("config.toml"));
    fs::write(&config, settings).unwrap();
    assert!(
        train(folder.path(), &["--out", "r", "--resume", "--quiet"]).status().unwrap().success()
    );
}

#[test]
fn required_figures_decide_the_exit_status() {
    let folder = tempfile::tempdir().unwrap();
    let require = |out: &str, required: &[&str]| {
        let mut command = train(folder.path(), &["--quiet", "--out", out]);
        for figure in required {
            command.args(["--require", figure]);
        }
        command.output().unwrap()
    };
    let reached =
        ["r2.sample.velocity<=1", "open_loop.6.model>=0", "latent_dim>=3", "latent_dim<=3"];
    assert_eq!(require("a", &reached).status.code(), Some(0));
    let line = complaint(&require("b", &["latent_dim>=3", "r2.sample.velocity>=1.5"]), 3);
    assert!(
        line.contains("required r2.sample.velocity>=1.5, but r2.sample.velocity is "),
        "{line}"
    );
    // The figures are there all the same.
    assert!(folder.path().join("b/summary.json").exists());
    let line = complaint(&require("c", &["open_loop.45.model<=1"]), 1);
    assert!(line.contains("no figure open_loop.45.model; there are"), "{line}");
    assert!(!folder.path().join("c").exists(), "nothing was begun");
}

#[test]
fn weights_are_exported_beside_the_model_or_where_one_likes() {
    let folder = tempfile::tempdir().unwrap();
    assert!(train(folder.path(), &["--out", "run", "--quiet"]).status().unwrap().success());
    let output = dvbf(folder.path(), &["export", "run", "--format", "safetensors"]).output();
    let told = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(told.contains("run/best.safetensors"), "{told}");
    let there = ["export", "run/best.dvbf", "--out", "w.safetensors"];
    assert!(dvbf(folder.path(), &there).status().unwrap().success());
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("run/best.safetensors"), read("w.safetensors"));
    let output = dvbf(folder.path(), &["export", "no/such"]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("no/such"));
}

/// An emission so narrow that no likelihood is finite: every update is skipped.
#[test]
fn a_training_that_ends_without_a_finite_bound_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let narrow = ["--out", "r", "--set", "model.emission_std=1e-25", "--set"];
    let arguments = [&narrow[..], &["training.restarts=1"]].concat();
    let output = train(folder.path(), &arguments).output().unwrap();
    let line = complaint(&output, 1);
    assert!(line.contains("the bound of the trained model on the test set is"), "{line}");
    assert!(line.contains("r/metrics.jsonl"), "{line}");
    for name in ["config.toml", "metrics.jsonl", "summary.json", "report.html"] {
        assert!(folder.path().join("r").join(name).exists(), "{name} is missing");
    }
}
