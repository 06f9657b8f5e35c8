//! Ctrl-C: the run saves itself, says how to go on, and goes on.

use crate::tiny::{complaint, text, train};
use std::fs;
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
        let resumed = train(folder.path(), &["--out", "r", "--resume", "--json"]).output().unwrap();
        assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed.stderr));
        let summary: serde_json::Value = serde_json::from_slice(&resumed.stdout).unwrap();
        assert_eq!(summary["steps"], step + 3);
    }
}
