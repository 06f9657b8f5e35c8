//! Processes that make the updates of one training together.

use std::fmt::Debug;

/// One of several processes, each of which trains the same model on the same data from the same seed.
///
/// Of every update a process computes the shards `i` with `i mod count = rank`, and gets the gradients
/// of the others by [`broadcast`](Self::broadcast). All of them then fold all shards in their order and
/// move the parameters, so that their models stay the same to the last bit, and are those that one
/// process alone would have.
pub trait Communicator: Debug + Send + Sync {
    /// The number of this process, from zero.
    fn rank(&self) -> usize;

    /// How many processes there are.
    fn count(&self) -> usize;

    /// Brings the values that process `owner` has to all others, bit for bit. All processes call it
    /// in the same order, with as many values.
    fn broadcast(&self, owner: usize, values: &mut [f32]);

    /// The same in double precision.
    fn broadcast_double(&self, owner: usize, values: &mut [f64]);
}
