//! Formats of recordings: what they are recognized by, and what reads them.
//!
//! To add one, write its reader in a file of its own and add a line to [`FORMATS`].

use super::columns::Columns;
use super::raw::RawRecordings;
use super::{RecordingError, read_archive, read_tables};
use std::path::{Path, PathBuf};

/// A format of recordings.
pub(super) struct Format {
    /// Extension of the names of its files.
    pub(super) extension: &'static str,
    /// What such a file is called in messages.
    pub(super) called: &'static str,
    /// Whether the files of a folder are recordings of this format.
    pub(super) in_folders: bool,
    /// What every file begins with; nothing for text.
    pub(super) begins: &'static [u8],
    pub(super) read: fn(&[PathBuf], &Columns) -> Result<RawRecordings, RecordingError>,
}

impl Format {
    /// Whether `path` has the extension of the format.
    pub(super) fn names(&self, path: &Path) -> bool {
        path.extension().is_some_and(|e| e.eq_ignore_ascii_case(self.extension))
    }
}

/// All formats; the last takes what no other does.
pub(super) static FORMATS: [Format; 2] = [
    Format {
        extension: "npz",
        called: "an archive of numpy.savez",
        in_folders: false,
        begins: b"PK",
        read: read_archive,
    },
    Format {
        extension: "csv",
        called: "a table",
        in_folders: true,
        begins: b"",
        read: read_tables,
    },
];

/// Files of other kinds by the bytes at a place near their beginning: what they are, and what to do.
const OTHERS: [(usize, &[u8], &str); 16] = [
    (0, b"\x93NUMPY", "is a single array; save it as numpy.savez(\"name.npz\", x=array)"),
    (0, b"\x89HDF\r\n\x1a\n", "is HDF5; read it with h5py and save its arrays by numpy.savez"),
    (0, b"PAR1", "is Parquet; read it with pandas.read_parquet and write it by to_csv"),
    (
        0,
        b"\x89MCAP0\r\n",
        "is MCAP; read its messages with the package mcap and write them as a table",
    ),
    (
        0,
        b"SQLite format 3\0",
        "is an SQLite database, such as a ROS 2 bag; export its topics as a table",
    ),
    (0, b"#ROSBAG V", "is a ROS bag; export its topics as tables, with rostopic echo -p"),
    (
        0,
        b"MATLAB 5.0 MAT-file",
        "is of MATLAB; read it with scipy.io.loadmat, save it by numpy.savez",
    ),
    (0, b"ARROW1", "is Arrow; read it with pandas.read_feather and write it by to_csv"),
    (0, b"\x1f\x8b", "is compressed by gzip; unpack it first"),
    (0, b"\x28\xb5\x2f\xfd", "is compressed by zstd; unpack it first"),
    (
        0,
        b"\x89PNG\r\n\x1a\n",
        "is a PNG image; stack the frames as x (N, T, H, W) in an archive by numpy.savez",
    ),
    (
        0,
        b"\xff\xd8\xff",
        "is a JPEG image; stack the frames as x (N, T, H, W) in an archive by numpy.savez",
    ),
    (
        0,
        b"GIF8",
        "is a GIF; read its frames, e.g. with imageio, and stack them in an archive by numpy.savez",
    ),
    (0, b"RIFF", "is a RIFF file, such as AVI or WAV; decode it and save it by numpy.savez"),
    (
        0,
        b"\x1aE\xdf\xa3",
        "is Matroska or WebM video; decode it and stack the frames by numpy.savez",
    ),
    (4, b"ftyp", "is MP4 video; decode it and stack the frames by numpy.savez"),
];

/// First bytes that [`of`] looks at.
pub(super) const START: usize = 20;

/// The format of the file at `path` that begins with `start`.
///
/// # Errors
/// If it is of a kind that is not read, or its name has the extension of a format that it is not of.
pub(super) fn of(path: &Path, start: &[u8]) -> Result<&'static Format, RecordingError> {
    let other = OTHERS
        .iter()
        .find(|(at, bytes, _)| start.get(*at..).is_some_and(|rest| rest.starts_with(bytes)));
    if let Some((_, _, problem)) = other {
        return Err(RecordingError::file(path, *problem));
    }
    let found = FORMATS.iter().find(|format| start.starts_with(format.begins));
    let found = found.expect("the last format takes everything");
    match FORMATS.iter().find(|format| format.names(path)) {
        Some(by_name) if !by_name.begins.is_empty() && by_name.extension != found.extension => {
            let problem = format!("is not {}, or damaged: it begins otherwise", by_name.called);
            Err(RecordingError::file(path, problem))
        }
        _ => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, start: &[u8]) -> String {
        of(Path::new(name), start).err().expect("a refusal").to_string()
    }

    #[test]
    fn formats_go_by_their_first_bytes() {
        let of = |name: &str, start: &[u8]| of(Path::new(name), start).unwrap().extension;
        assert_eq!(of("a.npz", b"PK\x03\x04"), "npz");
        assert_eq!(of("archive", b"PK\x03\x04"), "npz");
        assert_eq!(of("log.csv", b"time,x_a\n"), "csv");
        assert_eq!(of("log.txt", b""), "csv");
        assert!(
            refused("a.npz", b"time,x").contains("is not an archive of numpy.savez, or damaged")
        );
    }

    #[test]
    fn other_kinds_are_named_with_a_way_out() {
        for (name, start, words) in [
            ("walk.h5", b"\x89HDF\r\n\x1a\n".as_slice(), "h5py"),
            ("episode.parquet", b"PAR1\x15\x04", "pandas.read_parquet"),
            ("log.mcap", b"\x89MCAP0\r\n\x01", "mcap"),
            ("log.bag", b"#ROSBAG V2.0\n", "rostopic echo -p"),
            ("bag.db3", b"SQLite format 3\0\x10", "ROS 2 bag"),
            ("data.mat", b"MATLAB 5.0 MAT-file, Pla", "scipy.io.loadmat"),
            ("data.csv.gz", b"\x1f\x8b\x08", "unpack it first"),
            ("movie.mp4", b"\x00\x00\x00\x18ftypmp42", "MP4"),
            ("data.npz", b"\x93NUMPY\x01", "single array"),
        ] {
            let line = refused(name, start);
            assert!(line.contains(name) && line.contains(words), "{line}");
        }
    }
}
