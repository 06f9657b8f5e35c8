//! Ctrl-C: the run saves itself, says how to go on, and goes on.

use crate::tiny::{complaint, dvbf, text, train};
use dvbf::run::RunFolder;
use dvbf::train::TrainerState;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// Starts a run of more updates than it will make, and interrupts it after its first record.
fn interrupted(folder: &Path, signal: &str) -> Output {
    let mut command = train(folder, &["--out", "r", "--steps", "1000000"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while lines(&folder.join("r/metrics.jsonl")) == 0 {
        assert!(begun.elapsed() < Duration::from_mins(1), "the run gets to its first record");
        std::thread::sleep(Duration::from_millis(5));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    child.wait_with_output().unwrap()
}

#[test]
fn an_interrupted_run_can_be_continued() {
    for signal in ["-INT", "-TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let output = interrupted(folder.path(), signal);
        let line = complaint(&output, 130);
        let step: u64 = line
            .strip_prefix("dvbf: stopped at update ")
            .and_then(|rest| rest.split(';').next())
            .and_then(|step| step.parse().ok())
            .unwrap_or_else(|| panic!("{line}"));
        assert!(line.ends_with("continue with: dvbf train pendulum --out r --resume"), "{line}");
        assert_eq!(text(&output.stdout), "");

        // A shorter goal, so that the continued run comes to its end.
        let config = folder.path().join("r/config.toml");
        let settings = fs::read_to_string(&config).unwrap();
        let shorter = settings.replace("steps = 1000000", &format!("steps = {}", step + 3));
        assert_ne!(shorter, settings);
        fs::write(&config, shorter).unwrap();
        let arguments = ["train", "pendulum", "--out", "r", "--resume", "--json"];
        let resumed = dvbf(folder.path(), &arguments).output().unwrap();
        assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed.stderr));
        let summary: serde_json::Value = serde_json::from_slice(&resumed.stdout).unwrap();
        assert_eq!(summary["steps"], step + 3);
    }
}

/// Starts a run, interrupts it once after it has said `line`, and waits.
fn interrupted_after(line: &str, mut command: Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut before = String::new();
    while !before.contains(line) {
        assert!(said.read_line(&mut before).unwrap() > 0, "{before}");
    }
    // The line is said before the signal means something else.
    std::thread::sleep(Duration::from_millis(300));
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let mut output = child.wait_with_output().unwrap();
    said.read_to_string(&mut before).unwrap();
    output.stderr = before.into_bytes();
    output
}

/// While recordings are made there is nothing to be saved, and one signal is enough.
#[test]
fn making_recordings_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let long = ["--out", "r", "--set", "data.train=60000"];
    let output = interrupted_after("making the recordings", train(folder.path(), &long));
    let line = complaint(&output, 130);
    assert!(
        line.contains("stopped while making the recordings; continue with: dvbf train"),
        "{line}"
    );
    // The run goes on from its settings, which are made smaller here.
    let config = folder.path().join("r/config.toml");
    let settings = fs::read_to_string(&config).unwrap();
    fs::write(&config, settings.replace("train = 60000", "train = 8")).unwrap();
    let resumed = train(folder.path(), &["--out", "r", "--resume"]).output().unwrap();
    assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed.stderr));
}

/// While figures are computed everything that was learned is on disk.
#[test]
fn an_evaluation_ends_at_once_and_can_be_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let samples = "evaluation.importance_samples=100000000";
    let long = ["--out", "r", "--set", samples];
    let output = interrupted_after("evaluating", train(folder.path(), &long));
    let line = complaint(&output, 130);
    assert!(
        line.ends_with("while evaluating; continue with: dvbf train pendulum --out r --resume"),
        "{line}"
    );
    let run = RunFolder::open(&folder.path().join("r")).unwrap();
    let file = run.checkpoint().unwrap();
    let state = TrainerState::decode(&file.trainer, file.values.len()).unwrap();
    assert_eq!(state.step, 6, "all updates are saved");
    run.best().unwrap();
    let config = folder.path().join("r/config.toml");
    let settings = fs::read_to_string(&config).unwrap();
    fs::write(&config, settings.replace("samples = 100000000", "samples = 2")).unwrap();
    let resumed = dvbf_resumed(folder.path());
    assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed.stderr));
    assert!(folder.path().join("r/report.html").exists());
}

/// The folder says everything that the run needs.
fn dvbf_resumed(folder: &Path) -> Output {
    crate::tiny::dvbf(folder, &["train", "--out", "r", "--resume", "--threads", "1"])
        .output()
        .unwrap()
}
