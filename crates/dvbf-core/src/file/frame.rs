//! What surrounds the contents of a model file: magic number, version, lengths, checksums.
//!
//! Little-endian. All formats begin with magic (8 bytes) and version (`u32`). Up to the third,
//! length (`u64`) and checksum (`u32`) of one payload follow; since the fourth:
//!
//! | bytes | are |
//! |-------|-----|
//! | 8 | length of the model section |
//! | 8 | length of the trainer section |
//! | 4 | CRC-32 of everything before and of the model section |
//! | 4 | CRC-32 of the trainer section |
//! | … | the model section, then the trainer section |

use super::FileError;
use std::fs::File;
use std::io::Read;
use std::path::Path;

const MAGIC: [u8; 8] = *b"DVBF\r\n\x1a\n";
/// The newest format.
pub(super) const VERSION: u32 = 4;
/// Bytes before the payload of the formats 1 to 3.
const EARLIER: usize = 8 + 4 + 8 + 4;
/// Bytes before the sections of the fourth format.
const HEADER: usize = 8 + 4 + 8 + 8 + 4 + 4;
/// No section of a model file is larger than this many bytes.
pub(super) const LIMIT: usize = 1 << 31;

/// What a file holds inside its frame.
#[derive(Debug)]
pub(super) enum Contents<'a> {
    /// The payload of one of the formats 1 to 3.
    Earlier(u32, &'a [u8]),
    /// The sections of today's format; no trainer's if it was not read.
    Sections { model: &'a [u8], trainer: &'a [u8] },
}

/// The frame of two sections.
pub(super) fn header(model: &[u8], trainer: &[u8]) -> Vec<u8> {
    let mut header = Vec::with_capacity(HEADER);
    header.extend_from_slice(&MAGIC);
    header.extend_from_slice(&VERSION.to_le_bytes());
    header.extend_from_slice(&(model.len() as u64).to_le_bytes());
    header.extend_from_slice(&(trainer.len() as u64).to_le_bytes());
    let checksums = [checksum(&[&header, model]), checksum(&[trainer])];
    header.extend(checksums.iter().flat_map(|checksum| checksum.to_le_bytes()));
    header
}

/// The bytes of a file; without the trainer section, where there is one, unless it is `wanted`.
pub(super) fn read(path: &Path, wanted: bool) -> Result<Vec<u8>, FileError> {
    let io = |source| FileError::io(path, source);
    let mut file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    if size > 2 * LIMIT as u64 {
        return Err(FileError::damaged(path, format!("{size} bytes is more than any model")));
    }
    let mut bytes = Vec::new();
    Read::take(&mut file, HEADER as u64).read_to_end(&mut bytes).map_err(io)?;
    let rest = match sections(&bytes) {
        Some((model, trainer)) if !wanted => {
            // The length says whether the section that is left out is all there.
            if size != (HEADER as u64).saturating_add(model).saturating_add(trainer) {
                return Err(wrong_length(path, size, model, trainer));
            }
            model
        }
        _ => size,
    };
    Read::take(file, rest).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

/// Lengths of the two sections, if the bytes begin with a header of the newest format.
fn sections(bytes: &[u8]) -> Option<(u64, u64)> {
    let newest = bytes.len() >= HEADER && bytes[..8] == MAGIC && word(bytes, 8) == VERSION;
    newest.then(|| (long(bytes, 12), long(bytes, 20)))
}

fn wrong_length(path: &Path, size: u64, model: u64, trainer: u64) -> FileError {
    let what = format!("{size} bytes, the header says {HEADER} + {model} + {trainer}");
    FileError::damaged(path, what)
}

/// What is inside the frame of a file, of which the trainer section may not have been read.
pub(super) fn contents<'a>(
    path: &Path,
    bytes: &'a [u8],
    wanted: bool,
) -> Result<Contents<'a>, FileError> {
    if bytes.len() < MAGIC.len() || bytes[..MAGIC.len()] != MAGIC {
        return Err(FileError::Foreign { path: path.to_owned() });
    }
    if bytes.len() < EARLIER {
        return Err(FileError::damaged(path, "it ends inside its header"));
    }
    let version = word(bytes, 8);
    if version > VERSION {
        return Err(FileError::Future { path: path.to_owned(), version, newest: VERSION });
    }
    if version < VERSION {
        return earlier(path, version, bytes);
    }
    let Some((model, trainer)) = sections(bytes) else {
        return Err(FileError::damaged(path, "it ends inside its header"));
    };
    let size = bytes.len() as u64;
    let read = if wanted { trainer } else { 0 };
    if size != (HEADER as u64).saturating_add(model).saturating_add(read) {
        return Err(wrong_length(path, size, model, trainer));
    }
    let (header, sections) = bytes.split_at(HEADER);
    let (model, trainer) = sections.split_at(usize::try_from(model).unwrap_or(usize::MAX));
    if checksum(&[&header[..28], model]) != word(header, 28) {
        return Err(FileError::damaged(path, "its checksum differs"));
    }
    if wanted && checksum(&[trainer]) != word(header, 32) {
        return Err(FileError::damaged(path, "the checksum of its trainer state differs"));
    }
    Ok(Contents::Sections { model, trainer })
}

fn earlier<'a>(path: &Path, version: u32, bytes: &'a [u8]) -> Result<Contents<'a>, FileError> {
    let (header, payload) = bytes.split_at(EARLIER);
    let length = long(header, 12);
    if length != payload.len() as u64 {
        let what = format!("{} bytes of data, the header says {length}", payload.len());
        return Err(FileError::damaged(path, what));
    }
    if checksum(&[&header[..EARLIER - 4], payload]) != word(header, 20) {
        return Err(FileError::damaged(path, "its checksum differs"));
    }
    Ok(Contents::Earlier(version, payload))
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from(word(bytes, at)) | u64::from(word(bytes, at + 4)) << 32
}

fn checksum(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}
