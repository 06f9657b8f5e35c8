//! How much memory a run takes: sets are made when they are looked at, and as much of them as is.

use crate::tiny::{text, train};
use std::fs;
use std::process::Stdio;
use std::time::Duration;

/// Sequences of each held-out set, and their steps.
const HELD_OUT: (usize, usize) = (2000, 64);
/// Bytes of a frame: 16 × 16 numbers in single precision.
const FRAME: usize = 16 * 16 * 4;

/// The most memory that process `id` had so far, in bytes; `None` if it has ended.
fn peak(id: u32) -> Option<usize> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: usize = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// The kernel counts the peak; reading it now and then misses only what happens at the very end.
#[test]
fn a_run_takes_less_memory_than_one_of_its_sets_would() {
    let folder = tempfile::tempdir().unwrap();
    let (count, steps) = HELD_OUT;
    let settings = [
        format!("data.validation={count}"),
        format!("data.test={count}"),
        format!("data.long_steps={steps}"),
        format!("evaluation.horizons=[2, 6, {}]", steps - 3),
    ];
    let arguments: Vec<&str> =
        settings.iter().flat_map(|setting| ["--set", setting.as_str()]).collect();
    let mut run = train(folder.path(), &arguments)
        .args(["--out", "r", "--quiet"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut most = 0;
    while run.try_wait().unwrap().is_none() {
        most = most.max(peak(run.id()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(folder.path().join("r/report.html").exists());
    let set = count * steps * FRAME;
    assert!(most > FRAME * count, "a peak of {most} bytes was seen");
    assert!(most < set, "{most} bytes, and a set of long sequences has {set}");
}
