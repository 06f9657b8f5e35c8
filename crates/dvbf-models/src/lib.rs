#![doc = include_str!("../README.md")]

pub mod bayes;

mod emission;
mod initial;
mod recognition;
mod transition;

pub use emission::{EmissionScratch, GaussianEmission, NoiseScale, Observations};
pub use initial::{InitialCache, InitialState};
pub use recognition::{Innovation, InnovationCache};
pub use transition::{
    AnyTransition, AnyTransitionCache, LocallyLinear, LocallyLinearCache, Residual, ResidualCache,
    Transition, TransitionDims,
};
