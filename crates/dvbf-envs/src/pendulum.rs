//! A damped pendulum driven by a torque.
//!
//! `m L² θ'' = −b θ' − m g L sin θ + u`
//!
//! The angle `θ` is zero when the pendulum hangs and positive to the right; it is never wrapped.
//! The state is `(θ, ω)` with `ω = θ'`. The friction torque is `b ω`, independent of `m` and `L`,
//! as in the equation of the article on deep variational Bayes filters; some simulators use
//! `b/m` instead of `b/(m L²)`, which agrees at the default length of one meter.
//!
//! Two more torques can be switched on, which an equation that somebody writes down may lack:
//!
//! `m L² θ'' = −b θ' − c tanh(θ' / ω_s) − m g L sin θ − V'(θ) + u`
//!
//! The second term is dry friction after Coulomb, whose size `c` does not depend on the speed but
//! near rest; the velocity `ω_s` takes the place of the jump there, so a pendulum creeps where it
//! would stick. `V` is the potential of a [magnet](crate::MagnetSettings) beside the circle.

use crate::environment::{Environment, Spec, StateKind, StateVariable};
use crate::error::{EnvError, count, not_negative, positive};
use crate::integrate::{Integrator, euler, rk4, semi_implicit_euler};
use crate::magnet::MagnetSettings;
use crate::render::{ImageSettings, Renderer};
use crate::system_kind::SystemSettings;
use rand::{Rng, RngCore};
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Everything about the pendulum that can be set. Settings left out take their default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PendulumSettings {
    /// Mass `m` in kg; 1 by default.
    pub mass: f64,
    /// Length `L` in m; 1 by default.
    pub length: f64,
    /// Gravity `g` in m/s²; 9.81 by default.
    pub gravity: f64,
    /// Friction `b` in N m s/rad; 0.1 by default.
    pub damping: f64,
    /// Dry friction `c` in N m; none by default.
    pub coulomb: f64,
    /// The velocity `ω_s` in rad/s at which dry friction has `tanh 1 = 76 %` of its size; 0.05 by
    /// default. Without dry friction it means nothing.
    pub coulomb_velocity: f64,
    /// Seconds between two observations; 0.1 by default.
    pub dt: f64,
    /// Steps of the integrator in `dt`, `1..=10 000`; 2 by default.
    pub substeps: usize,
    /// The integrator; [`Integrator::Rk4`] by default.
    pub integrator: Integrator,
    /// Random torques are uniform between `−torque_max` and `torque_max`, in N m, one for every
    /// step; 2 by default. Torques given to [`Pendulum::step`] are not limited.
    pub torque_max: f64,
    /// Initial angles are uniform between `−initial_angle_max` and `initial_angle_max`, in rad;
    /// π by default.
    pub initial_angle_max: f64,
    /// Initial angular velocities are normal with this standard deviation, in rad/s; 2 by default.
    pub initial_velocity_std: f64,
    /// A magnet beside the circle; of no strength by default.
    pub magnet: MagnetSettings,
    /// The look of the observations.
    pub image: ImageSettings,
}

impl Default for PendulumSettings {
    fn default() -> Self {
        Self {
            mass: 1.0,
            length: 1.0,
            gravity: 9.81,
            damping: 0.1,
            coulomb: 0.0,
            coulomb_velocity: 0.05,
            dt: 0.1,
            substeps: 2,
            integrator: Integrator::Rk4,
            torque_max: 2.0,
            initial_angle_max: PI,
            initial_velocity_std: 2.0,
            magnet: MagnetSettings::default(),
            image: ImageSettings::default(),
        }
    }
}

