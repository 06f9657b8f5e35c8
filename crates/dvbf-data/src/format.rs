//! Formats of recordings: what they are recognized by, and what reads them.
//!
//! To add one, write its reader in a file of its own and add a line to [`FORMATS`].

#[cfg(any(feature = "images", feature = "video"))]
use super::beside::{table_in, table_of};
use super::columns::Columns;
use super::frames::Frames;
#[cfg(feature = "images")]
use super::frames::IMAGES;
#[cfg(any(feature = "images", feature = "video"))]
use super::guess::Guess;
use super::guess::{ColumnFacts, guess_table};
use super::raw::RawRecordings;
use super::{RecordingError, read_archive, read_tables};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Bytes at a place near the beginning of a file.
type Mark = (usize, &'static [u8]);

/// Reads files of a format, with chosen columns, and frames as they are to be taken.
type Read = fn(&[PathBuf], &Columns, &Frames) -> Result<RawRecordings, RecordingError>;

/// The columns of a file.
type Facts = fn(&Path) -> Result<Vec<ColumnFacts>, RecordingError>;

/// A format of recordings.
pub(super) struct Format {
    /// Extensions of the names of its files; the first is the name of the format.
    pub(super) extensions: &'static [&'static str],
    /// What such a file is called in messages.
    pub(super) called: &'static str,
    /// What the files of a folder are.
    pub(super) folder: Folder,
    /// What its columns probably are, or those of a table beside it, where it has columns to choose from.
    pub(super) guess: Option<Facts>,
    /// What its files begin with, one of these; nothing for text.
    pub(super) begins: &'static [Mark],
    pub(super) read: Read,
}

/// What files of a format are in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folder {
    /// Not meant.
    Nothing,
    /// A recording each.
    Recordings,
    /// A film each, with a table that has its name.
    Films,
    /// The frames of one recording.
    Frames,
}

impl Format {
    /// The first of its extensions, which no other format has.
    pub(super) fn name(&self) -> &'static str {
        self.extensions[0]
    }

    /// Whether `path` has an extension of the format.
    pub(super) fn names(&self, path: &Path) -> bool {
        let named = |own: &&str| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(own));
        self.extensions.iter().any(named)
    }
}

/// What HDF5 begins with, behind a block of the user's own.
#[cfg(feature = "hdf5")]
const HDF5: &[u8] = b"\x89HDF\r\n\x1a\n";

/// All formats; the last takes what no other does.
pub(super) static FORMATS: &[Format] = &[
    Format {
        extensions: &["npz"],
        called: "an archive of numpy.savez",
        folder: Folder::Nothing,
        guess: None,
        begins: &[(0, b"PK")],
        read: read_archive,
    },
    #[cfg(feature = "images")]
    Format {
        extensions: IMAGES,
        called: "a frame of a recording",
        folder: Folder::Frames,
        guess: Some(beside_frames),
        begins: &[(0, b"\x89PNG\r\n\x1a\n"), (0, b"\xff\xd8\xff")],
        read: super::images::read_image_folders,
    },
    #[cfg(feature = "hdf5")]
    Format {
        extensions: &["h5", "hdf5", "mat"],
        called: "HDF5",
        folder: Folder::Recordings,
        guess: Some(super::hdf5::guess_hdf5),
        begins: &[(0, HDF5), (512, HDF5), (0, b"MATLAB 7.3 MAT-file")],
        read: super::hdf5::read_hdf5,
    },
    #[cfg(feature = "parquet")]
    Format {
        extensions: &["parquet"],
        called: "Parquet",
        folder: Folder::Recordings,
        guess: Some(super::parquet_file::guess_parquet),
        begins: &[(0, b"PAR1")],
        read: super::parquet_file::read_parquet,
    },
    #[cfg(feature = "mcap")]
    Format {
        extensions: &["mcap"],
        called: "MCAP",
        folder: Folder::Recordings,
        guess: Some(super::mcap_file::guess_mcap),
        begins: &[(0, b"\x89MCAP0\r\n")],
        read: super::mcap_file::read_mcap,
    },
    #[cfg(feature = "images")]
    Format {
        extensions: &["gif"],
        called: "a GIF",
        folder: Folder::Films,
        guess: Some(beside_frames),
        begins: &[(0, b"GIF8")],
        read: super::images::read_gifs,
    },
    #[cfg(feature = "video")]
    Format {
        extensions: &["mp4", "mov", "m4v", "mkv", "webm", "avi"],
        called: "a video",
        folder: Folder::Films,
        guess: Some(beside_frames),
        begins: &[(4, b"ftyp"), (0, b"\x1aE\xdf\xa3"), (8, b"AVI ")],
        read: super::video::read_videos,
    },
    Format {
        extensions: &["csv"],
        called: "a table",
        folder: Folder::Recordings,
        guess: Some(guess_table),
        begins: &[],
        read: read_tables_alone,
    },
];

