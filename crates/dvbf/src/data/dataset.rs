//! Sequences, as a training and an evaluation see them.

use dvbf_envs::{Recordings, StateKind};
use ndarray::Array3;

/// Sequences. Shapes: `N` sequences, `T` steps, observations `X`, controls `U`, true states `S`.
///
/// `controls[[n, t, ..]]` acts between `t` and `t + 1`; the last one leads past the end.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Observations `(N, T, X)`; images are row-major.
    pub observations: Array3<f32>,
    /// Controls `(N, T, U)`.
    pub controls: Array3<f32>,
    /// True states `(N, T, S)`, for evaluation only; `S` is zero where nobody knows them. Angles are
    /// not wrapped.
    pub states: Array3<f32>,
    /// Names of the components of the state (`S`).
    pub state_names: Vec<String>,
    /// How the components of the state are to be read (`S`).
    pub state_kinds: Vec<StateKind>,
    /// Seconds between two steps.
    pub dt: f64,
    /// Height and width of the observations when they are images.
    pub image: Option<(usize, usize)>,
}

impl From<Recordings> for Dataset {
    fn from(recordings: Recordings) -> Self {
        let Recordings { observations, controls, states, state_names, state_kinds, dt, image } =
            recordings;
        Self { observations, controls, states, state_names, state_kinds, dt, image }
    }
}
