//! Deterministic recurrent predictor: a gated recurrent unit that reads what is seen and done, and
//! a network that says what the next frame will be. Its hidden state is all that it knows.
//!
//! Shapes: rows `R = T·B`, `i (R, X + U + 1)`, `h (R, H)`, `μ (R, X)`.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | input | `i_t = [seen_t x_t, u_{t−1}, seen_t]`, no control at the first step | |
//! | state | `h_t = unit(i_t, h_{t−1})`, `h₀ = 0` | |
//! | frame | `μ_{t+1} = net(h_t, u_t)` | |
//! | loss | `−Σ_{t>1} ln N(x_t; μ_t, σ²)` | |
//! | `dh_t` | by the network, and by the unit at `t + 1` | |
//!
//! A step that was not seen gets zeros and says so, and a channel that is masked gets a zero. Trained with some steps hidden, the unit
//! predicts over several frames, and prediction without looking is what it was trained for.

use super::latent::{by_sequence, write_seen};
use super::weights::Weights;
use crate::eval::{Predictor, Seen};
use crate::settings::TrainingSettings;
use crate::train::Learner;
use dvbf_core::{Batch, Bound, GradientOptions, Noise, Params, Path, Scalar};
use dvbf_data::settings::ValueError;
use dvbf_models::{
    Cache, Emission, GaussianEmission, GaussianSizes, LikelihoodOutputs, NoiseScale, Observations,
};
use dvbf_ops::{Features, Gru, GruCache};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewD, ArrayViewMutD, s};

/// Sizes of the predictor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecurrentSizes {
    /// `X`.
    pub observation: usize,
    /// `U`.
    pub control: usize,
    /// `H`, dimensions of the hidden state.
    pub state: usize,
    /// Hidden units of the network that predicts the frame.
    pub hidden: usize,
    /// `σ` of the frames, which stays.
    pub emission_std: f64,
}

/// Parameters of the predictor and, as a gradient, their cotangents.
#[derive(Clone, Debug, PartialEq)]
pub struct Recurrent<S> {
    // Invariant: the unit reads `X + U + 1` values, the emission `H + U`.
    unit: Gru<S>,
    frame: GaussianEmission<S>,
}

/// Buffers of a pass.
#[derive(Debug)]
pub struct RecurrentWork<S> {
    unit: GruCache<S>,
    frame: Cache,
    input: Array2<S>,
    state: Array2<S>,
    /// `[h, u]` and its cotangent.
    told: Array2<S>,
    dtold: Array2<S>,
    /// `h_{t−1}`, and cotangents of the state of one step.
    now: Array2<S>,
    dnow: [Array2<S>; 2],
    log_lik: Array1<S>,
    rows: usize,
}

impl<S: Scalar> Recurrent<S> {
    /// Freshly drawn parameters.
    pub fn random(sizes: &RecurrentSizes, noise: Noise) -> Self {
        let RecurrentSizes { observation, control, state, hidden, emission_std } = *sizes;
        let log_std = Array1::from_elem(1, S::of(emission_std.ln()));
        let told = state + control;
        let frame = GaussianSizes { state: told, hidden, observation };
        let seen = Features::identity(told);
        let fixed = NoiseScale::Fixed;
        Self {
            unit: Gru::random(observation + control + 1, state, noise.part(0)),
            frame: GaussianEmission::random(frame, seen, log_std, fixed, noise.part(1)),
        }
    }

    /// Writes the inputs of all rows.
    fn fill(told: &Seen<'_, S>, work: &mut RecurrentWork<S>) {
        let Seen { sequences: n, observed, mask, seen, control } = *told;
        let (rows, channels) = observed.dim();
        assert!(rows <= work.input.nrows(), "workspace is too small for {rows} rows");
        let last = work.input.ncols() - 1;
        let mut input = work.input.slice_mut(s![..rows, ..]);
        input.slice_mut(s![..n, channels..last]).fill(S::ZERO);
        input.slice_mut(s![n.., channels..last]).assign(&control.slice(s![..rows - n, ..]));
        write_seen(input.slice_mut(s![.., ..channels]), observed, mask);
        for (row, (mut input, &seen)) in input.rows_mut().into_iter().zip(seen).enumerate() {
            // The first frame is never hidden: without it there is nothing to start from.
            let there = mask.is_none_or(|mask| mask.row(row).iter().any(|&m| m > S::ZERO));
            let seen = there && (row < n || seen > S::ZERO);
            if !seen {
                input.slice_mut(s![..channels]).fill(S::ZERO);
            }
            input[last] = if seen { S::ONE } else { S::ZERO };
        }
        work.rows = rows;
    }

