//! A ball that rolls in a box, bounces off its walls, and is steered by changes of its velocity.
//!
//! The box reaches from −1 m to 1 m on both axes. The state is `(x, y, vx, vy)`, the control
//! `(ux, uy)` is added to the velocity at the beginning of a step, and then the ball flies for `dt`:
//! `v ← v + u`, `q ← fold(q + v dt)`. Walls reflect without loss. This is solved exactly; there is no
//! integrator.

use crate::balls::{Ball, BallImageSettings, BallRenderer};
use crate::collision::fold;
use crate::environment::{Environment, Spec, StateKind, StateVariable};
use crate::error::{EnvError, fraction, not_negative, positive};
use crate::pendulum::symmetric;
use crate::system_kind::SystemSettings;
use rand::RngCore;
use serde::{Deserialize, Serialize};

/// Everything about the ball that can be set. Settings left out take their default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BouncingBallSettings {
    /// Radius in m, below 1; 0.3 by default.
    pub radius: f64,
    /// Seconds between two observations; 0.1 by default.
    pub dt: f64,
    /// Random controls are uniform between `−control_max` and `control_max` on both axes, in m/s, a
    /// pair for every step; 0.1 by default. Controls given to [`BouncingBall::step`] are not limited.
    pub control_max: f64,
    /// Initial velocities are uniform between `−initial_velocity_max` and `initial_velocity_max` on
    /// both axes, in m/s; 1 by default. Initial positions are uniform in the box.
    pub initial_velocity_max: f64,
    /// The look of the observations.
    pub image: BallImageSettings,
}

impl Default for BouncingBallSettings {
    fn default() -> Self {
        Self {
            radius: 0.3,
            dt: 0.1,
            control_max: 0.1,
            initial_velocity_max: 1.0,
            image: BallImageSettings::default(),
        }
    }
}

impl BouncingBallSettings {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first violation.
    pub fn validate(&self) -> Result<(), EnvError> {
        fraction("radius", self.radius)?;
        positive("dt", self.dt)?;
        not_negative("control_max", self.control_max)?;
        not_negative("initial_velocity_max", self.initial_velocity_max)?;
        self.image.validate()
    }
}

/// The ball, with the camera that watches it from above.
///
/// ```
/// use dvbf_envs::{BouncingBall, BouncingBallSettings};
/// let ball = BouncingBall::new(BouncingBallSettings::default())?;
/// // From the middle at 10 m/s: 0.7 m to the right wall, and 0.3 m back.
/// let [x, y, vx, vy] = ball.step([0.0, 0.5, 9.0, 0.0], [1.0, 0.0]);
/// assert!((x - 0.4).abs() < 1e-12 && y == 0.5 && vx == -10.0 && vy == 0.0);
/// # Ok::<(), dvbf_envs::EnvError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BouncingBall {
    // Invariant: valid; `renderer` belongs to `settings.image`.
    settings: BouncingBallSettings,
    renderer: BallRenderer,
}

impl BouncingBall {
    /// A ball with valid settings.
    ///
    /// # Errors
    /// What [`BouncingBallSettings::validate`] finds.
    pub fn new(settings: BouncingBallSettings) -> Result<Self, EnvError> {
        settings.validate()?;
        let renderer = BallRenderer::new(settings.image.clone())?;
        Ok(Self { settings, renderer })
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &BouncingBallSettings {
        &self.settings
    }

    /// How far its center may be from the middle of the box on either axis, in m.
    pub fn limit(&self) -> f64 {
        1.0 - self.settings.radius
    }

    /// The state `dt` seconds after `state`, with `control` added to the velocity at the beginning.
    ///
    /// A start outside the box is reflected into it.
    ///
    /// # Panics
    /// If the ball would move farther in a step than numbers reach.
    #[track_caller]
    pub fn step(&self, [x, y, vx, vy]: [f64; 4], [ux, uy]: [f64; 2]) -> [f64; 4] {
        let along = |at: f64, velocity: f64| {
            let free = at + velocity * self.settings.dt;
            assert!(free.is_finite(), "position {at} and velocity {velocity} lead nowhere");
            let (at, back) = fold(free, self.limit());
            (at, if back { -velocity } else { velocity })
        };
        let ((x, vx), (y, vy)) = (along(x, vx + ux), along(y, vy + uy));
        [x, y, vx, vy]
    }
}

impl SystemSettings for BouncingBallSettings {
    const NAME: &'static str = "ball";
    const ABOUT: &'static str =
        "A ball in a box whose velocity is changed by the control, seen as small images.";

    fn environment(self) -> Result<Box<dyn Environment>, EnvError> {
        Ok(Box::new(BouncingBall::new(self)?))
    }
}

impl Environment for BouncingBall {
    fn spec(&self) -> Spec {
        let size = self.settings.image.size;
        let variable =
            |name: &str, error| StateVariable { name: name.into(), kind: StateKind::Linear, error };
        Spec {
            state: vec![
                variable("x", POSITION_ERROR),
                variable("y", POSITION_ERROR),
                variable("vx", VELOCITY_ERROR),
                variable("vy", VELOCITY_ERROR),
            ],
            control_size: 2,
            observation_size: self.renderer.pixels(),
            image: Some((size, size)),
            dt: self.settings.dt,
            noise_std: self.settings.image.noise_std,
        }
    }

    fn reset(&self, rng: &mut dyn RngCore, state: &mut [f64]) {
        let (limit, speed) = (self.limit(), self.settings.initial_velocity_max);
        state.copy_from_slice(&[limit, limit, speed, speed].map(|most| symmetric(rng, most)));
    }

    fn sample_control(&self, rng: &mut dyn RngCore, control: &mut [f64]) {
        let most = self.settings.control_max;
        control.copy_from_slice(&[most, most].map(|most| symmetric(rng, most)));
    }

    fn advance(&self, state: &mut [f64], control: &[f64]) {
        let given = "a ball's control is a change of its velocity on two axes";
        let next = self.step(four(state), control.try_into().expect(given));
        state.copy_from_slice(&next);
    }

    fn observe(&self, state: &[f64], out: &mut [f32]) {
        let [x, y, ..] = four(state);
        self.renderer.render(&[Ball { center: [x, y], radius: self.settings.radius }], out);
    }
}

/// A slight error of a position in m, about a sixth of a pixel of 16.
pub(crate) const POSITION_ERROR: f64 = 0.02;
/// A slight error of a velocity in m/s, a pixel of 16 in twenty-five steps.
pub(crate) const VELOCITY_ERROR: f64 = 0.05;

fn four(state: &[f64]) -> [f64; 4] {
    state.try_into().expect("a ball's state is its position and its velocity on two axes")
}
