//! Initial state from the first observations, by two perceptrons.
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

use super::{FirstSteps, InitialState, InitialStateRole};
use crate::kind::{Context, KindError, PartConfig, affine};
use crate::linear_start::AffineMap;
use crate::part::{Cache, gradient_of};
use dvbf_ops::{Mlp, MlpCache, Params, Path};
use dvbf_tensor::{Noise, Scalar};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s};
use serde::{Deserialize, Serialize};

/// Settings of an initial state from the first frames.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FirstFramesConfig {
    /// Hidden units of each of the two networks; those of the model if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<usize>,
}

impl PartConfig<InitialStateRole> for FirstFramesConfig {
    const KIND: &'static str = "first-frames";

    fn check(&self, context: &Context) -> Result<(), KindError> {
        KindError::check_size("hidden", self.hidden.unwrap_or(context.hidden), 1 << 16)
    }

    fn parameters(&self, context: &Context) -> usize {
        let hidden = self.hidden.unwrap_or(context.hidden);
        let (k, w) = (context.initial_frames, context.noise);
        let frames = context.observation.saturating_mul(k);
        let features = frames.saturating_add(context.control.saturating_mul(k.saturating_sub(1)));
        affine(features, hidden)
            .saturating_add(affine(hidden, 2 * w))
            .saturating_add(affine(w, hidden))
            .saturating_add(affine(hidden, context.state))
    }

    fn init<S: Scalar>(&self, context: &Context, noise: Noise) -> Box<dyn InitialState<S>> {
        let sizes = FirstFramesSizes {
            frames: context.initial_frames,
            observation: context.observation,
            control: context.control,
            hidden: self.hidden.unwrap_or(context.hidden),
            noise: context.noise,
            state: context.state,
        };
        Box::new(FirstFrames::random(sizes, noise))
    }
}

/// Parameters of the two networks.
#[derive(Clone, Debug, PartialEq)]
pub struct FirstFrames<S> {
    // Invariant: `recognition` has `kX + (k−1)U` inputs; `state` has half as many inputs as
    // `recognition` has outputs.
    recognition: Mlp<S>,
    state: Mlp<S>,
    frames: usize,
}

/// Sizes of [`FirstFrames`] with one hidden layer in each network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstFramesSizes {
    /// `k`, observations that are read.
    pub frames: usize,
    /// `X`, channels.
    pub observation: usize,
    /// `U`, controls.
    pub control: usize,
    /// Hidden units of each network.
    pub hidden: usize,
    /// `W`, dimensions of the noise.
    pub noise: usize,
    /// `Z`, dimensions of the state.
    pub state: usize,
}

/// What [`FirstFrames`]'s backward pass reads.
#[derive(Debug)]
struct FirstFramesCache<S> {
    recognition: MlpCache<S>,
    state: MlpCache<S>,
}

impl<S: Scalar> FirstFrames<S> {
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

    /// One hidden layer in each network.
    ///
    /// # Panics
    /// If there are no frames.
    #[track_caller]
    pub fn random(sizes: FirstFramesSizes, stream: Noise) -> Self {
        let FirstFramesSizes { frames, observation, control, hidden, noise, state } = sizes;
        assert!(frames > 0, "at least one frame starts the state");
        let root = 2.0_f64.sqrt();
        let features = frames * observation + (frames - 1) * control;
        Self::new(
            Mlp::random(&[features, hidden, 2 * noise], &[root, 0.3], stream.part(0)),
            Mlp::random(&[noise, hidden, state], &[root, 1.0], stream.part(1)),
            frames,
        )
    }
}

/// For kinds whose observations are features of something, and have a gradient.
impl<S: Scalar> FirstFrames<S> {
    /// `kX + (k−1)U`, inputs of the network that reads.
    pub(super) fn inputs(&self) -> usize {
        self.recognition.dim().0
    }

    /// [`prepare`](InitialState::prepare), with what [`backward_input`](Self::backward_input) needs.
    pub(super) fn prepare_with_inputs(&self, cache: &mut Cache) {
        let cache = cache.get::<FirstFramesCache<S>>();
        self.recognition.prepare(&mut cache.recognition);
        self.state.prepare(&mut cache.state);
    }

    /// [`backward_recognize`](InitialState::backward_recognize) that adds the cotangent of the inputs,
    /// `(B, kX + (k−1)U)`.
    #[track_caller]
    pub(super) fn backward_input(
        &self,
        at: usize,
        output_cotangent: ArrayView2<'_, S>,
        dinput: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    ) {
        let cache = cache.get::<FirstFramesCache<S>>();
        self.recognition.backward(at, output_cotangent, dinput, &mut cache.recognition);
    }
}

impl<S: Scalar> InitialState<S> for FirstFrames<S> {
    fn frames(&self) -> usize {
        self.frames
    }

    fn scale_recognition(&mut self, factor: S) {
        self.recognition.scale_weights(factor);
    }

    fn start_linear(&mut self, map: &AffineMap, spread: &[f64]) -> bool {
        let (w, z) = self.state.dim();
        let (weight, offset) = map.with_spread(spread).as_scalars();
        let mut new = self.clone();
        let set = w == z
            && new.recognition.set_affine(weight.view(), offset.view())
            && new.state.set_affine(Array2::eye(w).view(), Array1::zeros(w).view());
        if set {
            *self = new;
        }
        set
    }

    fn cache(&self, rows: usize) -> Cache {
        let (recognition, state) = (self.recognition.cache(rows), self.state.cache(rows));
        Cache::new(FirstFramesCache { recognition, state })
    }

    fn prepare(&self, cache: &mut Cache) {
        let cache = cache.get::<FirstFramesCache<S>>();
        self.recognition.prepare_data(&mut cache.recognition);
        self.state.prepare(&mut cache.state);
    }

    fn recognize(
        &self,
        at: usize,
        first: FirstSteps<'_, S>,
        raw: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    ) {
        let cache = cache.get::<FirstFramesCache<S>>();
        let FirstSteps { observed, control } = first;
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

    fn start(
        &self,
        at: usize,
        noise: ArrayView2<'_, S>,
        state: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    ) {
        self.state.forward(at, noise, state, &mut cache.get::<FirstFramesCache<S>>().state);
    }

    fn backward_start(
        &self,
        at: usize,
        dstate: ArrayView2<'_, S>,
        dnoise: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    ) {
        let cache = cache.get::<FirstFramesCache<S>>();
        self.state.backward(at, dstate, dnoise, &mut cache.state);
    }

    fn backward_recognize(
        &self,
        at: usize,
        output_cotangent: ArrayView2<'_, S>,
        cache: &mut Cache,
    ) {
        let cache = cache.get::<FirstFramesCache<S>>();
        self.recognition.backward_data(at, output_cotangent, &mut cache.recognition);
    }

    fn accumulate(&self, cache: &mut Cache, grads: &mut dyn InitialState<S>) {
        let (cache, grads) = (cache.get::<FirstFramesCache<S>>(), gradient_of::<Self>(grads));
        self.recognition.accumulate(&mut cache.recognition, &mut grads.recognition);
        self.state.accumulate(&mut cache.state, &mut grads.state);
    }
}

impl<S: Scalar> Params<S> for FirstFrames<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.recognition.visit(path.child("recognition"), f);
        self.state.visit(path.child("state"), f);
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.recognition.visit_mut(path.child("recognition"), f);
        self.state.visit_mut(path.child("state"), f);
    }
}