    /// All hidden states.
    fn run(&self, n: usize, work: &mut RecurrentWork<S>) {
        let RecurrentWork { unit, input, state, rows, .. } = work;
        let mut now = work.now.slice_mut(s![..n, ..]);
        now.fill(S::ZERO);
        self.unit.read(input.slice(s![..*rows, ..]), unit);
        for at in (0..*rows).step_by(n) {
            let mut next = state.slice_mut(s![at..at + n, ..]);
            self.unit.step(at, now.view(), next.view_mut(), unit);
            now.assign(&next);
        }
    }

    /// What the network of the frames is told at the steps before the last.
    fn tell(&self, n: usize, control: ArrayView2<'_, S>, work: &mut RecurrentWork<S>) {
        let (before, width) = (s![..work.rows - n, ..], self.unit.dim().1);
        let mut told = work.told.slice_mut(before);
        told.slice_mut(s![.., ..width]).assign(&work.state.slice(before));
        told.slice_mut(s![.., width..]).assign(&control.slice(before));
    }

    fn infer(&self, batch: &Batch<'_, S>, work: &mut RecurrentWork<S>) {
        batch.steps();
        let n = batch.sequences;
        Self::fill(&told(batch), work);
        self.run(n, work);
        self.tell(n, batch.control, work);
        work.log_lik.fill(S::ZERO);
    }
}

/// What the unit reads of a batch.
fn told<'a, S: Scalar>(batch: &Batch<'a, S>) -> Seen<'a, S> {
    let Batch { sequences, input: observed, mask, seen, control, .. } = *batch;
    Seen { sequences, observed, mask, seen, control }
}

/// What the frames of the steps after the first are judged by.
fn later<'a, S: Scalar>(batch: &'a Batch<'_, S>) -> Observations<'a, S> {
    let rows = s![batch.sequences.., ..];
    let mask = batch.mask.as_ref().map(|mask| mask.slice(rows));
    Observations { value: batch.target.slice(rows), mask }
}

impl<S: Scalar> Learner<S> for Recurrent<S> {
    type Work = RecurrentWork<S>;
    type Facts = ();

    fn check(training: &TrainingSettings) -> Result<(), ValueError> {
        super::weights::check(training)
    }

    fn noise(&self) -> usize {
        0
    }

    fn work(&self, sequences: usize, rows: usize) -> RecurrentWork<S> {
        let ((inputs, state), told) = (self.unit.dim(), self.frame.state());
        let zeros = |rows, columns| Array2::zeros((rows, columns));
        RecurrentWork {
            unit: self.unit.cache(rows),
            frame: self.frame.scratch(),
            input: zeros(rows, inputs),
            state: zeros(rows, state),
            told: zeros(rows, told),
            dtold: zeros(rows, told),
            now: zeros(sequences, state),
            dnow: [zeros(sequences, state), zeros(sequences, state)],
            log_lik: Array1::zeros(rows),
            rows: 0,
        }
    }

    fn prepare(&self, work: &mut RecurrentWork<S>) {
        self.unit.prepare(&mut work.unit);
        self.frame.prepare(&mut work.frame);
    }

    fn recognize(&self, batch: &Batch<'_, S>, work: &mut RecurrentWork<S>) {
        Self::fill(&told(batch), work);
        self.run(batch.sequences, work);
    }

    fn bound(&self, batch: &Batch<'_, S>, work: &mut RecurrentWork<S>, out: &mut Bound<S>) {
        self.infer(batch, work);
        let RecurrentWork { told, log_lik, frame, rows, .. } = work;
        let before = *rows - batch.sequences;
        let log_lik_rows = log_lik.slice_mut(s![..before]);
        self.frame.log_likelihood(told.slice(s![..before, ..]), later(batch), log_lik_rows, frame);
        by_sequence(log_lik.slice(s![..before]), &mut out.log_lik);
        out.kl.fill(S::ZERO);
    }

