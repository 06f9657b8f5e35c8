//! A pendulum as a color video: before a textured background, with a shadow that moves over both.
//!
//! The state is `(θ, ω, φ)`: angle and angular velocity of the [`Pendulum`], and the phase of the
//! shadow, `φ' = ν`. The shadow does not touch the pendulum's motion; a model has to know where it
//! is to predict the frames. An observation is `(3, size, size)`: planes of red, green and blue one
//! above the other, each with rows from top to bottom, values in `[0, 1]`.
//!
//! With the background `b(p, c)` of pixel `p` and color `c`, the color `r(c)` of the pendulum and its
//! cover `a(p, θ)`, the gray image of [`Renderer`],
//!
//! `x(p, c) = (1 − d exp(−|p − s(φ)|² / 2w²)) · ((1 − a) b + a r)`,
//!
//! where the center of the shadow is `s(φ) = (size/2)(1 + ½ cos φ, 1 + ½ sin φ)`. The background is a
//! sum of waves of seeded directions, and stays as it is.

use crate::environment::{Environment, Spec, StateKind, StateVariable};
use crate::error::{EnvError, between, count, not_negative, positive};
use crate::pendulum::{Pendulum, PendulumSettings, pair, pendulum_state, symmetric};
use crate::render::{ImageSettings, Renderer, Style, narrow};
use crate::system_kind::SystemSettings;
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::f64::consts::{PI, TAU};

/// Waves of the background in each color.
const WAVES: usize = 6;
/// Color of the pendulum.
const COLOR: [f64; 3] = [0.95, 0.85, 0.2];

/// Everything about the video that can be set. Settings left out take their default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VideoSettings {
    /// The pendulum; its `image` gives size, shape and noise. A rod in 64 by 64 pixels by default.
    pub pendulum: PendulumSettings,
    /// Seed of the background; 0 by default.
    pub texture: u64,
    /// Share of its light that the shadow takes at its center, `d`, between 0 and 1; 0.6 by default.
    pub shadow_depth: f64,
    /// Standard deviation `w` of the shadow as a share of the image's side; 0.18 by default.
    pub shadow_width: f64,
    /// Angular velocity `ν` of the shadow in rad/s; 1.2 by default.
    pub shadow_speed: f64,
}

impl Default for VideoSettings {
    fn default() -> Self {
        let image = ImageSettings { size: 64, style: Style::Rod, ..ImageSettings::default() };
        Self {
            pendulum: PendulumSettings { image, ..PendulumSettings::default() },
            texture: 0,
            shadow_depth: 0.6,
            shadow_width: 0.18,
            shadow_speed: 1.2,
        }
    }
}

impl VideoSettings {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first violation; settings of the pendulum have the names that they have in its own table.
    pub fn validate(&self) -> Result<(), EnvError> {
        self.pendulum.validate()?;
        count("pendulum.image.size", self.pendulum.image.size, 512, "between 1 and 512 pixels")?;
        between("shadow_depth", self.shadow_depth, (0.0, 1.0), "between 0 and 1")?;
        positive("shadow_width", self.shadow_width)?;
        not_negative("shadow_speed", self.shadow_speed)
    }
}

/// The pendulum with its background, its shadow and the camera.
#[derive(Clone, Debug)]
pub struct VideoPendulum {
    // Invariant: valid; the background has `3 · size²` values.
    settings: VideoSettings,
    pendulum: Pendulum,
    background: Vec<f64>,
}

