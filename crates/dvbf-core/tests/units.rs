//! Units of recordings: in the model file, in the filter, and what does not fit.
#![cfg(feature = "file")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_core::{
    Channels, Dvbf, Filter, FilterOptions, KindTable, ModelConfig, ModelFile, Noise, Units,
};
use std::sync::Arc;

fn config() -> ModelConfig {
    ModelConfig {
        noise: 2,
        hidden: 4,
        initial_frames: 2,
        dt: Some(0.1),
        transition: KindTable::new("locally-linear")
            .with("matrices", 2)
            .with("shared", 1)
            .with("hidden", 3),
        emission: KindTable::new("gaussian")
            .with("state", 2)
            .with("std_kind", "learned")
            .with("std", 0.5),
        ..ModelConfig::new(2, 1, 3)
    }
}

fn units() -> Units {
    Units {
        observation: Channels::new(vec![5.0, -300.0], vec![0.25, 40.0]),
        control: Channels::new(vec![1.0], vec![8.0]),
    }
}

fn file() -> ModelFile {
    let model = Dvbf::random(&config(), Noise::new(1, 0)).unwrap();
    ModelFile { units: Some(units()), ..ModelFile::new(&config(), &model) }
}

/// A mean keeps digits that single precision does not have, in the file and in what is taken off.
#[test]
fn a_mean_far_from_zero_is_taken_off_in_double_precision() {
    let channels = Channels::new(vec![5_000_000.123, 0.5, 1e-19], vec![0.1, 2.0, 1e-18]);
    let (off, rest) = channels.split();
    assert_eq!(off[0].to_bits(), 5_000_000.123_f64.to_bits());
    assert_eq!(off[1].to_bits(), 0.0_f64.to_bits());
    assert_eq!(rest.mean()[0].to_bits(), 0.0_f64.to_bits());
    assert_eq!(rest.scale(), channels.scale());
    let units =
        Units { observation: Channels::new(vec![5_000_000.123; 2], vec![0.1; 2]), ..units() };
    let model = Dvbf::random(&config(), Noise::new(1, 0)).unwrap();
    let file = ModelFile { units: Some(units.clone()), ..ModelFile::new(&config(), &model) };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.dvbf");
    file.write(&path).unwrap();
    assert_eq!(ModelFile::read(&path).unwrap().units, Some(units));
}

#[test]
fn a_filter_of_a_file_takes_the_units_of_the_recordings() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.dvbf");
    file().write(&path).unwrap();
    assert_eq!(ModelFile::read(&path).unwrap(), file());
    let raw = Filter::load(&path).unwrap();
    assert_eq!(raw.units(), Some(&units()));
    let mut raw = raw.with_options(FilterOptions::MEAN_PATH).unwrap();
    let model = Arc::new(file().into_model());
    let mut plain = Filter::new(model, 0.1, FilterOptions::MEAN_PATH).unwrap();
    for t in 0..9 {
        let (a, b, c) = ((t as f32).sin(), (2.0 * t as f32).cos(), t as f32 / 9.0);
        let x = [5.0 + 0.25 * a, -300.0 + 40.0 * b];
        let seen = t % 4 != 3;
        let left = raw.step(seen.then_some(&x), &[1.0 + 8.0 * c], 0.1).unwrap().clone();
        let right = plain.step(seen.then_some(&[a, b]), &[c], 0.1).unwrap().clone();
        let off = &left.state - &right.state;
        assert!(off.iter().all(|d| d.abs() < 1e-4), "{off} at step {t}");
        assert!(!left.started || left.state.iter().any(|z| z.abs() > 1e-3));
    }
}

#[test]
fn restoring_undoes_normalizing() {
    let mut values = [5.5, -260.0];
    units().observation.normalize(&mut values);
    assert!((values[0] - 2.0).abs() < 1e-6 && (values[1] - 1.0).abs() < 1e-6, "{values:?}");
    units().observation.restore(&mut values);
    assert!((values[0] - 5.5).abs() < 1e-6 && (values[1] + 260.0).abs() < 1e-4, "{values:?}");
}

#[test]
fn units_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.dvbf");
    let mut wider = file();
    wider.units.as_mut().unwrap().control = Channels::plain(2);
    let error = wider.write(&path).unwrap_err().to_string();
    assert!(error.contains("m.dvbf") && error.contains("units"), "{error}");
}
