//! What a trained model is good for: beliefs over recordings, and recordings that it makes itself.

mod beliefs;
mod calibrate;
mod film;
mod filtering;
mod leaving;
mod parallel_simulator;
mod residuals;
mod score;
mod simulation;
mod trained;

pub use beliefs::{Beliefs, SequenceBeliefs, Verdict};
pub use calibrate::{CalibrationReport, CalibrationTest, calibrate, save_reference};
pub use film::film;
pub use filtering::filter;
pub use parallel_simulator::{ParallelError, ParallelSimulator};
pub use residuals::Residuals;
pub use score::{FreeRun, Score, ScoreRequest, StepErrors, score};
pub use simulation::{Simulation, Start, simulate};
pub use trained::{ApplyError, Trained};

pub use dvbf_core::FilterOptions;
