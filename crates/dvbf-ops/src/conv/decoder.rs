//! Decoder to images: a perceptron that draws a small image with many channels, and transposed
//! convolutions that make it large, with rectifiers between them.
//!
//! Shapes: `x (n, I)`, small image `h₀ (n, E)`, `y (n, C · height · width)`.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | forward | `h₀ = max(0, net(x))`, `hₗ₊₁ = max(0, convᵀₗ(hₗ))`, `y = convᵀ_L(h_L)` | all |
//! | `daₗ` | `convₗ(daₗ₊₁) ⊙ [hₗ > 0]`, with `da_{L+1} = dy` | `hₗ` (cached) |
//! | `dx` | that of the perceptron for `da₀` | its cache |
//! | parameters | those of [`ConvTransposed2d`] for `hₗ` and `daₗ₊₁`, and of the perceptron | `hₗ`, `daₗ` |

use super::encoder::NAMES;
use super::{ConvTransposed2d, ConvTransposed2dPack, ImageSize, Patches, Window};
use crate::{Mlp, MlpCache, Params, Path};
use dvbf_tensor::{Noise, Scalar};
use ndarray::{
    Array2, ArrayView1, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, Axis, Zip, s,
};

/// Parameters of the decoder and, as a gradient, their cotangents.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageDecoder<S> {
    // Invariant: outputs of the perceptron are the inputs of the first layer, outputs of a layer the
    // inputs of the next.
    small: Mlp<S>,
    layers: Vec<ConvTransposed2d<S>>,
}

/// What the backward pass reads; rows of one block.
#[derive(Clone, Debug)]
pub struct ImageDecoderCache<S> {
    small: MlpCache<S>,
    packs: Vec<ConvTransposed2dPack<S>>,
    /// `h₀ … h_L`.
    values: Vec<Array2<S>>,
    /// `da₀ … da_L`, then `y` and in its place `dy`.
    cotangents: Vec<Array2<S>>,
    written: usize,
    pulled: bool,
}

impl<S: Scalar> ImageDecoder<S> {
    /// The decoder of `inputs` values to images of this size. `layers` are those of an encoder of
    /// such images: for each the channels of its output and its window; they are gone through from
    /// the last to the first. `hidden` are the units of the perceptron.
    ///
    /// # Panics
    /// If there is no layer, more than eight, or a window does not fit.
    #[track_caller]
    #[expect(clippy::cast_possible_truncation, reason = "at most eight layers")]
    pub fn random(
        inputs: usize,
        hidden: usize,
        image: ImageSize,
        layers: &[(usize, Window)],
        noise: Noise,
    ) -> Self {
        assert!((1..=NAMES.len()).contains(&layers.len()), "one to eight layers");
        let mut size = image;
        let mut made = Vec::with_capacity(layers.len());
        for (i, (channels, window)) in layers.iter().enumerate() {
            // The outermost images are stored by planes.
            let patches = if i == 0 {
                Patches::of_planes(size, *window)
            } else {
                Patches::new(size, *window)
            };
            let gain = if i == 0 { 1.0 } else { 2.0_f64.sqrt() };
            let part = noise.part(1 + i as u8);
            made.push(ConvTransposed2d::random(patches, *channels, gain, part));
            size = patches.positions(*channels);
        }
        made.reverse();
        let root = 2.0_f64.sqrt();
        let small = Mlp::random(&[inputs, hidden, size.values()], &[root, root], noise.part(0));
        Self { small, layers: made }
    }

    /// `(I, C · height · width)`.
    pub fn dim(&self) -> (usize, usize) {
        (self.small.dim().0, self.image().values())
    }

    /// Size of the images.
    pub fn image(&self) -> ImageSize {
        self.layers[self.layers.len() - 1].output()
    }

    /// A cache for blocks of at most `rows` rows.
    pub fn cache(&self, rows: usize) -> ImageDecoderCache<S> {
        let inputs = |layer: &ConvTransposed2d<S>| Array2::zeros((rows, layer.input().values()));
        let values: Vec<_> = self.layers.iter().map(inputs).collect();
        let output = Array2::zeros((rows, self.image().values()));
        ImageDecoderCache {
            small: self.small.cache(rows),
            packs: self.layers.iter().map(ConvTransposed2d::new_pack).collect(),
            cotangents: values.iter().cloned().chain([output]).collect(),
            values,
            written: 0,
            pulled: false,
        }
    }

    /// Packs the weights; to be called after every change of the parameters.
    pub fn prepare(&self, cache: &mut ImageDecoderCache<S>) {
        self.small.prepare(&mut cache.small);
        for (layer, pack) in self.layers.iter().zip(&mut cache.packs) {
            layer.pack(pack);
        }
    }

    /// Writes `y (n, C · height · width)` for a block `x (n, I)`.
    ///
    /// # Panics
    /// If the shapes disagree, or the cache is too small or not prepared.
    #[track_caller]
    pub fn forward(
        &self,
        x: ArrayView2<'_, S>,
        y: ArrayViewMut2<'_, S>,
        cache: &mut ImageDecoderCache<S>,
    ) {
        let last = self.hidden(x, cache);
        let h = cache.values[last].slice(s![..cache.written, ..]);
        self.layers[last].apply(h, y, &mut cache.packs[last]);
    }

