//! How the terms of a loss are weighted.

/// Weights of the terms of the loss of a sequence, `−ln p(x | z) + kl · KL`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights<S> {
    /// Weight of the divergence.
    pub kl: S,
    /// Factor of the summed loss of all sequences, such as one over their number.
    pub scale: S,
}
