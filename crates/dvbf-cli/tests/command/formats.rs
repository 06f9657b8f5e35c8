//! Recordings of other programs through every command: frames, HDF5, Parquet.

use crate::tiny::{dvbf, text};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dvbf-data/tests/recordings/fixtures").join(name)
}

#[track_caller]
fn succeeds(folder: &Path, words: &[&str]) -> String {
    let output = dvbf(folder, words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The words of the command that `inspect` recommends.
#[track_caller]
fn recommended(folder: &Path, words: &[&str]) -> Vec<String> {
    let printed = succeeds(folder, &[&["inspect", "--json"], words].concat());
    let tree: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let command = tree["command"].as_str().unwrap();
    command.split_whitespace().skip(1).map(str::to_owned).collect()
}

const SMALL: [&str; 15] = [
    "--steps",
    "6",
    "--quiet",
    "--threads",
    "1",
    "--out",
    "r",
    "--set",
    "training.restarts=1",
    "--set",
    "training.finalists=1",
    "--set",
    "model.hidden=6",
    "--set",
    "training.log_interval=3",
];

/// Trains with the recommended command, and applies what was trained to `data`.
#[track_caller]
fn goes_all_the_way(folder: &Path, words: &[&str], data: &str) {
    let command = recommended(folder, words);
    let mut all: Vec<&str> = command.iter().map(String::as_str).collect();
    all.extend(SMALL);
    succeeds(folder, &all);
    succeeds(folder, &["eval", "r"]);
    let printed = succeeds(folder, &["filter", "r", "--data", data, "--out", "beliefs.npz"]);
    assert!(printed.contains("steps") && folder.join("beliefs.npz").exists(), "{printed}");
    let scored = succeeds(folder, &["score", "r", "--data", data, "--after", "10"]);
    assert!(scored.contains("The model is"), "{scored}");
}

#[test]
fn folders_of_frames_are_learned_from() {
    let folder = tempfile::tempdir().unwrap();
    for walk in 0..6 {
        let own = folder.path().join(format!("walks/walk_{walk}"));
        fs::create_dir_all(&own).unwrap();
        let mut table = String::from("time [s],torque [Nm]\n");
        for t in 0..24 {
            let picture =
                fixture("frames").join(format!("frame_{}.png", [1, 2, 10][(t + walk) % 3]));
            fs::copy(picture, own.join(format!("{t}.png"))).unwrap();
            let _ = writeln!(table, "{:.2},{}", 0.05 * t as f64, (t * 7 + walk) % 5);
        }
        fs::write(own.join("log.csv"), table).unwrap();
    }
    let words = ["walks", "--control", "torque", "--size", "4x3", "--gray"];
    let command = recommended(folder.path(), &words);
    assert_eq!(command[..3], ["train", "--data", "walks"]);
    assert!(command.ends_with(&["--size".into(), "4x3".into(), "--gray".into()]), "{command:?}");
    // Columns of the table beside the frames are guessed.
    let guessed = recommended(folder.path(), &["walks", "--size", "4x3"]).join(" ");
    assert!(guessed.contains("--control") && guessed.contains("torque"), "{guessed}");
    goes_all_the_way(folder.path(), &words, "walks");
    // What the run was trained at is kept.
    let settings = fs::read_to_string(folder.path().join("r/config.toml")).unwrap();
    assert!(settings.contains("size = \"4x3\"") && settings.contains("gray = true"), "{settings}");
}

/// Parquet like a data set of `LeRobot`, of which there are too few rows to learn from.
#[test]
fn a_data_set_of_lerobot_is_shown_and_filtered() {
    let folder = tempfile::tempdir().unwrap();
    let data = fixture("lerobot").display().to_string();
    let output = dvbf(folder.path(), &["inspect", &data]).output().unwrap();
    let printed = text(&output.stdout);
    for words in ["observation.state.angle.pos", "control action", "2 sequences of 5 to 6 steps"] {
        assert!(printed.contains(words), "{words:?} in {printed}");
    }
}

#[test]
fn columns_of_parquet_and_matlab_are_guessed() {
    let folder = tempfile::tempdir().unwrap();
    let pandas = fixture("pandas.parquet").display().to_string();
    let output = dvbf(folder.path(), &["inspect", &pandas]).output().unwrap();
    let printed = text(&output.stdout);
    assert!(printed.contains("time stamps") && printed.contains("input"), "{printed}");
    let matlab = fixture("columns.mat").display().to_string();
    let output = dvbf(folder.path(), &["inspect", &matlab]).output().unwrap();
    assert!(text(&output.stdout).contains("observation y.1"), "{}", text(&output.stdout));
}

#[test]
fn video_without_ffmpeg_is_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("walk.mp4"), b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom").unwrap();
    let output =
        dvbf(folder.path(), &["inspect", "walk.mp4"]).env("PATH", folder.path()).output().unwrap();
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("walk.mp4 is video") && error.contains("install it"), "{error}");
    assert_eq!(error.trim_end().lines().count(), 1, "{error}");
}