    /// [`forward`](Self::forward) that leaves `y` in [`ImageDecoderCache::output`], where the caller
    /// replaces it by `dy` for [`backward`](Self::backward).
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    #[track_caller]
    pub fn forward_kept(&self, x: ArrayView2<'_, S>, cache: &mut ImageDecoderCache<S>) {
        let last = self.hidden(x, cache);
        let rows = s![..cache.written, ..];
        let (h, y) = (cache.values[last].slice(rows), cache.cotangents[last + 1].slice_mut(rows));
        self.layers[last].apply(h, y, &mut cache.packs[last]);
    }

    /// Computes everything but the last layer, whose number it returns.
    #[track_caller]
    fn hidden(&self, x: ArrayView2<'_, S>, cache: &mut ImageDecoderCache<S>) -> usize {
        let n = x.nrows();
        let capacity = cache.values[0].nrows();
        assert!(n <= capacity, "cache of {capacity} rows is too small for {n}");
        (cache.written, cache.pulled) = (n, false);
        let rows = s![..n, ..];
        self.small.forward(0, x, cache.values[0].slice_mut(rows), &mut cache.small);
        rectify(cache.values[0].slice_mut(rows));
        let last = self.layers.len() - 1;
        for (l, layer) in self.layers.iter().enumerate().take(last) {
            let (before, after) = cache.values.split_at_mut(l + 1);
            let mut next = after[0].slice_mut(rows);
            layer.apply(before[l].slice(rows), next.view_mut(), &mut cache.packs[l]);
            rectify(next);
        }
        last
    }

    /// `∂y/∂v (height · width · C, V)` at the input `x (I)` that moves with `∂x/∂v (I, V)`: the tangents
    /// go forward through the layers. It allocates.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn push_forward(&self, x: ArrayView1<'_, S>, dx: ArrayView2<'_, S>) -> Array2<S> {
        let mut cache = self.cache(1);
        self.prepare(&mut cache);
        self.hidden(x.insert_axis(Axis(0)), &mut cache);
        // One tangent a row, as images are.
        let small = self.small.push_forward(x, dx);
        let mut tangents = small.t().as_standard_layout().into_owned();
        for (l, layer) in self.layers.iter().enumerate() {
            for mut tangent in tangents.rows_mut() {
                Zip::from(&mut tangent).and(cache.values[l].row(0)).for_each(|t, h| {
                    if *h <= S::ZERO {
                        *t = S::ZERO;
                    }
                });
            }
            let mut next = Array2::zeros((tangents.nrows(), layer.output().values()));
            layer.push_forward(tangents.view(), next.view_mut(), &mut cache.packs[l]);
            tangents = next;
        }
        tangents.reversed_axes()
    }

    /// Pulls the cotangent that the caller wrote into [`ImageDecoderCache::output`] back to the
    /// block's input: `dx += …`.
    ///
    /// # Panics
    /// If the shapes disagree or this is not the block written last.
    #[track_caller]
    pub fn backward(&self, dx: ArrayViewMut2<'_, S>, cache: &mut ImageDecoderCache<S>) {
        assert_eq!(dx.nrows(), cache.written, "rows of dx against rows written");
        let rows = s![..cache.written, ..];
        for (l, layer) in self.layers.iter().enumerate().rev() {
            let (below, above) = cache.cotangents.split_at_mut(l + 1);
            let (dy, h) = (above[0].slice(rows), cache.values[l].slice(rows));
            let da = below[l].slice_mut(rows);
            layer.backward_rectified(dy, h, da, &mut cache.packs[l]);
        }
        self.small.backward(0, cache.cotangents[0].slice(rows), dx, &mut cache.small);
        cache.pulled = true;
    }

    /// Accumulates the gradients of the parameters over the block that was pulled back.
    ///
    /// # Panics
    /// If it was not pulled back, or the shapes disagree.
    #[track_caller]
    pub fn backward_params(&self, cache: &mut ImageDecoderCache<S>, grads: &mut Self) {
        assert!(cache.pulled, "the block was not pulled back");
        cache.pulled = false;
        let rows = s![..cache.written, ..];
        for (l, layer) in self.layers.iter().enumerate() {
            let (h, dy) = (cache.values[l].slice(rows), cache.cotangents[l + 1].slice(rows));
            layer.backward_params(h, dy, &mut cache.packs[l], &mut grads.layers[l]);
        }
        self.small.accumulate(&mut cache.small, &mut grads.small);
    }
}

/// `max(0, h)` in place; NaN stays.
fn rectify<S: Scalar>(h: ArrayViewMut2<'_, S>) {
    Zip::from(h).for_each(|h| {
        if *h < S::ZERO {
            *h = S::ZERO;
        }
    });
}

impl<S: Scalar> ImageDecoderCache<S> {
    /// The first `n` rows of `y` after [`ImageDecoder::forward_kept`], and of `dy` before
    /// [`ImageDecoder::backward`].
    ///
    /// # Panics
    /// If they were not written.
    #[track_caller]
    pub fn output(&mut self, n: usize) -> ArrayViewMut2<'_, S> {
        assert!(n <= self.written, "{n} rows, of which {} were written", self.written);
        let last = self.cotangents.len() - 1;
        self.cotangents[last].slice_mut(s![..n, ..])
    }
}

impl<S: Scalar> Params<S> for ImageDecoder<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.small.visit(path.child("small"), f);
        for (layer, name) in self.layers.iter().zip(NAMES) {
            layer.visit(path.child(name), f);
        }
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.small.visit_mut(path.child("small"), f);
        for (layer, name) in self.layers.iter_mut().zip(NAMES) {
            layer.visit_mut(path.child(name), f);
        }
    }
}
