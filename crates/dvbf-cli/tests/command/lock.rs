//! A run folder has one writer at a time.

use crate::tiny::{complaint, dvbf, text, train};
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A run that goes on until it is killed, with its first checkpoint and its first model.
fn running(folder: &Path) -> Child {
    let mut command = train(folder, &["--out", "r", "--steps", "1000000", "--quiet"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    let there = |name: &str| folder.join("r").join(name).exists();
    while !(there("checkpoint.dvbf") && there("best.dvbf")) {
        assert!(begun.elapsed() < Duration::from_mins(1), "the run gets to its first model");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn a_run_that_is_being_written_is_left_alone_and_one_whose_process_was_killed_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = running(folder.path());
    let writer = format!("process {} on ", child.id());
    // A scratch file of the writer, as it may lie there at any moment.
    let scratch = folder.path().join("r/.best.dvbf.1.tmp");
    fs::write(&scratch, "half").unwrap();
    let resume = ["train", "pendulum", "--out", "r", "--resume"];
    let line = complaint(&dvbf(folder.path(), &resume).output().unwrap(), 1);
    assert!(line.starts_with("dvbf: r is being written by process "), "{line}");
    assert!(line.contains(&writer) && line.contains("--resume"), "{line}");
    let line = complaint(&train(folder.path(), &["--out", "r"]).output().unwrap(), 1);
    assert!(line.contains(&writer), "{line}");
    assert!(scratch.exists(), "who is refused removes nothing");

    // A page is made of a finished run.
    for (command, code, says) in
        [("eval", 0, "best model so far"), ("report", 1, "it writes its page when it ends")]
    {
        let output = dvbf(folder.path(), &[command, "r", "--threads", "1"]).output().unwrap();
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{command}: {error}");
        assert!(error.contains(&writer) && error.contains(says), "{command}: {error}");
    }
    assert!(child.try_wait().unwrap().is_none(), "the run goes on");
    child.kill().unwrap();
    child.wait().unwrap();

    // Every record stands there once.
    let history = fs::read_to_string(folder.path().join("r/metrics.jsonl")).unwrap();
    let step = |line: &str| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["step"].as_u64().unwrap()
    };
    let whole = history.lines().filter(|line| line.ends_with('}'));
    let steps: Vec<u64> = whole.map(step).collect();
    assert!(steps.windows(2).all(|two| two[0] < two[1]), "{steps:?}");
    let output = dvbf(folder.path(), &["eval", "r", "--threads", "1"]).output().unwrap();
    assert!(!text(&output.stderr).contains("is being trained"), "a killed process holds nothing");
    let mut again = dvbf(folder.path(), &resume).stderr(Stdio::null()).spawn().unwrap();
    let checkpoint = folder.path().join("r/checkpoint.dvbf");
    let written = || fs::metadata(&checkpoint).unwrap().modified().unwrap();
    let (before, begun) = (written(), Instant::now());
    while written() == before {
        assert!(again.try_wait().unwrap().is_none(), "the run is resumed");
        assert!(begun.elapsed() < Duration::from_mins(1), "the resumed run writes");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!scratch.exists(), "what nobody finishes is removed");
    again.kill().unwrap();
    again.wait().unwrap();
}

#[test]
fn of_several_that_make_a_run_at_once_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let one = || {
        let mut command = train(folder.path(), &["--out", "r", "--quiet"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let all: Vec<Child> = (0..4).map(|_| one()).collect();
    let outputs: Vec<_> = all.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let made = outputs.iter().filter(|output| output.status.success()).count();
    assert_eq!(made, 1);
    for output in outputs.iter().filter(|output| !output.status.success()) {
        let line = complaint(output, 1);
        assert!(
            line.contains("is being written by") || line.contains("holds a run already"),
            "{line}"
        );
    }
    let lines = |run: &str| {
        let history = fs::read_to_string(folder.path().join(run).join("metrics.jsonl")).unwrap();
        history.lines().count()
    };
    assert!(
        train(folder.path(), &["--out", "alone", "--quiet"]).output().unwrap().status.success()
    );
    assert_eq!(lines("r"), lines("alone"), "one of them wrote");
}
