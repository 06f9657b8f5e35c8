//! Damaged files of every kind through every command that reads them: an error in one sentence or a result, within
//! seconds and within a bound of memory.

use crate::killed::draw;
use crate::tiny::{SETTINGS, dvbf, text, train};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Kibibytes of address space that a command may take; a training with these settings takes about a third.
const MEMORY: usize = 700_000;

/// Files of a run, and the commands that read them.
const OF_RUN: [(&str, &[&str]); 5] = [
    (
        "best.dvbf",
        &["filter r --data good.npz --out b.npz", "export r --out w", "eval r", "report r"],
    ),
    ("checkpoint.dvbf", &["train --out r --resume --threads 1", "eval r"]),
    ("config.toml", &["eval r", "report r", "train --out r --resume --threads 1"]),
    ("metrics.jsonl", &["report r", "train --out r --resume --threads 1"]),
    ("summary.json", &["report r", "eval r"]),
];

/// Recordings, and the commands that read them.
const OF_RECORDINGS: [&str; 3] =
    ["inspect FILE", "filter r --data FILE --out b.npz", "score r --data FILE"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(name)
}

/// Bytes with a few changes: flipped bits, numbers that programs stumble over, a hole, an end too early.
fn damaged(whole: &[u8], seed: &mut u64) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let place =
        |seed: &mut u64, length: usize| usize::try_from(draw(seed, length.max(1) as u64)).unwrap();
    for _ in 0..=draw(seed, 3) {
        let at = place(seed, bytes.len());
        match draw(seed, 5) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << draw(seed, 8),
            1 => {
                let number = [0, 1, u32::MAX, 0x7fff_ffff, 0x7f80_0000][place(seed, 5)];
                bytes.iter_mut().skip(at).zip(number.to_le_bytes()).for_each(|(to, b)| *to = b);
            }
            2 => {
                let end = bytes.len().min(at + place(seed, 200));
                bytes.drain(at..end);
            }
            3 => bytes.truncate(at),
            _ => {
                let own: Vec<u8> = bytes.iter().copied().skip(at).take(64).collect();
                let to = place(seed, bytes.len());
                bytes.splice(to..to, own);
            }
        }
    }
    bytes
}

/// Runs a command within the bounds, and says how it broke them.
fn bounded(folder: &Path, words: &str) -> Result<(), String> {
    let command = dvbf(folder, &[]);
    let mut bounded = Command::new("sh");
    let script = format!("ulimit -v {MEMORY}; exec \"$@\"");
    bounded.current_dir(folder).args(["-c", &script, "sh"]).arg(command.get_program());
    bounded.args(words.split(' ')).stdout(Stdio::null()).stderr(Stdio::piped());
    let begun = Instant::now();
    let mut process = bounded.spawn().map_err(|e| e.to_string())?;
    while process.try_wait().map_err(|e| e.to_string())?.is_none() {
        if begun.elapsed() > Duration::from_mins(1) {
            process.kill().ok();
            return Err("it hangs".into());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = process.wait_with_output().map_err(|e| e.to_string())?;
    let said = text(&output.stderr);
    match output.status.code() {
        Some(0) => Ok(()),
        Some(1) if said.contains("dvbf: ") && !said.contains("panicked") => Ok(()),
        other => Err(format!("it ends with {other:?}: {said}")),
    }
}

/// A copy of the run `whole` in a folder of its own, with a good archive beside it.
fn copied(whole: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("r")).unwrap();
    for entry in fs::read_dir(whole.join("r")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join("r").join(path.file_name().unwrap())).unwrap();
    }
    fs::copy(whole.join("good.npz"), folder.path().join("good.npz")).unwrap();
    folder
}

/// `count` damaged files of every kind; gives the number of commands.
fn damage(count: usize) -> usize {
    let whole = tempfile::tempdir().unwrap();
    let mut data =
        dvbf(whole.path(), &["data", "pendulum", "--preset", "smoke", "--out", "good.npz"]);
    for setting in SETTINGS {
        data.args(["--set", setting]);
    }
    let made = data.output().unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let trained = train(whole.path(), &["--out", "r", "--quiet"]).output().unwrap();
    assert!(trained.status.success(), "{}", text(&trained.stderr));
    let (mut seed, mut commands) = (3, 0);
    let mut run = |folder: &Path, words: &str, bytes: &[u8]| {
        commands += 1;
        if let Err(problem) = bounded(folder, words) {
            let kept = std::env::temp_dir().join("damaged-file");
            fs::write(&kept, bytes).unwrap();
            panic!("{words}: {problem}; the file is {}", kept.display());
        }
    };
    for (name, words) in OF_RUN {
        let good = fs::read(whole.path().join("r").join(name)).unwrap();
        for n in 0..count {
            let folder = copied(whole.path());
            let bytes = damaged(&good, &mut seed);
            fs::write(folder.path().join("r").join(name), &bytes).unwrap();
            run(folder.path(), words[n % words.len()], &bytes);
        }
    }
    let recordings = [
        ("npz/all.npz", "f.npz"),
        ("table/comma.csv", "f.csv"),
        ("hdf5/arrays.mat", "f.mat"),
        ("parquet/pandas.parquet", "f.parquet"),
        ("mcap/log.mcap", "f.mcap"),
        ("gif/gray.gif", "f.gif"),
        ("images/color.png", "frames/0.png"),
    ];
    for (seed_file, name) in recordings {
        let good = fs::read(fixture(seed_file)).unwrap();
        let folder = copied(whole.path());
        fs::create_dir(folder.path().join("frames")).unwrap();
        fs::write(folder.path().join("frames/1.png"), &good).unwrap();
        let word = if name.starts_with("frames") { "frames" } else { name };
        for n in 0..count {
            let bytes = damaged(&good, &mut seed);
            fs::write(folder.path().join(name), &bytes).unwrap();
            let words = OF_RECORDINGS[n % OF_RECORDINGS.len()].replace("FILE", word);
            run(folder.path(), &words, &bytes);
        }
    }
    commands
}

#[test]
fn a_few_damaged_files_of_every_kind() {
    assert_eq!(damage(3), 36);
}

/// Four hundred of every kind.
#[test]
#[ignore = "minutes"]
fn many_damaged_files_of_every_kind() {
    println!("{} commands", damage(400));
}
