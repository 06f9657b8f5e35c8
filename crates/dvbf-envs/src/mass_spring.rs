//! A mass on a spring with a damper, pushed by a force.
//!
//! `m x'' = −k x − c x' + u`
//!
//! The state is `(x, v)` with `v = x'`, the control the force `u`. A step is the exact solution under
//! a held force. With `γ = c / 2m`, `ω₀² = k / m`, `D = γ² − ω₀²`, and the deviation `y = x − u/k`
//! from the position where the force is balanced,
//!
//! `y(t) = e^{−γt} (C y + S (v + γ y))`, `v(t) = e^{−γt} (C v − S (γ v + ω₀² y))`
//!
//! with `C = cosh(√D t)` and `S = sinh(√D t) / √D`; below critical damping, where `D < 0`, these are
//! `cos(√−D t)` and `sin(√−D t) / √−D`, and at `D = 0` they are 1 and `t`.

use crate::balls::{Ball, BallImageSettings, BallRenderer};
use crate::environment::{Environment, Spec, StateKind, StateVariable};
use crate::error::{EnvError, not_negative, positive};
use crate::pendulum::symmetric;
use rand::RngCore;
use serde::{Deserialize, Serialize};

/// What is observed of the mass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpringView {
    /// Its position in m, one number.
    #[default]
    Position,
    /// An image of a ball on the horizontal line through its middle.
    Image,
}

/// Everything about the mass that can be set. Settings left out take their default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MassSpringSettings {
    /// Mass `m` in kg; 1 by default.
    pub mass: f64,
    /// Stiffness `k` of the spring in N/m; 10 by default.
    pub stiffness: f64,
    /// Friction `c` of the damper in N s/m; 0.2 by default.
    pub damping: f64,
    /// Seconds between two observations; 0.1 by default.
    pub dt: f64,
    /// Random forces are uniform between `−force_max` and `force_max`, in N, one for every step; 1
    /// by default. Forces given to [`MassSpring::step`] are not limited.
    pub force_max: f64,
    /// Initial positions are uniform between `−initial_position_max` and `initial_position_max`, in
    /// m; 0.5 by default.
    pub initial_position_max: f64,
    /// Initial velocities are uniform up to this on both sides, in m/s; 1 by default.
    pub initial_velocity_max: f64,
    /// What is observed; the position by default.
    pub view: SpringView,
    /// Standard deviation of the Gaussian noise that a recording adds to an observed position, in m;
    /// 0.02 by default. Images have a setting of their own.
    pub position_noise_std: f64,
    /// The look of the images, which show the positions from −1 m to 1 m.
    pub image: BallImageSettings,
}

impl Default for MassSpringSettings {
    fn default() -> Self {
        Self {
            mass: 1.0,
            stiffness: 10.0,
            damping: 0.2,
            dt: 0.1,
            force_max: 1.0,
            initial_position_max: 0.5,
            initial_velocity_max: 1.0,
            view: SpringView::Position,
            position_noise_std: 0.02,
            image: BallImageSettings::default(),
        }
    }
}

impl MassSpringSettings {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first violation.
    pub fn validate(&self) -> Result<(), EnvError> {
        positive("mass", self.mass)?;
        positive("stiffness", self.stiffness)?;
        not_negative("damping", self.damping)?;
        positive("dt", self.dt)?;
        not_negative("force_max", self.force_max)?;
        not_negative("initial_position_max", self.initial_position_max)?;
        not_negative("initial_velocity_max", self.initial_velocity_max)?;
        not_negative("position_noise_std", self.position_noise_std)?;
        self.image.validate()
    }
}

/// Radius of the ball in the image in m, with which it has a blob of one pixel of 16.
const RADIUS: f64 = 0.25;

/// The mass, with what watches it.
///
/// ```
/// use dvbf_envs::{MassSpring, MassSpringSettings};
/// let spring = MassSpring::new(MassSpringSettings { stiffness: 4.0, ..Default::default() })?;
/// // A force of 2 N holds a spring of 4 N/m at half a meter.
/// let [position, velocity] = spring.step([0.5, 0.0], 2.0);
/// assert!((position - 0.5).abs() < 1e-12 && velocity.abs() < 1e-12);
/// # Ok::<(), dvbf_envs::EnvError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MassSpring {
    // Invariant: valid; `renderer` belongs to `settings.image`, and `next` to the other settings.
    settings: MassSpringSettings,
    renderer: BallRenderer,
    /// The matrix that carries deviation and velocity over `dt`.
    next: [[f64; 2]; 2],
}

