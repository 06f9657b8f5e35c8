//! Why a channel, an estimator, a policy or a controller refused something.

/// What is wrong with a setting or with data.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// A setting that nothing can be computed with.
    #[error("{key} is {value}; it must be {range}")]
    Setting {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// A system that cannot be influenced has no empowerment.
    #[error("the dynamics have no controls, so there is no channel from controls to states")]
    NoControls,
    /// Two things that belong together have different sizes.
    #[error("{what} has {got} values instead of {expected}")]
    Length {
        /// The vector.
        what: &'static str,
        /// Values given.
        got: usize,
        /// Values expected.
        expected: usize,
    },
    /// A value is infinite or NaN.
    #[error("{what} in row {row} is not finite")]
    NotFinite {
        /// State, control, empowerment or gradient.
        what: &'static str,
        /// Row of the batch.
        row: usize,
    },
    /// The visited states lie in a subspace, so that a direction has no unit.
    #[error(
        "the covariance of the states is not positive definite: {states} states of size {size}"
    )]
    Degenerate {
        /// Number of states given.
        states: usize,
        /// Size of a state.
        size: usize,
    },
    /// A training led to a gradient that is infinite or NaN. The parameters of what is named are those before
    /// it; another network of the same update may have taken its step.
    #[error("the gradient of {what} is not finite after {updates} updates")]
    Diverged {
        /// What is trained.
        what: &'static str,
        /// Updates before.
        updates: u64,
    },
}

/// A finite positive number.
pub(crate) fn positive(key: &'static str, value: f64) -> Result<(), ControlError> {
    within(key, value, value > 0.0 && value.is_finite(), "a positive finite number")
}

/// A whole number that is at least `least`; `range` says so in words.
pub(crate) fn at_least(
    key: &'static str,
    value: usize,
    least: usize,
    range: &'static str,
) -> Result<(), ControlError> {
    within(key, value as f64, value >= least, range)
}

/// A discount factor.
pub(crate) fn discount(value: f64) -> Result<(), ControlError> {
    within("discount", value, (0.0..1.0).contains(&value), "at least 0 and below 1")
}

fn within(
    key: &'static str,
    value: f64,
    holds: bool,
    range: &'static str,
) -> Result<(), ControlError> {
    if holds { Ok(()) } else { Err(ControlError::Setting { key, value, range }) }
}
