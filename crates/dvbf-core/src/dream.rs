//! Dreams: the recognition of the initial state learns from what the model itself draws.
//!
//! The sleep phase of wake–sleep (Hinton, Dayan, Frey and Neal 1995), for the first state:
//!
//! | | equation |
//! |-|----------|
//! | dream | `w_t` as given, `z₁ = s(w₁)`, `z_{t+1} = f(z_t, u_t, w_{t+1})`, `x_t = μ(z_t)`, `t ≤ k` |
//! | loss | `−ln q(w₁ | x_{1:k}, u_{1:k−1})`, with an angle in `z₁` within half a turn of the mean of `q` |
//!
//! Training draws `w₁ ~ N(0, I)` and goes on without noise, so that the network learns the inverse of
//! pictures and equation. Only parameters of the mean of `q` move, where the initial state has others for its
//! standard deviation: how well recordings are read is not how well dreams are, whose frames have no noise. The
//! dream is a sample, not a function of the parameters. Frames are means, without the noise of the emission.
//! Recordings show few of all states; dreams show every state that the prior holds possible, so that a network that
//! reads frames cannot learn a few recordings by heart.

use crate::dream_work::{DreamInput, DreamWork};
use crate::model::Dvbf;
use crate::workspace::Workspace;
use dvbf_models::FirstSteps;
use dvbf_prob::HeadCotangents;
use dvbf_tensor::Scalar;
use ndarray::{Zip, s};

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

        let DreamWork {
            reads,
            head,
            state,
            frames,
            target,
            raw,
            dmean,
            dstd,
            dnoise,
            ones,
            held,
            ..
        } = &mut **dream;
        let first = s![..n, ..];
        let mut raw = raw.slice_mut(first);
        let observed = frames.slice(s![..steps * n, ..]);
        let read = FirstSteps { observed, control: input.control };
        self.initial.recognize(*held, read, raw.view_mut(), reads);
        head.forward(0, raw.view(), ones.slice(s![..n]));

        let (mut dmean, mut dstd) = (dmean.slice_mut(first), dstd.slice_mut(first));
        let mut target = target.slice_mut(first);
        target.assign(&input.noise.slice(first));
        self.initial.nearest(head.mean().slice(first), target.view_mut());
        let mut loss = S::of(n as f64 * target.ncols() as f64 * (std::f64::consts::TAU).ln() / 2.0);
        dmean.assign(&head.mean().slice(first));
        dstd.assign(&head.std().slice(first));
        Zip::from(&mut dmean).and(&mut dstd).and(&target).for_each(|mean, std, &w| {
            let away = (w - *mean) / *std;
            loss += away * away / S::of(2.0) + std.ln();
            *mean = -scale * away / *std;
            *std = scale * (S::ONE - away * away) / *std;
        });
        let mut dnoise = dnoise.slice_mut(first);
        dnoise.fill(S::ZERO);
        let cotangents =
            HeadCotangents { sample: dnoise.view(), mean: dmean.view(), std: dstd.view() };
        head.backward(0, target.view(), cotangents, raw.view_mut());
        self.initial.backward_dream(*held, raw.view(), reads);
        // The start is a constant here: its passes are made with a cotangent of zero.
        let mut state = state.slice_mut(first);
        self.initial.start(*held, target.view(), state.view_mut(), reads);
        state.fill(S::ZERO);
        self.initial.backward_start(*held, state.view(), dnoise, reads);
        *held += n;
        loss
    }
}
