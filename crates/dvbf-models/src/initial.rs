//! Initial state from the first observations: `q(w₁ | x₁ … x_k, u₁ … u_{k−1})`, `z₁ = g(w₁)`.
//!
//! Shapes: features `(B, kX + (k−1)U)`, `raw (B, 2W)`, `w₁ (B, W)`, `z₁ (B, Z)`.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | recognition | `raw = net([x₁ … x_k, u₁ … u_{k−1}])` | |
//! | state | `z₁ = g(w₁)` | |
//! | backward | those of the two perceptrons; the features need no gradient | caches of [`Mlp`] |
//!
//! Frames beyond the end of a short sequence count as unobserved: their features are zero.
//!
//! The cache holds the sequences of many batches, each from row `at` on, so that the gradients of
//! all of them are one product a layer.

use dvbf_ops::{Mlp, MlpCache, Params, Path};
use dvbf_tensor::{Noise, Scalar};
use ndarray::{ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s};

/// Parameters of the two networks.
#[derive(Clone, Debug, PartialEq)]
pub struct InitialState<S> {
    // Invariant: `recognition` has `kX + (k−1)U` inputs; `state` has half as many inputs as
    // `recognition` has outputs.
    recognition: Mlp<S>,
    state: Mlp<S>,
    frames: usize,
}

/// What [`InitialState`]'s backward pass reads.
#[derive(Debug)]
pub struct InitialCache<S> {
    recognition: MlpCache<S>,
    state: MlpCache<S>,
}

impl<S: Scalar> InitialState<S> {
    /// The networks for `frames = k` observations.
    ///
    /// # Panics
    /// If `k` is zero or the widths disagree.
    #[track_caller]
    pub fn new(recognition: Mlp<S>, state: Mlp<S>, frames: usize) -> Self {
        assert!(frames > 0, "at least one frame starts the state");
        assert_eq!(recognition.dim().1, 2 * state.dim().0, "recognition outputs against 2W");
        Self { recognition, state, frames }
    }

    /// One hidden layer of `width` units in each network.
    pub fn random(
        frames: usize,
        (observation, control, noise, state): (usize, usize, usize, usize),
        width: usize,
        stream: Noise,
    ) -> Self {
        let root = 2.0_f64.sqrt();
        let features = frames * observation + (frames - 1) * control;
        Self::new(
            Mlp::random(&[features, width, 2 * noise], &[root, 0.3], stream.part(0)),
            Mlp::random(&[noise, width, state], &[root, 1.0], stream.part(1)),
            frames,
        )
    }

    /// `k`, the number of observations that start the state.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Multiplies the weights, not the biases, of `q(w₁ | …)` by `factor`.
    pub fn scale_recognition(&mut self, factor: S) {
        self.recognition.scale_weights(factor);
    }

    /// A cache for at most `rows` sequences.
    pub fn cache(&self, rows: usize) -> InitialCache<S> {
        InitialCache { recognition: self.recognition.cache(rows), state: self.state.cache(rows) }
    }

    /// Packs the weights; to be called after every change of the parameters.
    pub fn prepare(&self, cache: &mut InitialCache<S>) {
        self.recognition.prepare_data(&mut cache.recognition);
        self.state.prepare(&mut cache.state);
    }

    /// Writes `raw (B, 2W)` from time-major observations and controls of `T` steps; the batch has
    /// rows `at..at + B` of the cache, and one with `at = 0` starts anew.
    ///
    /// # Panics
    /// If the shapes disagree, rows are skipped or the cache is too small.
    #[track_caller]
    pub fn recognize(
        &self,
        at: usize,
        observed: ArrayView2<'_, S>,
        control: ArrayView2<'_, S>,
        raw: ArrayViewMut2<'_, S>,
        cache: &mut InitialCache<S>,
    ) {
        let (batch, k) = (raw.nrows(), self.frames);
        assert_eq!(observed.nrows() % batch.max(1), 0, "observations are whole steps");
        let steps = observed.nrows() / batch.max(1);
        let (x, u) = (observed.ncols(), control.ncols());
        let mut features = cache.recognition.input(at, batch);
        assert_eq!(features.ncols(), k * x + (k - 1) * u, "features against kX + (k−1)U");
        features.fill(S::ZERO);
        for t in 0..k.min(steps) {
            let rows = s![t * batch..(t + 1) * batch, ..];
            features.slice_mut(s![.., t * x..(t + 1) * x]).assign(&observed.slice(rows));
            if t + 1 < k.min(steps) {
                let start = k * x + t * u;
                features.slice_mut(s![.., start..start + u]).assign(&control.slice(rows));
            }
        }
        self.recognition.forward_written(at, raw, &mut cache.recognition);
    }

    /// Writes `z₁ (B, Z)` for `w₁ (B, W)`, rows `at..at + B` of the cache.
    ///
    /// # Panics
    /// If the shapes disagree, rows are skipped or the cache is too small.
    #[track_caller]
    pub fn start(
        &self,
        at: usize,
        noise: ArrayView2<'_, S>,
        state: ArrayViewMut2<'_, S>,
        cache: &mut InitialCache<S>,
    ) {
        self.state.forward(at, noise, state, &mut cache.state);
    }

    /// Pulls `dz₁` of rows `at..at + B` back to `dw₁ += …`.
    ///
    /// # Panics
    /// If the shapes disagree or rows were not written by a forward pass.
    #[track_caller]
    pub fn backward_start(
        &self,
        at: usize,
        dstate: ArrayView2<'_, S>,
        dnoise: ArrayViewMut2<'_, S>,
        cache: &mut InitialCache<S>,
    ) {
        self.state.backward(at, dstate, dnoise, &mut cache.state);
    }

    /// Pulls `draw` of rows `at..at + B` back through the recognition network.
    ///
    /// # Panics
    /// If the shapes disagree or rows were not written by a forward pass.
    #[track_caller]
    pub fn backward_recognize(
        &self,
        at: usize,
        draw: ArrayView2<'_, S>,
        cache: &mut InitialCache<S>,
    ) {
        self.recognition.backward_data(at, draw, &mut cache.recognition);
    }

    /// Adds the parameter gradients of both networks over all rows of the cache.
    ///
    /// # Panics
    /// If one of the two backward passes is missing for some rows.
    #[track_caller]
    pub fn accumulate(&self, cache: &mut InitialCache<S>, grads: &mut Self) {
        self.recognition.accumulate(&mut cache.recognition, &mut grads.recognition);
        self.state.accumulate(&mut cache.state, &mut grads.state);
    }
}

impl<S: Scalar> Params<S> for InitialState<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.recognition.visit(path.child("recognition"), f);
        self.state.visit(path.child("state"), f);
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.recognition.visit_mut(path.child("recognition"), f);
        self.state.visit_mut(path.child("state"), f);
    }
}
