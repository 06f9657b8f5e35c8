//! What can be wrong with a model, with memory, and with a call.

use core::fmt;

/// What can be wrong with a model, with memory, and with a call.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The bytes do not begin as an embedded model does.
    Foreign,
    /// The bytes are of another version of the layout.
    Version {
        /// That of the bytes.
        found: u32,
    },
    /// There are more or fewer bytes than the header says.
    Length {
        /// Bytes that there are.
        found: usize,
        /// Bytes that the header says; `None` if its sizes are impossible.
        expected: Option<usize>,
    },
    /// The bytes were changed: their checksum differs.
    Checksum,
    /// A number is not finite, or a step is not a positive number of seconds.
    Number,
    /// The model's prior for the first state is not finite.
    Prior,
    /// The memory is too small.
    Memory {
        /// Numbers that it holds.
        found: usize,
        /// Numbers that the model needs.
        needed: usize,
    },
    /// An observation or a control has another number of values.
    Width {
        /// `observation` or `control`.
        what: &'static str,
        /// Its values.
        found: usize,
        /// Those of the model.
        expected: usize,
    },
    /// A value of an observation is infinite, or one of a control is not finite.
    NotFinite {
        /// `observation` or `control`.
        what: &'static str,
        /// Which of its values.
        index: usize,
    },
    /// The model was trained at other steps.
    Step {
        /// Seconds that were given.
        found: f64,
        /// Seconds of the model.
        model: f64,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Foreign => write!(f, "this is no embedded dvbf model"),
            Self::Version { found } => {
                write!(
                    f,
                    "the model has layout version {found}; this program reads {}",
                    crate::VERSION
                )
            }
            Self::Length { found, expected: Some(expected) } => {
                write!(f, "the model is damaged: {found} bytes, its header says {expected}")
            }
            Self::Length { found, expected: None } => {
                write!(f, "the model is damaged: {found} bytes, and sizes that no model has")
            }
            Self::Checksum => write!(f, "the model is damaged: its checksum differs"),
            Self::Number => write!(f, "the model has a number that is not finite, or no step"),
            Self::Prior => write!(f, "the model gives first states that are not finite"),
            Self::Memory { found, needed } => {
                write!(f, "the memory holds {found} numbers, the model needs {needed}")
            }
            Self::Width { what, found, expected } => {
                write!(f, "the {what} has {found} values, the model takes {expected}")
            }
            Self::NotFinite { what, index } => {
                write!(f, "value {index} of the {what} is not finite")
            }
            Self::Step { found, model } => {
                write!(f, "the step is {found} s, but the model was trained at steps of {model} s")
            }
        }
    }
}

impl core::error::Error for Error {}
