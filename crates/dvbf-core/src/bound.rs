//! The evidence lower bound of a batch: inference, transition, emission, divergence.
//!
//! One step (T observations, T − 1 transitions; first author's code of 2016): `w₁ → z₁`, then for
//! `t = 1 … T − 1`: `q(w_t | z_t, u_t, x_{t+1})`, a sample of it, `z_{t+1} = f(z_t, u_t, w_t)`.

use crate::batch::{Batch, Objective};
use crate::model::Dvbf;
use crate::refine::FirstFramesSeen;
use crate::workspace::Workspace;
use dvbf_models::{FirstSteps, Observations, RecognitionInput, TransitionInput};
use dvbf_prob::tempered_kl_terms;
use dvbf_tensor::Scalar;
use ndarray::{Array1, Array2, ArrayView2, Zip, s};

/// The bound's terms, one value a sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound<S> {
    /// `ln p(x | z)` over observed channels.
    pub log_lik: Array1<S>,
    /// `E_q[ln q(w) − c ln p(w)]`, the divergence at `c = 1`.
    pub kl: Array1<S>,
}

impl<S: Scalar> Bound<S> {
    /// Terms for `sequences` sequences, zero.
    pub fn zeros(sequences: usize) -> Self {
        Self { log_lik: Array1::zeros(sequences), kl: Array1::zeros(sequences) }
    }

    /// The mean loss of a sequence under `objective`.
    pub fn loss(&self, objective: Objective<S>) -> S {
        let sequences = S::of(self.kl.len() as f64);
        (objective.kl * self.kl.sum() - objective.likelihood * self.log_lik.sum()) / sequences
    }
}

impl<S: Scalar> Dvbf<S> {
    /// Infers `z (T·B, Z)` of a batch: the filter, with the batch's noise.
    ///
    /// The states are in [`Workspace::state`]. With zero noise they are the means of the posterior
    /// path. The workspace must have been [prepared](Workspace::prepare).
    ///
    /// # Panics
    /// If the batch's shapes disagree or exceed the workspace, or a gradient is
    /// [held](Self::held_gradient) there.
    #[track_caller]
    pub fn infer(&self, batch: &Batch<'_, S>, work: &mut Workspace<S>) {
        work.assert_nothing_held();
        self.pass_forward(batch, true, work);
    }

    /// [`infer`](Self::infer), with what is held kept; first states are refined where `refine` says so and
    /// the model asks for it.
    #[track_caller]
    pub(crate) fn pass_forward(&self, batch: &Batch<'_, S>, refine: bool, work: &mut Workspace<S>) {
        let steps = batch.steps();
        let (n, rows) = (batch.sequences, batch.input.nrows());
        assert!(rows <= work.state.nrows(), "workspace is too small for {rows} rows");
        assert!(n <= work.raw.nrows(), "workspace is too small for {n} sequences");
        work.rows = rows;
        let held = work.held;
        let Workspace { initial, recognition, transition, head, state, noise, .. } = work;
        let mut raw = work.raw.slice_mut(s![..n, ..]);
        let input = masked(&batch.input, batch.mask.as_ref(), &mut work.input);
        let start = match &batch.start {
            Some(start) => masked(start, batch.mask.as_ref(), &mut work.start),
            None => input.view(),
        };

        let first = FirstSteps { observed: start, control: batch.control };
        self.initial.recognize(held, first, raw.view_mut(), initial);
        if let Some(refinement) = work.refine.as_mut().filter(|_| refine) {
            let mask = batch.mask;
            let seen = FirstFramesSeen { observed: start, mask, control: batch.control };
            refinement.refine(self, seen, raw.view_mut());
        }
        head.forward(0, raw.view(), work.ones.slice(s![..n]));
        let first = s![..n, ..];
        head.sample(0, batch.noise.slice(first), noise.slice_mut(first));
        self.initial.start(held, noise.slice(first), state.slice_mut(first), initial);

        self.recognition.observe(input.slice(s![n.., ..]), recognition);
        for t in 0..steps - 1 {
            let (at, next) = (t * n, (t + 1) * n);
            let (now, later) = (s![at..next, ..], s![next..next + n, ..]);
            let (z, mut z_next) = state.multi_slice_mut((now, later));
            let control = batch.control.slice(now);
            let input = RecognitionInput { state: z.view(), control };
            self.recognition.forward(at, input, raw.view_mut(), recognition);
            head.forward(next, raw.view(), batch.seen.slice(s![next..next + n]));
            let mut w = noise.slice_mut(later);
            head.sample(next, batch.noise.slice(later), w.view_mut());
            let input = TransitionInput { state: z.view(), control, noise: w.view() };
            self.transition.forward(at, input, z_next.view_mut(), transition);
        }
    }

    /// [`infer`](Self::infer), then the bound's terms of every sequence.
    ///
    /// `prior` is the tempering constant `c` of the divergence.
    ///
    /// # Panics
    /// If the batch's shapes disagree or exceed the workspace, or `out` is for another number of
    /// sequences.
    #[track_caller]
    pub fn bound(
        &self,
        batch: &Batch<'_, S>,
        prior: S,
        work: &mut Workspace<S>,
        out: &mut Bound<S>,
    ) {
        self.infer(batch, work);
        let rows = work.rows;
        let observed = Observations { value: batch.target, mask: batch.mask };
        self.emission.log_likelihood(
            work.state.slice(s![..rows, ..]),
            observed,
            work.log_lik.slice_mut(s![..rows]),
            &mut work.emission,
        );
        work.sum_rows(batch.sequences, prior, out);
    }
}

impl<S: Scalar> Workspace<S> {
    /// Sums the terms of all rows by sequence.
    #[track_caller]
    pub(crate) fn sum_rows(&mut self, sequences: usize, prior: S, out: &mut Bound<S>) {
        assert_eq!((out.log_lik.len(), out.kl.len()), (sequences, sequences), "terms a sequence");
        out.log_lik.fill(S::ZERO);
        out.kl.fill(S::ZERO);
        let all = s![..self.rows, ..];
        let contiguous = "whole rows are contiguous";
        let mut terms = self.terms.slice_mut(all);
        tempered_kl_terms(
            self.head.mean().slice(all).as_slice().expect(contiguous),
            self.head.std().slice(all).as_slice().expect(contiguous),
            prior,
            terms.as_slice_mut().expect(contiguous),
        );
        let width = self.terms.ncols();
        let terms = self.terms.as_slice().expect(contiguous).chunks_exact(width);
        for (row, (terms, &log_lik)) in terms.zip(&self.log_lik).take(self.rows).enumerate() {
            out.kl[row % sequences] += terms.iter().copied().sum();
            out.log_lik[row % sequences] += log_lik;
        }
    }
}

/// `values`, with masked channels set to zero if there is a mask.
pub(crate) fn masked<'a, S: Scalar>(
    values: &'a ArrayView2<'_, S>,
    mask: Option<&ArrayView2<'_, S>>,
    buffer: &'a mut Array2<S>,
) -> ArrayView2<'a, S> {
    let Some(mask) = mask else { return values.view() };
    if buffer.dim() != values.dim() {
        *buffer = Array2::zeros(values.dim());
    }
    Zip::from(&mut *buffer)
        .and(values)
        .and(mask.slice(s![..values.nrows(), ..]))
        .for_each(|out, &x, &m| *out = if m > S::ZERO { x } else { S::ZERO });
    buffer.view()
}
