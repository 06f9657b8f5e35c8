//! Models whose steps differ in length, online and as simulators.

use crate::recorded::{oscillation, settings};
use crate::tiny;
use dvbf::apply::{Simulation, Start, Trained, simulate};
use dvbf::data::{Splits, narrow, read_npz, write_npz};
use dvbf::eval::{Draw, infer};
use dvbf::pool::Pool;
use dvbf::run::RunFolder;
use dvbf_core::{Filter, FilterOptions};
use ndarray::s;

/// Steps of different seconds online: they are the last control, in seconds since the step before.
#[test]
fn a_filter_of_irregular_steps_takes_seconds_as_its_last_control() {
    timed_filter(0.02);
}

/// Steps that differ by half a percent: their mean is two hundred times their spread.
#[test]
fn a_filter_of_almost_equal_steps_takes_their_seconds_as_they_are() {
    timed_filter(0.000_5);
}

/// Trains on steps of 0.1 s and up to four times `jitter` more, and filters online.
fn timed_filter(jitter: f32) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("walk.npz");
    let mut recordings = oscillation(&[40; 8]);
    recordings.dt = None;
    for (n, sequence) in recordings.sequences.iter_mut().enumerate() {
        let seconds = |t: usize| 0.1 + jitter * ((3 * t + n) % 5) as f32;
        sequence.intervals = Some((0..40).map(seconds).collect());
    }
    write_npz(&file, &recordings).unwrap();
    // As the file has them: of the last step nobody reads the seconds to the next.
    let recordings = read_npz(&file).unwrap();
    let settings = settings(&recordings, &file);
    let run = folder.path().join("run");
    tiny::finish(&settings, &run, false);
    let path = run.join("best.dvbf");
    // A gap may be longer than all that were trained on.
    let bounds = RunFolder::open(&run).unwrap().best().unwrap().bounds.unwrap();
    assert!(bounds.control[0].is_some() && bounds.control[1].is_none(), "{bounds:?}");
    let mut filter = Filter::load(&path).unwrap().with_options(FilterOptions::MEAN_PATH).unwrap();
    // The length of a step that the model was trained at is a placeholder.
    assert_eq!(filter.dt().to_bits(), 1.0_f64.to_bits());

    let splits = Splits::recorded(&recordings, &settings).unwrap();
    let model = RunFolder::open(&run).unwrap().best().unwrap().into_model();
    let steps = splits.test.lengths[0];
    let states = infer(&model, &splits.test, steps, Draw::Mean, &Pool::new(1).unwrap()).state;
    let first = splits.test.observations.slice(s![0, 0, ..]);
    let units = splits.test.units.clone().unwrap();
    let sequence = recordings
        .sequences
        .iter()
        .find(|sequence| {
            let mut row = sequence.observations.row(0).to_vec();
            units.observation.normalize(&mut row);
            row.iter().zip(first).all(|(own, other)| own.is_nan() || (own - other).abs() < 1e-6)
        })
        .unwrap();
    let seconds = sequence.intervals.as_ref().unwrap();
    for t in 0..steps {
        let before = t.saturating_sub(1);
        let control = [sequence.controls[[before, 0]], seconds[before]];
        let x = sequence.observations.row(t).to_vec();
        let belief = filter.step(Some(&x), &control, filter.dt()).unwrap();
        if belief.started {
            let off = &belief.state - &states.slice(s![0, t, ..]);
            assert!(off.iter().all(|d| d.abs() < 1e-4), "step {t}: {off}");
        }
    }
    // The model with its run takes the same seconds, and simulates them.
    let trained = Trained::open(&run).unwrap();
    let mut own = trained.filter().with_options(FilterOptions::MEAN_PATH).unwrap();
    let off = |of: &[f64], i: usize| narrow(of.get(i).copied().unwrap_or(0.0));
    let origins = trained.origins();
    for t in 0..steps {
        let before = t.saturating_sub(1);
        let control = [sequence.controls[[before, 0]] - off(&origins.control, 0), seconds[before]];
        let mut x = sequence.observations.row(t).to_vec();
        for (i, x) in x.iter_mut().enumerate() {
            *x -= off(&origins.observation, i);
        }
        let belief = own.step(Some(&x), &control, own.dt()).unwrap();
        if belief.started {
            let off = &belief.state - &states.slice(s![0, t, ..]);
            assert!(off.iter().all(|d| d.abs() < 1e-3), "step {t}: {off}");
        }
    }
    let simulation = Simulation { steps: Some(50), draws: 0, sensor_noise: false, seed: 0 };
    let start = Start::Recordings { recordings: &recordings, filtered: 10 };
    let made = simulate(&trained, start, &simulation).unwrap();
    let prior = simulate(&trained, Start::Prior(2), &simulation).unwrap();
    for intervals in made.sequences.iter().chain(&prior.sequences).map(|s| &s.intervals) {
        let intervals = intervals.as_ref().unwrap();
        assert!(intervals.iter().all(|dt| (0.099..0.2).contains(dt)), "{intervals:?}");
    }
    for (start, steps, problem) in [(0, Some(3), "no sequences"), (2, Some(0), "no steps")] {
        let none = Simulation { steps, ..simulation };
        let error = simulate(&trained, Start::Prior(start), &none).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
    let real = filter.step(None, &[0.0, 0.1], 0.1).unwrap_err().to_string();
    assert!(real.contains("0.1 s"), "{real}");
    assert!(filter.step(None, &[0.0], 1.0).is_err(), "the seconds are missing");
}
