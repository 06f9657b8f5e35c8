//! Records of an MCAP file: an opcode of one byte, a length of eight, and fields, little end first.
//!
//! Of the records, channels, messages and chunks of them are looked at (<https://mcap.dev/spec>). A chunk may be
//! compressed by `zstd` or `lz4`; what it unpacks to is compared with what the file justifies before it is.

use super::RecordingError;
use super::budget::{FREE, RATIO};
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

const MAGIC: &[u8] = b"\x89MCAP0\r\n";
const CHANNEL: u8 = 4;
const MESSAGE: u8 = 5;
const CHUNK: u8 = 6;
const DATA_END: u8 = 15;

/// Messages of one topic.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) name: String,
    /// What its messages are written in.
    pub(super) encoding: String,
    /// Nanoseconds at which messages were logged, and what they are.
    pub(super) messages: Vec<(u64, Vec<u8>)>,
}

/// The fields of a record.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (own, rest) = self.0.split_at_checked(count).ok_or("a record is cut off")?;
        self.0 = rest;
        Ok(own)
    }

    fn number<const N: usize>(&mut self) -> Result<u64, String> {
        let mut bytes = [0; 8];
        bytes[..N].copy_from_slice(self.take(N)?);
        Ok(u64::from_le_bytes(bytes))
    }

    fn counted<const N: usize>(&mut self) -> Result<&'a [u8], String> {
        let count = self.number::<N>()?;
        self.take(usize::try_from(count).map_err(|e| e.to_string())?)
    }

    fn text(&mut self) -> Result<String, String> {
        Ok(String::from_utf8_lossy(self.counted::<4>()?).into_owned())
    }
}

/// What was found so far.
struct Found {
    topics: Vec<Topic>,
    /// Places in `topics` by the numbers of channels.
    channels: HashMap<u64, usize>,
    budget: u64,
}

/// The topics of a file with their messages in the order of time; `path` is what errors call it.
///
/// # Errors
/// If it is no MCAP file, is damaged, or unpacks to more than its size allows.
pub(super) fn topics_of(bytes: &[u8], path: &Path) -> Result<Vec<Topic>, RecordingError> {
    let damaged =
        |problem: String| RecordingError::file(path, format!("is not MCAP, or damaged: {problem}"));
    let records = bytes.strip_prefix(MAGIC).ok_or_else(|| damaged("it begins otherwise".into()))?;
    let size = bytes.len() as u64;
    let budget = FREE.saturating_add(size.saturating_mul(RATIO));
    let mut found = Found { topics: Vec::new(), channels: HashMap::new(), budget };
    found.records(records, true).map_err(damaged)?;
    for topic in &mut found.topics {
        topic.messages.sort_by_key(|(time, _)| *time);
    }
    Ok(found.topics)
}

impl Found {
    /// Takes records one after the other; `outer` if they are those of the file, which ends with an index.
    fn records(&mut self, records: &[u8], outer: bool) -> Result<(), String> {
        let mut fields = Fields(records);
        while !fields.0.is_empty() {
            let opcode = fields.take(1)?[0];
            let mut record = Fields(fields.counted::<8>()?);
            match opcode {
                CHANNEL => {
                    let (number, _) = (record.number::<2>()?, record.number::<2>()?);
                    let (name, encoding) = (record.text()?, record.text()?);
                    if !self.channels.contains_key(&number) {
                        let place = self.topics.iter().position(|topic| topic.name == name);
                        let place = place.unwrap_or(self.topics.len());
                        if place == self.topics.len() {
                            self.topics.push(Topic { name, encoding, messages: Vec::new() });
                        }
                        self.channels.insert(number, place);
                    }
                }
                MESSAGE => {
                    let (number, _) = (record.number::<2>()?, record.number::<4>()?);
                    let (logged, _) = (record.number::<8>()?, record.number::<8>()?);
                    let place = self.channels.get(&number);
                    let place = *place.ok_or_else(|| format!("there is no channel {number}"))?;
                    self.topics[place].messages.push((logged, record.0.to_vec()));
                }
                CHUNK if outer => {
                    record.take(16)?;
                    let (promised, _) = (record.number::<8>()?, record.number::<4>()?);
                    let compression = record.text()?;
                    let packed = record.counted::<8>()?;
                    let unpacked = self.unpacked(packed, &compression, promised)?;
                    self.records(&unpacked, false)?;
                }
                DATA_END if outer => return Ok(()),
                _ => {}
            }
        }
        if outer { Err("it is cut off".into()) } else { Ok(()) }
    }

    fn unpacked(&mut self, from: &[u8], how: &str, promised: u64) -> Result<Vec<u8>, String> {
        if promised > self.budget {
            return Err(format!(
                "a chunk would unpack to {promised} bytes; at most {} MiB and {RATIO} times the file are read",
                FREE >> 20
            ));
        }
        self.budget -= promised;
        let mut out = Vec::new();
        // One byte more than promised shows that it is more.
        match how {
            "" => out.extend_from_slice(from),
            "lz4" => {
                let reader = lz4_flex::frame::FrameDecoder::new(from);
                reader.take(promised + 1).read_to_end(&mut out).map_err(|e| e.to_string())?;
            }
            "zstd" => {
                let reader = ruzstd::decoding::StreamingDecoder::new(from);
                let reader = reader.map_err(|e| e.to_string())?;
                reader.take(promised + 1).read_to_end(&mut out).map_err(|e| e.to_string())?;
            }
            other => return Err(format!("a chunk is compressed by {other}")),
        }
        if out.len() as u64 != promised {
            return Err(format!("a chunk should unpack to {promised} bytes and does not"));
        }
        Ok(out)
    }
}
