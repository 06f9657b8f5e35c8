//! Units of recordings: in the model file, in the filter, and what does not fit.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_core::{
    Channels, Dvbf, EmissionStd, Filter, FilterOptions, ModelConfig, ModelFile, Noise,
    TransitionKind, Units,
};
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn config() -> ModelConfig {
    ModelConfig {
        observation: 2,
        control: 1,
        state: 3,
        noise: 2,
        hidden: 4,
        initial_frames: 2,
        transition: TransitionKind::LocallyLinear,
        matrices: 2,
        shared_state: 1,
        transition_hidden: 3,
        emission_state: 2,
        emission_std_kind: EmissionStd::Learned,
        emission_std: 0.5,
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
    ModelFile { units: Some(units()), ..ModelFile::new(&config(), &model, 0.1) }
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
    wider.write(&path).unwrap();
    let error = ModelFile::read(&path).unwrap_err().to_string();
    assert!(error.contains("m.dvbf") && error.contains("units"), "{error}");
}

#[test]
fn a_configuration_that_asks_for_more_than_the_file_has_gets_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.dvbf");
    let huge: [fn(&mut ModelConfig); 5] = [
        |c| (c.observation, c.hidden) = (1 << 24, 1 << 16),
        |c| (c.state, c.noise, c.emission_state) = (1 << 16, 1 << 16, 1),
        |c| (c.matrices, c.state) = (1 << 16, 1 << 12),
        |c| (c.initial_frames, c.observation) = (1 << 16, 1 << 24),
        |c| (c.transition_hidden, c.state) = (1 << 16, 1 << 16),
    ];
    for change in huge {
        let mut wrong = file();
        wrong.units = None;
        change(&mut wrong.config);
        wrong.write(&path).unwrap();
        let clock = Instant::now();
        let error = ModelFile::read(&path).unwrap_err().to_string();
        assert!(error.contains("far more"), "{error}");
        assert!(clock.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn the_first_format_is_still_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.dvbf");
    let expected = ModelFile { units: None, ..file() };
    let payload =
        dvbf_core::encode(&(config(), expected.values.clone(), expected.trainer.clone())).unwrap();
    let mut bytes = b"DVBF\r\n\x1a\n\x01\0\0\0".to_vec();
    bytes.extend((payload.len() as u64).to_le_bytes());
    let mut sum = crc32fast::Hasher::new();
    sum.update(&bytes);
    sum.update(&payload);
    bytes.extend(sum.finalize().to_le_bytes());
    bytes.extend(payload);
    fs::write(&path, bytes).unwrap();
    let read = ModelFile::read(&path).unwrap();
    assert_eq!((read.config, read.values), (expected.config, expected.values));
    assert_eq!(read.units, None);
}
