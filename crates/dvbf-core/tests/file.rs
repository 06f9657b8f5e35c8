//! The model file: whatever is wrong with one is said, with its name; a failed write harms nothing.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_core::{
    DelayedFilter, Dvbf, EmissionStd, FileError, Filter, FilterError, Layout, ModelConfig,
    ModelFile, Noise, Params, Steps, TransitionKind, decode, encode,
};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn config() -> ModelConfig {
    ModelConfig {
        observation: 1,
        control: 1,
        state: 1,
        noise: 1,
        hidden: 1,
        initial_frames: 1,
        transition: TransitionKind::LocallyLinear,
        matrices: 1,
        shared_state: 0,
        transition_hidden: 0,
        emission_state: 1,
        emission_std_kind: EmissionStd::Learned,
        emission_std: 0.5,
    }
}

fn model_file() -> ModelFile {
    let model = Dvbf::random(&config(), Noise::new(1, 0)).unwrap();
    ModelFile { trainer: vec![1, 2, 3], ..ModelFile::new(&config(), &model, 0.05) }
}

/// A folder with the file `m.dvbf`.
fn written(file: &ModelFile) -> (TempDir, PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.dvbf");
    file.write(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    (folder, path, bytes)
}

/// Why `bytes` are no model file; the message names the file.
fn refused(path: &Path, bytes: &[u8]) -> FileError {
    fs::write(path, bytes).unwrap();
    let error = ModelFile::read(path).expect_err("a wrong file is refused");
    let message = error.to_string();
    assert!(message.contains(&path.display().to_string()), "{message}");
    assert!(!message.contains('\n'), "{message}");
    error
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_was_written_is_read() {
    let file = model_file();
    let (folder, path, _) = written(&file);
    let read = ModelFile::read(&path).unwrap();
    assert_eq!(read, file);
    let model = read.into_model();
    assert_eq!(model.to_flat(), file.values);
    assert_eq!(Filter::load(&path).unwrap().model().to_flat(), file.values);
    assert_eq!(names(folder.path()), ["m.dvbf"], "no scratch file stays");
}

/// The bytes of a file of format `version`.
fn framed(version: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = b"DVBF\r\n\x1a\n".to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend((payload.len() as u64).to_le_bytes());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes);
    hasher.update(payload);
    bytes.extend(hasher.finalize().to_le_bytes());
    bytes.extend(payload);
    bytes
}

/// The payload of the first format was a prefix of today's.
#[test]
fn files_of_the_first_format_are_read_and_know_no_step() {
    let (_folder, path, _) = written(&model_file());
    let file = model_file();
    let payload = encode(&(&file.config, &file.values, &file.trainer)).unwrap();
    fs::write(&path, framed(1, &payload)).unwrap();
    let read = ModelFile::read(&path).unwrap();
    assert_eq!(read, ModelFile { dt: None, std_scale: 1.0, ..file });
}

/// The payload of the second format was a prefix of today's.
#[test]
fn files_of_the_second_format_are_read_and_know_no_layout() {
    let (_folder, path, _) = written(&model_file());
    let file = ModelFile { std_scale: 1.5, ..model_file() };
    let payload = encode(&(
        (&file.config, &file.values, &file.trainer),
        (&file.units, &file.dt, &file.std_scale),
    ))
    .unwrap();
    fs::write(&path, framed(2, &payload)).unwrap();
    assert_eq!(ModelFile::read(&path).unwrap(), ModelFile { layout: None, ..file });
}

#[test]
fn a_layout_that_does_not_fit_is_refused() {
    let named = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let (x, u) = (config().observation, config().control);
    let fits = Layout {
        observation: (0..x).map(|i| format!("sensor {i}")).collect(),
        control: (0..u).map(|i| format!("motor {i}")).collect(),
        image: None,
        steps: Steps::Equal,
    };
    let (_folder, path, _) = written(&ModelFile { layout: Some(fits.clone()), ..model_file() });
    assert_eq!(Filter::load(&path).unwrap().layout(), Some(&fits));
    let wrong = [
        Layout { observation: named(&["one", "too many"]), ..fits.clone() },
        Layout { steps: Steps::Control, ..fits.clone() },
        Layout { image: Some((x, 2)), ..fits.clone() },
        Layout { image: Some((usize::MAX, 2)), ..fits },
    ];
    for layout in wrong {
        ModelFile { layout: Some(layout), ..model_file() }.write(&path).unwrap();
        let error = ModelFile::read(&path).unwrap_err().to_string();
        assert!(error.contains("its names do not fit its channels"), "{error}");
    }
}

#[test]
fn late_measurements_need_equal_steps() {
    let layout =
        Layout { observation: Vec::new(), control: Vec::new(), image: None, steps: Steps::Control };
    let (_folder, path, _) = written(&ModelFile { layout: Some(layout), ..model_file() });
    let error = DelayedFilter::new(Filter::load(&path).unwrap(), 5).unwrap_err();
    assert_eq!(error, FilterError::UnequalSteps);
}

#[test]
fn every_truncation_is_refused() {
    let (_folder, path, bytes) = written(&model_file());
    for length in 0..bytes.len() {
        let error = refused(&path, &bytes[..length]);
        let foreign = matches!(error, FileError::Foreign { .. });
        assert_eq!(foreign, length < 8, "{length} bytes: {error}");
        assert!(foreign || matches!(error, FileError::Damaged { .. }), "{length} bytes: {error}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(refused(&path, &longer), FileError::Damaged { .. }));
}

#[test]
fn every_flipped_bit_is_refused() {
    let (_folder, path, bytes) = written(&model_file());
    for bit in 0..8 * bytes.len() {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        refused(&path, &flipped);
    }
    fs::write(&path, &bytes).unwrap();
    ModelFile::read(&path).unwrap();
}

#[test]
fn foreign_files_are_told_from_damaged_and_future_ones() {
    let (_folder, path, bytes) = written(&model_file());
    for foreign in [&b"PK\x03\x04 an archive of arrays"[..], b"", b"DVBF\n\n\x1a\n and more text"] {
        assert!(matches!(refused(&path, foreign), FileError::Foreign { .. }));
    }
    let mut future = bytes.clone();
    future[8..12].copy_from_slice(&7_u32.to_le_bytes());
    let error = refused(&path, &future);
    assert!(matches!(error, FileError::Future { version: 7, .. }), "{error}");
    assert!(error.to_string().contains("format version 7"), "{error}");
}

#[test]
fn contents_that_describe_no_model_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.dvbf");
    let refused = |file: ModelFile| {
        file.write(&path).unwrap();
        let error = ModelFile::read(&path).expect_err("it describes no model");
        assert!(error.to_string().contains("m.dvbf"), "{error}");
        assert!(Filter::load(&path).is_err());
        error
    };
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut file = model_file();
        file.values[3] = value;
        let error = refused(file);
        assert!(error.to_string().contains("parameter 3 is not finite"), "{error}");
    }
    let mut short = model_file();
    short.values.pop();
    let error = refused(short);
    assert!(matches!(error, FileError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("parameters, the configuration needs"), "{error}");
    let mut long = model_file();
    long.values.push(0.0);
    assert!(matches!(refused(long), FileError::Damaged { .. }));
    let mut wider = model_file();
    wider.config.hidden = 2;
    assert!(matches!(refused(wider), FileError::Damaged { .. }));
    for value in [0.0, -0.05, f64::NAN, f64::INFINITY] {
        let mut timeless = model_file();
        timeless.dt = Some(value);
        assert!(refused(timeless).to_string().contains("its step"));
        let mut careless = model_file();
        careless.std_scale = value;
        assert!(refused(careless).to_string().contains("its scale"));
    }
    let mut none = model_file();
    none.config.state = 0;
    let error = refused(none);
    assert!(matches!(error, FileError::Config { .. }), "{error}");
    assert!(error.to_string().contains("model.state is 0"), "{error}");
}

#[test]
fn missing_files_and_folders_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("none.dvbf"), folder.path().to_owned()] {
        let error = ModelFile::read(&path).unwrap_err();
        assert!(matches!(error, FileError::Io { .. }), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
    let path = folder.path().join("no/such/folder/m.dvbf");
    let error = model_file().write(&path).unwrap_err();
    assert!(error.to_string().contains("no/such/folder/m.dvbf"), "{error}");
}

/// The disk is full while the scratch file is written.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_the_old_file() {
    let (folder, path, bytes) = written(&model_file());
    let scratch = folder.path().join(format!(".m.dvbf.{}.tmp", std::process::id()));
    std::os::unix::fs::symlink("/dev/full", &scratch).unwrap();
    let mut other = model_file();
    other.values[0] = 42.0;
    let error = other.write(&path).expect_err("nothing can be written");
    assert!(error.to_string().contains("m.dvbf"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert_eq!(names(folder.path()), ["m.dvbf"], "the scratch file is removed");
    other.write(&path).unwrap();
    assert_eq!(ModelFile::read(&path).unwrap(), other);
}

/// Renaming fails: a folder stands in the way.
#[test]
fn a_failed_rename_removes_the_scratch_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.dvbf");
    fs::create_dir(&path).unwrap();
    assert!(model_file().write(&path).is_err());
    assert_eq!(names(folder.path()), ["m.dvbf"]);
}

#[test]
fn encodings_are_read_to_their_last_byte() {
    let bytes = encode(&(7_u32, vec![1.5_f32, -2.0])).unwrap();
    assert_eq!(decode::<(u32, Vec<f32>)>(&bytes).unwrap(), (7, vec![1.5, -2.0]));
    for length in 0..bytes.len() {
        assert!(decode::<(u32, Vec<f32>)>(&bytes[..length]).is_err());
    }
    assert!(decode::<(u32, Vec<f32>)>(&[&bytes[..], &[0]].concat()).is_err());
    // A length that no memory holds is refused, not allocated.
    let mut huge = bytes;
    huge[4..12].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(decode::<(u32, Vec<f32>)>(&huge).is_err());
}
