//! What a simulator offers, so that recordings can be made of any of them.

use rand::RngCore;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;

/// How a component of the true state is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StateKind {
    /// An angle in radians: values that differ by 2π mean the same.
    Angle,
    /// A number on the line.
    Linear,
}

/// A component of the true state.
#[derive(Clone, Debug, PartialEq)]
pub struct StateVariable {
    /// Its name, in lower case with underscores.
    pub name: String,
    /// How it is to be read.
    pub kind: StateKind,
    /// Standard deviation of a slight error in it, from which a prediction by the true equations
    /// starts when it serves as a yardstick; in the component's unit.
    pub error: f64,
}

/// Sizes and constants of an environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The components of the state, in order; their number is `S`.
    pub state: Vec<StateVariable>,
    /// Numbers in a control, `U`.
    pub control_size: usize,
    /// Numbers in an observation, `X`.
    pub observation_size: usize,
    /// Height and width when observations are images; their product is `X`.
    pub image: Option<(usize, usize)>,
    /// Seconds between two observations.
    pub dt: f64,
    /// Standard deviation of the noise that recordings add to each number of an observation; zero
    /// for sensors whose noise is part of [`Environment::sense`].
    pub noise_std: f64,
}

/// A system with random starts and random controls.
///
/// Shapes: `control (U)`, observation `(X)` as in [`Spec`], and `state (S + H)`: the components that
/// the specification names, followed by `H` [hidden](Environment::hidden_size) numbers. Implementors
/// may panic on others. Every random number comes from the generator that is passed in. The trait
/// can be made into an object, and threads may share it.
///
/// Most systems move without chance under their controls and are seen without chance but for the
/// noise of [`Spec::noise_std`]; for them the methods that are provided do nothing.
pub trait Environment: Debug + Sync {
    /// Sizes and constants; the same at every call.
    fn spec(&self) -> Spec;

    /// Draws an initial state.
    fn reset(&self, rng: &mut dyn RngCore, state: &mut [f64]);

    /// Draws the control of one step.
    fn sample_control(&self, rng: &mut dyn RngCore, control: &mut [f64]);

    /// Replaces `state` by the state [`dt`](Spec::dt) seconds later, `control` being held.
    fn advance(&self, state: &mut [f64], control: &[f64]);

    /// Writes what is observed of `state`, without noise.
    fn observe(&self, state: &[f64], out: &mut [f32]);

    /// Constants of its equations by the names that differential equations with learned constants
    /// use, as far as somebody may want to compare; only evaluation asks for them.
    fn constants(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// Numbers of the state behind those that the specification names, `H`: what the system
    /// remembers and nobody is asked to find out. Where only the others are given, these are zero.
    fn hidden_size(&self) -> usize {
        0
    }

    /// Draws what chance does to the system in the step to come, and keeps it in the hidden part of
    /// `state` for [`advance`](Environment::advance), which is a function of the state and the
    /// control. Predictions leave this out.
    fn disturb(&self, rng: &mut dyn RngCore, state: &mut [f64]) {
        let _ = (rng, state);
    }

    /// Writes what a sensor with noise of its own reads in `state`; without one, the observation.
    fn sense(&self, rng: &mut dyn RngCore, state: &[f64], out: &mut [f32]) {
        let _ = rng;
        self.observe(state, out);
    }
}
