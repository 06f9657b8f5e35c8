//! Multi-layer perceptron: affine maps with rectifiers between them.
//!
//! Shapes: `x (B, I)`, hidden `hₗ (B, H)`, `y (B, O)`.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | forward | `h₀ = x`, `hₗ₊₁ = max(0, hₗ Wₗᵀ + bₗ)`, `y = h_L W_Lᵀ + b_L` | all |
//! | `da_L` | `dy` | — |
//! | `daₗ` | `(daₗ₊₁ Wₗ₊₁) ⊙ [hₗ₊₁ > 0]` | `hₗ₊₁` (cached) |
//! | `dx` | `dx += da₀ W₀` | — |
//! | `dWₗ`, `dbₗ` | `+= daₗᵀ hₗ`, `+= daₗᵀ 1` | `hₗ`, `daₗ` (cached) |
//!
//! The cache holds many rows. `forward` writes a block of them, `backward` pulls a block back, and
//! `accumulate` books the parameter gradients of all rows with one product a layer.

use crate::{Linear, LinearPack, Params, Path};
use dvbf_tensor::{Accum, Noise, Scalar};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s};

/// Names of layers in parameter paths.
const NAMES: [&str; 8] = ["0", "1", "2", "3", "4", "5", "6", "7"];

/// Parameters of the perceptron and, as a gradient, their cotangents.
#[derive(Clone, Debug, PartialEq)]
pub struct Mlp<S> {
    // Invariant: neither empty nor longer than `NAMES`; outputs of a layer are inputs of the next.
    layers: Vec<Linear<S>>,
}

/// What [`Mlp::backward`] and [`Mlp::accumulate`] read.
#[derive(Clone, Debug)]
pub struct MlpCache<S> {
    packs: Vec<LinearPack<S>>,
    /// `h₀ = x`, then the rectified values; one array a layer.
    inputs: Vec<Array2<S>>,
    /// Cotangents `da` of every layer's affine output.
    cotangents: Vec<Array2<S>>,
    written: usize,
    pulled: usize,
}

impl<S: Scalar> Mlp<S> {
    /// The perceptron with these layers.
    ///
    /// # Panics
    /// If there is no layer, more than eight, or two neighbors disagree about their width.
    #[track_caller]
    pub fn new(layers: Vec<Linear<S>>) -> Self {
        assert!((1..=NAMES.len()).contains(&layers.len()), "one to eight layers");
        for pair in layers.windows(2) {
            assert_eq!(pair[0].dim().0, pair[1].dim().1, "widths of neighboring layers");
        }
        Self { layers }
    }

    /// Layers of `widths`, weights from `N(0, gainₗ² / inputs)`, biases zero.
    ///
    /// A gain of √2 keeps the scale before a rectifier (He et al. 2015).
    ///
    /// # Panics
    /// If there is not one gain a layer.
    #[track_caller]
    #[expect(clippy::cast_possible_truncation, reason = "at most eight layers")]
    pub fn random(widths: &[usize], gains: &[f64], noise: Noise) -> Self {
        assert_eq!(widths.len(), gains.len() + 1, "one gain per layer");
        let layers = widths.windows(2).zip(gains).enumerate();
        Self::new(
            layers
                .map(|(i, (pair, gain))| {
                    let std = gain / (pair[0].max(1) as f64).sqrt();
                    Linear::random(pair[0], pair[1], std, noise.part(i as u8))
                })
                .collect(),
        )
    }

    /// `(I, O)`.
    pub fn dim(&self) -> (usize, usize) {
        (self.layers[0].dim().1, self.layers[self.layers.len() - 1].dim().0)
    }

    /// Multiplies all weights, not the biases, by `factor`.
    pub fn scale_weights(&mut self, factor: S) {
        for layer in &mut self.layers {
            layer.weight_mut().map_inplace(|w| *w *= factor);
        }
    }

