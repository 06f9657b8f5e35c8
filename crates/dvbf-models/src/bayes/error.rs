//! Why a classical filter refused a model or a datum.

/// What a model or an observation did wrong. Whoever returns it is left unchanged.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BayesError {
    /// A vector has the wrong length.
    #[error("{what} has {got} values instead of {expected}")]
    Length {
        /// The vector.
        what: &'static str,
        /// Values given.
        got: usize,
        /// Values expected.
        expected: usize,
    },
    /// A matrix has the wrong shape.
    #[error("{what} is {got:?} instead of {expected:?}")]
    Shape {
        /// The matrix.
        what: &'static str,
        /// Rows and columns given.
        got: (usize, usize),
        /// Rows and columns expected.
        expected: (usize, usize),
    },
    /// There is nothing to work on.
    #[error("there is no {what}")]
    Empty {
        /// What is missing.
        what: &'static str,
    },
    /// A value is infinite, or NaN where NaN does not mean missing.
    #[error("{what} value {index} is not finite")]
    NotFinite {
        /// The vector or matrix, matrices column after column.
        what: &'static str,
        /// Index of the value.
        index: usize,
    },
    /// A covariance is not symmetric.
    #[error("{what} is not symmetric")]
    NotSymmetric {
        /// The covariance.
        what: &'static str,
    },
    /// A covariance has a direction of negative variance, or of none where there must be some.
    #[error("{what} is not positive definite")]
    NotPositiveDefinite {
        /// The covariance.
        what: &'static str,
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
    /// Every particle is impossible given the observation.
    #[error("no particle can explain the observation")]
    NoWeight,
    /// A step of a sequence failed.
    #[error("step {step}: {source}")]
    Step {
        /// The step, the first of the sequence being zero.
        step: usize,
        /// Why.
        source: Box<BayesError>,
    },
    /// A sequence of several failed.
    #[error("sequence {sequence}: {source}")]
    Sequence {
        /// The sequence, the first being zero.
        sequence: usize,
        /// Why.
        source: Box<BayesError>,
    },
}

impl BayesError {
    pub(crate) fn at_step(self, step: usize) -> Self {
        Self::Step { step, source: Box::new(self) }
    }

    pub(crate) fn in_sequence(self, sequence: usize) -> Self {
        Self::Sequence { sequence, source: Box::new(self) }
    }
}
