//! The model file: whatever is wrong with one is said, with its name; a failed write harms nothing.
#![cfg(feature = "file")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[path = "file/reading.rs"]
mod reading;

use dvbf_core::ndarray::Array2;
use dvbf_core::{
    Channels, DelayedFilter, Dvbf, FileError, Filter, FilterError, KindTable, Layout, ModelConfig,
    ModelFile, Noise, Params, SimulatedModel, Steps, TrainingRange, Units, decode, encode,
};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn config() -> ModelConfig {
    ModelConfig {
        hidden: 1,
        initial_frames: 1,
        dt: Some(0.05),
        transition: KindTable::new("locally-linear").with("matrices", 1).with("hidden", 0),
        emission: KindTable::new("gaussian").with("std_kind", "learned").with("std", 0.5),
        ..ModelConfig::new(1, 1, 1)
    }
}

fn model_file() -> ModelFile {
    let model = Dvbf::random(&config(), Noise::new(1, 0)).unwrap();
    ModelFile { trainer: vec![1, 2, 3], ..ModelFile::new(&config(), &model) }
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

/// Files that programs of the formats 1 to 3 wrote, and what they hold.
#[test]
fn earlier_formats_are_read() {
    let read = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        ModelFile::read(&folder.join(name)).unwrap()
    };
    let config = ModelConfig {
        hidden: 4,
        initial_frames: 2,
        transition: KindTable::new("locally-linear")
            .with("matrices", 2)
            .with("shared", 1)
            .with("hidden", 3),
        emission: KindTable::new("gaussian")
            .with("state", 2)
            .with("std_kind", "learned-per-channel")
            .with("std", 0.5),
        ..ModelConfig::new(2, 2, 3)
    };
    let model = Dvbf::random(&config, Noise::new(1, 0)).unwrap();
    let first = ModelFile { trainer: vec![1, 2, 3], ..ModelFile::new(&config, &model) };
    assert_eq!(read("format-1.dvbf"), first);

    let units = Units {
        observation: Channels::new(vec![5.0, -300.0], vec![0.25, 40.0]),
        control: Channels::new(vec![1.0, 0.0], vec![8.0, 1.0]),
    };
    let timed = ModelConfig { dt: Some(0.05), ..config.clone() };
    let second = ModelFile { config: timed, units: Some(units), std_scale: 1.5, ..first };
    assert_eq!(read("format-2.dvbf"), second);

    let layout = Layout {
        observation: vec!["angle".into(), "speed".into()],
        control: vec!["torque".into()],
        image: None,
        steps: Steps::Control,
    };
    let uneven = ModelConfig { uneven: true, ..second.config.clone() };
    let third = ModelFile { config: uneven, layout: Some(layout), ..second };
    assert_eq!(read("format-3-locally-linear.dvbf"), third);

    let residual = ModelConfig {
        dt: Some(0.1),
        transition: KindTable::new("residual").with("hidden", 3),
        ..config
    };
    let model = Dvbf::random(&residual, Noise::new(2, 0)).unwrap();
    assert_eq!(read("format-3-residual.dvbf"), ModelFile::new(&residual, &model));
}

#[test]
fn a_filter_needs_no_trainer_state() {
    let (_folder, path, bytes) = written(&model_file());
    let bare = ModelFile { trainer: Vec::new(), ..model_file() };
    assert_eq!(ModelFile::read_for_use(&path).unwrap(), bare);
    // The trainer's state comes last.
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    fs::write(&path, &flipped).unwrap();
    assert_eq!(ModelFile::read_for_use(&path).unwrap(), bare);
    let error = ModelFile::read(&path).unwrap_err().to_string();
    assert!(error.contains("the checksum of its trainer state differs"), "{error}");
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert!(ModelFile::read_for_use(&path).is_err(), "a truncated file is no file");
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
        let file = ModelFile { layout: Some(layout), ..model_file() };
        let error = file.write(&path).unwrap_err().to_string();
        assert!(error.contains("its names do not fit its channels"), "{error}");
    }
}

#[test]
fn the_training_range_is_kept() {
    let states = Array2::from_shape_fn((50, config().state), |(r, c)| (r * (c + 1)) as f32 / 7.0);
    let range = TrainingRange::of(states.view()).unwrap();
    let file = ModelFile { range: Some(range.clone()), ..model_file() };
    let (_folder, path, bytes) = written(&file);
    assert_eq!(ModelFile::read(&path).unwrap(), file);
    assert_eq!(Filter::load(&path).unwrap().range(), Some(&range));
    let loaded = SimulatedModel::load(&path).unwrap();
    assert_eq!(loaded.range.as_deref(), Some(&range));
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.contains("range.quantiles"));

    let other = TrainingRange::of(Array2::zeros((3, config().state + 1)).view()).unwrap();
    let error = ModelFile { range: Some(other), ..model_file() }.write(&path).unwrap_err();
    assert!(error.to_string().contains("its training range does not fit its state"), "{error}");
}

