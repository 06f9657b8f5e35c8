//! The simulator that is timed, here and in other systems: 1024 rollouts of the pendulum's model.

use dvbf::apply::ParallelSimulator;
use dvbf::settings::preset;
use dvbf_core::{Dvbf, Noise, Params, Path, SimulatedModel, SimulatorOptions, TrainingRange};
use ndarray::{Array2, Array3};
use std::sync::Arc;

/// Rollouts of a batch, `N`.
pub const ROLLOUTS: usize = 1024;
/// Steps of a run, `T`.
pub const STEPS: usize = 50;
/// Channels of a frame of 16×16 pixels.
const OBSERVATION: usize = 256;

/// A simulator with its arguments and results.
#[derive(Debug)]
pub struct Rollouts {
    simulator: ParallelSimulator,
    controls: Array3<f32>,
    states: Array3<f32>,
    frames: Array2<f32>,
}

impl Rollouts {
    /// Rollouts on `threads` threads, with a training range that they are judged by.
    ///
    /// # Panics
    /// If there is no preset to start from, or there are no threads.
    pub fn new(threads: usize) -> Self {
        let settings = preset("pendulum").expect("a preset");
        let config = settings.model.resolve(OBSERVATION, 1).expect("the settings are possible");
        let mut model = Dvbf::random(&config, Noise::new(0, 0)).expect("the settings are possible");
        // Untrained dynamics may grow; these contract, so that states stay finite for any number of
        // steps.
        model.visit_mut(Path::ROOT, &mut |path, mut values| {
            if path.to_string().starts_with("transition.") {
                values.map_inplace(|v| *v *= 0.8);
            }
        });
        let mut source = SimulatedModel::new(Arc::new(model));
        let extremes = Array2::from_shape_fn((2, config.state), |(r, _)| r as f32 * 2.0 - 1.0);
        source.range = TrainingRange::of(extremes.view()).map(Arc::new);
        let (rollouts, options) = (0..ROLLOUTS as u64, SimulatorOptions::default());
        let simulator = ParallelSimulator::new(&source, rollouts, options, threads);
        Self {
            simulator: simulator.expect("the options are possible"),
            controls: Array3::from_elem((STEPS, ROLLOUTS, 1), 0.3),
            states: Array3::zeros((STEPS, ROLLOUTS, config.state)),
            frames: Array2::zeros((ROLLOUTS, OBSERVATION)),
        }
    }

    /// [`STEPS`] steps of all rollouts in one call, whose states are kept.
    ///
    /// # Panics
    /// Never: the controls are finite.
    pub fn run(&mut self) {
        let run = self.simulator.run(self.controls.view(), self.states.view_mut());
        run.expect("finite controls");
    }

    /// One step of all rollouts.
    ///
    /// # Panics
    /// Never: the controls are finite.
    pub fn step(&mut self) {
        let controls = self.controls.index_axis(ndarray::Axis(0), 0);
        self.simulator.step(controls).expect("finite controls");
    }

    /// The mean frame of every rollout.
    pub fn draw(&mut self) {
        self.simulator.observation_means(self.frames.view_mut());
    }

    /// A frame with the noise of the sensor of every rollout.
    pub fn sample(&mut self) {
        self.simulator.observation_samples(self.frames.view_mut());
    }
}
