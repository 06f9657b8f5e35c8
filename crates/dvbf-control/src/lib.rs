#![doc = include_str!("../README.md")]

mod actor_critic;
mod capacity;
mod channel;
mod controller;
mod dynamics;
mod error;
mod estimate_net;
mod learned;
mod learner;
mod limits;
mod net;
mod path_filter;
mod policy;
mod scale;
mod value;
mod variational;

pub use actor_critic::{ActorCritic, ActorCriticSettings};
pub use capacity::{ActionSequences, Capacity, DiscreteChannel, Oracle};
pub use channel::{
    Channel, Empowerment, HeldGaussian, SequenceGaussian, WaterFilling, water_filling,
};
pub use controller::{Controller, FrameError, StateFilter};
pub use dynamics::{Cotangents, Inputs, Linearization, MeanDynamics, Sensitivity};
pub use error::ControlError;
pub use estimate_net::{EmpowermentNet, FitSettings};
pub use learned::{LearnedDynamics, LearnedWorkspace};
pub use limits::ControlLimits;
pub use path_filter::PathFilter;
pub use policy::{Actor, Greedy, Planner, PlannerSettings, Policy};
pub use scale::StateScale;
pub use value::{Foresight, Outcomes, ValueNet, ValueSettings};
pub use variational::{ChannelNoise, Variational, VariationalSettings};
