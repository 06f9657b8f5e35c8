//! Many rollouts of a learned model side by side: a simulator to plan in and to train policies in.
//!
//! Shapes: `N` rollouts, states `z (N, Z)`, controls `u (N, U)`, observations `x (N, X)`.
//!
//! | | equation | noise of rollout `n` |
//! |-|----------|----------------------|
//! | start from the prior | `z = g(w)`, `w ~ N(0, I)` | its stream, number `e` |
//! | step | `z ← f(z, u, w)`, `w ~ N(0, I)` | its stream, number `e` |
//! | observation mean | `μ(z)` | |
//! | observation sample | `μ(z) + σ ⊙ ε`, `ε ~ N(0, I)` | its stream of the sensor, number `e` |
//!
//! The counter `e` of a rollout starts at zero and grows by one with every start and every step of that
//! rollout. Noise is a pure function of seed, number of the rollout and counter: rollout `n` has the same
//! bits in whatever batch and on whatever thread it is computed, and what happens to others does not
//! reach it. A simulator of the rollouts `0..1024` can therefore be split into one of `0..512` and
//! another of `512..1024`, each on a thread of its own.
//!
//! A learned model knows only what it was shown. If the model file has a [`TrainingRange`](crate::TrainingRange), every rollout
//! says whether its state lies inside and how far out it is; see [`Simulator::departures`].

mod error;
mod frames;
#[cfg(feature = "file")]
mod load;
mod model;
mod observations;
mod options;
mod rollouts;
mod simulate;
mod starts;
mod streams;

pub use error::SimulatorError;
pub use model::SimulatedModel;
pub use options::{RangeBound, SimulatorOptions};
pub use rollouts::SimulatorSnapshot;
pub use simulate::Simulator;
