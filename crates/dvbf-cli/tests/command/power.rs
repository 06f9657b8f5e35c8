//! A machine that loses its power at any moment of a training: whatever of the writes that were not synced is
//! lost, every file of the run loads, and the run goes on to the same end.
//!
//! The writes are those that the system was asked for, as strace tells them.

mod disk;
mod trace;

use crate::killed::{draw, records};
use crate::tiny::{dvbf, text, train};
use disk::Disk;
use dvbf::run::RunFolder;
use dvbf::train::TrainerState;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What is lost besides all and nothing, at every moment.
const DRAWS: usize = 4;
const LONG: [&str; 8] = [
    "--quiet",
    "--set",
    "training.steps=12",
    "--set",
    "training.log_interval=1",
    "--set",
    "training.checkpoint_interval=4",
    "--out=run",
];

/// The update of the newest checkpoint; none if there is none. Whatever there is has to load.
fn loads(run: &Path, when: &str) -> Option<u64> {
    if !run.join("config.toml").exists() {
        return None;
    }
    let folder = RunFolder::open(run).unwrap();
    folder.settings().unwrap_or_else(|e| panic!("{when}: {e}"));
    folder.history().unwrap_or_else(|e| panic!("{when}: {e}"));
    if run.join("best.dvbf").exists() {
        folder.best().unwrap_or_else(|e| panic!("{when}: {e}"));
    }
    if run.join("summary.json").exists() {
        folder.summary().unwrap_or_else(|e| panic!("{when}: {e}"));
    }
    if !run.join("checkpoint.dvbf").exists() {
        return None;
    }
    let file = folder.checkpoint().unwrap_or_else(|e| panic!("{when}: {e}"));
    let state = TrainerState::decode(&file.trainer, file.values.len());
    Some(state.unwrap_or_else(|| panic!("{when}: the state of the trainer")).step)
}

/// A run that goes on from what was left ends as `whole` does.
fn goes_on(folder: &Path, whole: &Path, when: &str) {
    let run = folder.join("run");
    let begun = run.join("config.toml").exists();
    let resume = ["train", "--out=run", "--resume", "--quiet", "--threads=1"];
    let mut command = if begun { dvbf(folder, &resume) } else { train(folder, &LONG) };
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{when}: {}", text(&output.stderr));
    for name in ["checkpoint.dvbf", "best.dvbf", "config.toml"] {
        let equal = fs::read(run.join(name)).unwrap() == fs::read(whole.join(name)).unwrap();
        assert!(equal, "{when}: {name}");
    }
    assert_eq!(records(&run), records(whole), "{when}");
}

#[test]
fn every_moment_leaves_files_that_load() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().canonicalize().unwrap();
    let calls = place.join("calls");
    let run = train(&place, &LONG);
    let mut traced = Command::new("strace");
    traced.current_dir(&place).args(trace::ARGUMENTS).arg(&calls);
    traced.arg(run.get_program()).args(run.get_args());
    let output = traced.output();
    if !output.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!("left out: strace cannot be used on this machine: {output:?}");
        return;
    }
    let operations = trace::read(&fs::read_to_string(&calls).unwrap(), &place);
    let whole = place.join("run");

    let mut disk = Disk::default();
    let (mut states, mut resumed, mut durable) = (0, 0, None);
    let mut seed = 7;
    for (moment, operation) in operations.iter().enumerate() {
        disk.apply(operation);
        for chance in 0..DRAWS + 2 {
            let left = match chance {
                0 => disk.after_loss(|| false),
                1 => disk.after_loss(|| true),
                _ => disk.after_loss(|| draw(&mut seed, 2) == 0),
            };
            let scratch = tempfile::tempdir().unwrap();
            left.write(scratch.path());
            let when = format!("call {moment}, loss {chance}, after {operation:?}");
            let found = loads(&scratch.path().join("run"), &when);
            // What was once durable stays, whatever comes after.
            assert!(found >= durable, "{when}: checkpoint {found:?} after {durable:?}");
            if chance == 0 {
                durable = found;
            }
            states += 1;
            if states % 41 == 0 {
                goes_on(scratch.path(), &whole, &when);
                resumed += 1;
            }
        }
    }
    assert_eq!(durable, Some(12), "the last checkpoint is durable in the end");
    assert!(resumed > 3, "{states} states, {resumed} of them resumed");
    // The model of the disk has seen everything that was written.
    let scratch = tempfile::tempdir().unwrap();
    disk.after_loss(|| true).write(scratch.path());
    for name in ["checkpoint.dvbf", "best.dvbf", "config.toml", "metrics.jsonl", "summary.json"] {
        let own = fs::read(scratch.path().join("run").join(name)).unwrap();
        assert!(own == fs::read(whole.join(name)).unwrap(), "{name}");
    }
    println!("{} calls, {states} states, {resumed} of them resumed", operations.len());
}
