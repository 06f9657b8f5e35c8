//! A pole that turns freely on a cart, which a force pushes along a straight track.
//!
//! With the masses `M` of the cart and `m` of the pole, half the pole's length `l`, gravity `g`, the
//! force `F`, and friction `b_c` of the cart and `b_p` of the joint,
//!
//! `(M + m) x'' + m l θ'' cos θ − m l θ'² sin θ = F − b_c x'`,
//! `4/3 m l² θ'' + m l x'' cos θ − m g l sin θ = −b_p θ'`.
//!
//! The angle `θ` is zero when the pole stands **upright** and grows as it leans to the right; it is
//! never wrapped. The state is `(x, x', θ, θ')`, the control the force. Solved for the accelerations,
//! with `f = (F − b_c x' + m l θ'² sin θ) / (M + m)`, these are
//!
//! `θ'' = (g sin θ − f cos θ − b_p θ' / (m l)) / (l (4/3 − m cos² θ / (M + m)))`,
//! `x'' = f − m l θ'' cos θ / (M + m)`,
//!
//! the equations of Barto, Sutton and Anderson (1983, appendix) with viscous friction of the cart,
//! where they have a friction of constant size. Without friction they are those of Gymnasium's
//! `CartPole-v1`, which pushes with `F = ±10` N and ends when the pole leans or the cart is far;
//! here the equations go on.

use crate::cart_pole_render::{CartPoleImageSettings, CartPoleRenderer};
use crate::environment::{Environment, Spec, StateKind, StateVariable};
use crate::error::{EnvError, count, not_negative, positive};
use crate::integrate::{Integrator, euler, rk4, semi_implicit_euler};
use crate::pendulum::symmetric;
use crate::system_kind::SystemSettings;
use rand::RngCore;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Everything about the cart and its pole that can be set. Settings left out take their default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CartPoleSettings {
    /// Gravity `g` in m/s²; 9.8 by default.
    pub gravity: f64,
    /// Mass `M` of the cart in kg; 1 by default.
    pub cart_mass: f64,
    /// Mass `m` of the pole in kg; 0.1 by default.
    pub pole_mass: f64,
    /// Half the length of the pole, `l`, in m; 0.5 by default.
    pub half_length: f64,
    /// Friction `b_c` of the cart in N s/m; none by default.
    pub cart_friction: f64,
    /// Friction `b_p` of the joint in N m s/rad; none by default.
    pub pole_friction: f64,
    /// Seconds between two observations; 0.05 by default.
    pub dt: f64,
    /// Steps of the integrator in `dt`, `1..=10 000`; 2 by default.
    pub substeps: usize,
    /// The integrator; [`Integrator::Rk4`] by default.
    pub integrator: Integrator,
    /// Random forces are uniform between `−force_max` and `force_max`, in N, one for every step;
    /// 5 by default. Forces given to [`CartPole::step`] are not limited.
    pub force_max: f64,
    /// Initial positions are uniform between `−initial_position_max` and `initial_position_max`, in
    /// m; 1 by default.
    pub initial_position_max: f64,
    /// Initial velocities of the cart are uniform up to this, in m/s; 0.5 by default.
    pub initial_velocity_max: f64,
    /// Initial angles are uniform up to this on both sides, in rad; π by default.
    pub initial_angle_max: f64,
    /// Initial angular velocities are uniform up to this, in rad/s; 2 by default.
    pub initial_angular_velocity_max: f64,
    /// The look of the observations.
    pub image: CartPoleImageSettings,
}

impl Default for CartPoleSettings {
    fn default() -> Self {
        Self {
            gravity: 9.8,
            cart_mass: 1.0,
            pole_mass: 0.1,
            half_length: 0.5,
            cart_friction: 0.0,
            pole_friction: 0.0,
            dt: 0.05,
            substeps: 2,
            integrator: Integrator::Rk4,
            force_max: 5.0,
            initial_position_max: 1.0,
            initial_velocity_max: 0.5,
            initial_angle_max: PI,
            initial_angular_velocity_max: 2.0,
            image: CartPoleImageSettings::default(),
        }
    }
}

