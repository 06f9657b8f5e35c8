//! Calibration of a filter on recordings of two devices: the sensor and the reference have clocks of their own.

use dvbf::apply::{Trained, calibrate, save_reference};
use dvbf::data::{Columns, Places, Series, align};
use dvbf_core::{Dvbf, Filter, KindTable, Layout, ModelConfig, ModelFile, Noise, Steps};
use std::fmt::Write;
use std::path::{Path, PathBuf};

const DT: f64 = 0.01;

/// Presses of a foil, seen by the foil at 140 Hz and by a load cell at 300 Hz whose clock is late: a value and a
/// time stamp in a line.
fn record(folder: &Path, name: &str, seconds: u32, phase: f64) -> (PathBuf, PathBuf) {
    let force = |t: f64| {
        let press = (0.9 * t + phase).sin().max(0.0) * (6.0 + 3.0 * (0.31 * t).sin());
        press + 2.0 * (2.3 * t + 2.0 * phase).sin().max(0.0)
    };
    let (mut foil, mut cell) = (String::new(), String::new());
    for i in 0..seconds * 140 {
        let t = f64::from(i) / 140.0;
        writeln!(foil, "{} {:.6}", (900.0 / (1.0 + force(t))).ln(), 1.637e9 + t)
            .expect("the test is valid");
    }
    for i in 0..seconds * 300 {
        let t = f64::from(i) / 300.0;
        writeln!(cell, "{:.2} {:.6}", force(t), 1.637e9 + t + 0.08).expect("the test is valid");
    }
    let paths = (folder.join(format!("{name}_foil.txt")), folder.join(format!("{name}_cell.txt")));
    std::fs::write(&paths.0, foil).expect("the test is valid");
    std::fs::write(&paths.1, cell).expect("the test is valid");
    paths
}

/// A table of both, with the labels in another order if asked for.
fn table(folder: &Path, name: &str, (foil, cell): (PathBuf, PathBuf), permuted: bool) -> String {
    let places = Places { value: 1, time: 2 };
    let (foil, cell) = (
        Series::read(&foil, places).expect("the test is valid"),
        Series::read(&cell, places).expect("the test is valid"),
    );
    let mut aligned = align(&foil, &cell, DT, None).expect("the test is valid");
    assert!((aligned.shift + 0.08).abs() < 0.006, "{}", aligned.shift);
    if permuted {
        aligned.reference.reverse();
    }
    let mut text = String::from("time,foil,force\n");
    for ((time, value), force) in aligned.times.iter().zip(&aligned.values).zip(&aligned.reference)
    {
        writeln!(text, "{time:.6},{value},{force}").expect("the test is valid");
    }
    let path = folder.join(format!("{name}.csv"));
    std::fs::write(&path, text).expect("the test is valid");
    path.to_str().expect("the test is valid").to_owned()
}

fn model(folder: &Path, name: &str) -> PathBuf {
    let config = ModelConfig {
        hidden: 16,
        initial_frames: 2,
        dt: Some(DT),
        transition: KindTable::new("locally-linear").with("matrices", 4),
        emission: KindTable::new("gaussian").with("std", 0.1),
        ..ModelConfig::new(1, 0, 3)
    };
    // A seed whose transition is stable: a state that grows beyond all bounds would be started anew.
    let model = Dvbf::random(&config, Noise::new(10, 0)).expect("the test is valid");
    let layout = Layout {
        observation: vec!["foil".into()],
        control: Vec::new(),
        image: None,
        steps: Steps::Equal,
    };
    let path = folder.join(name);
    ModelFile { layout: Some(layout), ..ModelFile::new(&config, &model) }
        .write(&path)
        .expect("the test is valid");
    path
}

fn columns() -> Columns {
    Columns { observe: vec!["foil".into()], state: vec!["force".into()], ..Columns::default() }
}

#[test]
fn labels_reach_the_read_out_and_nothing_else() {
    let folder = tempfile::tempdir().expect("the test is valid");
    let folder = folder.path();
    let recorded = record(folder, "one", 40, 0.0);
    let test = table(folder, "test", record(folder, "two", 40, 1.1), false);
    let mut files = Vec::new();
    for permuted in [false, true] {
        let name = if permuted { "permuted" } else { "right" };
        let data = table(folder, name, recorded.clone(), permuted);
        let path = model(folder, &format!("{name}.dvbf"));
        let before = ModelFile::read(&path).expect("the test is valid");
        let trained = Trained::open(&path).expect("the test is valid");
        let read = |file: &String| {
            trained
                .read(std::slice::from_ref(file), columns(), None, None)
                .expect("the test is valid")
        };
        let (reference, report) =
            calibrate(&trained, &read(&data), 20.0, Some(&read(&test))).expect("the test is valid");
        assert_eq!((reference.name.as_str(), report.seconds), ("force", 20.0));
        save_reference(&path, reference).expect("the test is valid");
        let after = ModelFile::read(&path).expect("the test is valid");
        // The filter is the same to the bit.
        let bits = |file: &ModelFile| file.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&before), bits(&after));
        assert_eq!(before, ModelFile { reference: None, ..after.clone() });
        files.push((after, report));
    }
    assert_ne!(files[0].0.reference, files[1].0.reference);
    let errors: Vec<f64> = files
        .iter()
        .map(|(_, report)| report.test.expect("the test is valid").rmse_percent)
        .collect();
    // The filter was never trained, so its state tells little of the force; labels in another order tell less.
    assert!(errors[0] < 0.75 * errors[1], "{errors:?}");
    // What the file holds is what the online filter says.
    let mut filter = Filter::load(folder.join("right.dvbf")).expect("the test is valid");
    let belief = filter.step(Some(&[6.8]), &[], DT).expect("the test is valid").clone();
    assert!(belief.reference.is_none());
    let estimate = filter
        .step(Some(&[6.8]), &[], DT)
        .expect("the test is valid")
        .reference
        .expect("the test is valid");
    assert!(estimate.value.is_finite() && estimate.half_width > 0.0);
}

#[test]
fn what_cannot_be_calibrated_is_said() {
    let folder = tempfile::tempdir().expect("the test is valid");
    let folder = folder.path();
    let data = table(folder, "data", record(folder, "one", 5, 0.0), false);
    let trained = Trained::open(&model(folder, "model.dvbf")).expect("the test is valid");
    let bare = Columns { state: Vec::new(), ..columns() };
    let read = |columns| {
        trained.read(std::slice::from_ref(&data), columns, None, None).expect("the test is valid")
    };
    let error = calibrate(&trained, &read(bare), 20.0, None).unwrap_err().to_string();
    assert!(error.contains("as the reference"), "{error}");
    let mut flat = read(columns());
    flat.sequences[0].states.as_mut().expect("the test is valid").fill(1.0);
    let error = calibrate(&trained, &flat, 20.0, None).unwrap_err().to_string();
    assert!(error.contains("force is missing or constant"), "{error}");
}
