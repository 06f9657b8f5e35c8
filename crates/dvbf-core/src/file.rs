//! The model file: one framed file with a magic number, version, length and checksum.
//!
//! Layout, little-endian: magic (8 bytes), format version (`u32`), payload length (`u64`), CRC-32
//! of everything before and of the payload (`u32`), payload. The payload is a [`ModelFile`] in
//! bincode; this module is the only one that knows the codec. A file is written beside its place,
//! synced, renamed, and the directory synced, so that a crash leaves the old file or the new one.

use crate::config::{ConfigError, ModelConfig, TransitionKind};
use crate::durable::replace_file;
use crate::layout::Layout;
use crate::model::Dvbf;
use crate::units::Units;
use dvbf_ops::Params;
use dvbf_tensor::Noise;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

const MAGIC: [u8; 8] = *b"DVBF\r\n\x1a\n";
/// The first format had neither units nor the length of a step, the second no layout.
const VERSION: u32 = 3;
const HEADER: usize = 8 + 4 + 8 + 4;
/// No model of this kind is larger than this many bytes.
const LIMIT: usize = 1 << 31;

/// Why a model file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file does not begin as a model file does.
    #[error("{} is not a dvbf model file", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a later format.
    #[error("{} has format version {version}; this program reads up to {VERSION}", path.display())]
    Future {
        /// The file.
        path: PathBuf,
        /// Its format version.
        version: u32,
    },
    /// The file is shorter or longer than its header says, or its checksum differs.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// The file does not say how long a step is.
    #[error(
        "{} does not say how long a step is; train the model again, or say it with Filter::new",
        path.display()
    )]
    NoStep {
        /// The file.
        path: PathBuf,
    },
    /// The settings inside describe no model.
    #[error("{}: {source}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The setting.
        source: ConfigError,
    },
}

impl FileError {
    fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }
}

/// A model with its configuration, and whatever a trainer needs to go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelFile {
    /// Sizes and kinds of the parts.
    pub config: ModelConfig,
    /// Parameters in the order of visits.
    pub values: Vec<f32>,
    /// State of a trainer in its own encoding; empty in a file made for use.
    pub trainer: Vec<u8>,
    /// Units of the recordings, where the model sees others.
    pub units: Option<Units>,
    /// Seconds between two steps of the recordings, or one where they did not say; the first format
    /// did not keep it.
    pub dt: Option<f64>,
    /// What the standard deviations of one-step predictions are multiplied by to cover as they say.
    pub std_scale: f64,
    /// What the numbers of the recordings are, where that is known; earlier formats did not keep it.
    pub layout: Option<Layout>,
}

/// A [`ModelFile`] of the second format.
#[derive(Deserialize)]
struct SecondFormat {
    config: ModelConfig,
    values: Vec<f32>,
    trainer: Vec<u8>,
    units: Option<Units>,
    dt: Option<f64>,
    std_scale: f64,
}

impl From<SecondFormat> for ModelFile {
    fn from(second: SecondFormat) -> Self {
        let SecondFormat { config, values, trainer, units, dt, std_scale } = second;
        Self { config, values, trainer, units, dt, std_scale, layout: None }
    }
}

/// A [`ModelFile`] of the first format.
#[derive(Deserialize)]
struct FirstFormat {
    config: ModelConfig,
    values: Vec<f32>,
    trainer: Vec<u8>,
}

impl From<FirstFormat> for ModelFile {
    fn from(first: FirstFormat) -> Self {
        let FirstFormat { config, values, trainer } = first;
        Self { config, values, trainer, units: None, dt: None, std_scale: 1.0, layout: None }
    }
}

impl ModelFile {
    /// A file for use, without a trainer's state; recordings had a step of `dt` seconds.
    pub fn new(config: &ModelConfig, model: &Dvbf<f32>, dt: f64) -> Self {
        Self {
            config: config.clone(),
            values: model.to_flat(),
            trainer: Vec::new(),
            units: None,
            dt: Some(dt),
            std_scale: 1.0,
            layout: None,
        }
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// If the file cannot be read, is foreign, damaged or of a later version, or describes no
    /// model.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        Self::parse(&read_whole(path)?, path)
    }

