//! Gray images of a pendulum: square, row-major, rows from top to bottom, values in `[0, 1]`.
//!
//! Pixel `(i, j)` has its center at `x = j`, `y = i` (y points down) and the pivot lies at
//! `c = (size − 1) / 2` on both axes. The tip of a pendulum at angle `θ` from hanging is at
//!
//! `x_θ = c + r sin θ`, `y_θ = c + r cos θ`,
//!
//! so `θ = 0` points down and `θ = π/2` points right.
//!
//! | style | pixel value |
//! |-------|-------------|
//! | [`Style::Blob`] | `exp(−((x − x_θ)² + (y − y_θ)²) / 2σ²)` |
//! | [`Style::Rod`] | `clamp(w + ½ − d, 0, 1)`, `d` the distance to the line from pivot to tip |

use crate::error::{EnvError, count, not_negative, positive};
use serde::{Deserialize, Serialize};

/// How a pendulum is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// A Gaussian blob with peak 1 at the tip.
    #[default]
    Blob,
    /// An anti-aliased line from the pivot to the tip.
    Rod,
}

/// The look of the images. Lengths left out grow with `size`.
///
/// ```
/// let settings = dvbf_envs::ImageSettings { size: 32, ..Default::default() };
/// assert_eq!(settings.resolved().radius, Some(10.0));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImageSettings {
    /// Height and width in pixels, `1..=4096`; 16 by default.
    pub size: usize,
    /// What is drawn; a blob by default.
    pub style: Style,
    /// Distance `r` from pivot to tip in pixels; `5/16 · size` when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub radius: Option<f64>,
    /// Standard deviation `σ` of the blob in pixels; `size / 16` when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blob_std: Option<f64>,
    /// Half the width `w` of the rod in pixels; `3/64 · size` when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rod_half_width: Option<f64>,
    /// Standard deviation of the Gaussian noise that a recording adds to every pixel, in units of
    /// the pixel value; none by default. Noisy pixels are not clipped.
    pub noise_std: f64,
}

impl Default for ImageSettings {
    fn default() -> Self {
        Self {
            size: 16,
            style: Style::Blob,
            radius: None,
            blob_std: None,
            rod_half_width: None,
            noise_std: 0.0,
        }
    }
}

impl ImageSettings {
    /// The same settings with every length written out.
    #[must_use]
    pub fn resolved(&self) -> Self {
        let size = self.size as f64;
        Self {
            radius: self.radius.or(Some(size * 5.0 / 16.0)),
            blob_std: self.blob_std.or(Some(size / 16.0)),
            rod_half_width: self.rod_half_width.or(Some(size * 3.0 / 64.0)),
            ..self.clone()
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`EnvError::Setting`] for the first one outside its range, as `image.<name>`.
    pub fn validate(&self) -> Result<(), EnvError> {
        count("image.size", self.size, 4096, "between 1 and 4096 pixels")?;
        self.radius.map_or(Ok(()), |r| not_negative("image.radius", r))?;
        self.blob_std.map_or(Ok(()), |s| positive("image.blob_std", s))?;
        self.rod_half_width.map_or(Ok(()), |w| positive("image.rod_half_width", w))?;
        not_negative("image.noise_std", self.noise_std)
    }
}

/// Draws a pendulum.
///
/// ```
/// use dvbf_envs::{ImageSettings, Renderer};
/// let renderer = Renderer::new(ImageSettings { size: 17, ..Default::default() })?;
/// let mut image = vec![0.0; renderer.pixels()];
/// renderer.render(0.0, &mut image);
/// // Hanging: the middle column is the brightest, below the pivot.
/// let brightest = (0..image.len()).max_by(|&a, &b| image[a].total_cmp(&image[b]));
/// assert_eq!(brightest, Some(13 * 17 + 8));
/// # Ok::<(), dvbf_envs::EnvError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Renderer {
    // Invariant: valid and resolved; the three lengths repeat what is in there.
    settings: ImageSettings,
    radius: f64,
    blob_std: f64,
    rod_half_width: f64,
}

impl Renderer {
    /// A renderer with valid settings.
    ///
    /// # Errors
    /// What [`ImageSettings::validate`] finds.
    pub fn new(settings: ImageSettings) -> Result<Self, EnvError> {
        settings.validate()?;
        let settings = settings.resolved();
        let length = |value: Option<f64>| value.unwrap_or_default();
        Ok(Self {
            radius: length(settings.radius),
            blob_std: length(settings.blob_std),
            rod_half_width: length(settings.rod_half_width),
            settings,
        })
    }

    /// The settings, with every length written out.
    pub fn settings(&self) -> &ImageSettings {
        &self.settings
    }

    /// Pixels of an image: `size²`.
    pub fn pixels(&self) -> usize {
        self.settings.size * self.settings.size
    }

    /// Writes the image of a pendulum at `angle` radians from hanging into `out (size · size)`.
    ///
    /// The image carries no noise; that is added where recordings are made. Pixels below the
    /// smallest normal `f32` are written as zero, because arithmetic on subnormal numbers is slow
    /// on many processors.
    ///
    /// # Panics
    /// If `out` has not [`pixels`](Renderer::pixels) elements.
    #[track_caller]
    pub fn render(&self, angle: f64, out: &mut [f32]) {
        assert_eq!(out.len(), self.pixels(), "an image has size · size pixels");
        let (sin, cos) = angle.sin_cos();
        match self.settings.style {
            Style::Blob => self.blob(sin, cos, out),
            Style::Rod => self.rod(sin, cos, out),
        }
    }

    fn center(&self) -> f64 {
        (self.settings.size as f64 - 1.0) / 2.0
    }

    /// The Gaussian separates: `2 · size` exponentials serve `size²` pixels.
    fn blob(&self, sin: f64, cos: f64, out: &mut [f32]) {
        let (size, scale) = (self.settings.size, 2.0 * self.blob_std * self.blob_std);
        let x = self.center() + self.radius * sin;
        let y = self.center() + self.radius * cos;
        let bell = |pixel: usize, at: f64| (-(pixel as f64 - at).powi(2) / scale).exp();
        let across: Vec<f64> = (0..size).map(|j| bell(j, x)).collect();
        for (i, row) in out.chunks_exact_mut(size).enumerate() {
            let down = bell(i, y);
            for (pixel, across) in row.iter_mut().zip(&across) {
                *pixel = narrow(down * across);
            }
        }
    }

    fn rod(&self, sin: f64, cos: f64, out: &mut [f32]) {
        let (size, center) = (self.settings.size, self.center());
        for (i, row) in out.chunks_exact_mut(size).enumerate() {
            for (j, pixel) in row.iter_mut().enumerate() {
                let (x, y) = (j as f64 - center, i as f64 - center);
                let along = (x * sin + y * cos).clamp(0.0, self.radius);
                let distance = ((x - along * sin).powi(2) + (y - along * cos).powi(2)).sqrt();
                *pixel = narrow((self.rod_half_width + 0.5 - distance).clamp(0.0, 1.0));
            }
        }
    }
}

/// The nearest `f32`, with zero in place of subnormal numbers.
#[expect(clippy::cast_possible_truncation, reason = "pixels are handed out in single precision")]
pub(crate) fn narrow(value: f64) -> f32 {
    let pixel = value as f32;
    if pixel < f32::MIN_POSITIVE { 0.0 } else { pixel }
}