impl PendulumSettings {
    /// Checks every setting, and that the integrator's step is short enough.
    ///
    /// A step `h = dt / substeps` is admitted when `h γ ≤ 1` and `h² κ ≤ 1`, with the steepest
    /// friction `γ = (b + c/ω_s) / (m L²)` and the stiffness `κ = g/L + max |V''| / (m L²)`, well
    /// inside the region where Runge–Kutta and semi-implicit steps are stable. Explicit Euler steps
    /// also need `h κ ≤ b / (m L²)`: otherwise no swing would ever end.
    ///
    /// # Errors
    /// The first violation.
    pub fn validate(&self) -> Result<(), EnvError> {
        positive("mass", self.mass)?;
        positive("length", self.length)?;
        not_negative("gravity", self.gravity)?;
        not_negative("damping", self.damping)?;
        not_negative("coulomb", self.coulomb)?;
        positive("coulomb_velocity", self.coulomb_velocity)?;
        positive("dt", self.dt)?;
        count("substeps", self.substeps, 10_000, "between 1 and 10000")?;
        not_negative("torque_max", self.torque_max)?;
        not_negative("initial_angle_max", self.initial_angle_max)?;
        not_negative("initial_velocity_std", self.initial_velocity_std)?;
        self.magnet.validate()?;
        self.image.validate()?;
        let step = self.dt / self.substeps as f64;
        let inertia = self.mass * self.length.powi(2);
        let viscous = self.damping / inertia;
        let dry = self.coulomb / self.coulomb_velocity / inertia;
        let stiffness = self.gravity / self.length + self.magnet.stiffness() / inertia;
        let mut limit = 1.0 / (viscous + dry).max(stiffness.sqrt());
        if self.integrator == Integrator::Euler && stiffness > 0.0 {
            limit = limit.min(viscous / stiffness);
        }
        if step <= limit { Ok(()) } else { Err(EnvError::Unstable { step, limit }) }
    }
}

/// The pendulum, with the camera that watches it.
///
/// ```
/// use dvbf_envs::{Pendulum, PendulumSettings};
/// let pendulum = Pendulum::new(PendulumSettings::default())?;
/// // Half the torque that gravity can balance holds the pendulum at 30°.
/// let held = [30.0_f64.to_radians(), 0.0];
/// let [angle, velocity] = pendulum.step(held, 0.5 * 9.81);
/// assert!((angle - held[0]).abs() < 1e-12 && velocity.abs() < 1e-12);
/// # Ok::<(), dvbf_envs::EnvError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pendulum {
    // Invariant: valid; `renderer` belongs to `settings.image`.
    settings: PendulumSettings,
    renderer: Renderer,
}

impl Pendulum {
    /// A pendulum with valid settings.
    ///
    /// # Errors
    /// What [`PendulumSettings::validate`] finds.
    pub fn new(settings: PendulumSettings) -> Result<Self, EnvError> {
        settings.validate()?;
        let renderer = Renderer::new(settings.image.clone())?;
        Ok(Self { settings, renderer })
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &PendulumSettings {
        &self.settings
    }

    /// What draws its observations.
    pub fn renderer(&self) -> &Renderer {
        &self.renderer
    }

    /// Angular acceleration `θ''` in rad/s² in `state` under `torque`.
    pub fn acceleration(&self, [angle, velocity]: [f64; 2], torque: f64) -> f64 {
        let PendulumSettings { mass, length, gravity, damping, .. } = self.settings;
        let torque = torque - damping * velocity + self.hidden_torque([angle, velocity]);
        torque / (mass * length * length) - gravity / length * angle.sin()
    }

    /// What dry friction and the magnet add to the torque in `state`, in N m.
    pub fn hidden_torque(&self, [angle, velocity]: [f64; 2]) -> f64 {
        let PendulumSettings { coulomb, coulomb_velocity, magnet, .. } = &self.settings;
        // Adding −0 changes no bit of a sum.
        let mut torque = -0.0;
        // Hyperbolic functions and exponentials are slow, and most pendulums have neither.
        if *coulomb > 0.0 {
            torque -= coulomb * (velocity / coulomb_velocity).tanh();
        }
        if magnet.energy != 0.0 {
            torque += magnet.torque(angle);
        }
        torque
    }

    /// The state `dt` seconds after `state`, with `torque` held.
    pub fn step(&self, state: [f64; 2], torque: f64) -> [f64; 2] {
        let PendulumSettings { dt, substeps, .. } = self.settings;
        let derivative = |s: &[f64; 2], u: &[f64]| [s[1], self.acceleration(*s, u[0])];
        match self.settings.integrator {
            Integrator::Rk4 => rk4(derivative, state, &[torque], dt, substeps),
            Integrator::Euler => euler(derivative, state, &[torque], dt, substeps),
            Integrator::SemiImplicitEuler => {
                let acceleration = |angle: &[f64; 1], velocity: &[f64; 1], u: &[f64]| {
                    [self.acceleration([angle[0], velocity[0]], u[0])]
                };
                let [angle, velocity] = state;
                let ([angle], [velocity]) =
                    semi_implicit_euler(acceleration, [angle], [velocity], &[torque], dt, substeps);
                [angle, velocity]
            }
        }
    }

    /// Energy `½ m L² ω² + m g L (1 − cos θ) + V(θ)` in J; zero for the pendulum that hangs at rest
    /// without a magnet.
    pub fn energy(&self, [angle, velocity]: [f64; 2]) -> f64 {
        let PendulumSettings { mass, length, gravity, .. } = self.settings;
        // 1 − cos θ = 2 sin² (θ/2) keeps its digits at small angles.
        0.5 * mass * (length * velocity).powi(2)
            + 2.0 * mass * gravity * length * (angle / 2.0).sin().powi(2)
            + self.settings.magnet.potential(angle)
    }
}

impl SystemSettings for PendulumSettings {
    const NAME: &'static str = "pendulum";
    const ABOUT: &'static str = "A damped pendulum under torque, seen as small images.";

