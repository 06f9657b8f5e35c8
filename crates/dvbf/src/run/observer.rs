//! Who watches a run.

use super::LogRecord;
use super::phase::Phase;
use crate::train::StepStats;

/// Who watches a run, and may stop it.
pub trait Observer {
    /// A part of the run begins.
    fn phase(&mut self, phase: Phase);
    /// Something happened that somebody should know of.
    fn note(&mut self, text: &str);
    /// An update was made; `step` of `total` are done.
    fn step(&mut self, step: u64, total: u64, stats: &StepStats);
    /// The model was evaluated on the validation set.
    fn logged(&mut self, record: &LogRecord);
    /// Whether the model is good enough: training then ends before its time, and the figures are computed.
    /// It is asked after every evaluation on the validation set.
    fn is_enough(&self) -> bool {
        false
    }
    /// Whether the run is to stop after saving a checkpoint. It is asked before every update and
    /// between parts of the run.
    fn should_stop(&self) -> bool;
}
