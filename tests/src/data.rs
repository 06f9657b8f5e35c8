//! What a bound is computed on, owned.

use dvbf_core::{Batch, Noise, Scalar};
use ndarray::{Array1, Array2, s};

/// Standard normal draws, a function of seed and stream.
///
/// # Panics
/// Never: a fresh array is contiguous.
pub fn normal<S: Scalar>(rows: usize, columns: usize, seed: u64, stream: u64) -> Array2<S> {
    let mut a = Array2::zeros((rows, columns));
    Noise::new(seed, stream).normal(a.as_slice_mut().expect("a fresh array is contiguous"));
    a
}

/// The arrays of a [`Batch`].
#[derive(Clone, Debug, PartialEq)]
pub struct Data<S> {
    /// `B`.
    pub sequences: usize,
    /// `(T·B, X)`.
    pub input: Array2<S>,
    /// `(min(k, T)·B, X)`.
    pub start: Option<Array2<S>>,
    /// `(T·B, X)`.
    pub target: Array2<S>,
    /// `(T·B, X)`.
    pub mask: Option<Array2<S>>,
    /// `(T·B)`.
    pub seen: Array1<S>,
    /// `(T·B, U)`.
    pub control: Array2<S>,
    /// `(T·B, W)`.
    pub noise: Array2<S>,
}

impl<S: Scalar> Data<S> {
    /// Everything observed, recognition and likelihood of the same values `x (T·B, X)`, no noise.
    pub fn observed(sequences: usize, x: Array2<S>, control: Array2<S>, noise: usize) -> Self {
        let rows = x.nrows();
        Self {
            sequences,
            input: x.clone(),
            start: None,
            target: x,
            mask: None,
            seen: Array1::ones(rows),
            control,
            noise: Array2::zeros((rows, noise)),
        }
    }

    /// `T`.
    pub fn steps(&self) -> usize {
        self.input.nrows() / self.sequences
    }

    /// The arrays as a batch.
    pub fn batch(&self) -> Batch<'_, S> {
        Batch {
            sequences: self.sequences,
            input: self.input.view(),
            start: self.start.as_ref().map(|start| start.view()),
            target: self.target.view(),
            mask: self.mask.as_ref().map(|mask| mask.view()),
            seen: self.seen.view(),
            control: self.control.view(),
            noise: self.noise.view(),
        }
    }

    /// The chosen sequences, in this order.
    #[must_use]
    pub fn select(&self, sequences: &[usize]) -> Self {
        let rows = |of: usize| -> Vec<usize> {
            let steps = 0..of / self.sequences;
            steps.flat_map(|t| sequences.iter().map(move |b| t * self.sequences + b)).collect()
        };
        let chosen = |a: &Array2<S>| a.select(ndarray::Axis(0), &rows(a.nrows()));
        Self {
            sequences: sequences.len(),
            input: chosen(&self.input),
            start: self.start.as_ref().map(chosen),
            target: chosen(&self.target),
            mask: self.mask.as_ref().map(chosen),
            seen: self.seen.select(ndarray::Axis(0), &rows(self.seen.len())),
            control: chosen(&self.control),
            noise: chosen(&self.noise),
        }
    }

    /// The rows of sequence `b` of a time-major array.
    pub fn of_sequence(&self, b: usize, a: &Array2<S>) -> Array2<S> {
        a.slice(s![b..;self.sequences, ..]).to_owned()
    }

    /// Writes `value` under the mask, wherever it stands.
    pub fn fill_masked(&mut self, value: S) {
        let Some(mask) = &self.mask else { return };
        for a in [Some(&mut self.input), Some(&mut self.target), self.start.as_mut()] {
            let Some(a) = a else { continue };
            for (x, &m) in a.iter_mut().zip(mask) {
                if m == S::ZERO {
                    *x = value;
                }
            }
        }
    }
}
