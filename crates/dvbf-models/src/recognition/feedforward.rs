//! Recognition network with one hidden layer, `q(w | z, u, x')` of Karl et al. 2017.
//!
//! Shapes: `x' (B, X)`, `z (B, Z)`, `φ (B, F)`, `u (B, U)`, hidden `h (B, H)`, `raw (B, 2W)`; the
//! network sees the features `φ(z)` of the state.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | forward | `h = max(0, W₀ [x', φ(z), u] + b₀)`, `raw = W₁ h + b₁` | |
//! | `da` | `(d W₁) ⊙ [h > 0]` with the cotangent `d` of `raw` | `h` (cached) |
//! | `dφ` | `da W₀[φ]`, pulled back to `z` by [`Features`] | `φ` (cached) |
//! | `dW₀`, `db₀` | `+= daᵀ [x', φ, u]`, `+= daᵀ 1` | `x'` (given again), `φ`, `u` (cached) |
//! | `dW₁`, `db₁` | `+= dᵀ h`, `+= dᵀ 1` | `h`, `d` (cached) |
//!
//! `x'` does not depend on the recursion: its product runs over all rows at once, before the steps.

use super::{Recognition, RecognitionInput, RecognitionRole};
use crate::kind::{Context, KindError, PartConfig, affine};
use crate::linear_start::AffineMap;
use crate::part::{Cache, gradient_of};
use dvbf_ops::{Features, Linear, LinearPack, Params, Path, affine_pair};
use dvbf_tensor::{
    Accum, Fused, Noise, PackedMatrix, Scalar, add_column_sums, gemm, gemm_fused, gemm_packed,
};
use ndarray::{Array2, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s};
use serde::{Deserialize, Serialize};

/// Settings of a recognition network with one hidden layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeedforwardConfig {
    /// Hidden units; those of the model if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<usize>,
}

impl PartConfig<RecognitionRole> for FeedforwardConfig {
    const KIND: &'static str = "feedforward";

    fn check(&self, context: &Context) -> Result<(), KindError> {
        KindError::check_size("hidden", self.hidden.unwrap_or(context.hidden), 1 << 16)
    }

    fn parameters(&self, context: &Context) -> usize {
        let hidden = self.hidden.unwrap_or(context.hidden);
        let inputs = context.observation + context.features().outputs() + context.control;
        affine(inputs, hidden).saturating_add(affine(hidden, 2 * context.noise))
    }

    fn init<S: Scalar>(&self, context: &Context, noise: Noise) -> Box<dyn Recognition<S>> {
        let hidden = self.hidden.unwrap_or(context.hidden);
        let inputs =
            FeedforwardInputs { observation: context.observation, control: context.control };
        let layers = FeedforwardLayers { hidden, outputs: 2 * context.noise };
        Box::new(Feedforward::random(inputs, context.features(), layers, noise))
    }
}

/// Parameters of the recognition network.
#[derive(Clone, Debug, PartialEq)]
pub struct Feedforward<S> {
    // Invariant: `hidden` has `X + F + U` inputs, in this order; widths fit.
    hidden: Linear<S>,
    output: Linear<S>,
    features: Features,
    inputs: FeedforwardInputs,
}

/// Widths of what a [`Feedforward`] sees beside the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedforwardInputs {
    /// `X`, channels.
    pub observation: usize,
    /// `U`, controls.
    pub control: usize,
}

/// Widths of the two layers of a [`Feedforward`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedforwardLayers {
    /// Hidden units.
    pub hidden: usize,
    /// `2W`, outputs.
    pub outputs: usize,
}

/// What [`Feedforward`]'s backward pass reads.
#[derive(Debug)]
struct FeedforwardCache<S> {
    observation: PackedMatrix<S>,
    inner: PackedMatrix<S>,
    state_back: PackedMatrix<S>,
    output: LinearPack<S>,
    /// Rows `[φ(z), u]`.
    inner_input: Array2<S>,
    hidden: Array2<S>,
    dhidden: Array2<S>,
    output_cotangent: Array2<S>,
    dfeatures: Array2<S>,
    written: usize,
    pulled: usize,
}

impl<S: Scalar> Feedforward<S> {
    /// The network of these layers for these inputs that sees these features of the state.
    ///
    /// # Panics
    /// If the widths disagree.
    #[track_caller]
    pub fn new(
        hidden: Linear<S>,
        output: Linear<S>,
        features: Features,
        inputs: FeedforwardInputs,
    ) -> Self {
        let width = inputs.observation + features.outputs() + inputs.control;
        assert_eq!(hidden.dim().1, width, "hidden layer against X + F + U");
        assert_eq!(hidden.dim().0, output.dim().1, "widths of the two layers");
        Self { hidden, output, features, inputs }
    }