/// The columns of the table beside frames, none of which is observed.
#[cfg(any(feature = "images", feature = "video"))]
fn beside_frames(path: &Path) -> Result<Vec<ColumnFacts>, RecordingError> {
    let table = if path.is_dir() { table_in(path)? } else { table_of(path) };
    let Some(table) = table else {
        return Err(RecordingError::file(path, "has no table beside it"));
    };
    let mut columns = guess_table(&table)?;
    for column in columns.iter_mut().filter(|column| column.role == Guess::Output) {
        column.role = Guess::Unused;
    }
    Ok(columns)
}

/// Reads tables, which have no frames.
fn read_tables_alone(
    paths: &[PathBuf],
    columns: &Columns,
    frames: &Frames,
) -> Result<RawRecordings, RecordingError> {
    frames.unused(&paths[0], "it is a table")?;
    read_tables(paths, columns)
}

/// Files of other kinds by the bytes at a place near their beginning: what they are, and what to do.
const OTHERS: &[(usize, &[u8], &str)] = &[
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
    (
        0,
        b"ARROW1",
        "is Arrow; read it with pandas.read_feather and write it by to_csv or to_parquet, and let Minari \
         write data_format=\"hdf5\"",
    ),
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
const START: usize = 520;

/// The format of the file at `path` that begins with `start`.
///
/// # Errors
/// If it is of a kind that is not read, or its name has the extension of a format that it is not of.
fn of(path: &Path, start: &[u8]) -> Result<&'static Format, RecordingError> {
    let is = |(at, bytes): &Mark| start.get(*at..).is_some_and(|rest| rest.starts_with(bytes));
    let found = match FORMATS.iter().find(|format| format.begins.iter().any(is)) {
        Some(found) => found,
        None => match OTHERS.iter().find(|(at, bytes, _)| is(&(*at, bytes))) {
            Some((_, _, problem)) => return Err(RecordingError::file(path, *problem)),
            None => FORMATS.last().expect("there are formats"),
        },
    };
    match FORMATS.iter().find(|format| format.names(path)) {
        Some(by_name) if !by_name.begins.is_empty() && by_name.name() != found.name() => {
            let problem = format!("is not {}, or damaged: it begins otherwise", by_name.called);
            Err(RecordingError::file(path, problem))
        }
        _ => Ok(found),
    }
}

/// The format of what is at `path`: a file, or a folder of frames.
///
/// # Errors
/// If it cannot be read; as [`of`].
pub(super) fn at(path: &Path) -> Result<&'static Format, RecordingError> {
    if path.is_dir() {
        let frames = FORMATS.iter().find(|format| format.folder == Folder::Frames);
        return frames.ok_or_else(|| RecordingError::file(path, "is a folder"));
    }
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(START as u64).read_to_end(&mut start))
        .map_err(|source| RecordingError::io(path, source))?;
    of(path, &start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, start: &[u8]) -> String {
        of(Path::new(name), start).err().expect("a refusal").to_string()
    }

    #[test]
    fn formats_go_by_their_first_bytes() {
        let of = |name: &str, start: &[u8]| of(Path::new(name), start).unwrap().name();
        assert_eq!(of("a.npz", b"PK\x03\x04"), "npz");
        assert_eq!(of("archive", b"PK\x03\x04"), "npz");
        #[cfg(feature = "hdf5")]
        assert_eq!(of("walk.h5", b"\x89HDF\r\n\x1a\n"), "h5");
        #[cfg(feature = "parquet")]
        assert_eq!(of("episode.parquet", b"PAR1\x15\x04"), "parquet");
        #[cfg(feature = "mcap")]
        assert_eq!(of("log.mcap", b"\x89MCAP0\r\n\x01"), "mcap");
        #[cfg(feature = "video")]
        assert_eq!(of("movie.mov", b"\x00\x00\x00\x18ftypmp42"), "mp4");
        #[cfg(feature = "images")]
        assert_eq!(of("frame.jpeg", b"\xff\xd8\xff\xe0"), "png");
        assert_eq!(of("log.csv", b"time,x_a\n"), "csv");
        assert_eq!(of("log.txt", b""), "csv");
        assert!(
            refused("a.npz", b"time,x").contains("is not an archive of numpy.savez, or damaged")
        );
    }

    #[test]
    fn other_kinds_are_named_with_a_way_out() {
        for (name, start, words) in [
            ("log.bag", b"#ROSBAG V2.0\n".as_slice(), "rostopic echo -p"),
            ("bag.db3", b"SQLite format 3\0\x10", "ROS 2 bag"),
            ("data.mat", b"MATLAB 5.0 MAT-file, Pla", "scipy.io.loadmat"),
            ("data.csv.gz", b"\x1f\x8b\x08", "unpack it first"),
            ("song.wav", b"RIFF\x00\x00\x00\x00WAVE", "RIFF"),
            ("data.npz", b"\x93NUMPY\x01", "single array"),
        ] {
            let line = refused(name, start);
            assert!(line.contains(name) && line.contains(words), "{line}");
        }
    }
}
