//! A magnet beside the circle on which the tip of a pendulum moves.
//!
//! With the distance `d = θ − θ_m` from its angle, the width `w` and `κ = 1/w²`, its potential is
//!
//! `V(θ) = −E exp(κ (cos d − 1))`, and its torque `−V'(θ) = −E κ sin d exp(κ (cos d − 1))`.
//!
//! Near `θ_m` this is the Gaussian well `−E exp(−d² / 2w²)`, and all round the circle it is smooth
//! and has the period 2π. A positive `E` attracts the tip, a negative one repels it.

use crate::error::{EnvError, between, finite};
use serde::{Deserialize, Serialize};

/// A magnet. Settings left out take their default.
///
/// ```
/// use dvbf_envs::MagnetSettings;
/// let magnet = MagnetSettings { energy: 2.0, angle: 1.0, width: 0.3 };
/// assert_eq!(magnet.potential(1.0), -2.0);
/// assert!(magnet.torque(0.9) > 0.0 && magnet.torque(1.1) < 0.0);
/// assert!(magnet.torque(1.0 + std::f64::consts::PI).abs() < 1e-8);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MagnetSettings {
    /// Depth `E` of the well in J; 0 by default, which is no magnet.
    pub energy: f64,
    /// Angle `θ_m` from hanging in rad; π/2 by default, on the right.
    pub angle: f64,
    /// Width `w` in rad, between 0.01 and 10; 0.3 by default.
    pub width: f64,
}

impl Default for MagnetSettings {
    fn default() -> Self {
        Self { energy: 0.0, angle: std::f64::consts::FRAC_PI_2, width: 0.3 }
    }
}

impl MagnetSettings {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`EnvError::Setting`] for the first one outside its range, as `magnet.<name>`.
    pub fn validate(&self) -> Result<(), EnvError> {
        finite("magnet.energy", self.energy)?;
        finite("magnet.angle", self.angle)?;
        between("magnet.width", self.width, (0.01, 10.0), "between 0.01 and 10 rad")
    }

    /// Potential `V(θ)` in J.
    pub fn potential(&self, angle: f64) -> f64 {
        -self.energy * self.bell(angle - self.angle)
    }

    /// Torque `−V'(θ)` in N m.
    pub fn torque(&self, angle: f64) -> f64 {
        let distance = angle - self.angle;
        -self.energy * self.sharpness() * distance.sin() * self.bell(distance)
    }

    /// The largest `|V''|` in N m/rad, which is at the magnet: `|E| κ`.
    pub fn stiffness(&self) -> f64 {
        self.energy.abs() * self.sharpness()
    }

    fn sharpness(&self) -> f64 {
        self.width.powi(-2)
    }

    fn bell(&self, distance: f64) -> f64 {
        // cos d − 1 = −2 sin² (d/2) keeps its digits near the magnet.
        (-2.0 * self.sharpness() * (distance / 2.0).sin().powi(2)).exp()
    }
}