impl MassSpring {
    /// A mass with valid settings.
    ///
    /// # Errors
    /// What [`MassSpringSettings::validate`] finds.
    pub fn new(settings: MassSpringSettings) -> Result<Self, EnvError> {
        settings.validate()?;
        let renderer = BallRenderer::new(settings.image.clone())?;
        let MassSpringSettings { mass, stiffness, damping, dt, .. } = settings;
        let (rate, square) = (damping / (2.0 * mass), stiffness / mass);
        let [c, s] = damped(rate, square, dt);
        let next = [[c + rate * s, s], [-square * s, c - rate * s]];
        Ok(Self { settings, renderer, next })
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &MassSpringSettings {
        &self.settings
    }

    /// The state `dt` seconds after `state`, with `force` held; exact.
    pub fn step(&self, [position, velocity]: [f64; 2], force: f64) -> [f64; 2] {
        let balanced = force / self.settings.stiffness;
        let from = [position - balanced, velocity];
        let [deviation, velocity] = self.next.map(|row| row[0] * from[0] + row[1] * from[1]);
        [balanced + deviation, velocity]
    }

    /// Energy `½ m v² + ½ k x²` in J.
    pub fn energy(&self, [position, velocity]: [f64; 2]) -> f64 {
        let MassSpringSettings { mass, stiffness, .. } = self.settings;
        0.5 * (mass * velocity.powi(2) + stiffness * position.powi(2))
    }
}

/// `e^{−γt} C` and `e^{−γt} S`, as the module has them.
fn damped(rate: f64, square: f64, t: f64) -> [f64; 2] {
    let discriminant = rate * rate - square;
    let (root, decay) = (discriminant.abs().sqrt(), (-rate * t).exp());
    if root * t < 1e-8 {
        // The next terms of both series, D t² / 2 and D t² / 6, are below the last bit.
        [decay, decay * t]
    } else if discriminant < 0.0 {
        [decay * (root * t).cos(), decay * (root * t).sin() / root]
    } else if root * t < 1.0 {
        [decay * (root * t).cosh(), decay * (root * t).sinh() / root]
    } else {
        // Neither exponent grows, whatever the damping is. The slow rate γ − √D is ω₀² / (γ + √D),
        // which keeps the digits that the difference would lose.
        let slow = (-square / (rate + root) * t).exp();
        let fast = (-(rate + root) * t).exp();
        [f64::midpoint(slow, fast), (slow - fast) / (2.0 * root)]
    }
}

impl Environment for MassSpring {
    fn spec(&self) -> Spec {
        let size = self.settings.image.size;
        let (observation_size, image, noise_std) = match self.settings.view {
            SpringView::Position => (1, None, self.settings.position_noise_std),
            SpringView::Image => {
                (self.renderer.pixels(), Some((size, size)), self.settings.image.noise_std)
            }
        };
        let variable =
            |name: &str, error| StateVariable { name: name.into(), kind: StateKind::Linear, error };
        Spec {
            state: vec![variable("position", 0.02), variable("velocity", 0.05)],
            control_size: 1,
            observation_size,
            image,
            dt: self.settings.dt,
            noise_std,
        }
    }

    fn reset(&self, rng: &mut dyn RngCore, state: &mut [f64]) {
        let MassSpringSettings { initial_position_max, initial_velocity_max, .. } = self.settings;
        let limits = [initial_position_max, initial_velocity_max];
        state.copy_from_slice(&limits.map(|limit| symmetric(rng, limit)));
    }

    fn sample_control(&self, rng: &mut dyn RngCore, control: &mut [f64]) {
        control.copy_from_slice(&[symmetric(rng, self.settings.force_max)]);
    }

    fn advance(&self, state: &mut [f64], control: &[f64]) {
        let [force] = control.try_into().expect("a mass's control is the force on it");
        let next = self.step(two(state), force);
        state.copy_from_slice(&next);
    }

    #[expect(clippy::cast_possible_truncation, reason = "observations are in single precision")]
    fn observe(&self, state: &[f64], out: &mut [f32]) {
        let [position, _] = two(state);
        match self.settings.view {
            SpringView::Position => out.copy_from_slice(&[position as f32]),
            SpringView::Image => {
                self.renderer.render(&[Ball { center: [position, 0.0], radius: RADIUS }], out);
            }
        }
    }
}

fn two(state: &[f64]) -> [f64; 2] {
    state.try_into().expect("a mass's state is its position and its velocity")
}
