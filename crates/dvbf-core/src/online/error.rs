//! Why the online filter refused something.

/// Why a step or a setting was refused. The filter is unchanged.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// A vector has the wrong length.
    #[error("{what} has {got} values; the model has {expected}")]
    Length {
        /// Observation, control or state.
        what: &'static str,
        /// Values given.
        got: usize,
        /// Values expected.
        expected: usize,
    },
    /// A value is infinite, or NaN where NaN does not mean missing.
    #[error("{what} value {index} is not finite; a missing channel of an observation is NaN")]
    NotFinite {
        /// Observation, control or state.
        what: &'static str,
        /// Its index.
        index: usize,
    },
    /// The time since the last step is not the one that the model was trained at.
    #[error("the step is {given} s, but the model was trained at steps of {model} s")]
    Step {
        /// The step given.
        given: f64,
        /// The step of the model.
        model: f64,
    },
    /// A setting that no filter can have.
    #[error("{key} is {value}; it must be {range}")]
    Setting {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// A state that was asked for would not be finite: one of a forecast, or, at a step, the model's prior
    /// itself, so that the model is none.
    #[error("after step {steps} the next state is not finite")]
    Overflow {
        /// Steps since the last reset.
        steps: u64,
    },
    /// Something was asked for that needs the start of a sequence.
    #[error("{seen} of {needed} steps have come that start the state")]
    NotStarted {
        /// Steps since the last reset.
        seen: u64,
        /// Steps that start the state.
        needed: usize,
    },
    /// The steps of the model differ in length, so that times say nothing about them.
    #[error(
        "the model takes the seconds of every step as its last control; late measurements have no place"
    )]
    UnequalSteps,
    /// A spread was asked for of a filter that follows the mean path alone.
    #[error("a filter without sample paths knows no spread; give it some with FilterOptions")]
    NoPaths,
}
