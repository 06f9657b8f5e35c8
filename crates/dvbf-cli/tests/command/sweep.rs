//! Sweeps: what is refused before anything runs, a process that is killed, runs that fail, arrays.

use crate::tiny::{self, complaint, dvbf, refusal, text};
use dvbf::run::RunFolder;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A sweep over `smoke` with tiny settings.
fn write(folder: &Path, vary: &str) {
    let set: Vec<String> = tiny::SETTINGS.iter().map(|setting| format!("{setting:?}")).collect();
    let file = format!("preset = 'smoke'\nset = [{}]\n[vary]\n{vary}\n", set.join(", "));
    fs::write(folder.join("grid.toml"), file).unwrap();
}

fn sweep(folder: &Path, arguments: &[&str]) -> Command {
    dvbf(folder, &[&["sweep", "grid.toml", "--out", "s"], arguments].concat())
}

fn csv(folder: &Path) -> Vec<Vec<String>> {
    let table = fs::read_to_string(folder.join("s/sweep.csv")).unwrap();
    table.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn bad_settings_are_refused_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "seed = [0, 1]\ntraining.batch = [4, 0]");
    let line = refusal(sweep(folder.path(), &[]));
    assert!(line.contains("run 1 (seed=0, training.batch=0): training.batch"), "{line}");
    write(folder.path(), "sed = [0, 1]");
    let line = refusal(sweep(folder.path(), &[]));
    assert!(line.contains("unknown setting sed; did you mean seed?"), "{line}");
    assert!(!folder.path().join("s").exists());
}

/// A sweep is killed once a run is finished and another has a checkpoint; the same command brings it
/// to its end, to the bits of runs that nobody disturbed.
#[test]
fn a_sweep_that_was_killed_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "training.steps = [8, 600]\nseed = [3]");
    let mut process = sweep(folder.path(), &["--processes", "1", "--quiet"]).spawn().unwrap();
    let begun = Instant::now();
    let second = folder.path().join("s/0001");
    while !second.join("checkpoint.dvbf").exists() {
        assert!(begun.elapsed() < Duration::from_mins(2), "a second run begins");
        sleep(Duration::from_millis(1));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(!second.join("summary.json").exists(), "the kill came too late");
    let first =
        fs::metadata(folder.path().join("s/0000/summary.json")).unwrap().modified().unwrap();

    let output = sweep(folder.path(), &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let unchanged = fs::metadata(folder.path().join("s/0000/summary.json")).unwrap();
    assert_eq!(unchanged.modified().unwrap(), first, "a finished run is left as it is");
    let rows = csv(folder.path());
    assert_eq!(rows[0][..4], ["run", "state", "seed", "training.steps"]);
    assert_eq!(rows[1][..4], ["0", "finished", "3", "8"]);
    assert_eq!(rows[2][..4], ["1", "finished", "3", "600"]);
    for name in ["sweep.json", "sweep.html"] {
        let table = fs::read_to_string(folder.path().join("s").join(name)).unwrap();
        assert!(table.contains("open_loop.6.model"), "{name}");
    }
    let alone = ["--seed", "3", "--set", "training.steps=600", "--out", "alone", "--quiet"];
    assert!(tiny::train(folder.path(), &alone).status().unwrap().success());
    let best = |run: &Path| fs::read(run.join("best.dvbf")).unwrap();
    assert!(best(&second) == best(&folder.path().join("alone")));
    // Another sweep does not mix with this one.
    write(folder.path(), "training.steps = [8, 601]\nseed = [3]");
    let line = refusal(sweep(folder.path(), &[]));
    assert!(line.contains("0001 holds a run with another training.steps"), "{line}");
}

#[test]
fn a_run_that_fails_is_named_and_the_others_are_made() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "seed = [0, 1]");
    fs::create_dir(folder.path().join("s")).unwrap();
    // In the place of the folder of the first run.
    fs::write(folder.path().join("s/0000"), "").unwrap();
    let output = sweep(folder.path(), &["--quiet"]).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("run 0 of 2 failed (seed=0): "), "{said}");
    assert!(said.contains("1 of 2 runs in s are finished"), "{said}");
    let rows = csv(folder.path());
    assert_eq!((rows[1][1].as_str(), rows[2][1].as_str()), ("failed", "finished"));
    assert!(rows[1].last().unwrap().contains("0000"), "{:?}", rows[1]);
    fs::remove_file(folder.path().join("s/0000")).unwrap();
    assert!(sweep(folder.path(), &["--quiet"]).status().unwrap().success());
    assert_eq!(csv(folder.path())[1][1], "finished");
}

#[test]
fn tasks_of_an_array_make_one_run_each() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "seed = [5, 6]");
    let list = sweep(folder.path(), &["--list"]).output().unwrap();
    assert_eq!(text(&list.stdout), "0 seed=5\n1 seed=6\n");
    assert!(sweep(folder.path(), &["--array-index", "1"]).status().unwrap().success());
    assert!(!folder.path().join("s/0000").exists() && !folder.path().join("s/sweep.csv").exists());
    let settings = RunFolder::open(&folder.path().join("s/0001")).unwrap().settings().unwrap();
    assert_eq!(settings.seed, 6);
    let output = sweep(folder.path(), &["--collect"]).output().unwrap();
    assert!(complaint(&output, 1).contains("1 of 2 runs in s are finished"));
    assert_eq!((&*csv(folder.path())[1][1], &*csv(folder.path())[2][1]), ("waiting", "finished"));
    let line = refusal(sweep(folder.path(), &["--array-index", "2"]));
    assert!(line.contains("there is no run 2; the last of 2 is 1"), "{line}");
}