    /// Makes a network of one or two layers compute `y = x Vᵀ + c`, with `V (O, I)` and `c (O)`; false,
    /// and nothing is changed, if it has more layers or too few hidden units.
    ///
    /// As [`affine_pair`](crate::affine_pair) does.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn set_affine(&mut self, map: ArrayView2<'_, S>, offset: ArrayView1<'_, S>) -> bool {
        match self.layers.as_mut_slice() {
            [only] => {
                only.weight_mut().assign(&map);
                only.bias_mut().assign(&offset);
                true
            }
            [first, second] => crate::affine_pair(first, second, map, offset),
            _ => false,
        }
    }

    /// The layers, first to last.
    pub fn layers(&self) -> &[Linear<S>] {
        &self.layers
    }

    /// `∂y/∂v (O, V)` at the input `x (I)` that moves with `∂x/∂v (I, V)`: the tangents go forward
    /// through the layers, `∂hₗ₊₁/∂v = [hₗ₊₁ > 0] ⊙ Wₗ ∂hₗ/∂v`. It allocates.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn push_forward(&self, x: ArrayView1<'_, S>, dx: ArrayView2<'_, S>) -> Array2<S> {
        assert_eq!((x.len(), dx.nrows()), (self.dim().0, self.dim().0), "input against I");
        let (mut h, mut dh) = (x.to_owned(), dx.to_owned());
        for (l, layer) in self.layers.iter().enumerate() {
            h = layer.weight().dot(&h) + layer.bias();
            dh = layer.weight().dot(&dh);
            if l + 1 < self.layers.len() {
                for (h, mut dh) in h.iter_mut().zip(dh.rows_mut()) {
                    if *h <= S::ZERO {
                        *h = S::ZERO;
                        dh.fill(S::ZERO);
                    }
                }
            }
        }
        dh
    }

    /// The layers, to be changed.
    pub fn layers_mut(&mut self) -> &mut [Linear<S>] {
        &mut self.layers
    }

    /// A cache for at most `rows` rows, made once and reused.
    pub fn cache(&self, rows: usize) -> MlpCache<S> {
        MlpCache {
            packs: self.layers.iter().map(|_| LinearPack::new()).collect(),
            inputs: self.layers.iter().map(|l| Array2::zeros((rows, l.dim().1))).collect(),
            cotangents: self.layers.iter().map(|l| Array2::zeros((rows, l.dim().0))).collect(),
            written: 0,
            pulled: 0,
        }
    }

    /// Packs the weights; to be called after every change of the parameters.
    pub fn prepare(&self, cache: &mut MlpCache<S>) {
        for (layer, pack) in self.layers.iter().zip(&mut cache.packs) {
            layer.pack(pack);
        }
    }

    /// [`prepare`](Mlp::prepare) for an input that needs no gradient.
    pub fn prepare_data(&self, cache: &mut MlpCache<S>) {
        self.layers[0].pack_forward(&mut cache.packs[0]);
        for (layer, pack) in self.layers.iter().zip(&mut cache.packs).skip(1) {
            layer.pack(pack);
        }
    }

    /// Writes `y (n, O)` for `x (n, I)` and keeps rows `at..at + n` for the backward pass.
    ///
    /// A call with `at = 0` starts anew; later blocks follow without gaps.
    ///
    /// # Panics
    /// If the shapes disagree, rows are skipped, or the cache is too small or not prepared.
    #[track_caller]
    pub fn forward(
        &self,
        at: usize,
        x: ArrayView2<'_, S>,
        y: ArrayViewMut2<'_, S>,
        cache: &mut MlpCache<S>,
    ) {
        cache.input(at, x.nrows()).assign_exactly(x);
        self.forward_written(at, y, cache);
    }

    /// [`forward`](Mlp::forward) for an input that the caller wrote into [`MlpCache::input`].
    ///
    /// # Panics
    /// If the shapes disagree or these are not the rows written last.
    #[track_caller]
    pub fn forward_written(&self, at: usize, y: ArrayViewMut2<'_, S>, cache: &mut MlpCache<S>) {
        assert_eq!(at + y.nrows(), cache.written, "rows of y against rows written");
        self.hidden(at, y.nrows(), cache);
        let (rows, last) = (s![at..at + y.nrows(), ..], self.layers.len() - 1);
        self.layers[last].apply(&cache.packs[last], cache.inputs[last].slice(rows), y);
    }

    /// [`forward`](Mlp::forward) that leaves `y` in [`MlpCache::output`], where the caller may
    /// replace it by `dy` for [`backward_written`](Mlp::backward_written).
    ///
    /// # Panics
    /// As [`forward`](Mlp::forward).
    #[track_caller]
    pub fn forward_kept(&self, at: usize, x: ArrayView2<'_, S>, cache: &mut MlpCache<S>) {
        cache.input(at, x.nrows()).assign_exactly(x);
        self.hidden(at, x.nrows(), cache);
        let (rows, last) = (s![at..at + x.nrows(), ..], self.layers.len() - 1);
        let y = cache.cotangents[last].slice_mut(rows);
        self.layers[last].apply(&cache.packs[last], cache.inputs[last].slice(rows), y);
    }

    /// Computes the hidden layers of rows `at..at + n`.
    fn hidden(&self, at: usize, n: usize, cache: &mut MlpCache<S>) {
        let rows = s![at..at + n, ..];
        for l in 0..self.layers.len() - 1 {
            let (before, after) = cache.inputs.split_at_mut(l + 1);
            let (x, h) = (before[l].slice(rows), after[0].slice_mut(rows));
            self.layers[l].apply_relu(&cache.packs[l], x, h);
        }
    }

    /// Pulls `dy (n, O)` back to rows `at..at + n` of the input: `dx += …`.
    ///
    /// # Panics
    /// If the shapes disagree or rows were not written by a forward pass.
    #[track_caller]
    pub fn backward(
        &self,
        at: usize,
        dy: ArrayView2<'_, S>,
        dx: ArrayViewMut2<'_, S>,
        cache: &mut MlpCache<S>,
    ) {
        self.backward_data(at, dy, cache);
        self.pull_input(at, dy.nrows(), dx, cache);
    }

    /// [`backward`](Mlp::backward) of the `dy` that the caller wrote into [`MlpCache::output`].
    ///
    /// # Panics
    /// If the shapes disagree or rows were not written by a forward pass.
    #[track_caller]
    pub fn backward_written(&self, at: usize, dx: ArrayViewMut2<'_, S>, cache: &mut MlpCache<S>) {
        let n = dx.nrows();
        self.pull(at, n, cache);
        self.pull_input(at, n, dx, cache);
    }

    /// Pulls the first layer's cotangent of rows `at..at + n` back to the input.
    #[track_caller]
    fn pull_input(&self, at: usize, n: usize, dx: ArrayViewMut2<'_, S>, cache: &MlpCache<S>) {
        let da = cache.cotangents[0].slice(s![at..at + n, ..]);
        self.layers[0].backward_input(&cache.packs[0], da, Accum::Add, dx);
    }

    /// [`backward`](Mlp::backward) for an input that needs no gradient.
    ///
    /// # Panics
    /// If the shapes disagree or rows were not written by a forward pass.
    #[track_caller]
    pub fn backward_data(&self, at: usize, dy: ArrayView2<'_, S>, cache: &mut MlpCache<S>) {
        cache.output(at, dy.nrows()).assign_exactly(dy);
        self.pull(at, dy.nrows(), cache);
    }

    /// Pulls the output's cotangent of rows `at..at + n` back to the first layer.
    #[track_caller]
    fn pull(&self, at: usize, n: usize, cache: &mut MlpCache<S>) {
        assert!(at + n <= cache.written, "rows {at}.. were not written");
        let rows = s![at..at + n, ..];
        for l in (1..self.layers.len()).rev() {
            let (below, above) = cache.cotangents.split_at_mut(l);
            let da = below[l - 1].slice_mut(rows);
            let (above, h) = (above[0].slice(rows), cache.inputs[l].slice(rows));
            self.layers[l].backward_rectified(&cache.packs[l], above, h, da);
        }
        cache.pulled += n;
    }

    /// Books the parameter gradients of all rows since the last `at = 0`.
    ///
    /// # Panics
    /// If the rows pulled back are not exactly the rows written, or the shapes disagree.
    #[track_caller]
    pub fn accumulate(&self, cache: &mut MlpCache<S>, grads: &mut Self) {
        assert_eq!(cache.pulled, cache.written, "rows pulled back against rows written");
        assert_eq!(grads.layers.len(), self.layers.len(), "layers of the gradient");
        cache.pulled = 0;
        let rows = s![..cache.written, ..];
        for (l, grads) in grads.layers.iter_mut().enumerate() {
            let (x, da) = (cache.inputs[l].slice(rows), cache.cotangents[l].slice(rows));
            Linear::backward_params(x, da, grads);
        }
    }
}

