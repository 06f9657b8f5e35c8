//! Two balls that roll in a box without friction and bounce off its walls and off each other.
//!
//! The box reaches from −1 m to 1 m on both axes. The state is `(x1, y1, vx1, vy1, x2, y2, vx2, vy2)`;
//! nobody steers. Every collision is elastic and takes place at its exact time.
//!
//! Both balls differ in size, because of two balls that look alike no camera can tell which is
//! which, and a state that says so could not be learned.

use crate::balls::{Ball, BallImageSettings, BallRenderer};
use crate::bouncing_ball::{POSITION_ERROR, VELOCITY_ERROR};
use crate::collision::{Body, fly};
use crate::environment::{Environment, Spec, StateKind, StateVariable};
use crate::error::{EnvError, between, not_negative, positive};
use crate::pendulum::symmetric;
use crate::system_kind::SystemSettings;
use rand::RngCore;
use serde::{Deserialize, Serialize};

/// Everything about the balls that can be set. Settings left out take their default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TwoBallsSettings {
    /// Radii in m, each at most 0.75 and together at most 1; 0.25 and 0.4 by default.
    pub radius: [f64; 2],
    /// Masses in kg, between 0.01 and 100; 1 and 2.5 by default.
    pub mass: [f64; 2],
    /// Seconds between two observations; 0.1 by default.
    pub dt: f64,
    /// Initial velocities are uniform between `−initial_velocity_max` and `initial_velocity_max` on
    /// both axes, in m/s, at most 500 m a step; 1 by default. Initial positions are uniform where
    /// the balls do not overlap.
    pub initial_velocity_max: f64,
    /// The look of the observations; 20×20 pixels by default.
    pub image: BallImageSettings,
}

impl Default for TwoBallsSettings {
    fn default() -> Self {
        Self {
            radius: [0.25, 0.4],
            mass: [1.0, 2.5],
            dt: 0.1,
            initial_velocity_max: 1.0,
            image: BallImageSettings { size: 20, ..BallImageSettings::default() },
        }
    }
}

impl TwoBallsSettings {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first violation.
    pub fn validate(&self) -> Result<(), EnvError> {
        for radius in self.radius {
            let rule = "above 0 and at most 0.75 m";
            between("radius", radius, (f64::MIN_POSITIVE, 0.75), rule)?;
        }
        let both = self.radius[0] + self.radius[1];
        between("radius", both, (0.0, 1.0), "at most 1 m for both balls together")?;
        for mass in self.mass {
            between("mass", mass, (1e-2, 1e2), "between 0.01 and 100 kg")?;
        }
        positive("dt", self.dt)?;
        not_negative("initial_velocity_max", self.initial_velocity_max)?;
        let most = MOST_METERS / self.dt;
        let rule = "so slow that no ball moves more than 500 m in a step on an axis";
        between("initial_velocity_max", self.initial_velocity_max, (0.0, most), rule)?;
        self.image.validate()
    }
}

/// The longest way of a ball on an axis in its first step. Collisions can make the lighter one 141
/// times as fast, which [`TwoBalls::step`] still follows.
const MOST_METERS: f64 = 500.0;

/// The balls, with the camera that watches them from above.
///
/// ```
/// use dvbf_envs::{TwoBalls, TwoBallsSettings};
/// let equal = TwoBallsSettings { radius: [0.1, 0.1], mass: [1.0, 1.0], ..Default::default() };
/// let balls = TwoBalls::new(equal)?;
/// // Head-on, 0.1 m apart: balls of equal mass exchange their velocities.
/// let state = [-0.15, 0.0, 1.0, 0.0, 0.15, 0.0, -1.0, 0.0];
/// let next = balls.step(state);
/// assert!((next[2] + 1.0).abs() < 1e-12 && (next[6] - 1.0).abs() < 1e-12);
/// assert!((next[0] + 0.15).abs() < 1e-12 && (next[4] - 0.15).abs() < 1e-12);
/// # Ok::<(), dvbf_envs::EnvError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TwoBalls {
    // Invariant: valid; `renderer` belongs to `settings.image`.
    settings: TwoBallsSettings,
    renderer: BallRenderer,
}

impl TwoBalls {
    /// Balls with valid settings.
    ///
    /// # Errors
    /// What [`TwoBallsSettings::validate`] finds.
    pub fn new(settings: TwoBallsSettings) -> Result<Self, EnvError> {
        settings.validate()?;
        let renderer = BallRenderer::new(settings.image.clone())?;
        Ok(Self { settings, renderer })
    }

