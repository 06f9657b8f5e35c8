//! Streams of noise by what they are for; that of a rollout has the number of the rollout below.

/// Noise of steps.
pub(super) const STATES: u64 = 6 << 56;
/// Noise of sensors.
pub(super) const SENSORS: u64 = 7 << 56;
/// Noise of starts.
pub(super) const STARTS: u64 = 8 << 56;
/// Numbers of rollouts are below.
pub(super) const NUMBERS: u64 = 1 << 56;
