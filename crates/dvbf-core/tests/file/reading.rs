//! What is read of a model file, what becomes of its names, and that today's format stays what it is.

use super::{config, model_file, written};
use dvbf_core::{Filter, Layout, ModelFile, Steps};
use std::fs;
use std::path::Path;

/// Bytes that this thread has read from files so far.
#[cfg(target_os = "linux")]
fn bytes_read() -> usize {
    let counts = fs::read_to_string("/proc/thread-self/io").unwrap();
    counts.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn the_state_of_a_trainer_is_not_read_by_a_filter() {
    let trainer = vec![7; 16 << 20];
    let (_folder, path, bytes) = written(&ModelFile { trainer, ..model_file() });
    let own = bytes.len() - (16 << 20);
    let before = bytes_read();
    Filter::load(&path).unwrap();
    let read = bytes_read() - before;
    assert!((own..own + 4096).contains(&read), "{read} bytes read, {own} are the filter's");
}

#[test]
fn names_cannot_control_a_terminal() {
    let (x, u) = (config().observation, config().control);
    let hostile = "a\u{1b}[2J\n\t\u{202e}b\u{9b}";
    let layout = Layout {
        observation: (0..x).map(|i| format!("{hostile}{i}")).collect(),
        control: (0..u).map(|i| format!("{i}{}", "long".repeat(100))).collect(),
        image: None,
        steps: Steps::Equal,
    };
    let (_folder, path, _) = written(&ModelFile { layout: Some(layout), ..model_file() });
    let filter = Filter::load(&path).unwrap();
    let layout = filter.layout().unwrap();
    assert_eq!(layout.observation[0], "a\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}b\u{fffd}0");
    assert!(layout.control.iter().all(|name| name.chars().count() == 201), "{layout:?}");
}

#[test]
fn the_newest_format_is_written_as_ever() {
    let (_folder, path, bytes) = written(&model_file());
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/format-4.dvbf");
    assert!(fs::read(golden).unwrap() == bytes, "what is written has changed");
    assert_eq!(ModelFile::read(&path).unwrap(), model_file());
}
