//! Buffers of dreams, and how one is drawn.

use crate::model::Dvbf;
use dvbf_models::{Cache, TransitionInput};
use dvbf_prob::GaussianHead;
use dvbf_tensor::Scalar;
use ndarray::{Array1, Array2, ArrayView2, s};

/// What a dream begins with, time-major: row `t·B + b` is step `t` of sequence `b`. Rows after the
/// first `k` steps are not used.
#[derive(Clone, Copy, Debug)]
pub struct DreamInput<'a, S> {
    /// Sequences `B`.
    pub sequences: usize,
    /// Controls, `(≥ k·B, U)`.
    pub control: ArrayView2<'a, S>,
    /// Noise `w`, `(≥ k·B, W)`: standard normal at the first step; none later goes along the mean path.
    pub noise: ArrayView2<'a, S>,
}

/// Buffers of dreams.
#[derive(Debug)]
pub(crate) struct DreamWork<S: Scalar> {
    /// Of the initial state that is drawn.
    pub(crate) drawn: Cache,
    /// Of the initial state that reads; gradients are held here.
    pub(crate) reads: Cache,
    pub(crate) transition: Cache,
    pub(crate) emission: Cache,
    pub(crate) head: GaussianHead<S>,
    pub(crate) state: Array2<S>,
    pub(crate) frames: Array2<S>,
    /// `w₁` that is to be read.
    pub(crate) target: Array2<S>,
    pub(crate) raw: Array2<S>,
    pub(crate) dmean: Array2<S>,
    pub(crate) dstd: Array2<S>,
    pub(crate) dnoise: Array2<S>,
    pub(crate) ones: Array1<S>,
    pub(crate) held: usize,
    pub(crate) prepared: bool,
}

impl<S: Scalar> DreamWork<S> {
    pub(crate) fn new(model: &Dvbf<S>, sequences: usize, held: usize) -> Self {
        let dims = model.transition.dims();
        let (z, w, rows) = (dims.state, dims.noise, sequences * model.initial.frames());
        Self {
            drawn: model.initial.cache(sequences),
            reads: model.initial.cache(held),
            transition: model.transition.cache(rows),
            emission: model.emission.scratch(),
            head: GaussianHead::new(sequences, w),
            state: Array2::zeros((rows, z)),
            frames: Array2::zeros((rows, model.emission.observation())),
            target: Array2::zeros((sequences, w)),
            raw: Array2::zeros((sequences, 2 * w)),
            dmean: Array2::zeros((sequences, w)),
            dstd: Array2::zeros((sequences, w)),
            dnoise: Array2::zeros((sequences, w)),
            ones: Array1::from_elem(sequences, S::ONE),
            held: 0,
            prepared: false,
        }
    }

    /// Drops what is held; the parameters are packed before the next dream.
    pub(crate) fn forget(&mut self) {
        (self.held, self.prepared) = (0, false);
    }

    /// Adds the gradient that is held.
    pub(crate) fn accumulate(&mut self, model: &Dvbf<S>, grads: &mut Dvbf<S>) {
        if self.held > 0 {
            model.initial.accumulate(&mut self.reads, &mut *grads.initial);
            self.held = 0;
        }
    }

    pub(crate) fn prepare(&mut self, model: &Dvbf<S>) {
        if !self.prepared {
            model.initial.prepare(&mut self.drawn);
            model.initial.prepare(&mut self.reads);
            model.transition.prepare(&mut self.transition);
            model.emission.prepare(&mut self.emission);
            self.prepared = true;
        }
    }

    /// Draws `z_t` and `x_t` of `steps` steps.
    pub(crate) fn draw(&mut self, model: &Dvbf<S>, input: DreamInput<'_, S>, steps: usize) {
        let n = input.sequences;
        let first = s![..n, ..];
        let mut state = self.state.slice_mut(s![..steps * n, ..]);
        model.initial.start(0, input.noise.slice(first), state.slice_mut(first), &mut self.drawn);
        for t in 0..steps - 1 {
            let (now, next) = (s![t * n..(t + 1) * n, ..], s![(t + 1) * n..(t + 2) * n, ..]);
            let (z, mut z_next) = state.multi_slice_mut((now, next));
            let (control, noise) = (input.control.slice(now), input.noise.slice(next));
            let from = TransitionInput { state: z.view(), control, noise };
            model.transition.forward(t * n, from, z_next.view_mut(), &mut self.transition);
        }
        let frames = self.frames.slice_mut(s![..steps * n, ..]);
        model.emission.mean(state.view(), frames, &mut self.emission);
    }
}
