//! How much memory a file may ask for.

/// Bytes that the values of a file may have, however small it is.
pub const FREE: u64 = 256 << 20;
/// Bytes that the values may have beyond [`FREE`], for every byte of the file.
pub const RATIO: u64 = 64;
