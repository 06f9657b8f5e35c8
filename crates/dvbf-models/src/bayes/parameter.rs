//! Which parameter of a linear Gaussian model is meant.

/// A parameter of a linear Gaussian model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// `A`.
    Transition,
    /// `B`.
    Control,
    /// `Q`.
    ProcessNoise,
    /// `C`.
    Emission,
    /// `R`.
    ObservationNoise,
    /// `m₀`.
    InitialMean,
    /// `P₀`.
    InitialCovariance,
}
