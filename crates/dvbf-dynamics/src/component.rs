//! Components of a state.

use serde::{Deserialize, Serialize};

/// How a component of a state is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComponentKind {
    /// A number on the line.
    #[default]
    Linear,
    /// An angle in radians; values that differ by 2π mean the same, and none is ever wrapped.
    Angle,
    /// An angle in radians whose whole turns count: what is seen of it goes on from turn to turn.
    CountedAngle,
}

/// A named component of a state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// Its name, in lower case with underscores.
    pub name: String,
    /// Its unit, such as `rad/s`.
    pub unit: String,
    /// How it is to be read.
    #[serde(default)]
    pub kind: ComponentKind,
    /// A typical magnitude in its unit: networks see the component divided by it.
    pub scale: f64,
    /// Whether the component is a velocity, whose derivative is the acceleration that forces
    /// determine. The derivative of any other component is exact: it is a velocity.
    pub velocity: bool,
}

impl Component {
    /// A position on the line.
    pub fn position(name: &str, unit: &str, scale: f64) -> Self {
        let (name, unit) = (name.into(), unit.into());
        Self { name, unit, kind: ComponentKind::Linear, scale, velocity: false }
    }

    /// An angle in radians.
    pub fn angle(name: &str) -> Self {
        let (name, unit) = (name.into(), "rad".into());
        Self { name, unit, kind: ComponentKind::Angle, scale: 1.0, velocity: false }
    }

    /// A velocity.
    pub fn velocity(name: &str, unit: &str, scale: f64) -> Self {
        Self { velocity: true, ..Self::position(name, unit, scale) }
    }
}
