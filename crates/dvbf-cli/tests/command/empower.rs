//! `dvbf empower`: what it refuses, and what it leaves behind.

use crate::tiny::{SETTINGS, dvbf, refusal, text, train};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Trains a tiny model of a system into the folder `r`.
fn train_system(folder: &Path, system: &str) {
    let mut command = dvbf(folder, &["train", system, "--out", "r", "--quiet", "--threads", "1"]);
    for setting in SETTINGS {
        // Only a locally linear transition has matrices.
        if !setting.starts_with("model.matrices") {
            command.args(["--set", setting]);
        }
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{system}: {}", text(&output.stderr));
}

/// Makes the figures of the run `r` those of a model that has learned to predict.
fn pretend(folder: &Path) {
    let path = folder.join("r/summary.json");
    let mut summary: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for row in summary["open_loop"].as_object_mut().unwrap().values_mut() {
        row["model"] = 1e-9.into();
    }
    fs::write(path, summary.to_string()).unwrap();
}

/// Runs `dvbf empower` as short as possible and checks that it prints what it writes.
fn empower(folder: &Path, more: &[&str]) -> Value {
    let arguments = ["empower", "r", "--starts", "2", "--threads", "1", "--json"];
    let output = dvbf(folder, &[&arguments, more].concat()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let written = fs::read(folder.join("r/empowerment.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), printed);
    assert!(printed["landscape"]["correlation"].as_f64().unwrap().abs() <= 1.0);
    assert!(printed["seconds"].as_f64().unwrap() > 0.0);
    printed
}

/// Every policy has two starts, and steps by this name.
fn check_trials(printed: &Value, steps: &str, policies: &[(&str, &[&str])]) {
    assert_eq!(printed["control"].as_object().unwrap().len(), policies.len());
    for (policy, all) in policies {
        assert_eq!(printed["control"][policy].as_object().unwrap().len(), all.len(), "{policy}");
        for eyes in *all {
            let trial = &printed["control"][policy][eyes];
            assert_eq!(trial["starts"], 2, "{policy}, {eyes}");
            assert!(trial["success"].as_u64().unwrap() <= 2, "{policy}, {eyes}");
            assert!(trial.get(steps).is_some() && trial.get("median_steps").is_some(), "{trial}");
        }
    }
}

fn check_page(folder: &Path, pieces: &[&str], rows: usize) {
    let page = fs::read_to_string(folder.join("r/empowerment.html")).unwrap();
    for piece in pieces {
        assert!(page.contains(piece), "{piece}");
    }
    assert!(!page.contains("http-equiv=\"refresh\""));
    assert_eq!(page.matches("<tr>").count(), rows + 1, "a row of headings, and the trials");
    let picture = fs::read_to_string(folder.join("r/empowerment.svg")).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("<path") && !picture.contains("NaN"));
}

const BOTH: &[&str] = &["true", "pixels"];

#[test]
fn a_model_that_predicts_nothing_is_refused_and_one_that_does_gets_its_figures() {
    let folder = tempfile::tempdir().unwrap();
    let line = refusal(dvbf(folder.path(), &["empower", "r"]));
    assert!(line.contains("r holds no run"), "{line}");
    assert!(train(folder.path(), &["--out", "r", "--quiet"]).status().unwrap().success());
    let line = refusal(dvbf(folder.path(), &["empower", "r"]));
    assert!(line.contains("half that of the mean image") && line.contains("not learned"), "{line}");
    assert!(!folder.path().join("r/empowerment.json").exists());

    pretend(folder.path());
    for (option, value, problem) in [
        ("--resolution", "0", "resolution is 0; it must be a positive finite number"),
        ("--resolution", "inf", "resolution is inf; it must be a positive finite number"),
    ] {
        let line = refusal(dvbf(folder.path(), &["empower", "r", "--json", option, value]));
        assert!(line.contains(problem), "{line}");
    }
    // So coarse that no state differs from another.
    let flat = ["empower", "r", "--json", "--resolution", "1e9", "--updates", "2", "--starts", "1"];
    let line = refusal(dvbf(folder.path(), &flat));
    assert!(line.contains("the same at all held-out states"), "{line}");
    for (option, value, problem) in [
        ("--steps", "1", "1 is not in 2..=1000"),
        ("--bound-steps", "1", "1 is not in 2..=1000"),
        ("--starts", "0", "0 is not in 1..=1000000"),
        ("--updates", "0", "0 is not in 1..=10000000"),
    ] {
        let output = dvbf(folder.path(), &["empower", "r", option, value]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{option}");
        let line = text(&output.stderr);
        assert!(line.contains(problem) && line.contains(option), "{line}");
    }
    assert!(!folder.path().join("r/empowerment.json").exists());

    let printed = empower(folder.path(), &["--updates", "2"]);
    assert_eq!(printed["settings"]["resolution"], 0.05);
    for key in ["maximum", "true_maximum", "maximum_of_all", "true_maximum_of_all"] {
        let maximum = &printed["landscape"][key];
        assert!(maximum["angle"].is_f64() && maximum["velocity"].is_f64(), "{key}");
    }
    let policies = [
        ("greedy", BOTH),
        ("actor-critic", BOTH),
        ("variational", BOTH),
        ("random", &["true"]),
        ("uncontrolled", &["true"]),
    ];
    check_trials(&printed, "hanging_steps", &policies);
    let pieces = ["landscape-true", "landscape-learned", "trial-torque", "data:image/png;base64,"];
    check_page(folder.path(), &pieces, 8);
}

/// Where the divergence weighs hardly anything, the noise of every step tells its frame, and nothing
/// has to be predicted: the model encodes and decodes. What it sees it draws well, and it has no dynamics.
#[test]
fn a_model_that_only_encodes_and_decodes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let words =
        ["train", "pendulum", "--preset", "smoke", "--threads", "1", "--quiet", "--out", "r"];
    let mut command = dvbf(folder.path(), &words);
    for setting in [
        r#"training.kl_weight={from=1e-4,to=1e-4,start=0.0,end=0.0,shape="linear"}"#,
        "training.restarts=1",
        "training.steps=2000",
        "training.checkpoint_interval=2000",
        "evaluation.horizons=[10,45]",
        "evaluation.importance_samples=2",
        "data.train=100",
        "data.validation=20",
        "data.test=20",
        "data.long_steps=60",
    ] {
        command.args(["--set", setting]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let summary = fs::read(folder.path().join("r/summary.json")).unwrap();
    let summary: Value = serde_json::from_slice(&summary).unwrap();
    // Fifteen frames of 256 pixels, whose emission has the standard deviation 0.05.
    let density = summary["bound"]["reconstruction"].as_f64().unwrap() / (15.0 * 256.0);
    let std = 0.05_f64;
    let most = -(std * std::f64::consts::TAU.sqrt()).ln();
    let drawn = 2.0 * std * std * (most - density);
    let row = &summary["open_loop"]["45"];
    let [model, mean_image] = ["model", "mean_image"].map(|key| row[key].as_f64().unwrap());
    assert!(drawn < 0.5 * mean_image, "it draws what it sees: {drawn} {mean_image}");
    assert!(model > 0.5 * mean_image, "it predicts nothing: {model} {mean_image}");
    let line = refusal(dvbf(folder.path(), &["empower", "r"]));
    assert!(line.contains("predicts 45 frames") && line.contains("not learned"), "{line}");
    assert!(!folder.path().join("r/empowerment.json").exists());
}

#[test]
fn the_ball_gets_its_figures() {
    let folder = tempfile::tempdir().unwrap();
    train_system(folder.path(), "ball");
    let line = refusal(dvbf(folder.path(), &["empower", "r"]));
    assert!(line.contains("half that of the mean image") && line.contains("not learned"), "{line}");
    pretend(folder.path());
    // A bound that has learned nothing is not shown as a landscape.
    let short = ["empower", "r", "--starts", "2", "--updates", "2", "--threads", "1", "--json"];
    let line = refusal(dvbf(folder.path(), &short));
    assert!(line.contains("has not been learned in 1 updates"), "{line}");
    // A coarse channel is soon learned.
    let printed = empower(folder.path(), &["--resolution", "3", "--updates", "200"]);
    let maximum = &printed["landscape"]["maximum"];
    assert!(maximum["x"].is_f64() && maximum["y"].is_f64(), "{maximum}");
    let policies = [
        ("greedy", BOTH),
        ("variational", BOTH),
        ("random", &["true"]),
        ("uncontrolled", &["true"]),
    ];
    check_trials(&printed, "corner_steps", &policies);
    check_page(folder.path(), &["landscape-learned", "trial-distance", "from a corner at rest"], 6);
}

#[test]
fn a_system_without_controls_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    train_system(folder.path(), "two-balls");
    pretend(folder.path());
    let line = refusal(dvbf(folder.path(), &["empower", "r"]));
    assert!(line.contains("two_balls: the dynamics have no controls"), "{line}");
}

#[test]
fn recordings_have_no_true_system() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = String::from("time,height,motor\n");
    for t in 0..200 {
        let time = f64::from(t) / 10.0;
        let (height, motor) = (time.sin(), (1.7 * time).cos());
        let _ = writeln!(table, "{time:.1},{height:.4},{motor:.4}");
    }
    fs::write(folder.path().join("log.csv"), table).unwrap();
    let words = ["train", "--data", "log.csv", "--observe", "height", "--control", "motor"];
    let small = ["--steps", "6", "--quiet", "--out", "r", "--set", "training.restarts=1"];
    let output = dvbf(folder.path(), &[&words[..], &small].concat()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let line = refusal(dvbf(folder.path(), &["empower", "r"]));
    assert!(line.contains("recordings has no true system"), "{line}");
}
