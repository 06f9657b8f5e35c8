//! A disk that fills up in the middle of a training: it stops with one sentence, and what it had
//! saved is good.

use crate::tiny::{complaint, dvbf, text};
use dvbf::run::RunFolder;
use dvbf::train::TrainerState;
use std::fs;
use std::process::Command;

/// Runs a script in a namespace of its own, in which it may mount what nobody else sees.
fn alone(script: &str, words: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]).args(words);
    command
}

#[test]
fn a_full_disk_leaves_the_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (small, kept) = (folder.path().join("small"), folder.path().join("kept"));
    fs::create_dir(&small).unwrap();
    let (small, kept) = (small.display().to_string(), kept.display().to_string());
    let mount = "mount -t tmpfs -o size=512k tmpfs \"$1\"";
    if !alone(mount, &[&small]).output().is_ok_and(|output| output.status.success()) {
        eprintln!("left out: this machine lets nobody mount a small disk");
        return;
    }
    // The disk is gone with its namespace, so what it holds in the end is copied.
    let script = format!(
        "{mount} && shift && cd \"$1\" && shift && kept=$1 && shift && \"$@\"; code=$?; \
         cp -r r \"$kept\"; exit $code"
    );
    let mut long = vec!["--out", "r"];
    // Every update adds a line, and there is no other one.
    for setting in ["training.steps=1000000", "training.log_interval=1", "training.restarts=1"] {
        long.extend(["--set", setting]);
    }
    let training = crate::tiny::train(folder.path(), &long);
    let program = training.get_program().to_str().unwrap().to_owned();
    let words: Vec<String> =
        training.get_args().map(|word| word.to_str().unwrap().to_owned()).collect();
    let mut all = vec![small.as_str(), small.as_str(), kept.as_str(), program.as_str()];
    all.extend(words.iter().map(String::as_str));
    let output = alone(&script, &all).output().unwrap();
    let line = complaint(&output, 1);
    assert!(line.contains("No space left") && line.contains("r/"), "{line}");

    let run = folder.path().join("kept");
    let file = RunFolder::open(&run).unwrap().checkpoint().unwrap();
    let step = TrainerState::decode(&file.trainer, file.values.len()).unwrap().step;
    assert!(step > 10, "it came some way: {step}");
    // On a disk with room it goes on.
    let config = run.join("config.toml");
    let settings = fs::read_to_string(&config).unwrap();
    let shorter = settings.replace("steps = 1000000", &format!("steps = {}", step + 3));
    assert_ne!(shorter, settings);
    fs::write(&config, shorter).unwrap();
    let resumed = dvbf(folder.path(), &["train", "--out", "kept", "--resume"]).output().unwrap();
    assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed.stderr));
    let records = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    assert_eq!(records.lines().count(), usize::try_from(step + 3).unwrap());
}
