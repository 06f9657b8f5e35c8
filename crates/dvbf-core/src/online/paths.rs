//! The recursion of one sequence along its mean path and its sample paths.

use super::input::row;
use super::window::{Start, Window};
use crate::bounds::{Limits, unknown};
use crate::model::Dvbf;
use crate::refine::{FirstFramesSeen, Refinement};
use dvbf_models::{Cache, FirstSteps, RecognitionInput, TransitionInput};
use dvbf_prob::GaussianHead;
use dvbf_tensor::Noise;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, s};
use std::sync::Arc;

/// The mean path, row 0, and sample paths, rows 1 to `N`, which see the same.
///
/// The state is replaced by [`commit`](Self::commit) only, which holds it within limits.
#[derive(Debug)]
pub(super) struct Paths {
    model: Arc<Dvbf<f32>>,
    initial: Cache,
    refine: Option<Refinement<f32>>,
    recognition: Cache,
    transition: Cache,
    head: GaussianHead<f32>,
    seed: u64,
    start: Start,
    ones: Array1<f32>,
    raw: Array2<f32>,
    control: Array2<f32>,
    /// `ε (1 + N, W)`; zero in row 0.
    eps: Array2<f32>,
    noise: Array2<f32>,
    state: Array2<f32>,
    predicted: Array2<f32>,
    next: Array2<f32>,
    /// What a state may be (`Z`).
    limits: Limits,
}

impl Paths {
    pub(super) fn new(model: Arc<Dvbf<f32>>, samples: usize, seed: u64) -> Self {
        let dims = model.transition.dims();
        let (k, rows) = (model.initial_frames(), 1 + samples);
        let states = || Array2::zeros((rows, dims.state));
        let noise = || Array2::zeros((rows, dims.noise));
        let mut paths = Self {
            initial: model.initial.cache(rows),
            refine: (model.initial.refinements() > 0).then(|| Refinement::new(&model, 1)),
            recognition: model.recognition.cache(rows),
            transition: model.transition.cache(rows),
            head: GaussianHead::new(rows, dims.noise),
            seed,
            start: Start::zeros(k, model.observation(), dims.control),
            ones: Array1::ones(rows),
            raw: Array2::zeros((rows, 2 * dims.noise)),
            control: Array2::zeros((rows, dims.control)),
            eps: noise(),
            noise: noise(),
            state: states(),
            predicted: states(),
            next: states(),
            limits: unknown(dims.state),
            model,
        };
        paths.model.initial.prepare(&mut paths.initial);
        paths.model.recognition.prepare(&mut paths.recognition);
        paths.model.transition.prepare(&mut paths.transition);
        paths.warm_up();
        paths.reset();
        paths
    }

    /// Takes a step, so that buffers that grow when they are first used have grown.
    fn warm_up(&mut self) {
        let (x, u) =
            (Array2::zeros((1, self.model.observation())), vec![0.0; self.control.ncols()]);
        self.start_from(0);
        self.predict(0, ArrayView1::from(&u));
        self.update(Some(x.view()));
        self.update(None);
    }

    pub(super) fn model(&self) -> &Arc<Dvbf<f32>> {
        &self.model
    }