#[test]
fn late_measurements_need_equal_steps() {
    let layout =
        Layout { observation: Vec::new(), control: Vec::new(), image: None, steps: Steps::Control };
    let config = ModelConfig { uneven: true, ..config() };
    let file = ModelFile { config, layout: Some(layout), ..model_file() };
    let (_folder, path, _) = written(&file);
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

/// A file whose description was changed by `edit`, with right lengths and checksums.
fn edited(edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let (_folder, _, bytes) = written(&model_file());
    let section = &bytes[36..bytes.len() - 3];
    let length = usize::try_from(u64::from_le_bytes(section[..8].try_into().unwrap())).unwrap();
    let mut description: Value = serde_json::from_slice(&section[8..8 + length]).unwrap();
    edit(&mut description);
    let text = serde_json::to_vec(&description).unwrap();
    let mut section_out = (text.len() as u64).to_le_bytes().to_vec();
    section_out.extend(&text);
    section_out.extend(&section[8 + length..]);
    let mut file = bytes[..12].to_vec();
    file.extend((section_out.len() as u64).to_le_bytes());
    file.extend(0_u64.to_le_bytes());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&file);
    hasher.update(&section_out);
    file.extend(hasher.finalize().to_le_bytes());
    file.extend(0_u32.to_le_bytes());
    file.extend(section_out);
    file
}

type Edit = fn(&mut Value);

#[test]
fn descriptions_that_describe_no_model_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.dvbf");
    fs::write(&path, edited(|_| ())).unwrap();
    let bare = ModelFile { trainer: Vec::new(), ..model_file() };
    assert_eq!(ModelFile::read(&path).unwrap(), bare);
    let cases: [(Edit, &str); 12] = [
        (|d| d["config"]["hidden"] = 2.into(), "parameters, the configuration needs"),
        (|d| d["config"]["state"] = 0.into(), "model.state is 0"),
        (|d| d["config"]["dt"] = (-0.5).into(), "model.dt is -0.5"),
        (|d| d["config"]["transition"]["kind"] = "magic".into(), "unknown transition \"magic\""),
        (|d| d["config"]["transition"]["matrices"] = 0.into(), "model.transition.matrices"),
        (|d| d["config"]["emission"]["std"] = Value::Null, "model.emission.std"),
        (|d| d["config"]["uneven"] = true.into(), ""),
        (|d| d["std_scale"] = 0.into(), "its scale"),
        (|d| d["tensors"][0]["name"] = "initial.other".into(), "has no array initial"),
        (|d| d["tensors"][1]["name"] = d["tensors"][0]["name"].clone(), "two arrays are named"),
        (|d| d["tensors"][0]["shape"] = vec![1, 1, 1, 1].into(), ""),
        (|d| d["magic"] = 1.into(), "unknown field `magic`"),
    ];
    for (edit, expected) in cases {
        if expected.is_empty() {
            // Nothing here decides what it is called, only that it is no panic.
            let _ = ModelFile::parse(&edited(edit), &path);
            continue;
        }
        let error = refused(&path, &edited(edit));
        assert!(error.to_string().contains(expected), "{error} instead of {expected}");
    }
}

/// Whoever reads a configuration that asks for terabytes gets an error, and no memory is taken.
#[test]
fn sizes_that_no_memory_holds_are_refused() {
    let cases: [fn(&mut Value); 5] = [
        |c| (c["observation"], c["hidden"]) = ((1 << 24).into(), (1 << 16).into()),
        |c| (c["state"], c["noise"]) = ((1 << 16).into(), (1 << 16).into()),
        |c| (c["transition"]["matrices"], c["state"]) = ((1 << 16).into(), (1 << 12).into()),
        |c| (c["initial_frames"], c["observation"]) = ((1 << 16).into(), (1 << 24).into()),
        |c| (c["transition"]["hidden"], c["state"]) = ((1 << 16).into(), (1 << 16).into()),
    ];
    for change in cases {
        let bytes = edited(|description| change(&mut description["config"]));
        let error = ModelFile::parse(&bytes, Path::new("m.dvbf")).unwrap_err().to_string();
        assert!(error.contains("parameters, the configuration needs"), "{error}");
    }
}

#[test]
fn arrays_are_found_by_name() {
    let swapped = edited(|d| d["tensors"].as_array_mut().unwrap().swap(0, 1));
    // Two arrays of one value each change places; with them their values do.
    let file = ModelFile::parse(&swapped, Path::new("m.dvbf")).unwrap();
    let mut expected = model_file().values;
    expected.swap(0, 1);
    assert_eq!(file.values, expected);
}

#[test]
fn what_could_not_be_read_again_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.dvbf");
    model_file().write(&path).unwrap();
    let refused = |file: ModelFile, expected: &str| {
        let error = file.write(&path).expect_err("it describes no model").to_string();
        assert!(error.contains("m.dvbf") && error.contains(expected), "{error}");
        assert_eq!(ModelFile::read(&path).unwrap(), model_file(), "the old file is intact");
    };
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut file = model_file();
        file.values[3] = value;
        refused(file, "parameter 3 is not finite");
    }
    let mut short = model_file();
    short.values.pop();
    refused(short, "parameters, the configuration needs");
    let mut long = model_file();
    long.values.push(0.0);
    refused(long, "parameters, the configuration needs");
    for value in [0.0, -0.05, f64::NAN, f64::INFINITY] {
        let mut timeless = model_file();
        timeless.config.dt = Some(value);
        refused(timeless, "model.dt");
        refused(ModelFile { std_scale: value, ..model_file() }, "its scale");
    }
    let mut none = model_file();
    none.config.state = 0;
    refused(none, "model.state is 0");
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
