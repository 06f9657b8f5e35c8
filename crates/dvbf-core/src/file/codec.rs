//! The encoding of trainer states, and of model files before the fourth format: bincode.

use super::frame::LIMIT;
use serde::{Serialize, de::DeserializeOwned};

fn codec() -> impl bincode::config::Config {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<LIMIT>()
}

/// Bytes are not an encoded value, or a value cannot be encoded.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CodecError(String);

/// `value` in the encoding of trainer states.
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
