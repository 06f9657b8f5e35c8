//! Why a simulator refused something.

/// Why a simulator refused something. It is unchanged.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// A control or a state is infinite or NaN.
    #[error("{what} {index} of rollout {rollout} is not finite")]
    NotFinite {
        /// Control or state component.
        what: &'static str,
        /// Its index.
        index: usize,
        /// The number of the rollout.
        rollout: u64,
    },
    /// The filter whose belief is to be a start runs another model.
    #[error("the filter runs another model than the simulator")]
    OtherModel,
    /// The filter whose belief is to be a start has none yet.
    #[error("the filter has seen {seen} of {needed} steps that start its state")]
    NotStarted {
        /// Steps since the filter's last reset.
        seen: u64,
        /// Steps that start its state.
        needed: usize,
    },
    /// A bound was asked for of a model whose training range nobody knows.
    #[error("the model file has no training range, so states cannot be held inside of it")]
    NoRange,
    /// A setting that no simulator can have.
    #[error("{key} is {value}; it must be {range}")]
    Setting {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
}