    /// The settings they were made with.
    pub fn settings(&self) -> &TwoBallsSettings {
        &self.settings
    }

    /// Kinetic energy in J.
    pub fn energy(&self, state: [f64; 8]) -> f64 {
        let square = |i: usize| state[i].powi(2) + state[i + 1].powi(2);
        0.5 * (self.settings.mass[0] * square(2) + self.settings.mass[1] * square(6))
    }

    /// The state `dt` seconds after `state`.
    ///
    /// Balls that start outside the box are put to its wall. Balls that start in each other bounce
    /// off at once if they approach, and leave each other if they do not.
    ///
    /// # Panics
    /// If the state is not finite, or the energy would carry a ball of the smaller mass farther than
    /// 100 km in a step.
    #[track_caller]
    pub fn step(&self, state: [f64; 8]) -> [f64; 8] {
        let TwoBallsSettings { radius, mass, dt, .. } = self.settings;
        let fastest = (2.0 * self.energy(state) / mass[0].min(mass[1])).sqrt();
        assert!(fastest * dt <= 1e5, "balls at {fastest} m/s collide too often to be followed");
        assert!(state.iter().all(|v| v.is_finite()), "a state is finite");
        let body = |i: usize| Body {
            position: [state[4 * i], state[4 * i + 1]],
            velocity: [state[4 * i + 2], state[4 * i + 3]],
            radius: radius[i],
            mass: mass[i],
        };
        let mut bodies = [body(0), body(1)];
        fly(&mut bodies, dt);
        let [first, second] = bodies;
        [
            first.position[0],
            first.position[1],
            first.velocity[0],
            first.velocity[1],
            second.position[0],
            second.position[1],
            second.velocity[0],
            second.velocity[1],
        ]
    }
}

impl SystemSettings for TwoBallsSettings {
    const NAME: &'static str = "two_balls";
    const ABOUT: &'static str = "Two balls in a box that nobody steers, seen as small images.";

    fn environment(self) -> Result<Box<dyn Environment>, EnvError> {
        Ok(Box::new(TwoBalls::new(self)?))
    }
}

impl Environment for TwoBalls {
    fn spec(&self) -> Spec {
        let size = self.settings.image.size;
        let of = |ball: usize| {
            [
                ("x", POSITION_ERROR),
                ("y", POSITION_ERROR),
                ("vx", VELOCITY_ERROR),
                ("vy", VELOCITY_ERROR),
            ]
            .map(|(name, error)| StateVariable {
                name: format!("{name}{ball}"),
                kind: StateKind::Linear,
                error,
            })
        };
        Spec {
            state: [of(1), of(2)].concat(),
            control_size: 0,
            observation_size: self.renderer.pixels(),
            image: Some((size, size)),
            dt: self.settings.dt,
            noise_std: self.settings.image.noise_std,
        }
    }

    fn reset(&self, rng: &mut dyn RngCore, state: &mut [f64]) {
        let TwoBallsSettings { radius: [first, second], initial_velocity_max: speed, .. } =
            self.settings;
        // Balls of together at most 1 m leave room enough: few draws are rejected.
        loop {
            let places = [first, first, second, second].map(|r| symmetric(rng, 1.0 - r));
            let [x1, y1, x2, y2] = places;
            if (x2 - x1).hypot(y2 - y1) >= first + second {
                let [vx1, vy1, vx2, vy2] = [speed; 4].map(|most| symmetric(rng, most));
                state.copy_from_slice(&[x1, y1, vx1, vy1, x2, y2, vx2, vy2]);
                return;
            }
        }
    }

    fn sample_control(&self, _: &mut dyn RngCore, control: &mut [f64]) {
        assert!(control.is_empty(), "nobody steers two balls");
    }

    fn advance(&self, state: &mut [f64], control: &[f64]) {
        assert!(control.is_empty(), "nobody steers two balls");
        let next = self.step(eight(state));
        state.copy_from_slice(&next);
    }

    fn observe(&self, state: &[f64], out: &mut [f32]) {
        let state = eight(state);
        let ball = |i: usize| Ball {
            center: [state[4 * i], state[4 * i + 1]],
            radius: self.settings.radius[i],
        };
        self.renderer.render(&[ball(0), ball(1)], out);
    }
}

fn eight(state: &[f64]) -> [f64; 8] {
    state.try_into().expect("a state of two balls is two positions and two velocities on two axes")
}