impl CartPoleSettings {
    /// The settings of Gymnasium's `CartPole-v1`: explicit Euler steps of 0.02 s, starts within 0.05
    /// of zero in every component, and forces up to ±10 N.
    pub fn gymnasium() -> Self {
        Self {
            dt: 0.02,
            substeps: 1,
            integrator: Integrator::Euler,
            force_max: 10.0,
            initial_position_max: 0.05,
            initial_velocity_max: 0.05,
            initial_angle_max: 0.05,
            initial_angular_velocity_max: 0.05,
            ..Self::default()
        }
    }

    /// Checks every setting, and that the integrator's step is short enough.
    ///
    /// A step `h = dt / substeps` is admitted when `h r ≤ 1` for every rate `r` at which the linear
    /// equations of the hanging pole move: `√(g / λ)` with `λ = l (4/3 − m / (M + m))`, and those of
    /// friction, `b_c / (M + m/4)` and `b_p / (m l λ)`. Explicit Euler steps of this length stay
    /// bounded over hundreds of steps, but add energy to a swing without friction, as Gymnasium's do.
    ///
    /// # Errors
    /// The first violation.
    pub fn validate(&self) -> Result<(), EnvError> {
        not_negative("gravity", self.gravity)?;
        positive("cart_mass", self.cart_mass)?;
        positive("pole_mass", self.pole_mass)?;
        positive("half_length", self.half_length)?;
        not_negative("cart_friction", self.cart_friction)?;
        not_negative("pole_friction", self.pole_friction)?;
        positive("dt", self.dt)?;
        count("substeps", self.substeps, 10_000, "between 1 and 10000")?;
        not_negative("force_max", self.force_max)?;
        not_negative("initial_position_max", self.initial_position_max)?;
        not_negative("initial_velocity_max", self.initial_velocity_max)?;
        not_negative("initial_angle_max", self.initial_angle_max)?;
        not_negative("initial_angular_velocity_max", self.initial_angular_velocity_max)?;
        self.image.validate()?;
        let (m, l) = (self.pole_mass, self.half_length);
        let reduced = l * (4.0 / 3.0 - m / (self.cart_mass + m));
        let swing = (self.gravity / reduced).sqrt();
        let friction = self.pole_friction / (m * l * reduced);
        let rate = swing.max(friction).max(self.cart_friction / (self.cart_mass + m / 4.0));
        let (step, limit) = (self.dt / self.substeps as f64, 1.0 / rate);
        if step <= limit { Ok(()) } else { Err(EnvError::Unstable { step, limit }) }
    }
}

/// The cart and its pole, with the camera that watches them from the side.
///
/// ```
/// use dvbf_envs::{CartPole, CartPoleSettings};
/// let cart = CartPole::new(CartPoleSettings::gymnasium())?;
/// // Upright and at rest, the cart is pushed from under the pole, which falls back.
/// let [x, velocity, angle, angular] = cart.step([0.0; 4], 10.0);
/// assert!(x == 0.0 && angle == 0.0 && velocity > 0.0 && angular < 0.0);
/// # Ok::<(), dvbf_envs::EnvError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CartPole {
    // Invariant: valid; `renderer` belongs to the settings.
    settings: CartPoleSettings,
    renderer: CartPoleRenderer,
}