impl<S: Scalar> MlpCache<S> {
    /// Where the caller writes rows `at..at + n` of the input before
    /// [`Mlp::forward_written`].
    ///
    /// # Panics
    /// If rows are skipped or the cache is too small.
    #[track_caller]
    pub fn input(&mut self, at: usize, n: usize) -> ArrayViewMut2<'_, S> {
        let capacity = self.inputs[0].nrows();
        assert!(at + n <= capacity, "cache of {capacity} rows is too small for {}", at + n);
        if at == 0 {
            (self.written, self.pulled) = (0, 0);
        }
        assert_eq!(at, self.written, "blocks of rows follow without gaps");
        self.written = at + n;
        self.inputs[0].slice_mut(s![at..at + n, ..])
    }

    /// Rows `at..at + n` of `y` after [`Mlp::forward_kept`], and of `dy` before
    /// [`Mlp::backward_written`].
    ///
    /// # Panics
    /// If rows were not written by a forward pass.
    #[track_caller]
    pub fn output(&mut self, at: usize, n: usize) -> ArrayViewMut2<'_, S> {
        assert!(at + n <= self.written, "rows {at}.. were not written");
        let last = self.cotangents.len() - 1;
        self.cotangents[last].slice_mut(s![at..at + n, ..])
    }
}

/// `assign` that refuses to stretch a single row.
trait AssignExactly<S> {
    fn assign_exactly(self, source: ArrayView2<'_, S>);
}

impl<S: Scalar> AssignExactly<S> for ArrayViewMut2<'_, S> {
    #[track_caller]
    fn assign_exactly(mut self, source: ArrayView2<'_, S>) {
        assert_eq!(self.dim(), source.dim(), "cache against given rows");
        self.assign(&source);
    }
}

impl<S: Scalar> Params<S> for Mlp<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        for (layer, name) in self.layers.iter().zip(NAMES) {
            layer.visit(path.child(name), f);
        }
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        for (layer, name) in self.layers.iter_mut().zip(NAMES) {
            layer.visit_mut(path.child(name), f);
        }
    }
}
