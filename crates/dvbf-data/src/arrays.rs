//! Recordings from arrays in memory, with the axes and the checks of an archive.

use super::RecordingError;
use super::packed::{Packed, Seen, assemble};
use super::raw::RawRecordings;
use super::unknown::Entry;
use ndarray::{Array1, ArrayD};
use std::path::Path;

/// Observations in memory.
#[derive(Clone, Debug)]
pub enum ObservationArray {
    /// Images, for which single precision is enough.
    Single(ArrayD<f32>),
    /// Anything else.
    Double(ArrayD<f64>),
}

/// Arrays of recordings: `N` sequences of `T` steps with `X` channels, `U` controls and `S` components of
/// the true state, with the axes that [`read_npz`](crate::read_npz) asks for.
#[derive(Clone, Debug)]
pub struct RecordingArrays {
    /// Observations `(N, T)`, `(N, T, X)` or `(N, T, height, width)`; NaN is missing.
    pub x: ObservationArray,
    /// Controls `(N, T)` or `(N, T, U)`; row `t` acts between `t` and `t + 1`.
    pub u: Option<ArrayD<f64>>,
    /// One where something was observed, zero elsewhere: `(N, T)`, `(N, T, X)` or the shape of `x`.
    pub mask: Option<ArrayD<f32>>,
    /// Steps of every sequence `(N)`; the rest is padding.
    pub lengths: Option<ArrayD<f64>>,
    /// Seconds to the next step: `()`, `(T)` or `(N, T)`.
    pub dt: Option<ArrayD<f64>>,
    /// True states `(N, T)` or `(N, T, S)`, for evaluation only.
    pub state: Option<ArrayD<f64>>,
    /// Names of the observed channels `(X)`.
    pub x_names: Option<Vec<String>>,
    /// Names of the controls `(U)`.
    pub u_names: Option<Vec<String>>,
    /// Names of the components of the true state `(S)`.
    pub state_names: Option<Vec<String>>,
}

impl RecordingArrays {
    /// Observations alone.
    pub fn new(x: ObservationArray) -> Self {
        Self {
            x,
            u: None,
            mask: None,
            lengths: None,
            dt: None,
            state: None,
            x_names: None,
            u_names: None,
            state_names: None,
        }
    }

    /// Checks the arrays and makes recordings of them; `name` is what errors call them.
    ///
    /// # Errors
    /// Names the array and the axis that do not fit the others, or the first value that a model cannot use.
    pub fn recordings(self, name: &str) -> Result<RawRecordings, RecordingError> {
        let shape = match &self.x {
            ObservationArray::Single(x) => x.shape().to_vec(),
            ObservationArray::Double(x) => x.shape().to_vec(),
        };
        let mut entries = vec![Entry { name: "x".into(), shape: Some(shape) }];
        let others = [
            ("u", self.u.as_ref().map(|a| a.shape().to_vec())),
            ("mask", self.mask.as_ref().map(|a| a.shape().to_vec())),
            ("lengths", self.lengths.as_ref().map(|a| a.shape().to_vec())),
            ("dt", self.dt.as_ref().map(|a| a.shape().to_vec())),
            ("state", self.state.as_ref().map(|a| a.shape().to_vec())),
        ];
        let present = others.into_iter().filter(|(_, shape)| shape.is_some());
        entries.extend(present.map(|(name, shape)| Entry { name: name.into(), shape }));
        let texts = |names: Option<Vec<String>>| names.map(|all| Array1::from(all).into_dyn());
        let packed = Packed {
            observations: Some(match self.x {
                ObservationArray::Single(x) => Seen::Narrow(x),
                ObservationArray::Double(x) => Seen::Wide(x),
            }),
            controls: self.u,
            mask: self.mask,
            states: self.state,
            lengths: self.lengths,
            intervals: self.dt,
            observation_names: texts(self.x_names),
            control_names: texts(self.u_names),
            state_names: texts(self.state_names),
            parts: None,
            ignored: Vec::new(),
        };
        assemble(packed, &entries, Path::new(name))
    }
}
