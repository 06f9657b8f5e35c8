//! Recordings in and out.

use crate::tiny::{dvbf, text};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// A table of a damped oscillation, observed in two columns of other names than the usual.
fn table(path: &Path, steps: usize) {
    let mut text = String::from("time,height,speed,motor,note\n");
    let (mut x, mut v) = (1.0_f64, 0.0_f64);
    for t in 0..steps {
        let u = f64::from(u32::try_from(t * 7 % 11).unwrap()) / 11.0 - 0.5;
        let height = if t % 9 == 4 { String::new() } else { format!("{x:.4}") };
        let _ = writeln!(text, "{:.1},{height},{v:.4},{u:.4},ok", t as f64 / 10.0);
        v += 0.1 * (u - 2.0 * x - 0.2 * v);
        x += 0.1 * v;
    }
    fs::write(path, text).unwrap();
}

/// Exit status and what was said of a command in `folder`.
fn said(folder: &Path, words: &[&str]) -> (i32, String, String) {
    let output = dvbf(folder, words).output().unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

const CHOSEN: [&str; 4] = ["--observe", "height,speed", "--control", "motor"];

#[test]
fn a_table_is_looked_at_and_learned_from() {
    let folder = tempfile::tempdir().unwrap();
    table(&folder.path().join("log.csv"), 300);
    let here = |words: &[&str]| said(folder.path(), words);

    let (code, _, error) = here(&["inspect", "log.csv"]);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("log.csv: column height is not known") && error.contains("--observe"));

    let (code, out, error) = here(&[&["inspect", "log.csv"][..], &CHOSEN].concat());
    assert_eq!((code, error.as_str()), (0, ""));
    for words in [
        "observation height",
        "1 sequence of 300 steps",
        "0.1 s between two steps",
        "cut in time",
        "not used: note",
        "dvbf train --data log.csv",
    ] {
        assert!(out.contains(words), "{words:?} in {out}");
    }
    assert!(fs::read_to_string(folder.path().join("log.svg")).unwrap().contains("<path"));

    let small = ["--steps", "6", "--quiet", "--out", "run", "--set", "training.restarts=1"];
    let words = [&["train", "--data", "log.csv"][..], &CHOSEN, &small].concat();
    let (code, _, error) = here(&words);
    assert_eq!(code, 0, "{error}");
    let summary = fs::read_to_string(folder.path().join("run/summary.json")).unwrap();
    assert!(summary.contains("\"linear\"") && summary.contains("every sequence cut in time"));
    let (code, _, error) = here(&["report", "run"]);
    assert_eq!(code, 0, "the recordings are read again: {error}");
    fs::write(folder.path().join("log.csv"), "time,height,speed,motor\n0,1,2,3\n").unwrap();
    let (code, _, error) = here(&["report", "run"]);
    assert_eq!(code, 1);
    assert!(error.contains("log.csv"), "{error}");
}

#[test]
fn what_is_written_can_be_learned_from_in_both_formats() {
    let folder = tempfile::tempdir().unwrap();
    let here = |words: &[&str]| said(folder.path(), words);
    let small = [
        "--set",
        "data.train=8",
        "--set",
        "data.validation=3",
        "--set",
        "data.test=3",
        "--set",
        "data.long_steps=30",
        "--set",
        "evaluation.horizons=[10]",
        "--set",
        "evaluation.chosen_by=10",
        "--set",
        "training.batch=8",
    ];
    for (out, more) in [("p.npz", &[][..]), ("p", &["--format", "csv"])] {
        let words = [&["data", "pendulum", "--out", out][..], &small, more].concat();
        let (code, text, error) = here(&words);
        assert_eq!((code, error.as_str()), (0, ""));
        assert!(text.contains("20 sequences"), "{text}");
        let (code, text, error) = here(&["inspect", out, "--out", "p.svg"]);
        assert_eq!((code, error.as_str()), (0, ""));
        assert!(
            text.contains("8 (120 steps) for training, 6 (135 steps) for validation"),
            "{text}"
        );
    }
    assert!(folder.path().join("p/test/sequence19.csv").exists());
}

#[test]
fn files_that_are_not_there_or_not_recordings_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let here = |words: &[&str]| said(folder.path(), words);
    fs::write(folder.path().join("zip.npz"), b"PK\x03\x04 and no more").unwrap();
    for (file, words) in
        [("gone.npz", "gone.npz"), ("*.csv", "matches no file"), ("zip.npz", "zip.npz")]
    {
        for command in ["inspect", "train"] {
            let given = if command == "train" {
                vec!["train", "--data", file]
            } else {
                vec![command, file]
            };
            let (code, _, error) = here(&given);
            assert_eq!(code, 1, "{error}");
            assert!(error.contains(words) && error.lines().count() == 1, "{error}");
        }
    }
    let (code, _, error) = here(&["train"]);
    assert_eq!(code, 2, "{error}");
    let (code, _, error) = here(&["train", "pendulum", "--data", "zip.npz"]);
    assert_eq!(code, 2, "{error}");
    assert!(!folder.path().join("runs").exists());
}
