//! Dreams: the recognition of the initial state learns from what the model itself draws.
//!
//! The sleep phase of wake–sleep (Hinton, Dayan, Frey and Neal 1995), for the first state:
//!
//! | | equation |
//! |-|----------|
//! | dream | `w_t` as given, `z₁ = s(w₁)`, `z_{t+1} = f(z_t, u_t, w_{t+1})`, `x_t = μ(z_t)`, `t ≤ k` |
//! | loss | `−ln q(w₁ | x_{1:k}, u_{1:k−1})` |
//!
//! Training draws `w₁ ~ N(0, I)` and goes on without noise, so that the network learns the inverse of
//! pictures and equation. Only parameters of `q` move: the dream is a sample, not a function of the parameters. Frames are
//! means, without the noise of the emission. Recordings show few of all states; dreams show every
//! state that the prior holds possible, so that a network that reads frames cannot learn a few
//! recordings by heart.

use crate::model::Dvbf;
use crate::workspace::Workspace;
use dvbf_models::{Cache, FirstSteps, TransitionInput};
use dvbf_prob::GaussianHead;
use dvbf_tensor::Scalar;
use ndarray::{Array1, Array2, ArrayView2, Zip, s};

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
    drawn: Cache,
    /// Of the initial state that reads; gradients are held here.
    reads: Cache,
    transition: Cache,
    emission: Cache,
    head: GaussianHead<S>,
    state: Array2<S>,
    frames: Array2<S>,
    raw: Array2<S>,
    dmean: Array2<S>,
    dstd: Array2<S>,
    dnoise: Array2<S>,
    ones: Array1<S>,
    held: usize,
    prepared: bool,
}

impl<S: Scalar> DreamWork<S> {
    fn new(model: &Dvbf<S>, sequences: usize, held: usize) -> Self {
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

    fn prepare(&mut self, model: &Dvbf<S>) {
        if !self.prepared {
            model.initial.prepare(&mut self.drawn);
            model.initial.prepare(&mut self.reads);
            model.transition.prepare(&mut self.transition);
            model.emission.prepare(&mut self.emission);
            self.prepared = true;
        }
    }

    /// Draws `z_t` and `x_t` of `steps` steps.
    fn draw(&mut self, model: &Dvbf<S>, input: DreamInput<'_, S>, steps: usize) {
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

impl<S: Scalar> Dvbf<S> {
    /// Dreams, and returns the summed loss of all sequences. The gradient of `scale` times the loss
    /// stays in the workspace until [`add_held`](Self::add_held).
    ///
    /// The workspace must have been [prepared](Workspace::prepare) with these parameters.
    ///
    /// # Panics
    /// If the shapes disagree, there are fewer rows than one step has, or the workspace has no room
    /// for so many sequences.
    #[track_caller]
    pub fn held_dream(&self, input: DreamInput<'_, S>, scale: S, work: &mut Workspace<S>) -> S {
        let n = input.sequences;
        let rows = input.noise.nrows().min(input.control.nrows());
        let steps = self.initial.frames().min(rows / n.max(1));
        let (most, room) = work.room();
        assert!((1..=most).contains(&n), "{n} sequences, room for {most}");
        assert!(steps > 0, "{rows} rows, {n} for a step");
        let dream = work.dream.get_or_insert_with(|| Box::new(DreamWork::new(self, most, room)));
        assert!(dream.held + n <= room, "{} sequences are held, room for {room}", dream.held);
        dream.prepare(self);
        dream.draw(self, input, steps);

        let DreamWork { reads, head, state, frames, raw, dmean, dstd, dnoise, ones, held, .. } =
            &mut **dream;
        let first = s![..n, ..];
        let mut raw = raw.slice_mut(first);
        let observed = frames.slice(s![..steps * n, ..]);
        let read = FirstSteps { observed, control: input.control };
        self.initial.recognize(*held, read, raw.view_mut(), reads);
        head.forward(0, raw.view(), ones.slice(s![..n]));

        let (mut dmean, mut dstd) = (dmean.slice_mut(first), dstd.slice_mut(first));
        let target = input.noise.slice(first);
        let mut loss = S::of(n as f64 * target.ncols() as f64 * (std::f64::consts::TAU).ln() / 2.0);
        dmean.assign(&head.mean().slice(first));
        dstd.assign(&head.std().slice(first));
        Zip::from(&mut dmean).and(&mut dstd).and(target).for_each(|mean, std, &w| {
            let away = (w - *mean) / *std;
            loss += away * away / S::of(2.0) + std.ln();
            *mean = -scale * away / *std;
            *std = scale * (S::ONE - away * away) / *std;
        });
        let mut dnoise = dnoise.slice_mut(first);
        dnoise.fill(S::ZERO);
        head.backward(0, target, dnoise.view(), (dmean.view(), dstd.view()), raw.view_mut());
        self.initial.backward_dream(*held, raw.view(), reads);
        // The start is a constant here: its passes are made with a cotangent of zero.
        let mut state = state.slice_mut(first);
        self.initial.start(*held, target, state.view_mut(), reads);
        state.fill(S::ZERO);
        self.initial.backward_start(*held, state.view(), dnoise, reads);
        *held += n;
        loss
    }
}
