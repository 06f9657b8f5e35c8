//! Drawn models and data that cover every way in which the bound can be used.

use crate::data::{Data, normal};
use dvbf_core::{Dvbf, KindTable, ModelConfig, Noise, Objective, Params, Scalar};
use ndarray::{Array1, Array2};
use proptest::prelude::*;

/// What of the observations is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Masking {
    /// Nothing, and there is no mask.
    None,
    /// Nothing, but there is a mask.
    Full,
    /// Whole steps, which the recognition network does not see either.
    Steps,
    /// Single channels.
    Channels,
}

/// A model and what its bound is computed on, as a function of sizes and a seed.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Sizes and kinds of the model's parts.
    pub config: ModelConfig,
    /// `B`.
    pub sequences: usize,
    /// `T`.
    pub steps: usize,
    /// What is missing.
    pub masking: Masking,
    /// Whether some steps follow the prior although they were observed.
    pub dropped: bool,
    /// Whether the initial state's network sees something else than the recognition network.
    pub start: bool,
    /// Weights of the loss's terms.
    pub objective: Objective<f64>,
    /// Seed of parameters and data.
    pub seed: u64,
}

/// Scenarios of all kinds: `T` is 1, 2, or at least 5.
pub fn scenarios() -> impl Strategy<Value = Scenario> {
    let sizes = (1..5_usize, 0..3_usize, 1..4_usize, 1..4_usize);
    let steps = prop_oneof![1 => Just(1_usize), 1 => Just(2_usize), 4 => 5..8_usize];
    let parts = (0..3_usize, 0..3_usize, 0..4_usize, 0..4_usize, 1..4_usize);
    let masking = prop_oneof![
        Just(Masking::None),
        Just(Masking::Full),
        Just(Masking::Steps),
        Just(Masking::Channels)
    ];
    let weights = (
        prop_oneof![Just(1.0), 0.05..1.0],
        prop_oneof![Just(1.0), 0.05..1.0],
        prop_oneof![Just(1.0), 0.1..5.0],
    );
    let data = (1..4_usize, steps, masking, any::<bool>(), any::<bool>(), any::<u64>());
    (sizes, parts, weights, data).prop_map(|(sizes, parts, weights, data)| {
        let (observation, control, state, noise) = sizes;
        let (kind, std, shared, visible, initial_frames) = parts;
        let (sequences, steps, masking, dropped, start, seed) = data;
        let residual = kind == 2;
        Scenario {
            config: ModelConfig {
                noise: if residual { state } else { noise },
                hidden: 4,
                initial_frames,
                transition: if residual {
                    KindTable::new("residual").with("hidden", 3)
                } else {
                    KindTable::new("locally-linear")
                        .with("matrices", 3)
                        .with("shared", shared.min(state))
                        .with("hidden", [0, 3, 3][kind])
                },
                emission: KindTable::new("gaussian")
                    .with("state", (visible + 1).min(state))
                    .with("std_kind", ["fixed", "learned", "learned-per-channel"][std])
                    .with("std", 0.8),
                ..ModelConfig::new(observation, control, state)
            },
            sequences,
            steps,
            masking,
            dropped,
            start,
            objective: Objective { likelihood: weights.0, prior: weights.1, kl: weights.2 },
            seed,
        }
    })
}

impl Scenario {
    /// The model, away from where training starts, so that no term is negligible.
    ///
    /// # Panics
    /// If the configuration is impossible.
    pub fn model<S: Scalar>(&self) -> Dvbf<S> {
        let mut model = Dvbf::random(&self.config, Noise::new(self.seed, 100))
            .expect("the configuration is possible");
        let step = normal::<f64>(1, model.count(), self.seed, 101);
        let moved: Vec<S> =
            model.to_flat().iter().zip(&step).map(|(p, &n)| *p + S::of(0.15 * n)).collect();
        model.set_flat(&moved);
        model
    }

    /// The data; NaN stands wherever something is missing.
    pub fn data<S: Scalar>(&self) -> Data<S> {
        let (n, rows, x) = (self.sequences, self.sequences * self.steps, self.config.observation);
        let flags = |stream: u64| normal::<f64>(rows, x, self.seed, stream);
        let mut seen = Array1::ones(rows);
        if self.dropped {
            for (seen, flag) in seen.iter_mut().zip(flags(1).column(0)) {
                *seen = S::of(f64::from(u8::from(*flag > -0.5)));
            }
        }
        let target = normal(rows, x, self.seed, 2);
        let mut mask =
            (self.masking != Masking::None).then(|| Array2::from_elem((rows, x), S::ONE));
        if let Some(mask) = &mut mask {
            for ((mut mask, flags), seen) in
                mask.rows_mut().into_iter().zip(flags(3).rows()).zip(&mut seen)
            {
                if self.masking == Masking::Steps && flags[0] > 0.5 {
                    mask.fill(S::ZERO);
                    *seen = S::ZERO;
                } else if self.masking == Masking::Channels {
                    for (mask, &flag) in mask.iter_mut().zip(flags) {
                        *mask = S::of(f64::from(u8::from(flag < 0.5)));
                    }
                }
            }
        }
        let apart = |stream: u64| &target + &(normal::<S>(rows, x, self.seed, stream) * S::of(0.5));
        let frames = self.config.initial_frames.min(self.steps) * n;
        let mut data = Data {
            sequences: n,
            input: apart(4),
            start: self.start.then(|| apart(5).slice_move(ndarray::s![..frames, ..])),
            target,
            mask,
            seen,
            control: normal(rows, self.config.control, self.seed, 6),
            noise: normal(rows, self.config.noise, self.seed, 7),
        };
        data.fill_masked(S::nan());
        data
    }
}
