//! What is asked for.

use std::path::PathBuf;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct EmpowerRequest {
    /// The run folder.
    pub run: PathBuf,
    /// Steps `K` of the channel of the closed form, at least 2.
    pub steps: usize,
    /// Steps of the channel of the variational bound, at least 2; those that suit the system if nothing.
    pub bound_steps: Option<usize>,
    /// Resolution `σ` of all channels, in standard deviations of visited states.
    pub resolution: f64,
    /// Whether policies are trained in the true equations too, and tried on the true state.
    pub truth: bool,
    /// Random starts of every trial.
    pub starts: usize,
    /// Updates of an actor; estimates that are learned get half as many.
    pub updates: u64,
    /// Seed of policies and starts.
    pub seed: u64,
    /// Threads; all if zero.
    pub threads: usize,
}

impl EmpowerRequest {
    /// The usual request: `K` 10, `σ` 0.05, policies in the true equations too, 100 starts, 6000
    /// updates, seed 0, all threads.
    pub fn new(run: PathBuf) -> Self {
        Self {
            run,
            steps: 10,
            bound_steps: None,
            resolution: 0.05,
            truth: true,
            starts: 100,
            updates: 6000,
            seed: 0,
            threads: 0,
        }
    }
}
