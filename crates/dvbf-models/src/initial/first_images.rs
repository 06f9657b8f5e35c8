//! Initial state from the first images: every one goes through the same convolutions, and
//! [`FirstFrames`] reads their features.
//!
//! Shapes: `x (T·B, colors · height · width)`, features `e (k·B, E)`, otherwise those of
//! [`FirstFrames`].
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | recognition | `eₜ = conv(xₜ)`, `raw = net([e₁ … e_k, u₁ … u_{k−1}])` | |
//! | `deₜ` | the cotangent of its part of the network's input | cache of [`FirstFrames`] |
//! | parameters | those of [`ImageEncoder`] for `de` and of [`FirstFrames`] | `x` (kept), caches |

use super::first_frames::{FirstFrames, FirstFramesSizes};
use super::{FirstSteps, InitialState, InitialStateRole};
use crate::image::ImageConfig;
use crate::kind::{Context, KindError, PartConfig, affine};
use crate::part::{Cache, gradient_of};
use dvbf_ops::{ImageEncoder, ImageEncoderCache, Params, Path};
use dvbf_tensor::{Noise, Scalar};
use ndarray::{Array2, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s};
use serde::{Deserialize, Serialize};

/// Settings of an initial state from the first images.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FirstImagesConfig {
    /// Hidden units of each of the two networks; those of the model if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<usize>,
    /// The image and its convolutions.
    pub image: ImageConfig,
}

impl PartConfig<InitialStateRole> for FirstImagesConfig {
    const KIND: &'static str = "first-images";

    fn check(&self, context: &Context) -> Result<(), KindError> {
        KindError::check_size("hidden", self.hidden.unwrap_or(context.hidden), 1 << 16)?;
        self.image.resolve(context).map(drop).map_err(|e| e.within("image"))
    }

    fn parameters(&self, context: &Context) -> usize {
        let Ok(layers) = self.image.resolve(context) else { return 0 };
        let hidden = self.hidden.unwrap_or(context.hidden);
        let (k, w) = (context.initial_frames, context.noise);
        let frames = layers.features().saturating_mul(k);
        let inputs = frames.saturating_add(context.control.saturating_mul(k.saturating_sub(1)));
        affine(inputs, hidden)
            .saturating_add(affine(hidden, 2 * w))
            .saturating_add(affine(w, hidden))
            .saturating_add(affine(hidden, context.state))
            .saturating_add(layers.encoder_parameters())
    }

    fn init<S: Scalar>(&self, context: &Context, noise: Noise) -> Box<dyn InitialState<S>> {
        let layers = self.image.resolve(context).expect("checked before");
        let encoder = ImageEncoder::random(layers.image, &layers.layers, noise.part(0));
        let sizes = FirstFramesSizes {
            frames: context.initial_frames,
            observation: encoder.features(),
            control: context.control,
            hidden: self.hidden.unwrap_or(context.hidden),
            noise: context.noise,
            state: context.state,
        };
        Box::new(FirstImages { encoder, head: FirstFrames::random(sizes, noise.part(1)) })
    }
}

/// Parameters of the encoder and the two networks.
#[derive(Clone, Debug, PartialEq)]
pub struct FirstImages<S> {
    encoder: ImageEncoder<S>,
    head: FirstFrames<S>,
}

/// What the backward pass reads.
#[derive(Debug)]
struct FirstImagesCache<S> {
    encoder: ImageEncoderCache<S>,
    head: Cache,
    /// Images of all batches, those of one batch time-major behind each other.
    images: Array2<S>,
    /// Features of one batch.
    features: Array2<S>,
    /// Cotangent of the head's input.
    dinput: Array2<S>,
    /// For every batch where its sequences begin and how many steps they have.
    batches: Vec<Batch>,
    written: usize,
}

/// The sequences of one call of `recognize`.
#[derive(Clone, Copy, Debug)]
struct Batch {
    at: usize,
    rows: usize,
    steps: usize,
    first_image: usize,
}

impl<S: Scalar> InitialState<S> for FirstImages<S> {
    fn frames(&self) -> usize {
        self.head.frames()
    }

    fn scale_recognition(&mut self, factor: S) {
        self.encoder.scale_weights(factor);
        self.head.scale_recognition(factor);
    }