    /// `z (1 + N, Z)`.
    pub(super) fn state(&self) -> ArrayView2<'_, f32> {
        self.state.view()
    }

    /// Takes the state of other paths on the same model.
    pub(super) fn copy_state(&mut self, other: &Self) {
        self.state.assign(&other.state);
        self.noise.assign(&other.noise);
        self.limits.clone_from(&other.limits);
    }

    pub(super) fn set_state(&mut self, state: ArrayView2<'_, f32>) {
        self.state.assign(&state);
    }

    pub(super) fn set_noise_mean(&mut self, noise: ArrayView1<'_, f32>) {
        self.noise.row_mut(0).assign(&noise);
    }

    /// The mean path has no noise.
    pub(super) fn still(&mut self) {
        self.noise.row_mut(0).fill(0.0);
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// `z̃ (1 + N, Z)` of the last prediction.
    pub(super) fn predicted(&self) -> ArrayView2<'_, f32> {
        self.predicted.view()
    }

    /// `w (W)` of the mean path.
    pub(super) fn noise_mean(&self) -> ArrayView1<'_, f32> {
        self.noise.row(0)
    }

    /// The state becomes the model's prior for the first one, `g(ε)`; false if it is not finite.
    pub(super) fn reset(&mut self) -> bool {
        self.draw(0);
        self.model.initial.start(0, self.eps.view(), self.state.view_mut(), &mut self.initial);
        self.noise.row_mut(0).fill(0.0);
        self.state.iter().all(|v| v.is_finite())
    }

    /// Fills the rows of the sample paths with stream `stream`.
    fn draw(&mut self, stream: u64) {
        let width = self.eps.ncols();
        let eps = self.eps.as_slice_mut().expect("a fresh array is contiguous");
        Noise::new(self.seed, stream).normal(&mut eps[width..]);
    }

    fn set_control(&mut self, control: ArrayView1<'_, f32>) {
        for mut row in self.control.rows_mut() {
            row.assign(&control);
        }
    }

    /// The state at the last of the `k` frames of a window, which is that of step `t`; false if it is beyond
    /// the limits, and then it is undefined.
    ///
    /// The noise is that of steps `t + 1 − k` to `t`.
    pub(super) fn begin(&mut self, window: &Window, t: u64) -> bool {
        window.unroll(&mut self.start);
        self.start_from((t + 1).saturating_sub(self.start.seen.len() as u64))
    }

    /// The state at the last frame of the start, the first of which is that of step `first`.
    fn start_from(&mut self, first: u64) -> bool {
        self.draw(first);
        let start = &self.start;
        let (x, u) = (start.observations.view(), start.controls.view());
        let (mut recognized, mut others) = self.raw.multi_slice_mut((s![..1, ..], s![1.., ..]));
        let steps = FirstSteps { observed: x, control: u };
        self.model.initial.recognize(0, steps, recognized.view_mut(), &mut self.initial);
        if let Some(refinement) = &mut self.refine {
            let mask = Some(start.mask.view());
            let seen = FirstFramesSeen { observed: x, mask, control: u };
            refinement.refine(&self.model, seen, recognized.view_mut());
        }
        for mut row in others.rows_mut() {
            row.assign(&recognized.row(0));
        }
        self.infer_noise();
        self.model.initial.start(0, self.noise.view(), self.next.view_mut(), &mut self.initial);
        let mut within = self.commit();
        let start = std::mem::replace(&mut self.start, Start::zeros(0, 0, 0));
        for t in 1..start.seen.len() {
            let x = start.observations.slice(s![t..=t, ..]);
            self.predict(first + t as u64, start.controls.row(t - 1));
            self.update(start.seen[t].then_some(x));
            within = within && self.commit();
        }
        self.start = start;
        within
    }

    /// `w = μ + σ ⊙ ε` from the output of a recognition network.
    fn infer_noise(&mut self) {
        self.head.forward(0, self.raw.view(), self.ones.view());
        self.head.sample(0, self.eps.view(), self.noise.view_mut());
    }

    /// Draws the noise of step `t` and carries all paths without looking.
    pub(super) fn predict(&mut self, t: u64, control: ArrayView1<'_, f32>) {
        self.set_control(control);
        if self.eps.nrows() > 1 {
            self.draw(t);
            self.carry_predicted();
        }
    }

    fn carry_predicted(&mut self) {
        let input = TransitionInput {
            state: self.state.view(),
            control: self.control.view(),
            noise: self.eps.view(),
        };
        let (next, cache) = (self.predicted.view_mut(), &mut self.transition);
        self.model.transition.forward(0, input, next, cache);
    }

    /// The next state given the observation `(1, X)`, after [`predict`](Self::predict).
    pub(super) fn update(&mut self, observation: Option<ArrayView2<'_, f32>>) {
        let Some(x) = observation else {
            if self.eps.nrows() == 1 {
                self.carry_predicted();
            }
            self.noise.assign(&self.eps);
            self.next.assign(&self.predicted);
            return;
        };
        let input = RecognitionInput { state: self.state.view(), control: self.control.view() };
        let cache = &mut self.recognition;
        self.model.recognition.observe_shared(x, self.state.nrows(), cache);
        self.model.recognition.forward(0, input, self.raw.view_mut(), cache);
        self.infer_noise();
        let input = TransitionInput {
            state: self.state.view(),
            control: self.control.view(),
            noise: self.noise.view(),
        };
        self.model.transition.forward(0, input, self.next.view_mut(), &mut self.transition);
    }

    /// Takes the next state over, if it is within the limits.
    pub(super) fn commit(&mut self) -> bool {
        let within =
            self.next.rows().into_iter().all(|row| {
                row.iter().zip(&self.limits).all(|(v, [low, high])| v >= low && v <= high)
            });
        if within {
            std::mem::swap(&mut self.state, &mut self.next);
        }
        within
    }

    /// The prediction becomes the present state: where a forecast begins.
    pub(super) fn look_ahead(&mut self) {
        self.predicted.assign(&self.state);
    }

    /// Carries the prediction one step on, with noise from stream `stream`; false if it is not
    /// finite. The state stays where it is.
    pub(super) fn carry_on(&mut self, stream: u64, control: &[f32]) -> bool {
        self.set_control(ArrayView1::from(control));
        self.draw(stream);
        let input = TransitionInput {
            state: self.predicted.view(),
            control: self.control.view(),
            noise: self.eps.view(),
        };
        self.model.transition.forward(0, input, self.next.view_mut(), &mut self.transition);
        std::mem::swap(&mut self.predicted, &mut self.next);
        self.predicted.iter().all(|v| v.is_finite())
    }

    /// Writes `f(z, u, w)` of a single state.
    pub(super) fn carry_one(
        &mut self,
        state: ArrayView2<'_, f32>,
        control: &[f32],
        noise: ArrayView2<'_, f32>,
        next: ArrayViewMut2<'_, f32>,
    ) {
        let input = TransitionInput { state, control: row(control), noise };
        self.model.transition.forward(0, input, next, &mut self.transition);
    }
}
