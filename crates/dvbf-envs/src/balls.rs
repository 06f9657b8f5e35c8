//! Gray images of balls in a box: square, row-major, rows from top to bottom, values in `[0, 1]`.
//!
//! The box reaches from −1 m to 1 m on both axes, `x` to the right and `y` up, and fills the image of
//! `n × n` pixels. A ball at `(x, y)` with radius `ρ` has, in pixels from the center of the upper
//! left pixel, its center at
//!
//! `c_x = (n x + n − 1) / 2`, `c_y = (n − 1 − n y) / 2`, and the radius `R = n ρ / 2`.
//!
//! | style | what a ball adds at distance `d` from its center |
//! |-------|--------------------------------------------------|
//! | [`BallStyle::Blob`] | `p = exp(−d² / 2σ²)` with `σ = R/2` |
//! | [`BallStyle::Disc`] | `p = clamp(R + ½ − d, 0, 1)` |
//!
//! Several balls give the pixel `1 − Π (1 − pᵢ)`: their order does not matter, and nothing exceeds 1.

use crate::error::{EnvError, count, not_negative};
use crate::render::narrow;
use serde::{Deserialize, Serialize};

/// How a ball is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BallStyle {
    /// A Gaussian blob with peak 1.
    #[default]
    Blob,
    /// An anti-aliased disc.
    Disc,
}

/// The look of the images. Settings left out take the default of [`Default`], also where another
/// environment has another default size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BallImageSettings {
    /// Height and width in pixels, `1..=4096`; 16 by default.
    pub size: usize,
    /// How a ball is drawn; as a blob by default.
    pub style: BallStyle,
    /// Standard deviation of the Gaussian noise that a recording adds to every pixel, in units of
    /// the pixel value; none by default. Noisy pixels are not clipped.
    pub noise_std: f64,
}

impl Default for BallImageSettings {
    fn default() -> Self {
        Self { size: 16, style: BallStyle::Blob, noise_std: 0.0 }
    }
}

impl BallImageSettings {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`EnvError::Setting`] for the first one outside its range, as `image.<name>`.
    pub fn validate(&self) -> Result<(), EnvError> {
        count("image.size", self.size, 4096, "between 1 and 4096 pixels")?;
        not_negative("image.noise_std", self.noise_std)
    }
}

/// A ball as it is drawn, in meters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ball {
    /// Its center.
    pub center: [f64; 2],
    /// Its radius.
    pub radius: f64,
}

/// Draws balls in a box.
///
/// ```
/// use dvbf_envs::{Ball, BallImageSettings, BallRenderer};
/// let renderer = BallRenderer::new(BallImageSettings { size: 5, ..Default::default() })?;
/// let mut image = vec![0.0; renderer.pixels()];
/// // In the upper right corner of the box.
/// renderer.render(&[Ball { center: [0.8, 0.8], radius: 0.2 }], &mut image);
/// assert_eq!(image[4], 1.0);
/// # Ok::<(), dvbf_envs::EnvError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BallRenderer {
    // Invariant: valid.
    settings: BallImageSettings,
}

impl BallRenderer {
    /// A renderer with valid settings.
    ///
    /// # Errors
    /// What [`BallImageSettings::validate`] finds.
    pub fn new(settings: BallImageSettings) -> Result<Self, EnvError> {
        settings.validate()?;
        Ok(Self { settings })
    }

    /// Pixels of an image: `size²`.
    pub fn pixels(&self) -> usize {
        self.settings.size * self.settings.size
    }

    /// Writes the image of `balls` into `out (size · size)`, without noise.
    ///
    /// Pixels below the smallest normal `f32` are written as zero, because arithmetic on subnormal
    /// numbers is slow on many processors.
    ///
    /// # Panics
    /// If `out` has not [`pixels`](BallRenderer::pixels) elements.
    #[track_caller]
    pub fn render(&self, balls: &[Ball], out: &mut [f32]) {
        assert_eq!(out.len(), self.pixels(), "an image has size · size pixels");
        let n = self.settings.size as f64;
        for (i, row) in out.chunks_exact_mut(self.settings.size).enumerate() {
            for (j, pixel) in row.iter_mut().enumerate() {
                let dark: f64 = balls
                    .iter()
                    .map(|&Ball { center: [x, y], radius }| {
                        let across = j as f64 - (n * x + n - 1.0) / 2.0;
                        let down = i as f64 - (n - 1.0 - n * y) / 2.0;
                        1.0 - self.brightness(across.hypot(down), n * radius / 2.0)
                    })
                    .product();
                *pixel = narrow(1.0 - dark);
            }
        }
    }

    /// What a ball adds `distance` pixels from its center.
    fn brightness(&self, distance: f64, radius: f64) -> f64 {
        match self.settings.style {
            BallStyle::Blob => (-2.0 * (distance / radius).powi(2)).exp(),
            BallStyle::Disc => (radius + 0.5 - distance).clamp(0.0, 1.0),
        }
    }
}
