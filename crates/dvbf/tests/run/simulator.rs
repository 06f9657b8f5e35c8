//! The simulator on several threads, and what a simulation says about the range of training.

use crate::tiny::{finish, settings};
use dvbf::apply::{ParallelSimulator, Simulation, Start, Trained, simulate};
use dvbf::data::{Dataset, Sequences};
use dvbf::eval::{Draw, infer, training_range};
use dvbf::pool::Pool;
use dvbf_core::{
    Dvbf, Filter, FilterOptions, KindTable, ModelConfig, ModelFile, Noise, SimulatedModel,
    Simulator, SimulatorError, SimulatorOptions, TrainingRange,
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

/// A belief starts the same rollouts on any number of threads.
#[test]
fn beliefs_start_the_rollouts_of_all_threads() {
    let (source, options) = (source(), SimulatorOptions::default());
    let paths = FilterOptions { samples: 4, ..FilterOptions::default() };
    let mut filter = Filter::new(Arc::clone(&source.model), 0.1, paths).unwrap();
    for step in 0..source.model.initial_frames() + 2 {
        filter.step(Some(&[0.1 * step as f32; 9]), &[0.3], 0.1).unwrap();
    }
    let mut single = Simulator::new(&source, 7..38, options).unwrap();
    single.start_from_belief(&filter, None).unwrap();
    let mut parallel = ParallelSimulator::new(&source, 7..38, options, 3).unwrap();
    parallel.start_from_belief(&filter).unwrap();
    let mut states = Array2::zeros((31, 3));
    parallel.states(states.view_mut());
    assert_eq!(states, single.states());
    assert_eq!(states.row(1), filter.paths().row(8 % 4));
}

/// The range of the states that a model infers: every feature within the extremes, padding left out.
#[test]
fn the_training_range_is_that_of_inferred_states() {
    let model = source().model;
    let (count, steps) = (7, 12);
    let mut values = vec![0.0; count * steps * 9];
    Noise::new(2, 0).normal(&mut values);
    let mut data = Dataset::observed(
        Array3::from_shape_vec((count, steps, 9), values).unwrap(),
        Array3::zeros((count, steps, 1)),
    );
    data.lengths = vec![12, 6, 12, 8, 12, 12, 12];
    // What lies behind the end of a sequence is of no consequence.
    for (mut x, &length) in data.observations.outer_iter_mut().zip(&data.lengths) {
        x.slice_mut(s![length.., ..]).fill(1e3);
    }
    let pool = Pool::new(1).unwrap();
    let found = training_range(&model, Sequences::Held(&data), steps, 5, &pool).unwrap();
    let states = infer(&*model, &data, steps, Draw::Sample(5), &pool).state;
    for j in 0..3 {
        let kept = data
            .lengths
            .iter()
            .enumerate()
            .flat_map(|(n, &length)| (0..length).map(move |t| (n, t)));
        let all: Vec<f32> = kept.map(|(n, t)| states[[n, t, j]]).collect();
        let low = all.iter().copied().fold(f32::INFINITY, f32::min);
        let high = all.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        assert_eq!(found.limits(j), (low, high), "component {j}");
    }
    let two = Pool::new(2).unwrap();
    assert_eq!(training_range(&model, Sequences::Held(&data), steps, 5, &two), Some(found));
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
