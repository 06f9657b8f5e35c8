//! Streams of noise by what they are for; that of a rollout has the number of the rollout below.
//!
//! The highest byte of a stream says what it is for: 0 is a filter, 1 to 9 are parts of a training,
//! 16 to 18 are here, and 20 and 21 are simulated recordings, so that equal seeds draw nothing twice.

/// Noise of steps.
pub(super) const STATES: u64 = 16 << 56;
/// Noise of sensors.
pub(super) const SENSORS: u64 = 17 << 56;
/// Noise of starts.
pub(super) const STARTS: u64 = 18 << 56;
/// Numbers of rollouts are below.
pub(super) const NUMBERS: u64 = 1 << 56;