    /// Widths of what the network sees beside the state.
    pub fn inputs(&self) -> FeedforwardInputs {
        self.inputs
    }

    /// Writes `dx' = da W₀[x']`, the cotangents of the observations `(R, X)` of all rows that were
    /// pulled back, for observations that are features of something.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub(super) fn observed_cotangent(&self, dobserved: ArrayViewMut2<'_, S>, cache: &mut Cache) {
        let cache = cache.get::<FeedforwardCache<S>>();
        assert_eq!(dobserved.nrows(), cache.written, "cotangents against rows written");
        let weight = self.hidden.weight();
        let dhidden = cache.dhidden.slice(s![..cache.written, ..]);
        gemm(Accum::Replace, dobserved, dhidden, weight.slice(s![.., ..self.inputs.observation]));
    }

    /// Rectifier-scaled hidden weights by kind of input; small output weights.
    pub fn random(
        inputs: FeedforwardInputs,
        features: Features,
        layers: FeedforwardLayers,
        noise: Noise,
    ) -> Self {
        let FeedforwardInputs { observation: x, control } = inputs;
        let FeedforwardLayers { hidden: width, outputs } = layers;
        let inner = features.outputs() + control;
        let mut hidden = Linear::random(x + inner, width, 1.0, noise.part(0));
        let scale = |values: usize, gain: f64| S::of((gain / values.max(1) as f64).sqrt());
        let mut weight = hidden.weight_mut();
        weight.slice_mut(s![.., ..x]).map_inplace(|w| *w *= scale(x, 2.0));
        weight.slice_mut(s![.., x..]).map_inplace(|w| *w *= scale(inner, 1.0));
        let output = Linear::random(width, outputs, 0.3 / (width as f64).sqrt(), noise.part(1));
        Self::new(hidden, output, features, inputs)
    }
}

impl<S: Scalar> Recognition<S> for Feedforward<S> {
    fn outputs(&self) -> usize {
        self.output.dim().0
    }

    fn scale_weights(&mut self, factor: S) {
        for layer in [&mut self.hidden, &mut self.output] {
            layer.weight_mut().map_inplace(|w| *w *= factor);
        }
    }

    fn start_linear(&mut self, map: &AffineMap, spread: &[f64]) -> bool {
        if !self.features.shows_state() {
            return false;
        }
        let (weight, offset) = map.with_spread(spread).as_scalars();
        affine_pair(&mut self.hidden, &mut self.output, weight.view(), offset.view())
    }

    fn cache(&self, rows: usize) -> Cache {
        let f = self.features.outputs();
        let width = self.hidden.dim().0;
        let buffered = if self.features.is_identity() { 0 } else { rows };
        Cache::new(FeedforwardCache::<S> {
            observation: PackedMatrix::new(),
            inner: PackedMatrix::new(),
            state_back: PackedMatrix::new(),
            output: LinearPack::new(),
            inner_input: Array2::zeros((rows, f + self.inputs.control)),
            hidden: Array2::zeros((rows, width)),
            dhidden: Array2::zeros((rows, width)),
            output_cotangent: Array2::zeros((rows, self.output.dim().0)),
            dfeatures: Array2::zeros((buffered, f)),
            written: 0,
            pulled: 0,
        })
    }

    fn prepare(&self, cache: &mut Cache) {
        let cache = cache.get::<FeedforwardCache<S>>();
        let (x, f) = (self.inputs.observation, self.features.outputs());
        let weight = self.hidden.weight();
        cache.observation.pack(weight.slice(s![.., ..x]).reversed_axes());
        cache.inner.pack(weight.slice(s![.., x..]).reversed_axes());
        cache.state_back.pack(weight.slice(s![.., x..x + f]));
        self.output.pack(&mut cache.output);
    }

    fn observe(&self, next_observed: ArrayView2<'_, S>, cache: &mut Cache) {
        let cache = cache.get::<FeedforwardCache<S>>();
        let rows = next_observed.nrows();
        assert!(rows <= cache.hidden.nrows(), "cache is too small for {rows} rows");
        let hidden = cache.hidden.slice_mut(s![..rows, ..]);
        gemm_packed(Accum::Replace, hidden, next_observed, &cache.observation);
        (cache.written, cache.pulled) = (0, 0);
    }

