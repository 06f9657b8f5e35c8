//! Whether the frames speak against a belief so clearly that a filter has to start again.
//!
//! Every step is judged by what was computed anyway: the normalized innovation squared of the sample paths,
//! or `‖μ‖²`, the noise of the mean path that the frame asks for and whose prior is `N(0, I)`. Frames in a
//! row that are improbable, frames in a row that the gate excludes, and long gaps give a *doubt*. A doubt is
//! examined once `k` frames have come in a row: a start from them replaces the belief if it explains the
//! last frame better, `c > 2 c' + 16` with `c = Σⱼ ((xⱼ − eⱼ(z)) / σⱼ)² + ‖μ‖²` of the belief and `c'` of the
//! start.

use crate::model::Dvbf;
use dvbf_models::{Cache, chi_square};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};

/// Improbable steps in a row that give a doubt.
const PATIENCE: u32 = 3;
/// Frames from which a belief is taken to forget where it started.
const SETTLED: u32 = 20;
/// Probability with which a step of the model is no more improbable than the bound.
const PROBABILITY: f64 = 1.0 - 1e-4;
/// The mean of an innovation squared may be this large a channel: predictive densities of many channels are
/// often too narrow.
const SLACK: f64 = 3.0;

/// What later steps depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Doubt {
    improbable: u32,
    gated: u32,
    missing: u32,
    /// Seen frames since the last start or examination.
    since: u32,
    doubted: bool,
    /// The last start had frames of which nothing was seen, and the belief has not settled since.
    provisional: bool,
}

/// What a step says about the belief that it started from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sign {
    /// Nothing was seen.
    Missing,
    /// The gate excluded the observation.
    Gated,
    /// Innovation squared over so many channels.
    Innovation(f64, usize),
    /// `‖μ‖²` of the mean path.
    Noise(f64),
}

/// Judges beliefs.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) doubt: Doubt,
    frames: u32,
    noise_bound: f64,
    /// Degrees of freedom of the last innovation, and the bound for them.
    innovation_bound: (usize, f64),
    emission: Cache,
    shown: Array2<f32>,
    precision: Array1<f32>,
    /// State and noise of the belief that is examined.
    pub(super) state: Array2<f32>,
    pub(super) noise: Array1<f32>,
}

impl Evidence {
    pub(super) fn new(model: &Dvbf<f32>, rows: usize) -> Self {
        let (dims, channels) = (model.transition.dims(), model.observation());
        let mut emission = model.emission.scratch();
        model.emission.prepare(&mut emission);
        Self {
            doubt: Doubt::default(),
            frames: u32::try_from(model.initial_frames()).unwrap_or(u32::MAX),
            noise_bound: bound(dims.noise),
            innovation_bound: (0, f64::INFINITY),
            emission,
            shown: Array2::zeros((1, channels)),
            precision: precision(model),
            state: Array2::zeros((rows, dims.state)),
            noise: Array1::zeros(dims.noise),
        }
    }

    /// The filter started, from frames of which something was seen or not.
    pub(super) fn started(&mut self, whole: bool) {
        self.doubt = Doubt { provisional: !whole, ..Doubt::default() };
    }

    /// Takes what a step says.
    pub(super) fn note(&mut self, sign: Sign) {
        let improbable = match sign {
            Sign::Missing => {
                self.doubt.missing = self.doubt.missing.saturating_add(1);
                return;
            }
            Sign::Gated => None,
            Sign::Innovation(nis, freedom) => {
                if freedom != self.innovation_bound.0 {
                    let usual = bound(freedom).max(SLACK * freedom as f64);
                    self.innovation_bound = (freedom, usual);
                }
                Some(nis > self.innovation_bound.1)
            }
            Sign::Noise(squares) => Some(squares > self.noise_bound),
        };
        let doubt = &mut self.doubt;
        doubt.since = doubt.since.saturating_add(1);
        doubt.doubted |= doubt.missing >= self.frames;
        doubt.missing = 0;
        match improbable {
            None => doubt.gated = doubt.gated.saturating_add(1),
            Some(improbable) => {
                doubt.gated = 0;
                doubt.improbable = if improbable { doubt.improbable.saturating_add(1) } else { 0 };
            }
        }
        doubt.doubted |= doubt.improbable >= PATIENCE || doubt.gated >= PATIENCE;
        doubt.provisional &= doubt.since < SETTLED;
    }

    /// Whether the start was made without all frames, so that one with all of them replaces it.
    pub(super) fn is_provisional(&self) -> bool {
        self.doubt.provisional
    }

    /// Whether there is a doubt to examine, of which this is the examination.
    pub(super) fn examine(&mut self) -> bool {
        let due = self.doubt.doubted && self.doubt.since >= self.frames;
        if due {
            self.doubt = Doubt { provisional: self.doubt.provisional, ..Doubt::default() };
        }
        due
    }

    /// `c`, what it costs the mean path to explain the channels that were seen.
    pub(super) fn cost(
        &mut self,
        model: &Dvbf<f32>,
        (state, noise): (ArrayView2<'_, f32>, ArrayView1<'_, f32>),
        x: ArrayView2<'_, f32>,
        seen: &[bool],
    ) -> f64 {
        let noise = noise.iter().map(|w| f64::from(w * w)).sum::<f64>();
        let state = state.slice_move(s![..1, ..]);
        model.emission.mean(state, self.shown.view_mut(), &mut self.emission);
        let errors = self.shown.iter().zip(&x).zip(&self.precision).zip(seen);
        let seen = errors.filter(|(_, seen)| **seen);
        noise + seen.map(|(((e, x), p), _)| f64::from((x - e) * p).powi(2)).sum::<f64>()
    }

    /// Whether a start of cost `start` is to replace a belief of cost `belief`; so is one that is not a
    /// number.
    pub(super) fn speaks_against(belief: f64, start: f64) -> bool {
        start.is_finite() && (belief.is_nan() || belief > 2.0 * start + 16.0)
    }
}

/// The bound of `‖μ‖²` of a step with `noise = W` dimensions.
#[cfg(feature = "file")]
pub(super) fn noise_bound(noise: usize) -> f64 {
    bound(noise)
}

/// `1 / σ` of every channel.
pub(super) fn precision(model: &Dvbf<f32>) -> Array1<f32> {
    let log_std = model.emission.log_std();
    let last = log_std.len() - 1;
    (0..model.observation()).map(|j| (-log_std[j.min(last)]).exp()).collect()
}

/// The bound of a squared norm with `freedom` degrees of freedom.
fn bound(freedom: usize) -> f64 {
    chi_square::quantile(PROBABILITY, freedom.max(1)).unwrap_or(f64::INFINITY)
}
