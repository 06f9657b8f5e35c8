//! Recordings at another pace, in episodes, and in files for a part of their own.

use dvbf_data::{Columns, Pace, Part, RawRecordings, Reading, TableReader};
use std::fs;
use std::path::Path;

fn table(text: &str, columns: &Columns) -> Result<RawRecordings, String> {
    let mut reader = TableReader::new(columns.clone());
    reader.read(text.as_bytes(), Path::new("walk.csv")).map_err(|e| e.to_string())?;
    reader.finish().map_err(|e| e.to_string())
}

fn read(folder: &Path, pace: Pace) -> Result<RawRecordings, String> {
    let files = vec![folder.join("log.csv").display().to_string()];
    Reading { files, pace, ..Reading::default() }.read().map_err(|e| e.to_string())
}

fn log(rows: impl Iterator<Item = (f64, f64, f64)>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<String> = rows.map(|(t, x, u)| format!("{t},{x},{u}")).collect();
    fs::write(folder.path().join("log.csv"), format!("t,x,u\n{}\n", lines.join("\n"))).unwrap();
    folder
}

/// A thousand steps a second become fifty, and what is faster than that is averaged away.
#[test]
fn thinning_averages() {
    let wave = |i: usize| (0.002 * i as f64).sin() + if i.is_multiple_of(2) { 0.5 } else { -0.5 };
    let folder = log((0..400).map(|i| (0.001 * i as f64, wave(i), (i / 20) as f64)));
    let all = read(folder.path(), Pace { every: 20, resample: None }).unwrap();
    assert!((all.dt.unwrap() - 0.02).abs() < 1e-9, "{:?}", all.dt);
    let x = &all.sequences[0].observations;
    assert_eq!(x.nrows(), 20);
    for (k, x) in x.column(0).iter().enumerate() {
        let middle = (0.002 * (20.0 * k as f64 + 9.5)).sin();
        assert!((f64::from(*x) - middle).abs() < 7e-3, "{k}: {x} and {middle}");
    }
    // From the middle of one step to that of the next acts half of each control.
    let u = &all.sequences[0].controls;
    assert!((u[[3, 0]] - 3.5).abs() < 0.06, "{u}");
}

#[test]
fn uneven_steps_become_even() {
    let mut time = 0.0;
    let rows: Vec<(f64, f64, f64)> = (0..300)
        .map(|i| {
            let now = time;
            time += if i % 3 == 0 { 0.013 } else { 0.008 };
            (now, 2.0 * now + 1.0, 1.0)
        })
        .collect();
    let folder = log(rows.into_iter());
    let all = read(folder.path(), Pace { every: 1, resample: Some(0.02) }).unwrap();
    let sequence = &all.sequences[0];
    assert!(sequence.intervals.is_none() && (all.dt.unwrap() - 0.02).abs() < 1e-12);
    let x = sequence.observations.column(0).to_vec();
    for two in x.windows(2) {
        assert!((two[1] - two[0] - 0.04).abs() < 0.012, "{two:?}");
    }
    assert!(sequence.controls.iter().all(|u| (u - 1.0).abs() < 1e-6));
    let error = read(folder.path(), Pace { every: 2, resample: None }).unwrap_err();
    assert!(error.contains("--resample SECONDS"), "{error}");
    let error = read(folder.path(), Pace { every: 1, resample: Some(-1.0) }).unwrap_err();
    assert!(error.contains("--resample") && error.contains("positive"), "{error}");
    let error = read(folder.path(), Pace { every: 1, resample: Some(60.0) }).unwrap_err();
    assert!(error.contains("leaves nothing"), "{error}");
}

/// A gap stays a gap, however it is resampled.
#[test]
fn what_was_not_recorded_is_not_made_up() {
    let rows =
        (0..200_u32).filter(|i| !(80..140).contains(i)).map(|i| (0.01 * f64::from(i), 1.0, 0.0));
    let folder = log(rows);
    let all = read(folder.path(), Pace { every: 1, resample: Some(0.01) }).unwrap();
    let missing = all.sequences[0].observations.iter().filter(|x| x.is_nan()).count();
    assert!((55..=62).contains(&missing), "{missing} missing");
}

#[test]
fn episodes_are_sequences() {
    let text = "episode,t,x,u\n0,0,1,0\n0,0.1,2,0\n1,0,3,0\n1,0.1,4,0\n1,0.2,5,0\n";
    let all = table(text, &Columns::default()).unwrap();
    let lengths: Vec<usize> = all.sequences.iter().map(|s| s.observations.nrows()).collect();
    assert_eq!(lengths, [2, 3]);
    assert!(all.sequences[1].name.ends_with(", episode 1"), "{}", all.sequences[1].name);
    assert!((all.dt.unwrap() - 0.1).abs() < 1e-9);
    // Under another name it has to be chosen.
    let text = text.replace("episode", "run");
    let chosen = Columns { episode: Some("run".into()), ..Columns::default() };
    assert_eq!(table(&text, &chosen).unwrap().sequences.len(), 2);
    assert!(table(&text, &Columns::default()).unwrap_err().contains("run"));
}

/// An empty line between two stamps a usual step apart separates blocks; where time has passed, steps are missing.
#[test]
fn empty_lines_are_steps_where_time_has_passed() {
    let text = "t,x\n0,1\n0.1,2\n\n0.2,3\n0.3,4\n\n0.5,6\n0.6,7\n";
    let all = table(text, &Columns::default()).unwrap();
    let x: Vec<f32> = all.sequences[0].observations.iter().copied().collect();
    assert_eq!(x.len(), 7);
    assert!(x[4].is_nan() && (x[5] - 6.0).abs() < 1e-6, "{x:?}");
    assert!((all.dt.unwrap() - 0.1).abs() < 1e-9, "{:?}", all.dt);
}

#[test]
fn files_are_for_the_part_that_they_are_named_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| {
        let path = folder.path().join(name);
        let rows: Vec<String> = (0..50).map(|i| format!("{i},{}", i % 7)).collect();
        fs::write(&path, format!("t,x\n{}\n", rows.join("\n"))).unwrap();
        path.display().to_string()
    };
    let (a, b, c) = (file("a.csv"), file("b.csv"), file("c.csv"));
    let reading = Reading {
        files: vec![a.clone()],
        validation: vec![b],
        test: vec![c],
        ..Reading::default()
    };
    let parts: Vec<Option<Part>> =
        reading.read().unwrap().sequences.iter().map(|s| s.part).collect();
    assert_eq!(parts, [None, Some(Part::Validation), Some(Part::Test)]);
    let twice = Reading { files: vec![a.clone()], test: vec![a], ..Reading::default() };
    assert!(twice.read().unwrap_err().to_string().contains("given twice"));
}
