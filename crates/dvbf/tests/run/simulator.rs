//! The simulator on several threads, and what a simulation says about the range of training.

use crate::tiny::{finish, settings};
use dvbf::apply::{ParallelSimulator, Simulation, Start, Trained, simulate};
use dvbf_core::{
    Dvbf, KindTable, ModelConfig, ModelFile, Noise, SimulatedModel, Simulator, SimulatorError,
    SimulatorOptions, TrainingRange,
};
use ndarray::{Array2, Array3, s};
use std::sync::Arc;

fn source() -> SimulatedModel {
    let config = ModelConfig {
        hidden: 8,
        transition: KindTable::new("locally-linear").with("matrices", 4),
        ..ModelConfig::new(9, 1, 3)
    };
    SimulatedModel::new(Arc::new(Dvbf::random(&config, Noise::new(0, 0)).unwrap()))
}

fn controls(steps: usize, count: usize) -> Array3<f32> {
    let mut values = vec![0.0; steps * count];
    Noise::new(1, 0).normal(&mut values);
    Array3::from_shape_vec((steps, count, 1), values).unwrap()
}

#[test]
fn threads_change_no_bit() {
    let (source, options, count) = (source(), SimulatorOptions::default(), 131);
    let controls = controls(6, count);
    let mut single = Simulator::new(&source, 7..138, options).unwrap();
    let mask: Vec<bool> = (0..count).map(|n| n % 5 == 0).collect();
    let mut expected = Array3::zeros((5, count, 3));
    single.run(controls.slice(s![..5, .., ..]), expected.view_mut()).unwrap();
    single.start_from_prior(Some(&mask));
    single.step(controls.slice(s![5, .., ..])).unwrap();
    let (mut frames, mut samples) = (Array2::zeros((count, 9)), Array2::zeros((count, 9)));
    single.observation_means(frames.view_mut());
    single.observation_samples(samples.view_mut());
    for threads in [1, 2, 3] {
        let mut parallel = ParallelSimulator::new(&source, 7..138, options, threads).unwrap();
        assert_eq!((parallel.parts().len(), parallel.len()), (threads, count));
        let mut states = Array3::zeros((5, count, 3));
        parallel.run(controls.slice(s![..5, .., ..]), states.view_mut()).unwrap();
        assert_eq!(states, expected);
        parallel.start_from_prior(Some(&mask));
        parallel.step(controls.slice(s![5, .., ..])).unwrap();
        let mut states = Array2::zeros((count, 3));
        parallel.states(states.view_mut());
        assert_eq!(states, single.states());
        let mut out = Array2::zeros((count, 9));
        parallel.observation_means(out.view_mut());
        assert_eq!(out, frames);
        parallel.observation_samples(out.view_mut());
        assert_eq!(out, samples);
    }
}

/// Simulated sequences say that they leave the range of training, if the model file knows it.
#[test]
fn a_simulation_remarks_that_it_leaves_the_range() {
    let folder = tempfile::tempdir().unwrap();
    finish(&settings(), folder.path(), false);
    let path = folder.path().join("best.dvbf");
    let file = ModelFile::read(&path).unwrap();
    let wanted = Simulation { steps: Some(12), draws: 1, sensor_noise: false, seed: 1 };
    let states = Array2::from_shape_fn((2, 3), |(r, _)| if r == 0 { -1.0 } else { 1.0 });
    for (width, leaves) in [(1e-6, true), (1e6, false)] {
        let range = TrainingRange::of((&states * width).view());
        ModelFile { range, ..file.clone() }.write(&path).unwrap();
        let trained = Trained::open(&path).unwrap();
        let simulated = simulate(&trained, Start::Prior(3), &wanted).unwrap();
        let said: Vec<_> =
            simulated.remarks.iter().filter(|r| r.contains("leave the range")).collect();
        assert_eq!(said.len(), usize::from(leaves), "{:?}", simulated.remarks);
        if leaves {
            assert!(said[0].starts_with("3 of 3 simulated sequences"), "{}", said[0]);
            assert!(said[0].contains("the first at step 1,"), "{}", said[0]);
        }
    }
}

/// A control of the last part is refused before the first part has moved.
#[test]
fn what_one_thread_refuses_changes_nothing() {
    let mut parallel =
        ParallelSimulator::new(&source(), 0..100, SimulatorOptions::default(), 2).unwrap();
    let mut controls = controls(2, 100);
    controls[[1, 99, 0]] = f32::NAN;
    let before = parallel.parts()[0].snapshot();
    let mut states = Array3::zeros((2, 100, 3));
    let error = parallel.run(controls.view(), states.view_mut()).unwrap_err();
    assert_eq!(error, SimulatorError::NotFinite { what: "control", index: 0, rollout: 99 });
    parallel.step(controls.slice(s![1, .., ..])).unwrap_err();
    assert_eq!(parallel.parts()[0].snapshot(), before);
    // There are no more parts than rollouts.
    let few = ParallelSimulator::new(&source(), 4..5, SimulatorOptions::default(), 2).unwrap();
    assert_eq!(few.parts().len(), 1);
}