    fn environment(self) -> Result<Box<dyn Environment>, EnvError> {
        Ok(Box::new(Pendulum::new(self)?))
    }
}

impl Environment for Pendulum {
    fn constants(&self) -> Vec<(&'static str, f64)> {
        let PendulumSettings { mass, length, gravity, damping, .. } = self.settings;
        let inertia = mass * length * length;
        vec![
            ("gravity_over_length", gravity / length),
            ("damping_over_mass", damping / inertia),
            ("control_gain", 1.0 / inertia),
        ]
    }

    fn spec(&self) -> Spec {
        let size = self.settings.image.size;
        Spec {
            state: pendulum_state(),
            control_size: 1,
            observation_size: self.renderer.pixels(),
            image: Some((size, size)),
            dt: self.settings.dt,
            noise_std: self.settings.image.noise_std,
        }
    }

    fn reset(&self, rng: &mut dyn RngCore, state: &mut [f64]) {
        let angle = symmetric(rng, self.settings.initial_angle_max);
        let velocity = self.settings.initial_velocity_std * rng.sample::<f64, _>(StandardNormal);
        state.copy_from_slice(&[angle, velocity]);
    }

    fn sample_control(&self, rng: &mut dyn RngCore, control: &mut [f64]) {
        control.copy_from_slice(&[symmetric(rng, self.settings.torque_max)]);
    }

    fn advance(&self, state: &mut [f64], control: &[f64]) {
        state.copy_from_slice(&self.step(pair(state), single(control)));
    }

    fn observe(&self, state: &[f64], out: &mut [f32]) {
        self.renderer.render(pair(state)[0], out);
    }
}

/// A uniform draw between `−limit` and `limit`; one word of the generator.
pub(crate) fn symmetric(rng: &mut dyn RngCore, limit: f64) -> f64 {
    limit * (2.0 * rng.random::<f64>() - 1.0)
}

/// The two components of every pendulum's state.
pub(crate) fn pendulum_state() -> Vec<StateVariable> {
    vec![
        StateVariable { name: "angle".into(), kind: StateKind::Angle, error: 0.05 },
        StateVariable { name: "velocity".into(), kind: StateKind::Linear, error: 0.2 },
    ]
}

/// A pendulum's state from a slice.
///
/// # Panics
/// If it has not two components.
#[track_caller]
pub(crate) fn pair(state: &[f64]) -> [f64; 2] {
    assert_eq!(state.len(), 2, "a pendulum's state is its angle and its angular velocity");
    [state[0], state[1]]
}

/// A pendulum's torque from a slice.
///
/// # Panics
/// If it has not one component.
#[track_caller]
pub(crate) fn single(control: &[f64]) -> f64 {
    assert_eq!(control.len(), 1, "a pendulum's control is its torque");
    control[0]
}
