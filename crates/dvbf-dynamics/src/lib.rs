#![doc = include_str!("../README.md")]

mod cart_pole;
mod component;
mod constant;
mod damped_pendulum;
mod declaration;
mod dynamics;
mod flow;
mod freedom;
mod linear_system;
mod mass_spring_damper;
mod point_mass;
mod registry;

pub use cart_pole::CartPole;
pub use component::{Component, ComponentKind};
pub use constant::{Constant, ConstantError, Range};
pub use damped_pendulum::DampedPendulum;
pub use declaration::{DeclarationError, check_declaration};
pub use dynamics::{Cotangents, Dynamics, Gauge, Point};
pub use flow::{Flow, Integrator};
pub use freedom::open_constants;
pub use linear_system::LinearSystem;
pub use mass_spring_damper::MassSpringDamper;
pub use point_mass::PointMass;
pub use registry::{Build, RegistryError, Sizes, dynamics, dynamics_names, register_dynamics};