    fn observe_shared(&self, next_observed: ArrayView2<'_, S>, rows: usize, cache: &mut Cache) {
        assert_eq!(next_observed.nrows(), 1, "one observation is shared");
        self.observe(next_observed, cache);
        let cache = cache.get::<FeedforwardCache<S>>();
        assert!(rows <= cache.hidden.nrows(), "cache is too small for {rows} rows");
        let (first, mut others) = cache.hidden.multi_slice_mut((s![0, ..], s![1..rows.max(1), ..]));
        for mut row in others.rows_mut() {
            row.assign(&first);
        }
    }

    fn forward(
        &self,
        at: usize,
        input: RecognitionInput<'_, S>,
        raw: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    ) {
        let cache = cache.get::<FeedforwardCache<S>>();
        let RecognitionInput { state, control } = input;
        let n = state.nrows();
        let (z, f, u) = (self.features.inputs(), self.features.outputs(), self.inputs.control);
        assert_eq!((state.dim(), control.dim()), ((n, z), (n, u)), "state and control");
        assert_eq!(at, cache.written, "blocks of rows follow without gaps");
        cache.written = at + n;
        let rows = s![at..at + n, ..];
        let mut inner = cache.inner_input.slice_mut(rows);
        self.features.apply(state, inner.slice_mut(s![.., ..f]));
        inner.slice_mut(s![.., f..]).assign(&control);
        let mut hidden = cache.hidden.slice_mut(rows);
        let bias = Fused::BiasRelu(self.hidden.bias().view());
        gemm_fused(Accum::Add, hidden.view_mut(), inner.view(), &cache.inner, bias);
        self.output.apply(&cache.output, hidden.view(), raw);
    }

    fn backward(
        &self,
        at: usize,
        output_cotangent: ArrayView2<'_, S>,
        dstate: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    ) {
        let cache = cache.get::<FeedforwardCache<S>>();
        let n = output_cotangent.nrows();
        assert!(at + n <= cache.written, "rows {at}.. were not written");
        assert_eq!(output_cotangent.ncols(), self.outputs(), "output cotangent against 2W");
        let rows = s![at..at + n, ..];
        cache.pulled += n;
        cache.output_cotangent.slice_mut(rows).assign(&output_cotangent);
        let mut dhidden = cache.dhidden.slice_mut(rows);
        let hidden = cache.hidden.slice(rows);
        self.output.backward_rectified(&cache.output, output_cotangent, hidden, dhidden.view_mut());
        if self.features.is_identity() {
            gemm_packed(Accum::Add, dstate, dhidden.view(), &cache.state_back);
            return;
        }
        let mut dfeatures = cache.dfeatures.slice_mut(s![..n, ..]);
        gemm_packed(Accum::Replace, dfeatures.view_mut(), dhidden.view(), &cache.state_back);
        let features = cache.inner_input.slice(s![at..at + n, ..self.features.outputs()]);
        self.features.backward(features, dfeatures.view(), dstate);
    }

    fn accumulate(
        &self,
        next_observed: ArrayView2<'_, S>,
        cache: &mut Cache,
        grads: &mut dyn Recognition<S>,
    ) {
        let (cache, grads) = (cache.get::<FeedforwardCache<S>>(), gradient_of::<Self>(grads));
        assert_eq!(cache.pulled, cache.written, "rows pulled back against rows written");
        assert_eq!(next_observed.nrows(), cache.written, "observations against rows written");
        cache.pulled = 0;
        let x = self.inputs.observation;
        let rows = s![..cache.written, ..];
        let (dhidden, inner) = (cache.dhidden.slice(rows), cache.inner_input.slice(rows));
        let mut weight = grads.hidden.weight_mut();
        gemm(Accum::Add, weight.slice_mut(s![.., ..x]), dhidden.t(), next_observed);
        gemm(Accum::Add, weight.slice_mut(s![.., x..]), dhidden.t(), inner);
        add_column_sums(grads.hidden.bias_mut().view_mut(), dhidden);
        Linear::backward_params(
            cache.hidden.slice(rows),
            cache.output_cotangent.slice(rows),
            &mut grads.output,
        );
    }
}

impl<S: Scalar> Params<S> for Feedforward<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.hidden.visit(path.child("0"), f);
        self.output.visit(path.child("1"), f);
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.hidden.visit_mut(path.child("0"), f);
        self.output.visit_mut(path.child("1"), f);
    }
}
