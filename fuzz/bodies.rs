//! What is asserted of any bytes: the bodies of the fuzz targets, which the tests of the workspace run too.

use dvbf::data::{
    Columns, Frames, RawRecordings, RecordingError, Splits, TableReader, describe, read_gif_from,
    read_hdf5_from, read_images_from, read_mcap_from, read_npz_from, read_parquet_from,
};
use dvbf::settings::{Settings, apply_override, preset, preset_for, usual_source};
use dvbf::train::TrainerState;
use dvbf_core::{Filter, FilterOptions, ModelFile};
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

/// A body takes any bytes.
pub(crate) type Body = fn(&[u8]);

/// Every body under the name of its target.
pub(crate) const BODIES: [(&str, Body); 10] = [
    ("config", config),
    ("embedded", embedded),
    ("gif", gif),
    ("hdf5", hdf5),
    ("images", images),
    ("mcap", mcap),
    ("model", model),
    ("npz", npz),
    ("parquet", parquet),
    ("table", table),
];

/// Recordings that were read can be described and divided; an error begins with the name of the file.
fn divided(read: Result<RawRecordings, RecordingError>, name: &str) {
    match read {
        Ok(recordings) => {
            assert!(recordings.longest() > 0);
            describe(&recordings);
            let source = usual_source(&recordings, vec![name.into()]);
            if let Ok(settings) = preset_for("auto", &recordings, source, &[]) {
                let _ = Splits::recorded(&recordings, &settings);
            }
        }
        Err(error) => assert!(error.to_string().starts_with(name), "{error}"),
    }
}

/// Configuration files and overrides: what is accepted survives its own file.
fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(settings) = Settings::from_toml(text) {
        let again = Settings::from_toml(&settings.to_toml()).expect("it was accepted");
        assert_eq!(again, settings);
    }
    let base = preset("smoke").expect("it exists");
    for line in text.lines().take(4) {
        if let Ok(changed) = apply_override(&base, line) {
            let _ = changed.validate();
        }
    }
}

/// Embedded models: as they are, and with a header whose checksum is right; a step gives finite numbers.
fn embedded(data: &[u8]) {
    if dvbf_embedded::Model::parse(data).is_ok() {
        step_embedded(data);
    }
    let mut right = data.to_vec();
    if right.len() < dvbf_embedded::HEADER {
        return;
    }
    right[..8].copy_from_slice(&dvbf_embedded::MAGIC);
    right[8..12].copy_from_slice(&dvbf_embedded::VERSION.to_le_bytes());
    let sum = crc32fast::hash(&right[16..]);
    right[12..16].copy_from_slice(&sum.to_le_bytes());
    step_embedded(&right);
}

fn step_embedded(data: &[u8]) {
    let Ok(model) = dvbf_embedded::Model::parse(data) else { return };
    let mut memory = vec![0.0; model.memory()];
    let (sizes, dt) = (model.sizes(), model.dt());
    let Ok(mut filter) = dvbf_embedded::Filter::new(model, &mut memory) else { return };
    let (x, u) = (vec![0.5; sizes.observation], vec![0.5; sizes.control]);
    for _ in 0..=sizes.frames.min(8) {
        if filter.step(Some(&x), &u, dt).is_ok() {
            assert!(filter.state().iter().all(|value| value.is_finite()));
        }
    }
}

/// Films.
fn gif(data: &[u8]) {
    divided(read_gif_from(data, Path::new("fuzz.gif"), &Frames::default()), "fuzz.gif");
}

/// Arrays and columns in HDF5.
fn hdf5(data: &[u8]) {
    divided(read_hdf5_from(data.to_vec(), Path::new("fuzz.hdf5")), "fuzz.hdf5");
}

/// PNG and JPEG frames.
fn images(data: &[u8]) {
    let path = Path::new("fuzz.images");
    divided(read_images_from(&[data, data], path, &Frames::default()), "fuzz.images");
}

/// Logs of messages.
fn mcap(data: &[u8]) {
    let columns = Columns {
        observe: vec!["joint".into()],
        control: vec!["drive".into()],
        ..Columns::default()
    };
    divided(read_mcap_from(data, &columns, Path::new("fuzz.mcap")), "fuzz.mcap");
}

/// Model files: as they are, and inside of a frame whose checksums are right.
fn model(data: &[u8]) {
    let path = Path::new("fuzz.dvbf");
    let _ = ModelFile::parse(data, path);
    let Some((version, payload)) = data.split_first() else { return };
    let version = u32::from(version % 5);
    let mut framed = b"DVBF\r\n\x1a\n".to_vec();
    framed.extend(version.to_le_bytes());
    framed.extend((payload.len() as u64).to_le_bytes());
    if version == 4 {
        // The section of the trainer is empty.
        framed.extend(0_u64.to_le_bytes());
    }
    let mut sum = crc32fast::Hasher::new();
    sum.update(&framed);
    sum.update(payload);
    framed.extend(sum.finalize().to_le_bytes());
    if version == 4 {
        framed.extend(0_u32.to_le_bytes());
    }
    framed.extend(payload);
    match ModelFile::parse(&framed, path) {
        Ok(mut file) => {
            let _ = TrainerState::decode(&file.trainer, file.values.len());
            let (units, config) = (file.units.take(), file.config.clone());
            let model = Arc::new(file.into_model());
            let filter = Filter::new(model, 0.1, FilterOptions::MEAN_PATH).expect("it is a step");
            let mut filter = filter.with_units(units);
            let (x, u) = (vec![0.5; config.observation], vec![0.5; config.control]);
            let _ = filter.step(Some(&x), &u, 0.1);
        }
        Err(error) => assert!(error.to_string().contains("fuzz.dvbf"), "{error}"),
    }
}

/// Archives.
fn npz(data: &[u8]) {
    divided(read_npz_from(Cursor::new(data), Path::new("fuzz.npz")), "fuzz.npz");
}

/// Tables in Parquet.
fn parquet(data: &[u8]) {
    divided(read_parquet_from(data.to_vec(), Path::new("fuzz.parquet")), "fuzz.parquet");
}

/// Tables, up to four with zeros between them.
fn table(data: &[u8]) {
    let mut reader = TableReader::new(Columns::default());
    for table in data.split(|&byte| byte == 0).take(4) {
        if let Err(error) = reader.read(table, Path::new("fuzz.csv")) {
            assert!(error.to_string().starts_with("fuzz.csv"), "{error}");
            return;
        }
    }
    if let Ok(recordings) = reader.finish() {
        divided(Ok(recordings), "fuzz.csv");
    }
}
