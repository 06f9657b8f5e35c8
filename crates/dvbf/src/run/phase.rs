//! The parts of a run.

use std::fmt;

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// The system is simulated.
    Simulation,
    /// Files are read.
    Reading,
    /// A linear model is found.
    Linear,
    /// So many initializations are tried.
    Trials(u8),
    /// Updates are made.
    Training,
    /// The figures are computed.
    Evaluation,
    /// The report is made.
    Report,
}

impl Phase {
    /// Whether [`Observer::should_stop`](super::Observer::should_stop) is asked again and again, and
    /// there is something to be saved that is not on disk yet. In any other phase the process may end
    /// at any moment: all that was made is in the folder, and the run can be continued.
    pub fn heeds_stop(self) -> bool {
        matches!(self, Self::Trials(_) | Self::Training)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simulation => f.write_str("making the recordings"),
            Self::Reading => f.write_str("reading the recordings"),
            Self::Linear => f.write_str("finding the best linear model"),
            Self::Trials(count) => write!(f, "trying {count} initializations"),
            Self::Training => f.write_str("training"),
            Self::Evaluation => f.write_str("evaluating"),
            Self::Report => f.write_str("writing the report"),
        }
    }
}
