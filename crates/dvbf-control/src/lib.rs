#![doc = include_str!("../README.md")]

mod capacity;
mod channel;
mod dynamics;
mod error;
mod limits;
mod scale;

pub use capacity::{ActionSequences, Capacity, DiscreteChannel, Oracle};
pub use channel::{
    Channel, Empowerment, HeldGaussian, SequenceGaussian, WaterFilling, water_filling,
};
pub use dynamics::{Cotangents, Inputs, Linearization, MeanDynamics};
pub use error::ControlError;
pub use limits::ControlLimits;
pub use scale::StateScale;
