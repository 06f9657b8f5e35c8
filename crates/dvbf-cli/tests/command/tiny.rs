//! The command with settings of a run that takes a fraction of a second.

use std::path::Path;
use std::process::{Command, Output};

/// Overrides of the `smoke` preset.
pub(crate) const SETTINGS: [&str; 19] = [
    "data.train=8",
    "data.validation=4",
    "data.test=4",
    "data.steps=6",
    "data.long_steps=9",
    "model.hidden=6",
    "model.matrices=2",
    "model.transition_hidden=4",
    "model.initial_frames=2",
    "training.steps=6",
    "training.batch=4",
    "training.shard=2",
    "training.window=4",
    "training.log_interval=3",
    "training.checkpoint_interval=2",
    "evaluation.filtered=3",
    "evaluation.horizons=[2, 6]",
    "evaluation.chosen_by=6",
    "evaluation.importance_samples=2",
];

/// The command, to be run in `folder`.
pub(crate) fn dvbf(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dvbf"));
    command.current_dir(folder).args(arguments);
    command
}

/// `dvbf train pendulum` with tiny settings and these further arguments.
pub(crate) fn train(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = dvbf(folder, &["train", "pendulum", "--preset", "smoke", "--threads", "1"]);
    for setting in SETTINGS {
        command.args(["--set", setting]);
    }
    command.args(arguments);
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The one sentence on standard error of a command that failed with `code`.
#[track_caller]
pub(crate) fn complaint(output: &Output, code: i32) -> String {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    let lines: Vec<&str> = error.lines().filter(|line| line.starts_with("dvbf: ")).collect();
    assert_eq!(lines.len(), 1, "one sentence: {error}");
    assert!(!error.contains("panicked"), "{error}");
    lines[0].to_owned()
}

/// [`complaint`] of a command that does nothing else: there is no other line.
#[track_caller]
pub(crate) fn refusal(mut command: Command) -> String {
    let output = command.output().unwrap();
    let line = complaint(&output, 1);
    assert_eq!(text(&output.stderr).trim_end(), line, "nothing else is said");
    assert_eq!(text(&output.stdout), "");
    line
}
