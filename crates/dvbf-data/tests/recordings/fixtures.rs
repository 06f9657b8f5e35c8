//! Files that other programs wrote, with `fixtures/write.py`.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A file or folder among the fixtures.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/fixtures").join(name)
}

/// The bytes of an HDF5 file, which are kept in an archive.
pub(crate) fn hdf5(name: &str) -> Vec<u8> {
    let file = fs::File::open(fixture("hdf5.zip")).unwrap();
    let mut archive = zip::ZipArchive::new(file).unwrap();
    let mut bytes = Vec::new();
    archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// Observations of `steps` steps of an episode, as `write.py` makes them.
#[expect(clippy::cast_precision_loss, reason = "few steps")]
pub(crate) fn observations(episode: usize, steps: usize) -> Vec<[f32; 2]> {
    (0..steps).map(|t| [episode as f32 + t as f32 / 8.0, -(t as f32) / 4.0]).collect()
}

/// Actions of `steps` steps of an episode.
#[expect(clippy::cast_precision_loss, reason = "few steps")]
pub(crate) fn actions(episode: usize, steps: usize) -> Vec<f32> {
    (0..steps).map(|t| episode as f32 - t as f32 / 2.0).collect()
}

/// Whether every file that is made of `whole` by cutting it off or by changing a byte is read, or refused in one
/// sentence that names the file.
#[track_caller]
pub(crate) fn survives<T>(
    whole: &[u8],
    name: &str,
    step: usize,
    read: impl Fn(Vec<u8>) -> Result<T, dvbf_data::RecordingError>,
) {
    let told = |bytes: Vec<u8>| {
        if let Err(error) = read(bytes) {
            let error = error.to_string();
            assert!(error.contains(name), "{error}");
            assert!(error.len() < 600, "{error}");
        }
    };
    for length in (0..whole.len()).step_by(step) {
        told(whole[..length].to_vec());
    }
    for place in (0..whole.len()).step_by(step) {
        for value in [0, 0xff, whole[place] ^ 0x10, whole[place].wrapping_add(1)] {
            let mut bytes = whole.to_vec();
            bytes[place] = value;
            told(bytes);
        }
    }
}