    fn gradient(
        &self,
        batch: &Batch<'_, S>,
        options: GradientOptions<S>,
        work: &mut RecurrentWork<S>,
        out: &mut Bound<S>,
        grads: &mut Self,
    ) {
        let weights = Weights::of(options);
        self.infer(batch, work);
        let (n, width) = (batch.sequences, self.unit.dim().1);
        let RecurrentWork { unit, frame, input, told, dtold, dnow, log_lik, rows, .. } = work;
        let before = *rows - n;
        let mut dtold = dtold.slice_mut(s![..before, ..]);
        dtold.fill(S::ZERO);
        self.frame.log_likelihood_gradient(
            told.slice(s![..before, ..]),
            later(batch),
            LikelihoodOutputs {
                weight: -weights.scale,
                log_lik: log_lik.slice_mut(s![..before]),
                dstate: dtold.view_mut(),
                grads: &mut grads.frame,
            },
            frame,
        );
        by_sequence(log_lik.slice(s![..before]), &mut out.log_lik);
        out.kl.fill(S::ZERO);
        let [dnext, dstate] = dnow;
        let mut dnext = dnext.slice_mut(s![..n, ..]);
        let mut dstate = dstate.slice_mut(s![..n, ..]);
        dstate.fill(S::ZERO);
        for at in (0..*rows).step_by(n).rev() {
            dnext.assign(&dstate);
            if at < before {
                dnext += &dtold.slice(s![at..at + n, ..width]);
            }
            dstate.fill(S::ZERO);
            self.unit.backward_step(at, dnext.view(), dstate.view_mut(), unit);
        }
        self.unit.accumulate(input.slice(s![..*rows, ..]), unit, &mut grads.unit);
    }

    fn state(work: &RecurrentWork<S>) -> ArrayView2<'_, S> {
        work.state.slice(s![..work.rows, ..])
    }

    /// # Panics
    /// Always: [`check`](Learner::check) refuses it.
    fn decay(&mut self, _: S) {
        panic!("a baseline has no decay of weights");
    }
}

impl<S: Scalar> Predictor<S> for Recurrent<S> {
    fn predict(&self, beginning: &Seen<'_, S>) -> Array2<S> {
        let Seen { sequences, observed, control, .. } = *beginning;
        // Steps that are not seen are steps like others: the frames after them are the prediction.
        let (n, seen_rows, rows) = (sequences, observed.nrows(), control.nrows());
        let mut work = self.work(n, rows);
        self.prepare(&mut work);
        let mut frames = Array2::zeros((rows, observed.ncols()));
        frames.slice_mut(s![..seen_rows, ..]).assign(&observed);
        let mut seen = Array1::zeros(rows);
        seen.slice_mut(s![..seen_rows]).assign(&beginning.seen);
        let mask = beginning.mask.map(|observed| {
            let mut mask = Array2::zeros(frames.dim());
            mask.slice_mut(s![..seen_rows, ..]).assign(&observed);
            mask
        });
        let mask = mask.as_ref().map(|mask| mask.view());
        let (sequences, observed) = (n, frames.view());
        Self::fill(&Seen { sequences, observed, mask, seen: seen.view(), control }, &mut work);
        self.run(n, &mut work);
        let width = self.unit.dim().1;
        work.told.slice_mut(s![.., ..width]).assign(&work.state);
        work.told.slice_mut(s![.., width..]).assign(&control);
        let told = work.told.slice(s![seen_rows - n.., ..]);
        let mut predicted = Array2::zeros((told.nrows(), observed.ncols()));
        self.frame.mean(told, predicted.view_mut(), &mut work.frame);
        predicted
    }
}

impl<S: Scalar> Params<S> for Recurrent<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.unit.visit(path.child("unit"), f);
        self.frame.visit(path.child("frame"), f);
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.unit.visit_mut(path.child("unit"), f);
        self.frame.visit_mut(path.child("frame"), f);
    }
}
