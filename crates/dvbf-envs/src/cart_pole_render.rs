//! Gray images of a cart and its pole: square, row-major, rows from top to bottom, values in `[0, 1]`.
//!
//! The track lies in the middle of an image of `n × n` pixels, which shows `2 v` m of it, so a meter
//! has `s = n / 2v` pixels. With `y` pointing down, a cart at `x` and the tip of its pole of length
//! `ℓ`, at angle `θ` from upright, are at
//!
//! `x_c = (n − 1) / 2 + s x`, `y_c = (n − 1) / 2`, `x_t = x_c + s ℓ sin θ`, `y_t = y_c − s ℓ cos θ`.
//!
//! | style | cart `p` | pole `q` |
//! |-------|----------|----------|
//! | [`Style::Blob`] | `exp(−Δx² / 2(2σ)² − Δy² / 2(σ/2)²)` about the cart | `exp(−(Δx² + Δy²) / 2σ²)` about the tip |
//! | [`Style::Rod`] | `clamp(2σ + ½ − abs Δx, 0, 1) · clamp(σ/2 + ½ − abs Δy, 0, 1)` | `clamp(σ/2 + ½ − d, 0, 1)`, `d` the distance to the line from cart to tip |
//!
//! With [`Camera::Cart`] the camera rides on the cart and a ruler along the track is seen below: the
//! joint stays at `((n − 1) / 2, (n − 1) / 3)` with a pole of `0.28 n` pixels, and the place on the
//! track is a bell in the last rows, `exp(−Δx² / 2(1.5σ)² − Δy² / 2σ²)` about
//! `(x_c, n − 1 − 1.5 σ)`; a rod is drawn as from the side. Nothing else of the cart is seen.
//!
//! A pixel is `1 − (1 − p)(1 − q)`. The cart is four times as wide as it is high, so that it is told
//! from the tip also where the pole lies flat. What is beyond the rim is not seen.

use crate::error::{EnvError, count, not_negative, positive};
use crate::render::{Style, narrow};
use serde::{Deserialize, Serialize};

/// Where the camera is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Camera {
    /// Beside the track, which it shows as a whole.
    #[default]
    Track,
    /// On the cart, with a ruler along the track below.
    Cart,
}

/// The look of the images. Settings left out take their default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CartPoleImageSettings {
    /// Height and width in pixels, `1..=4096`; 16 by default.
    pub size: usize,
    /// Blobs of cart and tip, or a rectangle and a rod; blobs by default.
    pub style: Style,
    /// Beside the track or on the cart; beside it by default.
    pub camera: Camera,
    /// Half the length `v` of the track that is seen, in m; 2.4 by default, as in Gymnasium.
    pub view: f64,
    /// Standard deviation `σ` of the tip's blob in pixels, by which everything is drawn; `size / 16`
    /// when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blob_std: Option<f64>,
    /// Standard deviation of the Gaussian noise that a recording adds to every pixel, in units of
    /// the pixel value; none by default. Noisy pixels are not clipped.
    pub noise_std: f64,
}

impl Default for CartPoleImageSettings {
    fn default() -> Self {
        Self {
            size: 16,
            style: Style::Blob,
            camera: Camera::Track,
            view: 2.4,
            blob_std: None,
            noise_std: 0.0,
        }
    }
}

impl CartPoleImageSettings {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`EnvError::Setting`] for the first one outside its range, as `image.<name>`.
    pub fn validate(&self) -> Result<(), EnvError> {
        count("image.size", self.size, 4096, "between 1 and 4096 pixels")?;
        positive("image.view", self.view)?;
        self.blob_std.map_or(Ok(()), |s| positive("image.blob_std", s))?;
        not_negative("image.noise_std", self.noise_std)
    }
}

