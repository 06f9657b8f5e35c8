//! Sequences, as a training and an evaluation see them.

use dvbf_core::{Layout, Steps, Units};
use dvbf_envs::{Recordings, StateKind};
use ndarray::{Array3, Axis};

/// Sequences. Shapes: `N` sequences, `T` steps, observations `X`, controls `U`, true states `S`.
///
/// `controls[[n, t, ..]]` acts between `t` and `t + 1`; the last one leads past the end.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Observations `(N, T, X)` in the units of the model; images are row-major. Zero where nothing
    /// was observed.
    pub observations: Array3<f32>,
    /// One where a channel was observed, `(N, T, X)`; all were without a mask.
    pub mask: Option<Array3<f32>>,
    /// Steps of every sequence (`N`); what follows is padding and masked.
    pub lengths: Vec<usize>,
    /// Controls `(N, T, U)`.
    pub controls: Array3<f32>,
    /// True states `(N, T, S)`, for evaluation only; `S` is zero where nobody knows them, and NaN
    /// stands where somebody does not. Angles are not wrapped.
    pub states: Array3<f32>,
    /// Names of the components of the state (`S`).
    pub state_names: Vec<String>,
    /// How the components of the state are to be read (`S`).
    pub state_kinds: Vec<StateKind>,
    /// Seconds between two steps; one where nobody knows.
    pub dt: f64,
    /// Height and width of the observations when they are images.
    pub image: Option<(usize, usize)>,
    /// Names of the observed channels (`X`); empty if they have none.
    pub names: Vec<String>,
    /// The units of the recordings, where the model sees others.
    pub units: Option<Units>,
    /// Standard deviation of the sensors' noise on every channel (`X`) in the units of the model,
    /// where it was estimated.
    pub noise: Option<Vec<f32>>,
    /// What the numbers are, for the model file.
    pub layout: Option<Layout>,
}

impl Dataset {
    /// Sequences of `observations (N, T, X)` and `controls (N, T, U)`, all of them observed, of whose
    /// true states nothing is known.
    pub fn observed(observations: Array3<f32>, controls: Array3<f32>) -> Self {
        let (count, steps, _) = observations.dim();
        Self {
            observations,
            mask: None,
            lengths: vec![steps; count],
            controls,
            states: Array3::zeros((count, steps, 0)),
            state_names: Vec::new(),
            state_kinds: Vec::new(),
            dt: 1.0,
            image: None,
            names: Vec::new(),
            units: None,
            noise: None,
            layout: None,
        }
    }

    /// The first `steps` steps of the sequences of these numbers.
    pub(super) fn select(&self, numbers: &[usize], steps: usize) -> Self {
        let cut = |values: &Array3<f32>| {
            values.slice(ndarray::s![.., ..steps, ..]).select(Axis(0), numbers)
        };
        Self {
            observations: cut(&self.observations),
            mask: self.mask.as_ref().map(cut),
            lengths: numbers.iter().map(|&n| self.lengths[n].min(steps)).collect(),
            controls: cut(&self.controls),
            states: cut(&self.states),
            state_names: self.state_names.clone(),
            state_kinds: self.state_kinds.clone(),
            dt: self.dt,
            image: self.image,
            names: self.names.clone(),
            units: self.units.clone(),
            noise: self.noise.clone(),
            layout: self.layout.clone(),
        }
    }

    /// Whether channel `x` was observed at step `t` of sequence `n`.
    pub fn is_observed(&self, (n, t, x): (usize, usize, usize)) -> bool {
        self.mask.as_ref().is_none_or(|mask| mask[[n, t, x]] > 0.0)
    }

    /// Whether anything was observed at step `t` of sequence `n`.
    pub fn is_seen(&self, (n, t): (usize, usize)) -> bool {
        let any = |mask: &Array3<f32>| mask.slice(ndarray::s![n, t, ..]).iter().any(|&m| m > 0.0);
        self.mask.as_ref().is_none_or(any)
    }
}

/// Names of `count` channels that have none: a letter and a number from zero, or the letter alone.
pub fn numbered(letter: &str, count: usize) -> Vec<String> {
    let name = |i| if count == 1 { letter.to_owned() } else { format!("{letter}{i}") };
    (0..count).map(name).collect()
}

impl From<Recordings> for Dataset {
    fn from(recordings: Recordings) -> Self {
        let Recordings { observations, controls, states, state_names, state_kinds, dt, image } =
            recordings;
        let layout = Layout {
            observation: Vec::new(),
            control: numbered("u", controls.dim().2),
            image,
            steps: Steps::Equal,
        };
        Self {
            layout: Some(layout),
            states,
            state_names,
            state_kinds,
            dt,
            image,
            ..Self::observed(observations, controls)
        }
    }
}
