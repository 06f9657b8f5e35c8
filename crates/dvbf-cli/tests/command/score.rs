//! `dvbf score`, and recordings in episodes, thinned, with files for a part of their own.

use super::tiny::dvbf;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Episodes of an oscillator that a control drives, at two hundred steps a second, as a logger writes them.
fn log(path: &Path, episodes: usize, steps: usize) {
    let mut text = String::from("episode,time [s],angle [rad],torque [Nm]\n");
    for episode in 0..episodes {
        let (mut angle, mut rate) = (0.5 + episode as f64, 0.0);
        for t in 0..steps {
            let torque = f64::from(u8::from((t / 40 + episode) % 2 == 0));
            let _ = writeln!(text, "{episode},{:.3},{angle:.6},{torque}", 0.005 * t as f64);
            rate += 0.005 * (torque - 4.0 * angle - 0.3 * rate);
            angle += 0.005 * rate;
        }
    }
    fs::write(path, text).unwrap();
}

fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = dvbf(folder, arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_log_is_learned_from_and_scored() {
    let folder = tempfile::tempdir().unwrap();
    log(&folder.path().join("log.csv"), 4, 1200);
    log(&folder.path().join("test.csv"), 1, 1600);
    let columns = ["--observe", "angle", "--control", "torque", "--every", "8"];
    let inspected = succeeds(folder.path(), &[&["inspect", "log.csv"], &columns[..]].concat());
    assert!(inspected.contains("4 sequences of 150 steps"), "{inspected}");
    assert!(inspected.contains("8 steps averaged to one"), "{inspected}");
    // The command that is recommended works as it stands.
    let line = inspected.lines().find(|line| line.contains("dvbf train --data")).unwrap();
    let mut words: Vec<&str> = line.split_whitespace().skip(1).collect();
    assert_eq!(words[words.len() - 6..], columns, "{line}");
    words.extend([
        "--test",
        "test.csv",
        "--steps",
        "40",
        "--threads",
        "1",
        "--quiet",
        "--out",
        "r",
    ]);
    succeeds(folder.path(), &words);

    let printed = succeeds(folder.path(), &["score", "r", "--data", "test.csv", "--after", "20"]);
    assert!(printed.starts_with("The model is ") && printed.contains("angle [rad]"), "{printed}");
    let arguments = ["score", "r", "--data", "test.csv", "--after", "20", "--horizons", "1,10"];
    let json = succeeds(folder.path(), &[&arguments[..], &["--json"]].concat());
    let tree: serde_json::Value = serde_json::from_str(&json).unwrap();
    let fit = tree["free_run"]["angle [rad]"]["fit_percent"].as_f64().unwrap();
    assert!(fit > 90.0, "an oscillator is linear: {json}");
    assert!(tree["free_run"]["angle [rad]"]["rmse"].as_f64().unwrap() > 0.0);
    for steps in ["1", "10"] {
        for who in ["model", "linear", "kalman", "persistence"] {
            assert!(tree["n_step"][steps][who].is_f64(), "{steps} {who}: {json}");
        }
    }
    assert!(tree["unit"].is_string() && tree["residuals"].is_object(), "{json}");
    assert_eq!(tree["steps"].as_u64(), Some(180));
}

/// Columns of any names are shown, with a command that trains on what they probably are.
#[test]
fn columns_are_guessed() {
    let folder = tempfile::tempdir().unwrap();
    log(&folder.path().join("log.csv"), 4, 300);
    let printed = succeeds(folder.path(), &["inspect", "log.csv"]);
    for words in ["time [s]", "time stamps", "episode", "torque [Nm]", "input", "output"] {
        assert!(printed.contains(words), "{words}: {printed}");
    }
    let json = succeeds(folder.path(), &["inspect", "log.csv", "--json"]);
    let tree: serde_json::Value = serde_json::from_str(&json).unwrap();
    let roles: Vec<&str> =
        tree["columns"].as_array().unwrap().iter().map(|c| c["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["episode", "time", "output", "input"]);
    let command = tree["command"].as_str().unwrap();
    assert_eq!(
        command,
        "dvbf train --data log.csv --observe 'angle [rad]' --control 'torque [Nm]' --time 'time [s]' \
         --episode episode"
    );
    assert!(tree["problem"].is_null() && tree["channels"].as_array().unwrap().len() == 2);
}

#[test]
fn scores_that_cannot_be_are_refused_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    log(&folder.path().join("log.csv"), 4, 400);
    let columns = ["--observe", "angle", "--control", "torque", "--every", "8"];
    let train = ["train", "--data", "log.csv", "--steps", "20", "--quiet", "--out", "r"];
    succeeds(folder.path(), &[&train[..], &columns[..]].concat());
    for (after, words) in [("2", "start the state"), ("5000", "the longest sequence has 50 steps")]
    {
        let arguments = ["score", "r", "--data", "log.csv", "--after", after];
        let output = dvbf(folder.path(), &arguments).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(error.contains(words) && error.lines().count() == 1, "{error}");
    }
}
