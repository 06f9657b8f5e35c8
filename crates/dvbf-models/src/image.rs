//! Settings of parts that see observations as images.

use crate::kind::{Context, KindError};
use dvbf_ops::{ImageSize, Window};
use serde::{Deserialize, Serialize};

/// The image that an observation is, and the convolutions that see it.
///
/// An observation is `(colors, height, width)`: one plane above the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImageConfig {
    /// Rows of pixels; the image is a square if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<usize>,
    /// Columns of pixels; as `height`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<usize>,
    /// Values of a pixel, three for red, green and blue; one if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colors: Option<usize>,
    /// The convolutions, from the image inwards; by its size if nothing is said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<ConvolutionConfig>,
}

/// One convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConvolutionConfig {
    /// Its filters.
    pub channels: usize,
    /// Side of a filter in pixels.
    pub kernel: usize,
    /// Pixels between neighboring positions.
    pub stride: usize,
    /// Pixels of value zero that are added on every side.
    pub padding: usize,
}

impl Default for ConvolutionConfig {
    fn default() -> Self {
        Self { channels: 16, kernel: 4, stride: 2, padding: 1 }
    }
}

/// A checked [`ImageConfig`]: size of the image, and for each layer its channels and its window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImageLayers {
    pub(crate) image: ImageSize,
    pub(crate) layers: Vec<(usize, Window)>,
}

/// Most values of an image, and most filters of a layer.
const LIMIT: usize = 1 << 20;

impl ImageConfig {
    /// An image of this size with layers that follow from it.
    pub fn of(height: usize, width: usize, colors: usize) -> Self {
        Self { height: Some(height), width: Some(width), colors: Some(colors), layers: Vec::new() }
    }

    /// Values of an image of this kind: what is not given counts as 64 pixels, or one color.
    pub fn possible_values(&self) -> usize {
        let side = self.height.or(self.width).unwrap_or(64);
        let pixels = self.height.unwrap_or(side).saturating_mul(self.width.unwrap_or(side));
        pixels.saturating_mul(self.colors.unwrap_or(1))
    }

    /// The image and its layers; a layer has at least one position.
    ///
    /// # Errors
    /// Names the key that does not fit; keys are relative to the table of the image.
    pub(crate) fn resolve(&self, context: &Context) -> Result<ImageLayers, KindError> {
        let image = self.size(context.observation)?;
        let layers =
            if self.layers.is_empty() { default_layers(image) } else { self.layers.clone() };
        if layers.len() > 8 {
            return Err(KindError::new("layers", format!("are {}; at most 8", layers.len())));
        }
        let (mut height, mut width) = (image.height, image.width);
        for (i, layer) in layers.iter().enumerate() {
            let key = |name| format!("layers.{i}.{name}");
            KindError::check_size(&key("channels"), layer.channels, 1 << 12)?;
            KindError::check_size(&key("stride"), layer.stride, 1 << 8)?;
            KindError::check_size(&key("kernel"), layer.kernel, 1 << 8)?;
            if layer.padding >= layer.kernel {
                let problem = format!("is {}; less than kernel = {}", layer.padding, layer.kernel);
                return Err(KindError::new(key("padding"), problem));
            }
            let around = 2 * layer.padding;
            if layer.kernel > height.min(width) + around {
                let problem =
                    format!("is {}; the image is {height} by {width} there", layer.kernel);
                return Err(KindError::new(key("kernel"), problem));
            }
            height = (height + around - layer.kernel) / layer.stride + 1;
            width = (width + around - layer.kernel) / layer.stride + 1;
            KindError::check_limit(&key("channels"), layer.channels * height * width, LIMIT)?;
        }
        let window = |layer: &ConvolutionConfig| Window {
            kernel: layer.kernel,
            stride: layer.stride,
            padding: layer.padding,
        };
        let layers = layers.iter().map(|layer| (layer.channels, window(layer))).collect();
        Ok(ImageLayers { image, layers })
    }

    fn size(&self, observation: usize) -> Result<ImageSize, KindError> {
        let channels = self.colors.unwrap_or(1);
        KindError::check_size("colors", channels, 1 << 8)?;
        let pixels = observation / channels;
        let (height, width) = match (self.height, self.width) {
            (None, None) => (pixels.isqrt(), pixels.isqrt()),
            (Some(height), None) => (height, pixels.checked_div(height).unwrap_or(0)),
            (None, Some(width)) => (pixels.checked_div(width).unwrap_or(0), width),
            (Some(height), Some(width)) => (height, width),
        };
        KindError::check_limit("height", height, LIMIT)?;
        KindError::check_limit("width", width, LIMIT)?;
        if height.saturating_mul(width).saturating_mul(channels) != observation || pixels == 0 {
            let problem = format!(
                "and width and colors are those of {height} by {width} pixels of {channels} values, \
                 but an observation has {observation} channels"
            );
            return Err(KindError::new("height", problem));
        }
        Ok(ImageSize { height, width, channels })
    }
}

impl ImageLayers {
    /// Values that the last layer gives.
    pub(crate) fn features(&self) -> usize {
        self.sizes().last().map_or(0, ImageSize::values)
    }

    /// Sizes after each layer.
    fn sizes(&self) -> Vec<ImageSize> {
        let mut size = self.image;
        let after = |(channels, window): &(usize, Window)| {
            size = dvbf_ops::Patches::new(size, *window).positions(*channels);
            size
        };
        self.layers.iter().map(after).collect()
    }

    /// Weights of all filters, and biases of the sides where `channels` and where the image is.
    fn weights(&self) -> (usize, usize, usize) {
        let (mut weights, mut inner, mut outer, mut below) = (0, 0, 0, self.image.channels);
        for (channels, window) in &self.layers {
            weights += channels * window.kernel * window.kernel * below;
            inner += channels;
            outer += below;
            below = *channels;
        }
        (weights, inner, outer)
    }

    /// Parameters of an encoder.
    pub(crate) fn encoder_parameters(&self) -> usize {
        let (weights, inner, _) = self.weights();
        weights + inner
    }

    /// Parameters of the transposed convolutions of a decoder.
    pub(crate) fn decoder_parameters(&self) -> usize {
        let (weights, _, outer) = self.weights();
        weights + outer
    }
}

/// Filters of four by four pixels that halve the image until its smaller side has at most eight
/// pixels; the first one moves by four pixels if the image is large.
fn default_layers(image: ImageSize) -> Vec<ConvolutionConfig> {
    let mut side = image.height.min(image.width);
    let mut layers = Vec::new();
    while layers.len() < 8 && (layers.is_empty() || side > 8) {
        let channels = if layers.is_empty() { 16 } else { 32 };
        let layer = if layers.is_empty() && side >= 48 {
            ConvolutionConfig { channels, kernel: 4, stride: 4, padding: 0 }
        } else {
            ConvolutionConfig { channels, ..ConvolutionConfig::default() }
        };
        side = (side + 2 * layer.padding).saturating_sub(layer.kernel) / layer.stride + 1;
        layers.push(layer);
    }
    layers
}
