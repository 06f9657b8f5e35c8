//! Gaussian emission of images: the mean is drawn by transposed convolutions.
//!
//! Equations are those of [`GaussianEmission`] with an [`ImageDecoder`] as the network of the mean.

use super::gaussian::check_visible;
use super::{Emission, EmissionRole, EmissionStd, GaussianEmission};
use crate::image::ImageConfig;
use crate::kind::{Context, KindError, PartConfig, affine};
use dvbf_ops::ImageDecoder;
use dvbf_tensor::{Noise, Scalar};
use ndarray::Array1;
use serde::{Deserialize, Serialize};

/// Settings of a Gaussian emission of images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecoderConfig {
    /// `V`, leading dimensions of the state that the network sees; all of them if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<usize>,
    /// Hidden units before the convolutions; those of the model if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<usize>,
    /// How the standard deviation is set.
    pub std_kind: EmissionStd,
    /// The standard deviation: the value, or where training starts.
    pub std: f64,
    /// The image and its convolutions, gone through from the last to the first.
    pub image: ImageConfig,
}

impl Default for DecoderConfig {
    fn default() -> Self {
        Self {
            state: None,
            hidden: None,
            std_kind: EmissionStd::Fixed,
            std: 0.05,
            image: ImageConfig::default(),
        }
    }
}

impl PartConfig<EmissionRole> for DecoderConfig {
    const KIND: &'static str = "convolutional";

    fn check(&self, context: &Context) -> Result<(), KindError> {
        KindError::check_size("hidden", self.hidden.unwrap_or(context.hidden), 1 << 16)?;
        KindError::check_positive("std", self.std)?;
        check_visible(self.state.unwrap_or(context.state), context)?;
        self.image.resolve(context).map(drop).map_err(|e| e.within("image"))
    }

    fn parameters(&self, context: &Context) -> usize {
        let Ok(layers) = self.image.resolve(context) else { return 0 };
        let hidden = self.hidden.unwrap_or(context.hidden);
        let visible = self.state.unwrap_or(context.state);
        affine(context.features().leading(visible).outputs(), hidden)
            .saturating_add(affine(hidden, layers.features()))
            .saturating_add(layers.decoder_parameters())
            .saturating_add(self.std_kind.values(context.observation).0)
    }

    fn init<S: Scalar>(&self, context: &Context, noise: Noise) -> Box<dyn Emission<S>> {
        let layers = self.image.resolve(context).expect("checked before");
        let (values, scale) = self.std_kind.values(context.observation);
        let log_std = Array1::from_elem(values, S::of(self.std.ln()));
        let features = context.features().leading(self.state.unwrap_or(context.state));
        let hidden = self.hidden.unwrap_or(context.hidden);
        let inputs = features.outputs();
        let mean = ImageDecoder::random(inputs, hidden, layers.image, &layers.layers, noise);
        Box::new(GaussianEmission::new(mean, features, context.state, log_std, scale))
    }
}
