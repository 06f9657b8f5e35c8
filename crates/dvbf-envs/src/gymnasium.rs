//! The pendulum of Gymnasium's `Pendulum-v1`, step for step.
//!
//! A rod of mass `m = 1` kg and length `L = 1` m turns about its end without friction. The angle
//! `θ` is zero when the rod stands **upright**, and it is never wrapped. With `Δ = 0.05` s and the
//! torque `u` clipped to ±2 N m,
//!
//! `ω' = clip(ω + (3g/(2L) sin θ + 3/(m L²) u) Δ, ±8)`, `θ' = θ + ω' Δ`,
//!
//! and the reward is `−(wrap(θ)² + 0.1 ω² + 0.001 u²)` of the state before the step. Gymnasium multiplies a torque
//! in single precision, such as its `action_space.sample()` gives, in single precision:
//! [`GymPendulum::step_single`].

use crate::environment::{Environment, Spec};
use crate::error::{EnvError, not_negative};
use crate::pendulum::{pair, pendulum_state, single, symmetric};
use crate::render::{ImageSettings, Renderer};
use rand::RngCore;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// What can be set. Settings left out take their default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GymPendulumSettings {
    /// Gravity `g` in m/s²; 10 by default.
    pub gravity: f64,
    /// The look of the observations.
    pub image: ImageSettings,
}

impl Default for GymPendulumSettings {
    fn default() -> Self {
        Self { gravity: 10.0, image: ImageSettings::default() }
    }
}

impl GymPendulumSettings {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first violation.
    pub fn validate(&self) -> Result<(), EnvError> {
        not_negative("gravity", self.gravity)?;
        self.image.validate()
    }
}

/// Gymnasium's pendulum, watched by a camera.
///
/// As an [`Environment`] it starts uniformly in `|θ| ≤ π`, `|ω| ≤ 1` and draws torques
/// uniformly from `|u| ≤ 2`.
///
/// ```
/// use dvbf_envs::{GymPendulum, GymPendulumSettings};
/// let pendulum = GymPendulum::new(GymPendulumSettings::default())?;
/// // Upright, at rest and without torque: nothing happens, at no cost.
/// let (state, reward) = pendulum.step([0.0, 0.0], 0.0);
/// assert!(state == [0.0, 0.0] && reward == 0.0);
/// # Ok::<(), dvbf_envs::EnvError>(())
/// ```
#[derive(Clone, Debug)]
pub struct GymPendulum {
    settings: GymPendulumSettings,
    renderer: Renderer,
}

impl GymPendulum {
    /// Mass of the rod in kg.
    pub const MASS: f64 = 1.0;
    /// Length of the rod in m.
    pub const LENGTH: f64 = 1.0;
    /// Seconds of one step.
    pub const DT: f64 = 0.05;
    /// Limit of the angular velocity in rad/s.
    pub const MAX_SPEED: f64 = 8.0;
    /// Limit of the torque in N m.
    pub const MAX_TORQUE: f64 = 2.0;

    /// A pendulum with valid settings.
    ///
    /// # Errors
    /// What [`GymPendulumSettings::validate`] finds.
    pub fn new(settings: GymPendulumSettings) -> Result<Self, EnvError> {
        settings.validate()?;
        let renderer = Renderer::new(settings.image.clone())?;
        Ok(Self { settings, renderer })
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &GymPendulumSettings {
        &self.settings
    }

    /// What draws its observations; it counts angles from hanging, which are `θ + π`.
    pub fn renderer(&self) -> &Renderer {
        &self.renderer
    }

    /// The state after one step from `(θ, ω)` under `torque`, and the reward of that step.
    pub fn step(&self, [angle, velocity]: [f64; 2], torque: f64) -> ([f64; 2], f64) {
        let torque = torque.clamp(-Self::MAX_TORQUE, Self::MAX_TORQUE);
        let push = 3.0 / (Self::MASS * Self::LENGTH.powi(2)) * torque;
        self.pushed([angle, velocity], push, 0.001 * torque.powi(2))
    }

    /// The state after one step from `(θ, ω)` under a torque in single precision, and the reward of that step, as
    /// Gymnasium 1.4 computes them: `3/(m L²) u` and `0.001 u²` are rounded to single precision, and the rest is in
    /// double precision. Torques that [`step`](Self::step) takes in their place give other velocities by up to
    /// `1.2e-8` rad/s a step.
    pub fn step_single(&self, state: [f64; 2], torque: f32) -> ([f64; 2], f64) {
        let torque = torque.clamp(-2.0, 2.0);
        self.pushed(state, f64::from(3.0 * torque), f64::from(0.001 * (torque * torque)))
    }

    /// The state after one step under the acceleration `push` of a torque that costs `effort`, and the reward.
    fn pushed(&self, [angle, velocity]: [f64; 2], push: f64, effort: f64) -> ([f64; 2], f64) {
        let wrapped = (angle + PI).rem_euclid(2.0 * PI) - PI;
        let cost = wrapped.powi(2) + 0.1 * velocity.powi(2) + effort;
        let acceleration = 3.0 * self.settings.gravity / (2.0 * Self::LENGTH) * angle.sin() + push;
        let velocity =
            (velocity + acceleration * Self::DT).clamp(-Self::MAX_SPEED, Self::MAX_SPEED);
        ([angle + velocity * Self::DT, velocity], -cost)
    }
}

impl Environment for GymPendulum {
    fn spec(&self) -> Spec {
        let size = self.settings.image.size;
        Spec {
            state: pendulum_state(),
            control_size: 1,
            observation_size: self.renderer.pixels(),
            image: Some((size, size)),
            dt: Self::DT,
            noise_std: self.settings.image.noise_std,
        }
    }

    fn reset(&self, rng: &mut dyn RngCore, state: &mut [f64]) {
        let angle = symmetric(rng, PI);
        state.copy_from_slice(&[angle, symmetric(rng, 1.0)]);
    }

    fn sample_control(&self, rng: &mut dyn RngCore, control: &mut [f64]) {
        control.copy_from_slice(&[symmetric(rng, Self::MAX_TORQUE)]);
    }

    fn advance(&self, state: &mut [f64], control: &[f64]) {
        state.copy_from_slice(&self.step(pair(state), single(control)).0);
    }

    fn observe(&self, state: &[f64], out: &mut [f32]) {
        self.renderer.render(pair(state)[0] + PI, out);
    }
}
