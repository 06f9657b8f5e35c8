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

    // Names that nobody chose are guessed by who looks, and refused by who trains.
    let (code, out, error) = here(&["inspect", "log.csv"]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("--observe height,speed --control motor"), "{out}");
    let (code, _, error) = here(&["train", "--data", "log.csv"]);
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
    // From anywhere, and also when the file was moved.
    let elsewhere = tempfile::tempdir().unwrap();
    let run = folder.path().join("run").display().to_string();
    let (code, _, error) = said(elsewhere.path(), &["report", &run]);
    assert_eq!(code, 0, "{error}");
    fs::rename(folder.path().join("log.csv"), elsewhere.path().join("moved.csv")).unwrap();
    let (code, _, error) = here(&["report", "run"]);
    assert!(code == 1 && error.contains("log.csv") && error.contains("--data"), "{error}");
    let (code, _, error) = said(elsewhere.path(), &["report", &run, "--data", "moved.csv"]);
    assert_eq!(code, 0, "{error}");
    let again = ["train", "--resume", "--quiet", "--out", &run, "--data", "moved.csv"];
    let (code, _, error) = said(elsewhere.path(), &again);
    assert_eq!(code, 0, "{error}");
    let (code, _, error) = said(elsewhere.path(), &again[..5]);
    assert!(code == 1 && error.contains("log.csv"), "{error}");
    // Another run with the same settings and the moved file.
    let config = folder.path().join("run/config.toml").display().to_string();
    let other = ["train", "--config", &config, "--quiet", "--out", "other", "--data", "moved.csv"];
    let (code, _, error) = said(elsewhere.path(), &other);
    assert_eq!(code, 0, "{error}");
    table(&elsewhere.path().join("longer.csv"), 301);
    let (code, _, error) = said(elsewhere.path(), &["report", &run, "--data", "longer.csv"]);
    assert!(code == 1 && error.contains("longer.csv") && error.contains("checksum"), "{error}");
    let other = [&other[..5], &["third", "--data", "longer.csv"]].concat();
    let (code, _, error) = said(elsewhere.path(), &other);
    assert_eq!(code, 0, "a new run may have new recordings: {error}");
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
fn recordings_that_are_too_short_are_shown_and_the_status_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let here = |words: &[&str]| said(folder.path(), words);
    fs::write(folder.path().join("short.csv"), "x,u\n1,0\n2,0\n3,1\n").unwrap();
    let (code, out, error) = here(&["inspect", "short.csv"]);
    assert_eq!(code, 1);
    assert!(error.contains("cannot be trained on") && error.lines().count() == 1, "{error}");
    assert!(out.contains("1 sequence of 3 steps") && out.contains("observation x"), "{out}");
    assert!(folder.path().join("short.svg").exists());
}

#[test]
fn nothing_is_written_over_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    table(&folder.path().join("log.svg"), 60);
    let text = fs::read(folder.path().join("log.svg")).unwrap();
    for more in [&[][..], &["--out", "./log.svg"]] {
        let words = [&["inspect", "log.svg"][..], &CHOSEN, more].concat();
        let (code, out, error) = said(folder.path(), &words);
        assert_eq!((code, out.as_str()), (1, ""));
        assert!(error.contains("log.svg is one of the recordings"), "{error}");
        assert_eq!(fs::read(folder.path().join("log.svg")).unwrap(), text);
    }
}

#[test]
fn chosen_figures_have_to_exist_before_recordings_are_learned_from() {
    let folder = tempfile::tempdir().unwrap();
    table(&folder.path().join("log.csv"), 300);
    for figure in ["r2.sample.angle", "open_loop.1.physics", "open_loop.7.model"] {
        let bound = format!("{figure}<=1");
        let words = [&["train", "--data", "log.csv", "--require", &bound][..], &CHOSEN].concat();
        let (code, _, error) = said(folder.path(), &words);
        assert!(code == 1 && error.contains(&format!("no figure {figure};")), "{error}");
    }
    assert!(!folder.path().join("runs").exists());
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
