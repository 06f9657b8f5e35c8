//! Recognition network for images: convolutions, then [`Feedforward`] on their features.
//!
//! Shapes: `x' (R, colors · height · width)`, features `e (R, E)`, otherwise those of
//! [`Feedforward`].
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | forward | `e = conv(x')`, `raw = feedforward(e, z, u)` | all |
//! | `de` | `da W₀[e]` of the hidden layer of [`Feedforward`] | `da` (cached) |
//! | parameters | those of [`ImageEncoder`] for `de` and of [`Feedforward`] | `x'` (given again) |

use super::{
    Feedforward, FeedforwardInputs, FeedforwardLayers, Recognition, RecognitionInput,
    RecognitionRole,
};
use crate::image::ImageConfig;
use crate::kind::{Context, KindError, PartConfig, affine};
use crate::part::{Cache, gradient_of};
use dvbf_ops::{ImageEncoder, ImageEncoderCache, Params, Path};
use dvbf_tensor::{Noise, Scalar};
use ndarray::{ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD};
use serde::{Deserialize, Serialize};

/// Settings of a recognition network for images.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConvolutionalConfig {
    /// Hidden units after the convolutions; those of the model if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<usize>,
    /// The image and its convolutions.
    pub image: ImageConfig,
}

impl PartConfig<RecognitionRole> for ConvolutionalConfig {
    const KIND: &'static str = "convolutional";

    fn check(&self, context: &Context) -> Result<(), KindError> {
        KindError::check_size("hidden", self.hidden.unwrap_or(context.hidden), 1 << 16)?;
        self.image.resolve(context).map(drop).map_err(|e| e.within("image"))
    }

    fn parameters(&self, context: &Context) -> usize {
        let Ok(layers) = self.image.resolve(context) else { return 0 };
        let hidden = self.hidden.unwrap_or(context.hidden);
        let inputs = layers.features() + context.features().outputs() + context.control;
        affine(inputs, hidden)
            .saturating_add(affine(hidden, 2 * context.noise))
            .saturating_add(layers.encoder_parameters())
    }

    fn init<S: Scalar>(&self, context: &Context, noise: Noise) -> Box<dyn Recognition<S>> {
        let layers = self.image.resolve(context).expect("checked before");
        let encoder = ImageEncoder::random(layers.image, &layers.layers, noise.part(0));
        let inputs =
            FeedforwardInputs { observation: encoder.features(), control: context.control };
        let hidden = self.hidden.unwrap_or(context.hidden);
        let sizes = FeedforwardLayers { hidden, outputs: 2 * context.noise };
        let head = Feedforward::random(inputs, context.features(), sizes, noise.part(1));
        Box::new(Convolutional::new(encoder, head))
    }
}

/// Parameters of the recognition network.
#[derive(Clone, Debug, PartialEq)]
pub struct Convolutional<S> {
    // Invariant: the head observes as many values as the encoder gives.
    encoder: ImageEncoder<S>,
    head: Feedforward<S>,
}

/// What the backward pass reads.
#[derive(Debug)]
struct ConvolutionalCache<S> {
    encoder: ImageEncoderCache<S>,
    head: Cache,
}

impl<S: Scalar> Convolutional<S> {
    /// The network of these two.
    ///
    /// # Panics
    /// If the head observes another number of values than the encoder gives.
    #[track_caller]
    pub fn new(encoder: ImageEncoder<S>, head: Feedforward<S>) -> Self {
        let observed = head.inputs().observation;
        assert_eq!(observed, encoder.features(), "observations of the head against features");
        Self { encoder, head }
    }
}

impl<S: Scalar> Recognition<S> for Convolutional<S> {
    fn outputs(&self) -> usize {
        self.head.outputs()
    }

    fn scale_weights(&mut self, factor: S) {
        self.encoder.scale_weights(factor);
        self.head.scale_weights(factor);
    }

    fn cache(&self, rows: usize) -> Cache {
        let (encoder, head) = (self.encoder.cache(rows), self.head.cache(rows));
        Cache::new(ConvolutionalCache { encoder, head })
    }

    fn prepare(&self, cache: &mut Cache) {
        let cache = cache.get::<ConvolutionalCache<S>>();
        self.encoder.prepare(&mut cache.encoder);
        self.head.prepare(&mut cache.head);
    }

    fn observe(&self, next_observed: ArrayView2<'_, S>, cache: &mut Cache) {
        let cache = cache.get::<ConvolutionalCache<S>>();
        self.encoder.forward(0, next_observed, &mut cache.encoder);
        self.head.observe(cache.encoder.features(next_observed.nrows()), &mut cache.head);
    }

    fn observe_shared(&self, next_observed: ArrayView2<'_, S>, rows: usize, cache: &mut Cache) {
        let cache = cache.get::<ConvolutionalCache<S>>();
        self.encoder.forward(0, next_observed, &mut cache.encoder);
        let features = cache.encoder.features(next_observed.nrows());
        self.head.observe_shared(features, rows, &mut cache.head);
    }

    fn forward(
        &self,
        at: usize,
        input: RecognitionInput<'_, S>,
        raw: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    ) {
        self.head.forward(at, input, raw, &mut cache.get::<ConvolutionalCache<S>>().head);
    }

    fn backward(
        &self,
        at: usize,
        output_cotangent: ArrayView2<'_, S>,
        dstate: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    ) {
        let head = &mut cache.get::<ConvolutionalCache<S>>().head;
        self.head.backward(at, output_cotangent, dstate, head);
    }

    fn accumulate(
        &self,
        next_observed: ArrayView2<'_, S>,
        cache: &mut Cache,
        grads: &mut dyn Recognition<S>,
    ) {
        let ConvolutionalCache { encoder, head } = cache.get::<ConvolutionalCache<S>>();
        let grads = gradient_of::<Self>(grads);
        let rows = next_observed.nrows();
        self.head.accumulate(encoder.features(rows), head, &mut grads.head);
        self.head.observed_cotangent(encoder.features_cotangent(rows), head);
        self.encoder.backward(next_observed, encoder, &mut grads.encoder);
    }
}

impl<S: Scalar> Params<S> for Convolutional<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.encoder.visit(path.child("encoder"), f);
        self.head.visit(path, f);
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.encoder.visit_mut(path.child("encoder"), f);
        self.head.visit_mut(path, f);
    }
}
