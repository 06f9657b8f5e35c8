//! Encoder of images: convolutions with a rectifier after each.
//!
//! Shapes: `x (n, C · height · width)`, features `h_L (n, E)`.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | forward | `h₀ = x`, `hₗ₊₁ = max(0, convₗ(hₗ))` | all |
//! | `da_L` | `dh_L ⊙ [h_L > 0]` | `h_L` (cached) |
//! | `daₗ` | `convₗᵀ(daₗ₊₁) ⊙ [hₗ > 0]` | `hₗ` (cached) |
//! | parameters | those of [`Conv2d`] for `hₗ` and `daₗ₊₁` | `x` again, `hₗ` |
//!
//! Images are data: there is no gradient with respect to `x`.

use super::{Conv2d, Conv2dPack, ImageSize, Patches, Window};
use crate::{Params, Path};
use dvbf_tensor::{Noise, Scalar};
use ndarray::{Array2, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, Zip, s};

/// Names of layers in parameter paths.
pub(super) const NAMES: [&str; 8] =
    ["conv0", "conv1", "conv2", "conv3", "conv4", "conv5", "conv6", "conv7"];

/// Parameters of the encoder and, as a gradient, their cotangents.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageEncoder<S> {
    // Invariant: neither empty nor longer than `NAMES`; outputs of a layer are inputs of the next.
    layers: Vec<Conv2d<S>>,
}

/// What the backward pass reads.
#[derive(Clone, Debug)]
pub struct ImageEncoderCache<S> {
    packs: Vec<Conv2dPack<S>>,
    /// `h₁ … h_L`.
    values: Vec<Array2<S>>,
    /// `da₁ … da_L`.
    cotangents: Vec<Array2<S>>,
    written: usize,
}

impl<S: Scalar> ImageEncoder<S> {
    /// The encoder of images of this size with these layers: for each its channels and its window.
    /// Weights are drawn for rectifiers (He et al. 2015).
    ///
    /// # Panics
    /// If there is no layer, more than eight, or a window does not fit.
    #[track_caller]
    #[expect(clippy::cast_possible_truncation, reason = "at most eight layers")]
    pub fn random(image: ImageSize, layers: &[(usize, Window)], noise: Noise) -> Self {
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
            made.push(Conv2d::random(patches, *channels, 2.0_f64.sqrt(), noise.part(i as u8)));
            size = patches.positions(*channels);
        }
        Self { layers: made }
    }

    /// Size of the images.
    pub fn input(&self) -> ImageSize {
        self.layers[0].input()
    }

    /// `E`, the number of features.
    pub fn features(&self) -> usize {
        self.layers[self.layers.len() - 1].output().values()
    }

    /// Multiplies all weights, not the biases, by `factor`.
    pub fn scale_weights(&mut self, factor: S) {
        for layer in &mut self.layers {
            layer.filters_mut().weight_mut().map_inplace(|w| *w *= factor);
        }
    }

    /// A cache for at most `rows` images.
    pub fn cache(&self, rows: usize) -> ImageEncoderCache<S> {
        let values = |layer: &Conv2d<S>| Array2::zeros((rows, layer.output().values()));
        ImageEncoderCache {
            packs: self.layers.iter().map(Conv2d::new_pack).collect(),
            values: self.layers.iter().map(values).collect(),
            cotangents: self.layers.iter().map(values).collect(),
            written: 0,
        }
    }

    /// Packs the weights; to be called after every change of the parameters.
    pub fn prepare(&self, cache: &mut ImageEncoderCache<S>) {
        for (layer, pack) in self.layers.iter().zip(&mut cache.packs) {
            layer.pack(pack);
        }
    }

    /// Computes the features of images `x (n, C · height · width)`, rows `at..at + n` of the cache.
    ///
    /// A call with `at = 0` starts anew; later blocks follow without gaps.
    ///
    /// # Panics
    /// If the shapes disagree, rows are skipped, or the cache is too small or not prepared.
    #[track_caller]
    pub fn forward(&self, at: usize, x: ArrayView2<'_, S>, cache: &mut ImageEncoderCache<S>) {
        let end = at + x.nrows();
        let capacity = cache.values[0].nrows();
        assert!(end <= capacity, "cache of {capacity} rows is too small for {end}");
        assert_eq!(at, if at == 0 { 0 } else { cache.written }, "blocks follow without gaps");
        cache.written = end;
        let rows = s![at..end, ..];
        for (l, layer) in self.layers.iter().enumerate() {
            let (before, after) = cache.values.split_at_mut(l);
            let input = before.last().map_or(x, |h| h.slice(rows));
            layer.apply_relu(input, after[0].slice_mut(rows), &mut cache.packs[l]);
        }
    }

    /// Pulls the cotangents of the features, which the caller wrote into
    /// [`ImageEncoderCache::features_cotangent`], back through all images and accumulates the
    /// gradients of the parameters; takes the images again.
    ///
    /// # Panics
    /// If the shapes disagree or the images are not the rows written.
    #[track_caller]
    pub fn backward(
        &self,
        x: ArrayView2<'_, S>,
        cache: &mut ImageEncoderCache<S>,
        grads: &mut Self,
    ) {
        assert_eq!(x.nrows(), cache.written, "images against rows written");
        let rows = s![..cache.written, ..];
        for (l, layer) in self.layers.iter().enumerate().rev() {
            let mut da = cache.cotangents[l].slice_mut(rows);
            Zip::from(&mut da).and(cache.values[l].slice(rows)).for_each(|da, h| {
                if *h <= S::ZERO {
                    *da = S::ZERO;
                }
            });
            let (below, above) = cache.cotangents.split_at_mut(l);
            let da = above[0].slice(rows);
            let pack = &mut cache.packs[l];
            if let Some(below) = below.last_mut() {
                let mut below = below.slice_mut(rows);
                below.fill(S::ZERO);
                layer.backward_input(da, below, pack);
            }
            let input = if l == 0 { x } else { cache.values[l - 1].slice(rows) };
            layer.backward_params(input, da, pack, &mut grads.layers[l]);
        }
    }
}

impl<S: Scalar> ImageEncoderCache<S> {
    /// Features `(n, E)` of the first `n` images.
    ///
    /// # Panics
    /// If they were not written.
    #[track_caller]
    pub fn features(&self, n: usize) -> ArrayView2<'_, S> {
        assert!(n <= self.written, "{n} rows of features, of which {} were written", self.written);
        self.values[self.values.len() - 1].slice(s![..n, ..])
    }

    /// Where the cotangents `(n, E)` of the features of the first `n` images go before
    /// [`ImageEncoder::backward`]; the caller writes all of them.
    ///
    /// # Panics
    /// If the features were not written.
    #[track_caller]
    pub fn features_cotangent(&mut self, n: usize) -> ArrayViewMut2<'_, S> {
        assert!(n <= self.written, "{n} rows of features, of which {} were written", self.written);
        let last = self.cotangents.len() - 1;
        self.cotangents[last].slice_mut(s![..n, ..])
    }
}

impl<S: Scalar> Params<S> for ImageEncoder<S> {
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
