//! The last `k` frames with the controls that led to them, in the units of the model.

use crate::layout::Sizes;

/// A ring; missing channels are NaN.
#[derive(Debug)]
pub(crate) struct Window<'m> {
    observations: &'m mut [f32],
    controls: &'m mut [f32],
    frames: usize,
    widths: (usize, usize),
    /// The place of the next frame.
    next: usize,
    /// Frames since the window was cleared, at most `k`.
    held: usize,
}

impl<'m> Window<'m> {
    pub(crate) fn new(observations: &'m mut [f32], controls: &'m mut [f32], sizes: &Sizes) -> Self {
        let (frames, widths) = (sizes.frames, (sizes.observation, sizes.control));
        Self { observations, controls, frames, widths, next: 0, held: 0 }
    }

    pub(crate) fn clear(&mut self) {
        (self.next, self.held) = (0, 0);
    }

    /// Takes a frame and the control before it; the oldest frame goes.
    pub(crate) fn push(&mut self, observation: &[f32], control: &[f32]) {
        let (x, u) = self.widths;
        self.observations[self.next * x..][..x].copy_from_slice(observation);
        self.controls[self.next * u..][..u].copy_from_slice(control);
        self.next = (self.next + 1) % self.frames;
        self.held = self.frames.min(self.held + 1);
    }

    /// Whether `k` frames have come.
    pub(crate) fn is_full(&self) -> bool {
        self.held == self.frames
    }

    /// Whether `k` frames have come of each of which something was seen.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_full() && (0..self.frames).all(|t| has_seen(self.observation(t)))
    }

    /// Frame `t` in the order of time.
    pub(crate) fn observation(&self, t: usize) -> &[f32] {
        let x = self.widths.0;
        &self.observations[(self.next + t) % self.frames * x..][..x]
    }

    /// The control that led to frame `t`.
    pub(crate) fn control(&self, t: usize) -> &[f32] {
        let u = self.widths.1;
        &self.controls[(self.next + t) % self.frames * u..][..u]
    }

    /// Writes `[x₁ … x_k, u₁ … u_{k−1}]`, zero where nothing was seen.
    pub(crate) fn write(&self, features: &mut [f32]) {
        let (x, u) = self.widths;
        let (observations, controls) = features.split_at_mut(self.frames * x);
        for t in 0..self.frames {
            copy_seen(self.observation(t), &mut observations[t * x..][..x]);
            if t > 0 {
                controls[(t - 1) * u..][..u].copy_from_slice(self.control(t));
            }
        }
    }
}

/// Whether any channel was seen.
pub(crate) fn has_seen(frame: &[f32]) -> bool {
    frame.iter().any(|value| !value.is_nan())
}

/// Copies a frame, zero where nothing was seen.
pub(crate) fn copy_seen(frame: &[f32], to: &mut [f32]) {
    for (to, &value) in to.iter_mut().zip(frame) {
        *to = if value.is_nan() { 0.0 } else { value };
    }
}
