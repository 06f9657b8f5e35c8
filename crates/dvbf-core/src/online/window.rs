//! The last `k` frames: what a filter starts from, and starts again from.

use ndarray::{Array2, ArrayView1};

/// Frames in the order of time, and what of them was seen.
#[derive(Clone, Debug)]
pub(super) struct Start {
    /// `(k, X)`, zero where nothing was seen.
    pub(super) observations: Array2<f32>,
    /// One where a channel was seen, `(k, X)`.
    pub(super) mask: Array2<f32>,
    /// `(k, U)`, row `t` being the control from frame `t` to the next; the last row is not used.
    pub(super) controls: Array2<f32>,
    /// Whether any channel of a frame was seen.
    pub(super) seen: Vec<bool>,
}

impl Start {
    pub(super) fn zeros(k: usize, observation: usize, control: usize) -> Self {
        Self {
            observations: Array2::zeros((k, observation)),
            mask: Array2::zeros((k, observation)),
            controls: Array2::zeros((k, control)),
            seen: vec![false; k],
        }
    }
}

/// A ring of the last `k` frames with the controls that led to them, in the units of the model.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// `(k, X)`, NaN where nothing was seen.
    observations: Array2<f32>,
    controls: Array2<f32>,
    seen: Vec<bool>,
    /// The place of the next frame.
    next: usize,
    /// Frames since the window was cleared, at most `k`.
    held: usize,
}

impl Window {
    pub(super) fn new(k: usize, observation: usize, control: usize) -> Self {
        Self {
            observations: Array2::zeros((k, observation)),
            controls: Array2::zeros((k, control)),
            seen: vec![false; k],
            next: 0,
            held: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        (self.next, self.held) = (0, 0);
    }

    /// Takes the state of another window of the same sizes.
    pub(super) fn copy(&mut self, other: &Self) {
        self.observations.assign(&other.observations);
        self.controls.assign(&other.controls);
        self.seen.copy_from_slice(&other.seen);
        (self.next, self.held) = (other.next, other.held);
    }

    /// Takes a frame and the control before it; the oldest frame goes.
    pub(super) fn push(&mut self, values: &[f32], channels: &[bool], control: &[f32]) {
        let row = self.observations.row_mut(self.next);
        for ((to, &value), &seen) in row.into_iter().zip(values).zip(channels) {
            *to = if seen { value } else { f32::NAN };
        }
        self.controls.row_mut(self.next).assign(&ArrayView1::from(control));
        self.seen[self.next] = channels.contains(&true);
        self.next = (self.next + 1) % self.seen.len();
        self.held = self.seen.len().min(self.held + 1);
    }

    /// Whether `k` frames have come.
    pub(super) fn is_full(&self) -> bool {
        self.held == self.seen.len()
    }

    /// Whether `k` frames have come of each of which something was seen.
    pub(super) fn is_whole(&self) -> bool {
        self.is_full() && self.seen.iter().all(|&seen| seen)
    }

    /// Writes the frames in the order of time.
    pub(super) fn unroll(&self, start: &mut Start) {
        let k = self.seen.len();
        for t in 0..k {
            let place = (self.next + t) % k;
            start.seen[t] = self.seen[place];
            let to = start.observations.row_mut(t).into_iter().zip(start.mask.row_mut(t));
            for ((to, mask), &value) in to.zip(self.observations.row(place)) {
                let missing = value.is_nan();
                *mask = if missing { 0.0 } else { 1.0 };
                *to = if missing { 0.0 } else { value };
            }
            if t > 0 {
                start.controls.row_mut(t - 1).assign(&self.controls.row(place));
            }
        }
    }
}
