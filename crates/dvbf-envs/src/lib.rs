#![doc = include_str!("../README.md")]

mod error;
mod integrate;
mod render;

pub use error::EnvError;
pub use integrate::{Integrator, rk4, semi_implicit_euler};
pub use render::{ImageSettings, Renderer, Style};
