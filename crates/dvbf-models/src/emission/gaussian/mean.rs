//! What a Gaussian emission asks of the network of its mean.

use dvbf_ops::{ImageDecoder, ImageDecoderCache, Mlp, MlpCache, Params};
use dvbf_tensor::Scalar;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};
use std::any::Any;
use std::fmt::Debug;

/// A network from features `φ (n, F)` to means `μ (n, X)` that works on one block of rows at a time.
pub trait MeanNetwork<S: Scalar>: Params<S> + Clone + Debug + Any + Send + Sync {
    /// Buffers of a block.
    type Cache: Debug + Any + Send + Sync;

    /// `(F, X)`.
    fn sizes(&self) -> (usize, usize);

    /// Buffers for blocks of at most `rows` rows.
    fn new_cache(&self, rows: usize) -> Self::Cache;

    /// Packs the weights; to be called after every change of the parameters.
    fn pack(&self, cache: &mut Self::Cache);

    /// Writes `μ`.
    ///
    /// # Panics
    /// If the shapes disagree or the block is too large.
    fn write(
        &self,
        features: ArrayView2<'_, S>,
        mean: ArrayViewMut2<'_, S>,
        cache: &mut Self::Cache,
    );

    /// Computes `μ` and leaves it in [`output`](Self::output), where the caller replaces it by its
    /// cotangent.
    ///
    /// # Panics
    /// As [`write`](Self::write).
    fn write_kept(&self, features: ArrayView2<'_, S>, cache: &mut Self::Cache);

    /// The first `rows` rows of `μ`, or of its cotangent.
    ///
    /// # Panics
    /// If they were not written.
    fn output(cache: &mut Self::Cache, rows: usize) -> ArrayViewMut2<'_, S>;

    /// Adds the cotangent of the features to `dfeatures (n, F)`.
    ///
    /// # Panics
    /// If the shapes disagree or this is not the block written last.
    fn pull_back(&self, dfeatures: ArrayViewMut2<'_, S>, cache: &mut Self::Cache);

    /// Adds the gradients of the parameters over the block that was pulled back.
    ///
    /// # Panics
    /// If it was not pulled back.
    fn accumulate_block(&self, cache: &mut Self::Cache, grads: &mut Self);

    /// `∂μ/∂v (X, V)` at features `φ (F)` that move with `∂φ/∂v (F, V)`. It allocates.
    ///
    /// # Panics
    /// If the shapes disagree.
    fn push_forward(&self, features: ArrayView1<'_, S>, tangents: ArrayView2<'_, S>) -> Array2<S>;

    /// Makes the mean an affine map of the features, `μ = φ Vᵀ + c`; false, and nothing is changed, if
    /// the network cannot.
    ///
    /// # Panics
    /// If the shapes disagree.
    fn set_affine(&mut self, map: ArrayView2<'_, S>, offset: ArrayView1<'_, S>) -> bool {
        let _ = (map, offset);
        false
    }
}

impl<S: Scalar> MeanNetwork<S> for Mlp<S> {
    type Cache = MlpCache<S>;

    fn sizes(&self) -> (usize, usize) {
        self.dim()
    }

    fn new_cache(&self, rows: usize) -> MlpCache<S> {
        self.cache(rows)
    }

    fn pack(&self, cache: &mut MlpCache<S>) {
        self.prepare(cache);
    }

    fn write(
        &self,
        features: ArrayView2<'_, S>,
        mean: ArrayViewMut2<'_, S>,
        cache: &mut MlpCache<S>,
    ) {
        self.forward(0, features, mean, cache);
    }

    fn write_kept(&self, features: ArrayView2<'_, S>, cache: &mut MlpCache<S>) {
        self.forward_kept(0, features, cache);
    }

    fn output(cache: &mut MlpCache<S>, rows: usize) -> ArrayViewMut2<'_, S> {
        cache.output(0, rows)
    }

    fn pull_back(&self, dfeatures: ArrayViewMut2<'_, S>, cache: &mut MlpCache<S>) {
        self.backward_written(0, dfeatures, cache);
    }

    fn accumulate_block(&self, cache: &mut MlpCache<S>, grads: &mut Self) {
        self.accumulate(cache, grads);
    }

    fn push_forward(&self, features: ArrayView1<'_, S>, tangents: ArrayView2<'_, S>) -> Array2<S> {
        Mlp::push_forward(self, features, tangents)
    }

    fn set_affine(&mut self, map: ArrayView2<'_, S>, offset: ArrayView1<'_, S>) -> bool {
        Mlp::set_affine(self, map, offset)
    }
}

impl<S: Scalar> MeanNetwork<S> for ImageDecoder<S> {
    type Cache = ImageDecoderCache<S>;

    fn sizes(&self) -> (usize, usize) {
        self.dim()
    }

    fn new_cache(&self, rows: usize) -> ImageDecoderCache<S> {
        self.cache(rows)
    }

    fn pack(&self, cache: &mut ImageDecoderCache<S>) {
        self.prepare(cache);
    }

    fn write(
        &self,
        features: ArrayView2<'_, S>,
        mean: ArrayViewMut2<'_, S>,
        cache: &mut ImageDecoderCache<S>,
    ) {
        self.forward(features, mean, cache);
    }

    fn write_kept(&self, features: ArrayView2<'_, S>, cache: &mut ImageDecoderCache<S>) {
        self.forward_kept(features, cache);
    }

    fn output(cache: &mut ImageDecoderCache<S>, rows: usize) -> ArrayViewMut2<'_, S> {
        cache.output(rows)
    }

    fn pull_back(&self, dfeatures: ArrayViewMut2<'_, S>, cache: &mut ImageDecoderCache<S>) {
        self.backward(dfeatures, cache);
    }

    fn accumulate_block(&self, cache: &mut ImageDecoderCache<S>, grads: &mut Self) {
        self.backward_params(cache, grads);
    }

    fn push_forward(&self, features: ArrayView1<'_, S>, tangents: ArrayView2<'_, S>) -> Array2<S> {
        ImageDecoder::push_forward(self, features, tangents)
    }
}