impl CartPole {
    /// A cart with valid settings.
    ///
    /// # Errors
    /// What [`CartPoleSettings::validate`] finds.
    pub fn new(settings: CartPoleSettings) -> Result<Self, EnvError> {
        settings.validate()?;
        let renderer = CartPoleRenderer::new(settings.image.clone(), 2.0 * settings.half_length)?;
        Ok(Self { settings, renderer })
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &CartPoleSettings {
        &self.settings
    }

    /// What draws its observations.
    pub fn renderer(&self) -> &CartPoleRenderer {
        &self.renderer
    }

    /// Accelerations `(x'', θ'')` in m/s² and rad/s² in `state` under `force`.
    pub fn acceleration(&self, [_, velocity, angle, angular]: [f64; 4], force: f64) -> [f64; 2] {
        let CartPoleSettings { gravity, cart_mass, pole_mass, half_length, .. } = self.settings;
        let (total, moment) = (pole_mass + cart_mass, pole_mass * half_length);
        let (sin, cos) = (angle.sin(), angle.cos());
        let pushed = force - self.settings.cart_friction * velocity;
        let common = (pushed + moment * angular.powi(2) * sin) / total;
        let joint = self.settings.pole_friction * angular / moment;
        let turning = (gravity * sin - cos * common - joint)
            / (half_length * (4.0 / 3.0 - pole_mass * cos.powi(2) / total));
        [common - moment * turning * cos / total, turning]
    }

    /// The state `dt` seconds after `state`, with `force` held.
    pub fn step(&self, state: [f64; 4], force: f64) -> [f64; 4] {
        let CartPoleSettings { dt, substeps, .. } = self.settings;
        let derivative = |s: &[f64; 4], u: &[f64]| {
            let [along, turning] = self.acceleration(*s, u[0]);
            [s[1], along, s[3], turning]
        };
        match self.settings.integrator {
            Integrator::Rk4 => rk4(derivative, state, &[force], dt, substeps),
            Integrator::Euler => euler(derivative, state, &[force], dt, substeps),
            Integrator::SemiImplicitEuler => {
                let acceleration = |q: &[f64; 2], v: &[f64; 2], u: &[f64]| {
                    self.acceleration([q[0], v[0], q[1], v[1]], u[0])
                };
                let [x, velocity, angle, angular] = state;
                let (q, v) = ([x, angle], [velocity, angular]);
                let (q, v) = semi_implicit_euler(acceleration, q, v, &[force], dt, substeps);
                [q[0], v[0], q[1], v[1]]
            }
        }
    }

    /// Energy `½ (M + m) x'² + m l x' θ' cos θ + ⅔ m l² θ'² + m g l (1 + cos θ)` in J; zero when the
    /// pole hangs at rest.
    pub fn energy(&self, [_, velocity, angle, angular]: [f64; 4]) -> f64 {
        let CartPoleSettings { gravity, cart_mass, pole_mass, half_length, .. } = self.settings;
        let moment = pole_mass * half_length;
        0.5 * (cart_mass + pole_mass) * velocity.powi(2)
            + moment * velocity * angular * angle.cos()
            + 2.0 / 3.0 * moment * half_length * angular.powi(2)
            + 2.0 * moment * gravity * (angle / 2.0).cos().powi(2)
    }
}

impl SystemSettings for CartPoleSettings {
    const NAME: &'static str = "cart_pole";
    const ABOUT: &'static str = "A pole on a cart that a force pushes, seen as small images.";

    fn environment(self) -> Result<Box<dyn Environment>, EnvError> {
        Ok(Box::new(CartPole::new(self)?))
    }
}

impl Environment for CartPole {
    fn spec(&self) -> Spec {
        let size = self.settings.image.size;
        let variable = |name: &str, kind, error| StateVariable { name: name.into(), kind, error };
        Spec {
            state: vec![
                variable("position", StateKind::Linear, 0.05),
                variable("velocity", StateKind::Linear, 0.2),
                variable("angle", StateKind::Angle, 0.05),
                variable("angular_velocity", StateKind::Linear, 0.2),
            ],
            control_size: 1,
            observation_size: self.renderer.pixels(),
            image: Some((size, size)),
            dt: self.settings.dt,
            noise_std: self.settings.image.noise_std,
        }
    }

    fn reset(&self, rng: &mut dyn RngCore, state: &mut [f64]) {
        let limits = [
            self.settings.initial_position_max,
            self.settings.initial_velocity_max,
            self.settings.initial_angle_max,
            self.settings.initial_angular_velocity_max,
        ];
        state.copy_from_slice(&limits.map(|limit| symmetric(rng, limit)));
    }

    fn sample_control(&self, rng: &mut dyn RngCore, control: &mut [f64]) {
        control.copy_from_slice(&[symmetric(rng, self.settings.force_max)]);
    }

    fn advance(&self, state: &mut [f64], control: &[f64]) {
        let [force] = control.try_into().expect("a cart's control is the force on it");
        let next = self.step(four(state), force);
        state.copy_from_slice(&next);
    }

    fn constants(&self) -> Vec<(&'static str, f64)> {
        let CartPoleSettings { gravity, cart_mass, pole_mass, half_length, .. } = self.settings;
        let total = cart_mass + pole_mass;
        vec![
            ("pole_half_length", half_length),
            ("mass_ratio", pole_mass / total),
            ("control_gain", 1.0 / total),
            ("gravity", gravity),
        ]
    }

    fn observe(&self, state: &[f64], out: &mut [f32]) {
        let [position, _, angle, _] = four(state);
        self.renderer.render(position, angle, out);
    }
}

fn four(state: &[f64]) -> [f64; 4] {
    state.try_into().expect("a cart's state is position, velocity, angle and angular velocity")
}