    /// Checks the bytes of a file; `path` is what errors call it.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, FileError> {
        let (version, payload) = unframe(path, bytes)?;
        let file = match version {
            1 => decode::<FirstFormat>(payload).map(Self::from),
            2 => decode::<SecondFormat>(payload).map(Self::from),
            _ => decode(payload),
        };
        let file: Self = file.map_err(|e| FileError::damaged(path, e.to_string()))?;
        file.config
            .validate()
            .map_err(|source| FileError::Config { path: path.to_owned(), source })?;
        let got = file.values.len();
        if !is_plausible(&file.config, got) {
            let what = format!("{got} parameters, the configuration needs far more");
            return Err(FileError::damaged(path, what));
        }
        let expected = Dvbf::<f32>::random(&file.config, Noise::new(0, 0)).map_or(0, |m| m.count());
        if got != expected {
            let what = format!("{got} parameters, the configuration needs {expected}");
            return Err(FileError::damaged(path, what));
        }
        if let Some(i) = file.values.iter().position(|v| !v.is_finite()) {
            return Err(FileError::damaged(path, format!("parameter {i} is not finite")));
        }
        let sizes = (file.config.observation, file.config.control);
        if file.units.as_ref().is_some_and(|units| !units.fit(sizes.0, sizes.1)) {
            return Err(FileError::damaged(path, "its units do not fit its channels"));
        }
        if file.layout.as_ref().is_some_and(|layout| !layout.fit(sizes.0, sizes.1)) {
            return Err(FileError::damaged(path, "its names do not fit its channels"));
        }
        let positive = |value: f64| value.is_finite() && value > 0.0;
        if !file.dt.is_none_or(positive) || !positive(file.std_scale) {
            let what = "its step and its scale have to be positive finite numbers";
            return Err(FileError::damaged(path, what));
        }
        Ok(file)
    }

    /// Writes the file so that a crash leaves the old file or the new one.
    ///
    /// # Errors
    /// If the system refuses; the old file is then intact.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        write_framed(path, self)
    }

    /// The model, with the file's parameters.
    ///
    /// # Panics
    /// If the fields were changed since reading so that they no longer fit each other.
    pub fn into_model(self) -> Dvbf<f32> {
        let mut model = Dvbf::random(&self.config, Noise::new(0, 0)).expect("checked on reading");
        model.set_flat(&self.values);
        model
    }
}

/// Whether no layer of the configuration alone has more weights than there are parameters: only then
/// may a model be made, whose memory the configuration decides.
fn is_plausible(config: &ModelConfig, parameters: usize) -> bool {
    let ModelConfig { observation: x, control: u, state: z, noise: w, hidden, .. } = *config;
    let mixed = match config.transition {
        TransitionKind::LocallyLinear => config.matrices,
        TransitionKind::Residual => 1,
    };
    let start = x.saturating_mul(config.initial_frames);
    let layers = [
        (hidden, x + z + u),
        (hidden, start.saturating_add(u.saturating_mul(config.initial_frames - 1))),
        (mixed, z * (z + u + w)),
        (config.transition_hidden, z + u),
        (hidden, 2 * w),
    ];
    layers.iter().all(|&(rows, columns)| rows.saturating_mul(columns) <= parameters)
}

fn codec() -> impl bincode::config::Config {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<LIMIT>()
}

/// Bytes are not an encoded value, or a value cannot be encoded.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CodecError(String);

/// `value` in the encoding of model files.
///
/// # Errors
/// If `value` is larger than any model.
pub fn encode<V: Serialize>(value: &V) -> Result<Vec<u8>, CodecError> {
    bincode::serde::encode_to_vec(value, codec()).map_err(|e| CodecError(e.to_string()))
}

/// The value that [`encode`] made `bytes` from.
///
/// # Errors
/// If the bytes are not such an encoding, or others follow.
pub fn decode<V: DeserializeOwned>(bytes: &[u8]) -> Result<V, CodecError> {
    let (value, used) =
        bincode::serde::decode_from_slice(bytes, codec()).map_err(|e| CodecError(e.to_string()))?;
    if used == bytes.len() { Ok(value) } else { Err(CodecError("data follow the value".into())) }
}

/// Encodes `value` and writes it as a framed file, durably.
fn write_framed<V: Serialize>(path: &Path, value: &V) -> Result<(), FileError> {
    let payload = encode(value).map_err(|e| FileError::damaged(path, e.to_string()))?;
    let mut header = Vec::with_capacity(HEADER);
    header.extend_from_slice(&MAGIC);
    header.extend_from_slice(&VERSION.to_le_bytes());
    header.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    let checksum = checksum(&header, &payload);
    header.extend_from_slice(&checksum.to_le_bytes());

    replace_file(path, &[&header, &payload]).map_err(|source| FileError::io(path, source))
}

fn read_whole(path: &Path) -> Result<Vec<u8>, FileError> {
    let io = |source| FileError::io(path, source);
    let file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    if size > LIMIT as u64 {
        return Err(FileError::damaged(path, format!("{size} bytes is more than any model")));
    }
    let mut bytes = Vec::new();
    Read::take(file, LIMIT as u64).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

/// Format version and payload of a framed file.
fn unframe<'a>(path: &Path, bytes: &'a [u8]) -> Result<(u32, &'a [u8]), FileError> {
    if bytes.len() < MAGIC.len() || bytes[..MAGIC.len()] != MAGIC {
        return Err(FileError::Foreign { path: path.to_owned() });
    }
    if bytes.len() < HEADER {
        return Err(FileError::damaged(path, "it ends inside its header"));
    }
    let (header, payload) = bytes.split_at(HEADER);
    let word = |at: usize| {
        u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    let version = word(8);
    if version > VERSION {
        return Err(FileError::Future { path: path.to_owned(), version });
    }
    let length = u64::from(word(12)) | u64::from(word(16)) << 32;
    if length != payload.len() as u64 {
        let what = format!("{} bytes of data, the header says {length}", payload.len());
        return Err(FileError::damaged(path, what));
    }
    if checksum(&header[..HEADER - 4], payload) != word(20) {
        return Err(FileError::damaged(path, "its checksum differs"));
    }
    Ok((version, payload))
}

fn checksum(header: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(payload);
    hasher.finalize()
}
