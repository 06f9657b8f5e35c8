//! Channels that are far from zero, or in small units.

use dvbf_data::{Columns, Origins, RawRecordings, TableReader, describe, read_npz_from};
use std::fmt::Write as _;
use std::path::Path;

fn signal(t: usize) -> f64 {
    (0.1 * t as f64).sin() + 0.05 * ((37 * t % 101) as f64 / 50.0 - 1.0)
}

fn table(value: impl Fn(f64) -> f64) -> String {
    let mut text = String::from("x\n");
    for t in 0..400 {
        writeln!(text, "{}", value(signal(t))).unwrap();
    }
    text
}

fn read(text: &str) -> RawRecordings {
    let mut reader = TableReader::new(Columns::default());
    reader.read(text.as_bytes(), Path::new("walk.csv")).unwrap();
    reader.finish().unwrap()
}

/// The same channel moved and scaled has the same figures, moved and scaled.
#[test]
fn an_offset_changes_no_figure_but_the_mean() {
    let plain = describe(&read(&table(|s| s)))[0].clone();
    for (offset, scale) in
        [(5e6, 0.1), (1e7, 1.0), (-1.7e9, 1.0), (101_325.0, 0.02), (0.0, 1.6e-19)]
    {
        let figures = describe(&read(&table(|s| offset + scale * s)))[0].clone();
        let close = |value: f64, right: f64| (value - right).abs() <= 1e-4 * right.abs();
        assert!(close(figures.std, scale * plain.std), "{offset}: {}", figures.std);
        assert!(close(figures.noise, plain.noise), "{offset}: {}", figures.noise);
        let mean = offset + scale * plain.mean;
        assert!((figures.mean - mean).abs() <= 1e-5 * scale, "{offset}: {}", figures.mean);
    }
}

/// What single precision cannot hold in any way is refused, not taken for zero.
#[test]
fn values_beyond_single_precision_are_refused() {
    let mut reader = TableReader::new(Columns::default());
    let text = table(|s| 1e-46 * s);
    reader.read(text.as_bytes(), Path::new("walk.csv")).unwrap();
    let message = reader.finish().unwrap_err().to_string();
    assert!(message.contains("observation x") && message.contains("another unit"), "{message}");
}

/// Archives and files that were written of them say the same.
#[test]
fn digits_survive_writing() {
    let folder = tempfile::tempdir().unwrap();
    let mut recordings = read(&table(|s| 5e6 + 0.1 * s));
    recordings.dt = Some(0.1);
    let path = folder.path().join("walk.npz");
    dvbf_data::write_npz(&path, &recordings).unwrap();
    let again = read_npz_from(std::fs::File::open(&path).unwrap(), &path).unwrap();
    assert_eq!(again.sequences[0].observations, recordings.sequences[0].observations);
    assert_eq!(again.origins, recordings.origins);
    assert!((recordings.origins.observation[0] - 5e6).abs() < 1.0);
}

/// Another origin moves the numbers, not what they mean.
#[test]
fn another_origin_keeps_the_values() {
    let mut recordings = read(&table(|s| 5e6 + 0.1 * s));
    let to = Origins { observation: vec![5_000_000.25], ..Origins::default() };
    recordings.shift(&to);
    for (t, value) in recordings.sequences[0].observations.iter().enumerate() {
        assert!((f64::from(*value) + 0.25 - 0.1 * signal(t)).abs() < 1e-7);
    }
}
