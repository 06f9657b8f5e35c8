//! What a filter believes after a step.

use crate::readout::Estimate;
use ndarray::Array1;

/// What became of an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObservationStatus {
    /// All channels were seen.
    Seen,
    /// Some channels were seen, this many.
    Partly(usize),
    /// No channel was seen.
    Missing,
    /// The gate took it for impossible, or no channel had a plausible value; it counts as missing.
    Gated,
    /// The belief was lost and has been replaced: by a start from the last `k` frames, or by the prior if they
    /// do not give one ([`Belief::started`] says which).
    Restarted,
}

/// What a filter believes after a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Belief {
    /// Mean path of the latent state, `Z` values.
    pub state: Array1<f32>,
    /// Mean of the process noise `q(w)` that led here, `W` values; zero where nothing was seen.
    pub noise_mean: Array1<f32>,
    /// Steps since the last reset.
    pub steps: u64,
    /// Whether there is more than the prior: `k` frames have come that give a state. Until then it is that of
    /// the model's prior for the first state of a sequence, whatever was seen.
    pub started: bool,
    /// What became of the observation.
    pub status: ObservationStatus,
    /// What the sample paths say, if there are any.
    pub spread: Option<Spread>,
    /// What a reference sensor would read, if the filter has a read-out and has started.
    pub reference: Option<Estimate>,
}

/// What the sample paths of a filter say.
///
/// Predictions are in the units of the observations. They are NaN, and there is no score, where nothing was
/// predicted: until the filter has started, and at a step whose prediction led out of the numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    /// Mean of the latent state, `Z` values.
    pub mean: Array1<f32>,
    /// Standard deviation of the latent state, `Z` values.
    pub std: Array1<f32>,
    /// Mean of this step's observation before it was seen, `X` values.
    pub predicted_mean: Array1<f32>,
    /// Standard deviation of this step's observation before it was seen, `X` values.
    pub predicted_std: Array1<f32>,
    /// How well this step's observation was predicted; nothing where none was seen.
    pub score: Option<Score>,
}

/// How well an observation was predicted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// `ln p(x' | x₁ … x_t)` over the channels that were seen, in nats.
    pub log_likelihood: f64,
    /// Normalized innovation squared, chi-square distributed if the model is right.
    pub nis: f64,
    /// Its degrees of freedom: the channels that were seen.
    pub freedom: usize,
}

impl Belief {
    pub(super) fn new(state: usize, noise: usize, observation: usize, spread: bool) -> Self {
        let unknown = |length: usize| Array1::from_elem(length, f32::NAN);
        Self {
            state: Array1::zeros(state),
            noise_mean: Array1::zeros(noise),
            steps: 0,
            started: false,
            status: ObservationStatus::Missing,
            reference: None,
            spread: spread.then(|| Spread {
                mean: Array1::zeros(state),
                std: Array1::zeros(state),
                predicted_mean: unknown(observation),
                predicted_std: unknown(observation),
                score: None,
            }),
        }
    }
}
