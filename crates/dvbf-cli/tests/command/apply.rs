//! What a trained model is used for: `filter`, `simulate`, `eval`.

use crate::tiny::{SETTINGS, dvbf, refusal, text, train};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A finished run `r` and its recordings `d.npz`.
fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert!(train(folder.path(), &["--out", "r", "--quiet"]).status().unwrap().success());
    let mut data =
        dvbf(folder.path(), &["data", "pendulum", "--preset", "smoke", "--out", "d.npz"]);
    for setting in SETTINGS {
        data.args(["--set", setting]);
    }
    assert!(data.output().unwrap().status.success());
    folder
}

fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = dvbf(folder, arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn recordings_are_filtered_into_an_archive() {
    let folder = prepared();
    let printed = succeeds(folder.path(), &["filter", "r", "--data", "d.npz", "--out", "z.npz"]);
    for part in ["24 sequences, 168 steps", "log-likelihood", "beliefs  z.npz"] {
        assert!(printed.contains(part), "{printed}");
    }
    let names = text(
        &fs::read(folder.path().join("z.npz")).unwrap().iter().map(|b| b & 127).collect::<Vec<_>>(),
    );
    for name in ["path.npy", "mean.npy", "std.npy", "predicted_mean.npy", "evidence.npy"] {
        assert!(names.contains(name), "{name}");
    }
    let model = ["filter", "r/best.dvbf", "--data", "d.npz", "--out", "again.npz"];
    succeeds(folder.path(), &model);
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert!(read("z.npz") == read("again.npz"), "a model file does what its run does");
}

#[test]
fn what_is_read_is_not_written_over() {
    let folder = prepared();
    let before = fs::read(folder.path().join("d.npz")).unwrap();
    for (out, why) in
        [("d.npz", "it is read"), ("./d.npz", "it is read"), ("r/best.dvbf", "end with .npz")]
    {
        for command in ["filter", "simulate"] {
            let line =
                refusal(dvbf(folder.path(), &[command, "r", "--data", "d.npz", "--out", out]));
            assert!(line.contains("cannot be written: it") && line.contains(why), "{line}");
        }
    }
    assert_eq!(fs::read(folder.path().join("d.npz")).unwrap(), before);
}

#[test]
fn bad_requests_are_one_sentence() {
    let folder = prepared();
    let cases: [(&[&str], &str); 6] = [
        (&["filter", "r", "--data", "none.npz", "--out", "z.npz"], "none.npz"),
        (&["filter", "x", "--data", "d.npz", "--out", "z.npz"], "x"),
        (&["filter", "r", "--data", "d.npz", "--out", "z.npz", "--gate", "2"], "gate is 2"),
        (&["filter", "r", "--data", "d.npz", "--out", "no/z.npz"], "no/z.npz cannot be written"),
        (&["simulate", "r", "--filtered", "99", "--out", "s.npz"], "has 9 steps"),
        (&["eval", "x"], "config.toml is missing"),
    ];
    for (arguments, part) in cases {
        let line = refusal(dvbf(folder.path(), arguments));
        assert!(line.contains(part), "{line}");
    }
    assert!(!folder.path().join("z.npz").exists());
}

#[test]
fn a_simulation_is_a_recording_and_a_film() {
    let folder = prepared();
    let arguments = [
        "simulate",
        "r",
        "--draws",
        "2",
        "--sequences",
        "3",
        "--out",
        "s.npz",
        "--animation",
        "s.png",
    ];
    let printed = succeeds(folder.path(), &arguments);
    assert!(
        printed.contains("6 sequences of at most 6 steps, after 3 filtered steps each"),
        "{printed}"
    );
    assert!(fs::read(folder.path().join("s.png")).unwrap().starts_with(b"\x89PNG"));
    let seen = dvbf(folder.path(), &["inspect", "s.npz", "--out", "s.svg"]).output().unwrap();
    assert!(text(&seen.stdout).contains("6 sequences"), "{}", text(&seen.stdout));

    let prior = ["simulate", "r", "--prior", "--sequences", "2", "--steps", "7", "--out", "p.npz"];
    assert!(succeeds(folder.path(), &prior).contains("2 sequences of at most 7 steps, from draws"));
    // Recordings may be named, too.
    let named = ["simulate", "r", "--data", "d.npz", "--filtered", "2", "--out", "n.npz"];
    assert!(succeeds(folder.path(), &named).contains("after 2 filtered steps each"));
}

#[test]
fn an_evaluation_prints_what_the_run_printed() {
    let folder = prepared();
    let files = || fs::read_dir(folder.path().join("r")).unwrap().count();
    let before = files();
    let json = succeeds(folder.path(), &["eval", "r", "--json"]);
    let mut again: Value = serde_json::from_str(&json).unwrap();
    let mut kept: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("r/summary.json")).unwrap())
            .unwrap();
    for figures in [&mut again, &mut kept] {
        for timing in ["seconds", "threads"] {
            figures.as_object_mut().unwrap().remove(timing);
        }
    }
    assert_eq!(again, kept);
    assert_eq!(files(), before, "nothing is written");
    let printed = succeeds(folder.path(), &["eval", "r"]);
    assert!(printed.contains("R² on held-out") && printed.contains("Open-loop"), "{printed}");
}
