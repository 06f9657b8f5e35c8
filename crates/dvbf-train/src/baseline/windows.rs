//! What an update of a baseline sees: a window of every sequence, and noise.

use crate::train::{Purpose, stream};
use dvbf_core::Batch;
use dvbf_data::Dataset;
use ndarray::{Array1, Array2, s};

/// What an update hides, at the current progress.
#[derive(Clone, Copy, Debug)]
pub(super) struct Corruption {
    /// Probability that a step is not seen.
    pub(super) drop: f32,
    /// Standard deviation of the noise on what is read.
    pub(super) input_noise: f32,
}

/// Windows of a fixed number of sequences.
#[derive(Debug)]
pub(super) struct Windows {
    sequences: usize,
    target: Array2<f32>,
    input: Array2<f32>,
    control: Array2<f32>,
    seen: Array1<f32>,
    noise: Array2<f32>,
}

impl Windows {
    /// Buffers for windows of `steps` steps of `sequences` sequences; a step takes `width` draws.
    pub(super) fn new(data: &Dataset, sequences: usize, steps: usize, width: usize) -> Self {
        let rows = sequences * steps;
        let (channels, controls) = (data.observations.dim().2, data.controls.dim().2);
        Self {
            sequences,
            target: Array2::zeros((rows, channels)),
            input: Array2::zeros((rows, channels)),
            control: Array2::zeros((rows, controls)),
            seen: Array1::ones(rows),
            noise: Array2::zeros((rows, width)),
        }
    }

    pub(super) fn sequences(&self) -> usize {
        self.sequences
    }

    pub(super) fn steps(&self) -> usize {
        self.target.nrows() / self.sequences
    }

    /// Cuts a window at a random place of every sequence and draws all noise; `place` is the
    /// update and the number of these windows in it.
    pub(super) fn fill(
        &mut self,
        data: &Dataset,
        chosen: &[usize],
        seed: u64,
        (step, index): (u64, usize),
        corruption: Corruption,
    ) {
        let (n, steps) = (self.sequences, self.steps());
        let places = data.observations.dim().1 - steps + 1;
        let mut offsets = vec![0.0_f32; n];
        stream(seed, Purpose::Window, step, index).uniform(&mut offsets);
        for (b, (&sequence, &offset)) in chosen.iter().zip(&offsets).enumerate() {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a place in a sequence"
            )]
            let first = ((offset * places as f32) as usize).min(places - 1);
            for t in 0..steps {
                let from = s![sequence, first + t, ..];
                self.target.row_mut(t * n + b).assign(&data.observations.slice(from));
                self.control.row_mut(t * n + b).assign(&data.controls.slice(from));
            }
        }
        let whole = "the buffer is contiguous";
        stream(seed, Purpose::Drop, step, index).uniform(self.seen.as_slice_mut().expect(whole));
        self.seen.mapv_inplace(|draw| f32::from(u8::from(draw >= corruption.drop)));
        let noise = self.noise.as_slice_mut().expect(whole);
        stream(seed, Purpose::Latent, step, index).normal(noise);
        if corruption.input_noise > 0.0 {
            let input = self.input.as_slice_mut().expect(whole);
            stream(seed, Purpose::Pixels, step, index).normal(input);
            self.input *= corruption.input_noise;
            self.input += &self.target;
        } else {
            self.input.assign(&self.target);
        }
    }

    pub(super) fn batch(&self) -> Batch<'_, f32> {
        Batch {
            sequences: self.sequences,
            input: self.input.view(),
            start: None,
            target: self.target.view(),
            mask: None,
            seen: self.seen.view(),
            control: self.control.view(),
            noise: self.noise.view(),
        }
    }
}
