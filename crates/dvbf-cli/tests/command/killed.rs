//! A run whose process is killed again and again, at any moment.

use crate::tiny::{text, train};
use dvbf::run::RunFolder;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

const KILLS: u64 = 50;

const LONG: [&str; 7] = [
    "--quiet",
    "--set",
    "training.steps=1500",
    "--set",
    "training.log_interval=40",
    "--set",
    "training.checkpoint_interval=7",
];

/// A number below `below`, by the splitmix64 generator.
pub(crate) fn draw(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) % below
}

/// Records without what a clock has a part in.
pub(crate) fn records(run: &Path) -> Vec<BTreeMap<String, serde_json::Value>> {
    let history = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let mut records: Vec<BTreeMap<String, serde_json::Value>> =
        history.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for record in &mut records {
        record.retain(|key, _| key != "seconds" && key != "sequences_per_second");
    }
    records
}

#[test]
fn the_newest_checkpoint_loads_and_the_run_ends_as_if_nothing_had_happened() {
    let folder = tempfile::tempdir().unwrap();
    let whole = train(folder.path(), &[&LONG[..], &["--out", "whole"]].concat()).output().unwrap();
    assert_eq!(whole.status.code(), Some(0), "{}", text(&whole.stderr));

    let run = folder.path().join("killed");
    let (mut seed, mut found, mut seen) = (4, 0, std::collections::BTreeSet::new());
    for life in 0..KILLS {
        let mut arguments = [&LONG[..], &["--out", "killed"]].concat();
        if run.join("config.toml").exists() {
            arguments.push("--resume");
        }
        let written = || fs::metadata(run.join("checkpoint.dvbf")).and_then(|m| m.modified()).ok();
        let before = written();
        let mut process = train(folder.path(), &arguments).spawn().unwrap();
        // On a slow machine no life would get anywhere: every other one begins its last moments
        // with a checkpoint.
        let begun = Instant::now();
        while life % 2 == 0 && written() == before && process.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_mins(1), "a checkpoint is written");
            sleep(Duration::from_millis(1));
        }
        sleep(Duration::from_micros(draw(&mut seed, 60_000)));
        // It may have come to its end by itself.
        process.kill().ok();
        process.wait().unwrap();
        if run.join("checkpoint.dvbf").exists() {
            let file = RunFolder::open(&run).unwrap().checkpoint().unwrap();
            let state = dvbf::train::TrainerState::decode(&file.trainer, file.values.len());
            seen.insert(state.unwrap().step);
            found += 1;
        }
    }
    assert!(found > 0 && seen.len() > 1, "no kill came after a checkpoint: {seen:?}");
    let last = [&LONG[..], &["--out", "killed", "--resume"]].concat();
    let last = train(folder.path(), &last).output().unwrap();
    assert_eq!(last.status.code(), Some(0), "{}", text(&last.stderr));
    let (run, whole) = (&run, &folder.path().join("whole"));
    for name in ["checkpoint.dvbf", "best.dvbf", "config.toml"] {
        assert!(fs::read(run.join(name)).unwrap() == fs::read(whole.join(name)).unwrap(), "{name}");
    }
    assert_eq!(records(run), records(whole));
    let figures = |run: &Path| {
        let text = fs::read_to_string(run.join("summary.json")).unwrap();
        let mut tree: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
        tree.remove("seconds");
        tree
    };
    assert_eq!(figures(run), figures(whole));
    let names = |run: &Path| {
        let names = fs::read_dir(run).unwrap().map(|entry| entry.unwrap().file_name());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(names(run), names(whole), "nothing is left behind");
}
