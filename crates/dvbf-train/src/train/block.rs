//! A fixed number of sequences that go through the model together, in buffers of their own.

use super::{Learner, Purpose, stream};
use dvbf_core::{Batch, Bound, DreamInput, GradientOptions};
use dvbf_data::Dataset;
use ndarray::{Array1, Array2, Array3, s};
use std::ops::Range;

/// What an update hides from the recognition networks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Corruption {
    /// Probability that a step follows the prior.
    pub(super) drop: f32,
    /// Standard deviation of the noise on the recognition network's input.
    pub(super) input_noise: f32,
    /// Standard deviation of the noise on the initial state's input.
    pub(super) start_noise: f32,
}

#[derive(Debug)]
pub(super) struct Block<M: Learner<f32>> {
    work: M::Work,
    bound: Bound<f32>,
    target: Array2<f32>,
    /// Empty if everything was observed.
    mask: Array2<f32>,
    input: Array2<f32>,
    start: Array2<f32>,
    control: Array2<f32>,
    seen: Array1<f32>,
    latent: Array2<f32>,
    /// Noise of dreams, `(k·B, W)`: of the first state, zero afterwards.
    dream: Array2<f32>,
    offsets: Vec<f32>,
    /// Whether `input` and `start` differ from `target`; they are not filled otherwise.
    corrupted: bool,
}

impl<M: Learner<f32>> Block<M> {
    /// A block of `sequences` sequences that passes at most `held` through the model before
    /// [`finish`](Self::finish).
    pub(super) fn new(
        model: &M,
        data: &Dataset,
        (sequences, held): (usize, usize),
        steps: usize,
    ) -> Self {
        let rows = sequences * steps;
        let (channels, controls) = (data.observations.dim().2, data.controls.dim().2);
        let start_rows = sequences * model.start_frames().min(steps);
        let masked = data.mask.is_some();
        Self {
            work: model.holding(sequences, rows, held),
            bound: Bound::zeros(sequences),
            target: Array2::zeros((rows, channels)),
            mask: Array2::zeros((if masked { rows } else { 0 }, channels)),
            input: Array2::zeros((rows, channels)),
            start: Array2::zeros((start_rows, channels)),
            control: Array2::zeros((rows, controls)),
            seen: Array1::ones(rows),
            latent: Array2::zeros((rows, model.noise())),
            dream: Array2::zeros((start_rows, model.noise())),
            offsets: vec![0.0; sequences],
            corrupted: false,
        }
    }

    pub(super) fn sequences(&self) -> usize {
        self.offsets.len()
    }

    pub(super) fn steps(&self) -> usize {
        self.target.nrows() / self.sequences()
    }

    pub(super) fn bound(&self) -> &Bound<f32> {
        &self.bound
    }

    /// Cuts a window from every sequence and draws all noise of update `step`.
    pub(super) fn fill(
        &mut self,
        data: &Dataset,
        sequences: &[usize],
        seed: u64,
        (step, block): (u64, usize),
        corruption: &Corruption,
    ) {
        let (n, steps) = (self.sequences(), self.steps());
        let whole = "the buffer is contiguous";
        stream(seed, Purpose::Window, step, block).uniform(&mut self.offsets);
        for (b, (&sequence, &offset)) in sequences.iter().zip(&self.offsets).enumerate() {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a place in a sequence"
            )]
            let first = {
                // Padding is seen only where a sequence is shorter than the window.
                let places = data.lengths[sequence].saturating_sub(steps) + 1;
                ((offset * places as f32) as usize).min(places - 1)
            };
            let window = first..first + steps;
            spread(&data.observations, sequence, window.clone(), &mut self.target, (b, n));
            spread(&data.controls, sequence, window.clone(), &mut self.control, (b, n));
            if let Some(mask) = &data.mask {
                spread(mask, sequence, window, &mut self.mask, (b, n));
            }
        }

        let seen = self.seen.as_slice_mut().expect(whole);
        stream(seed, Purpose::Drop, step, block).uniform(seen);
        for (row, seen) in seen.iter_mut().enumerate() {
            let anything = data.mask.is_none() || self.mask.row(row).iter().any(|&m| m > 0.0);
            *seen = f32::from(u8::from(anything && *seen >= corruption.drop));
        }
        let latent = self.latent.as_slice_mut().expect(whole);
        stream(seed, Purpose::Latent, step, block).normal(latent);
        self.add_pixel_noise(corruption, seed, (step, block));
    }

    fn add_pixel_noise(&mut self, corruption: &Corruption, seed: u64, (step, block): (u64, usize)) {
        let (input_std, start_std) = (corruption.input_noise, corruption.start_noise);
        let whole = "the buffer is contiguous";
        let target = self.target.as_slice().expect(whole);
        let input = self.input.as_slice_mut().expect(whole);
        let start = self.start.as_slice_mut().expect(whole);
        self.corrupted = input_std > 0.0 || start_std > 0.0;
        if !self.corrupted {
            return;
        }
        // One draw serves both networks, scaled to each.
        stream(seed, Purpose::Pixels, step, block).normal(input);
        for ((start, &noise), &x) in start.iter_mut().zip(&*input).zip(target) {
            *start = x + start_std * noise;
        }
        for (input, &x) in input.iter_mut().zip(target) {
            *input = x + input_std * *input;
        }
    }

    /// Packs the parameters; to be called after every change of them.
    pub(super) fn prepare(&mut self, model: &M) {
        model.prepare(&mut self.work);
    }

    /// Computes the bound and adds to the gradient, which is complete after
    /// [`finish`](Self::finish).
    pub(super) fn gradient(&mut self, model: &M, options: GradientOptions<f32>, grads: &mut M) {
        let batch = Batch {
            sequences: self.sequences(),
            input: if self.corrupted { self.input.view() } else { self.target.view() },
            start: (self.corrupted && self.start.nrows() > 0).then(|| self.start.view()),
            target: self.target.view(),
            mask: (self.mask.nrows() > 0).then(|| self.mask.view()),
            seen: self.seen.view(),
            control: self.control.view(),
            noise: self.latent.view(),
        };
        model.gradient(&batch, options, &mut self.work, &mut self.bound, grads);
    }

    /// Draws first states for dreams of update `step`, which go on without noise, and adds their
    /// gradient, which is complete after [`finish`](Self::finish); controls are those of the windows.
    pub(super) fn dream(&mut self, model: &M, seed: u64, (step, block): (u64, usize), scale: f32) {
        let first = self.sequences() * self.dream.ncols();
        let noise = self.dream.as_slice_mut().expect("the buffer is contiguous");
        stream(seed, Purpose::Dream, step, block).normal(&mut noise[..first]);
        let (noise, control) = (self.dream.view(), self.control.view());
        let input = DreamInput { sequences: self.sequences(), control, noise };
        model.dream(input, scale, &mut self.work);
    }

    /// Completes the gradient.
    pub(super) fn finish(&mut self, model: &M, grads: &mut M) {
        model.finish(&mut self.work, grads);
    }
}

/// Copies a window of a sequence to rows `place`, `place + step`, … of a time-major buffer.
fn spread(
    from: &Array3<f32>,
    sequence: usize,
    window: Range<usize>,
    to: &mut Array2<f32>,
    (place, step): (usize, usize),
) {
    assert_eq!(from.dim().2, to.ncols(), "channels of the recordings against the model");
    let from = from.slice(s![sequence, window, ..]);
    for (mut to, from) in to.rows_mut().into_iter().skip(place).step_by(step).zip(from.rows()) {
        to.assign(&from);
    }
}
