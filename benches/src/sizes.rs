//! The training steps that are timed, here and in other systems.

use crate::StepShape;
use dvbf::data::Dataset;
use dvbf::schedule::Ramp;
use dvbf::settings::{ModelSettings, Settings, TrainingSettings, preset};
use dvbf_core::{KindTable, Noise};
use ndarray::Array3;

/// Sequences that go through the model together unless a block size is given.
pub const BLOCK: usize = 32;

/// A size of the model and of the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// What it is called.
    pub name: &'static str,
    /// `B`, sequences of a step.
    pub sequences: usize,
    /// `T`, frames of a sequence.
    pub steps: usize,
    /// `H`, hidden units.
    pub hidden: usize,
    /// `Z = W`, dimensions of state and noise.
    pub state: usize,
    /// `M`, base matrices.
    pub matrices: usize,
}

/// A full batch, a small batch, and a larger model on longer sequences.
pub const SIZES: [Size; 3] = [
    Size { name: "a", sequences: 500, steps: 15, hidden: 128, state: 3, matrices: 16 },
    Size { name: "b", sequences: 32, steps: 15, hidden: 128, state: 3, matrices: 16 },
    Size { name: "c", sequences: 128, steps: 50, hidden: 256, state: 16, matrices: 32 },
];

/// Channels of a frame of 16×16 pixels.
const OBSERVATION: usize = 256;

impl Size {
    /// The size of this name.
    pub fn named(name: &str) -> Option<Self> {
        SIZES.into_iter().find(|size| size.name == name)
    }

    /// Everything that the number of operations depends on.
    pub fn shape(&self) -> StepShape {
        StepShape {
            sequences: self.sequences,
            steps: self.steps,
            observation: OBSERVATION,
            control: 1,
            state: self.state,
            noise: self.state,
            hidden: self.hidden,
            matrices: self.matrices,
            mixing_hidden: 64,
            initial_frames: 5,
        }
    }

    /// Settings of a training that gives each of `threads` threads one shard, whose sequences go
    /// through the model in blocks of `block`: Adam, clipping, a fixed standard deviation of the
    /// emission, nothing corrupted and no running average.
    ///
    /// # Panics
    /// If there is no preset to start from.
    pub fn settings(&self, threads: usize, block: usize) -> Settings {
        let (base, shape) = (preset("pendulum").expect("a preset"), self.shape());
        Settings {
            model: ModelSettings {
                state: shape.state,
                noise: shape.noise,
                hidden: shape.hidden,
                initial_frames: shape.initial_frames,
                transition: KindTable::new("locally-linear")
                    .with("matrices", shape.matrices)
                    .with("hidden", shape.mixing_hidden),
                emission: KindTable::new("gaussian").with("std", 0.1),
                ..base.model
            },
            training: TrainingSettings {
                batch: self.sequences,
                shard: self.sequences.div_ceil(threads),
                block,
                window: 0,
                learning_rate: Ramp::constant(1e-3),
                state_clip: 0.0,
                drop: Ramp::constant(0.0),
                kl_weight: Ramp::constant(1.0),
                temper: Ramp::constant(1.0),
                input_noise: Ramp::constant(0.0),
                start_noise: Ramp::constant(0.0),
                average: 0.0,
                ..base.training
            },
            ..base
        }
    }

    /// As many recordings as a batch has: frames of uniform, controls of normal noise.
    pub fn recordings(&self) -> Dataset {
        let draw = |stream: u64, channels: usize, fill: fn(&Noise, &mut [f32])| {
            let mut values = vec![0.0; self.sequences * self.steps * channels];
            fill(&Noise::new(0, stream), &mut values);
            let dim = (self.sequences, self.steps, channels);
            Array3::from_shape_fn(dim, |(n, t, c)| values[(n * self.steps + t) * channels + c])
        };
        Dataset::observed(draw(1, OBSERVATION, Noise::uniform), draw(2, 1, Noise::normal))
    }
}