    fn cache(&self, rows: usize) -> Cache {
        let (k, e) = (self.frames(), self.encoder.features());
        Cache::new(FirstImagesCache {
            encoder: self.encoder.cache(rows * k),
            head: self.head.cache(rows),
            images: Array2::zeros((rows * k, self.encoder.input().values())),
            features: Array2::zeros((rows * k, e)),
            dinput: Array2::zeros((rows, self.head.inputs())),
            batches: Vec::with_capacity(rows),
            written: 0,
        })
    }

    fn prepare(&self, cache: &mut Cache) {
        let cache = cache.get::<FirstImagesCache<S>>();
        self.encoder.prepare(&mut cache.encoder);
        self.head.prepare_with_inputs(&mut cache.head);
    }

    fn recognize(
        &self,
        at: usize,
        first: FirstSteps<'_, S>,
        raw: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    ) {
        let cache = cache.get::<FirstImagesCache<S>>();
        let rows = raw.nrows();
        assert_eq!(first.observed.nrows() % rows.max(1), 0, "observations are whole steps");
        let steps = (first.observed.nrows() / rows.max(1)).min(self.frames());
        if at == 0 {
            cache.written = 0;
            cache.batches.clear();
        }
        let (from, to) = (cache.written, cache.written + steps * rows);
        let capacity = cache.images.nrows();
        assert!(to <= capacity, "cache of {capacity} images is too small for {to}");
        cache.batches.push(Batch { at, rows, steps, first_image: from });
        cache.written = to;
        let images = first.observed.slice(s![..steps * rows, ..]);
        cache.images.slice_mut(s![from..to, ..]).assign(&images);
        self.encoder.forward(from, images, &mut cache.encoder);
        let mut features = cache.features.slice_mut(s![..steps * rows, ..]);
        features.assign(&cache.encoder.features(to).slice(s![from.., ..]));
        let first = FirstSteps { observed: features.view(), control: first.control };
        self.head.recognize(at, first, raw, &mut cache.head);
    }

    fn start(
        &self,
        at: usize,
        noise: ArrayView2<'_, S>,
        state: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    ) {
        self.head.start(at, noise, state, &mut cache.get::<FirstImagesCache<S>>().head);
    }

    fn backward_start(
        &self,
        at: usize,
        dstate: ArrayView2<'_, S>,
        dnoise: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    ) {
        let head = &mut cache.get::<FirstImagesCache<S>>().head;
        self.head.backward_start(at, dstate, dnoise, head);
    }

    fn backward_recognize(
        &self,
        at: usize,
        output_cotangent: ArrayView2<'_, S>,
        cache: &mut Cache,
    ) {
        let cache = cache.get::<FirstImagesCache<S>>();
        let rows = output_cotangent.nrows();
        let batch = cache.batches.iter().find(|batch| batch.at == at && batch.rows == rows);
        let Batch { steps, first_image, .. } =
            *batch.unwrap_or_else(|| panic!("no {rows} sequences were read at row {at}"));
        let mut dinput = cache.dinput.slice_mut(s![..rows, ..]);
        dinput.fill(S::ZERO);
        self.head.backward_input(at, output_cotangent, dinput.view_mut(), &mut cache.head);
        let e = self.encoder.features();
        let mut cotangent = cache.encoder.features_cotangent(cache.written);
        for t in 0..steps {
            let image = first_image + t * rows;
            let part = dinput.slice(s![.., t * e..(t + 1) * e]);
            cotangent.slice_mut(s![image..image + rows, ..]).assign(&part);
        }
    }

    fn accumulate(&self, cache: &mut Cache, grads: &mut dyn InitialState<S>) {
        let (cache, grads) = (cache.get::<FirstImagesCache<S>>(), gradient_of::<Self>(grads));
        self.head.accumulate(&mut cache.head, &mut grads.head);
        let images = cache.images.slice(s![..cache.written, ..]);
        self.encoder.backward(images, &mut cache.encoder, &mut grads.encoder);
    }
}

impl<S: Scalar> Params<S> for FirstImages<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.encoder.visit(path.child("encoder"), f);
        self.head.visit(path, f);
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.encoder.visit_mut(path.child("encoder"), f);
        self.head.visit_mut(path, f);
    }
}
