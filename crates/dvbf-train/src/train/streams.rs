//! Which random stream a part of a run draws from. The numbers 16 and above are those of simulators.

use dvbf_core::Noise;

/// What the parts of a run draw from; the number is part of every stream.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    Order = 1,
    Window = 2,
    Pixels = 3,
    Drop = 4,
    Latent = 5,
    Evaluation = 6,
    Importance = 7,
    Physics = 8,
    Dream = 9,
}

/// The stream of `purpose` for `step` and `block`.
pub(crate) fn stream(seed: u64, purpose: Purpose, step: u64, block: usize) -> Noise {
    Noise::new(seed, (purpose as u64) << 56 | step << 16 | block as u64)
}