/// Draws a cart and its pole.
///
/// ```
/// use dvbf_envs::{CartPoleImageSettings, CartPoleRenderer};
/// let settings = CartPoleImageSettings { size: 25, view: 2.5, ..Default::default() };
/// let renderer = CartPoleRenderer::new(settings, 1.0)?;
/// let mut image = vec![0.0; renderer.pixels()];
/// // Upright, in the middle: the tip is 1 m above the cart, which is 5 pixels.
/// renderer.render(0.0, 0.0, &mut image);
/// assert!(image[12 * 25 + 12] > 0.999 && image[7 * 25 + 12] > 0.999);
/// # Ok::<(), dvbf_envs::EnvError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CartPoleRenderer {
    // Invariant: valid settings, positive length and deviation.
    settings: CartPoleImageSettings,
    pole_length: f64,
    blob_std: f64,
}

impl CartPoleRenderer {
    /// A renderer with valid settings, of a pole of `pole_length` m.
    ///
    /// # Errors
    /// What [`CartPoleImageSettings::validate`] finds, and a pole without length.
    pub fn new(settings: CartPoleImageSettings, pole_length: f64) -> Result<Self, EnvError> {
        settings.validate()?;
        positive("pole_length", pole_length)?;
        let blob_std = settings.blob_std.unwrap_or(settings.size as f64 / 16.0);
        Ok(Self { settings, pole_length, blob_std })
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &CartPoleImageSettings {
        &self.settings
    }

    /// Pixels of an image: `size²`.
    pub fn pixels(&self) -> usize {
        self.settings.size * self.settings.size
    }

    /// Writes the image of a cart at `position` m and of its pole at `angle` radians from upright
    /// into `out (size · size)`, without noise.
    ///
    /// Pixels below the smallest normal `f32` are written as zero, because arithmetic on subnormal
    /// numbers is slow on many processors.
    ///
    /// # Panics
    /// If `out` has not [`pixels`](CartPoleRenderer::pixels) elements.
    #[track_caller]
    pub fn render(&self, position: f64, angle: f64, out: &mut [f32]) {
        assert_eq!(out.len(), self.pixels(), "an image has size · size pixels");
        let size = self.settings.size;
        let (n, center) = (size as f64, (size as f64 - 1.0) / 2.0);
        let scale = n / (2.0 * self.settings.view);
        let (sin, cos) = angle.sin_cos();
        let place = center + scale * position;
        let (joint, length, below) = match self.settings.camera {
            Camera::Track => ([place, center], scale * self.pole_length, center),
            Camera::Cart => ([center, (n - 1.0) / 3.0], 0.28 * n, n - 1.0 - 1.5 * self.blob_std),
        };
        for (i, row) in out.chunks_exact_mut(size).enumerate() {
            for (j, pixel) in row.iter_mut().enumerate() {
                let (x, y) = (j as f64 - joint[0], i as f64 - joint[1]);
                let pole = match self.settings.style {
                    Style::Blob => self.bell(x - length * sin, y + length * cos, [1.0, 1.0]),
                    Style::Rod => {
                        let along = (x * sin - y * cos).clamp(0.0, length);
                        let distance = (x - along * sin).hypot(y + along * cos);
                        covered(0.5 * self.blob_std, distance)
                    }
                };
                let (x, y) = (j as f64 - place, i as f64 - below);
                let cart = match (self.settings.camera, self.settings.style) {
                    (Camera::Cart, _) => self.bell(x, y, [1.5, 1.0]),
                    (_, Style::Blob) => self.bell(x, y, [2.0, 0.5]),
                    (_, Style::Rod) => {
                        covered(2.0 * self.blob_std, x) * covered(0.5 * self.blob_std, y)
                    }
                };
                *pixel = narrow(1.0 - (1.0 - cart) * (1.0 - pole));
            }
        }
    }

    /// A bell of peak 1 whose deviations are `wide` times that of the tip.
    fn bell(&self, x: f64, y: f64, wide: [f64; 2]) -> f64 {
        let [a, b] = wide.map(|factor| factor * self.blob_std);
        (-0.5 * ((x / a).powi(2) + (y / b).powi(2))).exp()
    }
}

/// How much of a pixel lies in something of that half width, `distance` pixels from its middle.
fn covered(half_width: f64, distance: f64) -> f64 {
    (half_width + 0.5 - distance.abs()).clamp(0.0, 1.0)
}