impl VideoPendulum {
    /// A video with valid settings.
    ///
    /// # Errors
    /// What [`VideoSettings::validate`] finds.
    pub fn new(settings: VideoSettings) -> Result<Self, EnvError> {
        settings.validate()?;
        let pendulum = Pendulum::new(settings.pendulum.clone())?;
        let background = background(settings.texture, settings.pendulum.image.size);
        Ok(Self { settings, pendulum, background })
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &VideoSettings {
        &self.settings
    }

    /// The background `(3, size, size)`, values in `[0, 1]`.
    pub fn background(&self) -> &[f64] {
        &self.background
    }

    /// Center `(x, y)` of the shadow at phase `φ`, in pixels.
    pub fn shadow(&self, phase: f64) -> [f64; 2] {
        let half = 0.5 * self.settings.pendulum.image.size as f64;
        [half * (1.0 + 0.5 * phase.cos()), half * (1.0 + 0.5 * phase.sin())]
    }

    /// Writes the frame of a pendulum at `angle` with the shadow at `phase`, `(3, size, size)`.
    ///
    /// # Panics
    /// If `out` has another size.
    #[track_caller]
    pub fn render(&self, angle: f64, phase: f64, out: &mut [f32]) {
        let renderer: &Renderer = self.pendulum.renderer();
        let (size, pixels) = (self.settings.pendulum.image.size, renderer.pixels());
        assert_eq!(out.len(), 3 * pixels, "a frame has 3 · size · size values");
        let mut cover = vec![0.0; pixels];
        renderer.render(angle, &mut cover);
        let [x, y] = self.shadow(phase);
        let scale = 2.0 * (self.settings.shadow_width * size as f64).powi(2);
        let bell = |pixel: usize, at: f64| (-(pixel as f64 - at).powi(2) / scale).exp();
        let across: Vec<f64> = (0..size).map(|j| bell(j, x)).collect();
        for i in 0..size {
            let down = self.settings.shadow_depth * bell(i, y);
            for (j, across) in across.iter().enumerate() {
                let (p, light) = (i * size + j, 1.0 - down * across);
                let a = f64::from(cover[p]);
                for (c, color) in COLOR.iter().enumerate() {
                    let behind = self.background[c * pixels + p];
                    out[c * pixels + p] = narrow(light * ((1.0 - a) * behind + a * color));
                }
            }
        }
    }
}

/// A background of waves, `(3, size, size)`, scaled to `[0.1, 0.7]` in every color.
fn background(seed: u64, size: usize) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut all = Vec::with_capacity(3 * size * size);
    for _ in 0..3 {
        let waves: Vec<[f64; 4]> = (0..WAVES)
            .map(|_| {
                let (direction, phase) = (rng.random::<f64>() * TAU, rng.random::<f64>() * TAU);
                // Between one and six periods over the image.
                let number = TAU * (1.0 + 5.0 * rng.random::<f64>()) / size as f64;
                [number * direction.cos(), number * direction.sin(), phase, rng.random::<f64>()]
            })
            .collect();
        let at = |i: usize, j: usize| -> f64 {
            let wave = |[x, y, phase, height]: &[f64; 4]| {
                height * (x * j as f64 + y * i as f64 + phase).sin()
            };
            waves.iter().map(wave).sum()
        };
        let plane: Vec<f64> = (0..size * size).map(|p| at(p / size, p % size)).collect();
        let (low, high) = plane
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
        let range = if high > low { high - low } else { 1.0 };
        all.extend(plane.iter().map(|v| 0.1 + 0.6 * (v - low) / range));
    }
    all
}

impl SystemSettings for VideoSettings {
    const NAME: &'static str = "video";
    const ABOUT: &'static str =
        "The pendulum as a color video, before a textured background and under a moving shadow.";

    fn environment(self) -> Result<Box<dyn Environment>, EnvError> {
        Ok(Box::new(VideoPendulum::new(self)?))
    }
}

impl Environment for VideoPendulum {
    fn constants(&self) -> Vec<(&'static str, f64)> {
        self.pendulum.constants()
    }

    fn spec(&self) -> Spec {
        let inner = self.pendulum.spec();
        let size = self.settings.pendulum.image.size;
        let mut state = pendulum_state();
        state.push(StateVariable { name: "shadow".into(), kind: StateKind::Angle, error: 0.05 });
        Spec {
            state,
            observation_size: 3 * inner.observation_size,
            image: Some((3 * size, size)),
            ..inner
        }
    }

    fn reset(&self, rng: &mut dyn RngCore, state: &mut [f64]) {
        self.pendulum.reset(rng, &mut state[..2]);
        state[2] = symmetric(rng, PI);
    }

    fn sample_control(&self, rng: &mut dyn RngCore, control: &mut [f64]) {
        self.pendulum.sample_control(rng, control);
    }

    fn advance(&self, state: &mut [f64], control: &[f64]) {
        self.pendulum.advance(&mut state[..2], control);
        state[2] += self.settings.shadow_speed * self.settings.pendulum.dt;
    }

    fn observe(&self, state: &[f64], out: &mut [f32]) {
        let [angle, _] = pair(&state[..2]);
        self.render(angle, state[2], out);
    }
}
