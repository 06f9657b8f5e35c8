//! A filter always comes back: whatever it was fed, good frames bring the belief of a filter that got nothing
//! else, and no step gives a belief that is not finite.
//!
//! On trained models: a short pendulum of images, and a recording of two channels with gaps, whose units are
//! not those of the model and whose noise of the sensors is learned.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[path = "recovery/delayed.rs"]
mod delayed;
#[path = "recovery/embedded.rs"]
mod embedded;

use dvbf::data::{RawRecordings, RawSequence, Set, Supply, write_npz};
use dvbf::run::{Finished, LogRecord, Observer, Outcome, Phase, TrainRequest, train};
use dvbf::settings::{Settings, preset, preset_for, usual_source};
use dvbf::train::StepStats;
use dvbf_core::{Belief, Filter, FilterOptions, Noise, TrainingBounds};
use ndarray::Array2;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::RngSeed;
use std::path::Path;
use std::sync::OnceLock;

/// Good frames that have to suffice, beyond those of a start.
const ENOUGH: usize = 20;
/// Calls of a hostile history, at most.
const HOSTILE: usize = 60;

struct Quiet;

impl Observer for Quiet {
    fn phase(&mut self, _: Phase) {}
    fn note(&mut self, _: &str) {}
    fn step(&mut self, _: u64, _: u64, _: &StepStats) {}
    fn logged(&mut self, _: &LogRecord) {}
    fn should_stop(&self) -> bool {
        false
    }
}

fn finish(settings: &Settings, folder: &Path) -> Box<Finished> {
    let request = TrainRequest {
        settings: settings.clone(),
        folder: folder.to_owned(),
        resume: false,
        files: Vec::new(),
        threads: 1,
    };
    match train(&request, &mut Quiet).unwrap() {
        Outcome::Finished(finished) => finished,
        Outcome::Stopped(step) => panic!("nobody stopped the run at update {step}"),
    }
}

/// Observations and controls of sequences; row `t` of the controls acts from `t` to `t + 1`.
type Good = Vec<(Array2<f32>, Array2<f32>)>;

/// A trained model and good sequences of its system in the units of the recordings.
struct Trained {
    name: &'static str,
    filter: Filter,
    good: Good,
    /// Standard deviations of the belief while it is fed good frames (`Z`), on average.
    spread: Vec<f32>,
    /// What a belief may be off after good frames, in spreads.
    most: f32,
}

impl Trained {
    fn new(name: &'static str, file: &Path, (good, most): (Good, f32)) -> Self {
        let filter = Filter::load(file).unwrap();
        let mut trained = Self { name, filter, good, spread: Vec::new(), most };
        let mut filter = trained.filter.with_options(options(1)).unwrap();
        let mut sum = vec![0.0; filter.belief().state.len()];
        for t in 0..60 {
            let (x, u) = trained.frame(0, t);
            let belief = filter.step(Some(&x), &u, filter.dt()).unwrap();
            if t >= 20 {
                let std = &belief.spread.as_ref().unwrap().std;
                sum.iter_mut().zip(std).for_each(|(sum, std)| *sum += std / 40.0);
            }
        }
        trained.spread = sum;
        trained
    }

    /// Observation `t` of sequence `n`, and the control before it.
    fn frame(&self, n: usize, t: usize) -> (Vec<f32>, Vec<f32>) {
        let (observations, controls) = &self.good[n % self.good.len()];
        (observations.row(t).to_vec(), controls.row(t.saturating_sub(1)).to_vec())
    }
}

/// Mean path, sample paths, and those behind a gate.
fn options(kind: usize) -> FilterOptions {
    let gate = (kind == 2).then_some(0.9999);
    FilterOptions {
        samples: if kind == 0 { 0 } else { 16 },
        seed: 5,
        gate,
        ..FilterOptions::default()
    }
}

fn pendulum() -> Trained {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = preset("smoke").unwrap();
    settings.data.long_steps = 100;
    let run = folder.path().join("run");
    finish(&settings, &run);
    let supply = Supply::open(&settings).unwrap();
    let long = supply.sequences(Set::TestLong);
    let long = long.first(8);
    let pairs = long.observations.outer_iter().zip(long.controls.outer_iter());
    let good = pairs.map(|(x, u)| (x.to_owned(), u.to_owned())).collect();
    Trained::new("pendulum", &run.join("best.dvbf"), (good, 1.0))
}

/// A damped oscillation under a force: where it is in millimeters, now and then missing, and a mixture.
fn oscillation() -> RawRecordings {
    let sequence = |n: usize| {
        let steps = 100;
        let mut noise = vec![0.0_f32; 4 * steps + 2];
        Noise::new(9, n as u64).normal(&mut noise);
        let (mut position, mut speed) = (noise[0], noise[1]);
        let mut observations = Array2::zeros((steps, 2));
        let controls = Array2::from_shape_fn((steps, 1), |(t, _)| noise[2 + 4 * t]);
        for t in 0..steps {
            let e = &noise[3 + 4 * t..];
            observations[[t, 0]] = 1e3 * (position + 0.05 * e[0]);
            observations[[t, 1]] = position - speed + 0.05 * e[1];
            if e[2] > 1.8 {
                observations[[t, 0]] = f32::NAN;
            }
            speed += 0.1 * (-3.0 * position - 0.3 * speed + controls[[t, 0]]);
            position += 0.1 * speed;
        }
        let (intervals, states, part) = (None, None, None);
        RawSequence { name: n.to_string(), observations, controls, intervals, states, part }
    };
    RawRecordings {
        sequences: (0..40).map(sequence).collect(),
        observation_names: vec!["position".into(), "mixed".into()],
        control_names: vec!["force".into()],
        state_names: Vec::new(),
        dt: Some(0.1),
        image: None,
        colors: 1,
        ignored: Vec::new(),
        remarks: Vec::new(),
        origins: dvbf::data::Origins::default(),
    }
}

fn vector() -> Trained {
    let folder = tempfile::tempdir().unwrap();
    let (file, run) = (folder.path().join("o.npz"), folder.path().join("run"));
    let recordings = oscillation();
    write_npz(&file, &recordings).unwrap();
    let source = usual_source(&recordings, vec![file.display().to_string()]);
    let mut settings = preset_for("auto", &recordings, source, &[]).unwrap();
    let training = &mut settings.training;
    (training.steps, training.restarts) = (1000, 1);
    (training.log_interval, training.checkpoint_interval) = (250, 1000);
    settings.evaluation.importance_samples = 2;
    finish(&settings, &run);
    let pairs = recordings.sequences.into_iter().skip(30);
    let good = pairs.map(|s| (s.observations, s.controls)).collect();
    Trained::new("vector", &run.join("best.dvbf"), (good, 10.0))
}

fn trained() -> &'static [Trained; 2] {
    static TRAINED: OnceLock<[Trained; 2]> = OnceLock::new();
    TRAINED.get_or_init(|| [pendulum(), vector()])
}

/// What a hostile call does with a good frame.
#[derive(Clone, Copy, Debug)]
enum Harm {
    None,
    /// No observation.
    Missing,
    /// Every channel has this value.
    Value(f32),
    /// The first frame of the stream, again and again.
    Frozen,
    /// Another time of another sequence.
    Elsewhere(usize, usize),
    /// Values all over the plausible range, drawn with this seed.
    Noise(u64),
    /// Every other channel has this value.
    Half(f32),
    /// A vector of this length.
    Length(usize),
    /// The control has this value.
    Control(f32),
    /// The step takes this many seconds.
    Step(f64),
}

fn harm() -> impl Strategy<Value = Harm> {
    let value = || {
        prop_oneof![
            Just(1e30_f32),
            Just(-1e30),
            Just(f32::MAX),
            Just(f32::NAN),
            Just(f32::INFINITY),
            Just(f32::NEG_INFINITY),
            Just(1e-45),
            Just(0.0),
            Just(1e5),
            -4.0_f32..4.0,
        ]
    };
    prop_oneof![
        1 => Just(Harm::None),
        2 => Just(Harm::Missing),
        4 => value().prop_map(Harm::Value),
        1 => Just(Harm::Frozen),
        3 => (0..8_usize, 0..99_usize).prop_map(|(n, t)| Harm::Elsewhere(n, t)),
        2 => any::<u64>().prop_map(Harm::Noise),
        2 => value().prop_map(Harm::Half),
        1 => (0..600_usize).prop_map(Harm::Length),
        3 => value().prop_map(Harm::Control),
        1 => any::<f64>().prop_map(Harm::Step),
    ]
}

/// Runs of one kind of harm, or a mixture.
fn history() -> impl Strategy<Value = Vec<Harm>> {
    let runs = (harm(), 1..HOSTILE / 2).prop_map(|(harm, count)| vec![harm; count]);
    let runs = proptest::collection::vec(runs, 1..4).prop_map(|runs| runs.concat());
    let mixture = proptest::collection::vec(harm(), 0..HOSTILE);
    prop_oneof![runs, mixture].prop_map(|mut all| {
        all.truncate(HOSTILE);
        all
    })
}

/// A call: observation, control, seconds.
type Call = (Option<Vec<f32>>, Vec<f32>, f64);

impl Trained {
    /// Frame `t` of sequence `n`, harmed.
    fn harmed(&self, n: usize, t: usize, harm: Harm) -> Call {
        let ((mut x, mut u), mut dt) = (self.frame(n, t), self.filter.dt());
        match harm {
            Harm::None => (),
            Harm::Missing => return (None, u, dt),
            Harm::Value(value) => x.fill(value),
            Harm::Frozen => x = self.frame(n, 0).0,
            Harm::Elsewhere(other, at) => x = self.frame(other, at).0,
            Harm::Noise(seed) => {
                let TrainingBounds { observation, .. } = self.filter.bounds().unwrap();
                let mut noise = vec![0.0_f64; x.len()];
                Noise::new(seed, 0).normal(&mut noise);
                for ((x, bounds), noise) in x.iter_mut().zip(observation).zip(noise) {
                    let [low, high] = bounds.unwrap_or([-1.0, 1.0]);
                    *x = dvbf::data::narrow(low + (0.5 + noise) * (high - low));
                }
            }
            Harm::Half(value) => x.iter_mut().step_by(2).for_each(|x| *x = value),
            Harm::Length(length) => x.resize(length, 0.5),
            Harm::Control(value) => u.fill(value),
            Harm::Step(seconds) => dt = seconds,
        }
        (Some(x), u, dt)
    }

    /// Distance of mean paths in usual spreads, of the component where it is largest.
    fn distance(&self, a: &Belief, b: &Belief) -> f32 {
        let between = |a: &ndarray::Array1<f32>, b: &ndarray::Array1<f32>| {
            let parts = a.iter().zip(b).zip(&self.spread).map(|((a, b), s)| (a - b).abs() / s);
            parts.fold(0.0, f32::max)
        };
        between(&a.state, &b.state)
    }
}

/// No value of a belief is infinite, and none is NaN but predictions that were not made.
fn all_finite(belief: &Belief) -> bool {
    let finite = |values: &ndarray::Array1<f32>| values.iter().all(|v| v.is_finite());
    finite(&belief.state)
        && finite(&belief.noise_mean)
        && belief.spread.as_ref().is_none_or(|spread| {
            let made = spread.score.is_some();
            let unknown =
                |values: &ndarray::Array1<f32>| !made && values.iter().all(|v| v.is_nan());
            let score =
                spread.score.is_none_or(|s| s.nis.is_finite() && s.log_likelihood.is_finite());
            let predicted = [&spread.predicted_mean, &spread.predicted_std];
            finite(&spread.mean)
                && finite(&spread.std)
                && score
                && predicted.iter().all(|values| finite(values) || unknown(values))
        })
}

proptest! {
    // The same histories every time: what a model makes of others is a figure, not a test.
    #![proptest_config(ProptestConfig {
        cases: 150,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn good_frames_bring_every_filter_back(
        (model, kind, n) in (0..2_usize, 0..3_usize, 0..8_usize),
        history in history(),
    ) {
        let trained = &trained()[model];
        let mut filter = trained.filter.with_options(options(kind)).unwrap();
        // One never sees what was before the good frames, the other sees good ones before them, too: a model
        // that was trained for a moment may remember for more than twenty frames where it started.
        let (mut fresh, mut calm) = (filter.clone(), filter.clone());
        let k = filter.model().initial_frames();
        let (dt, mut t) = (filter.dt(), 0);
        let mut refused = 0;
        for harm in &history {
            let (x, u, seconds) = trained.harmed(n, t, *harm);
            match filter.step(x.as_deref(), &u, seconds) {
                Ok(belief) => {
                    prop_assert!(all_finite(belief), "{harm:?}: {belief:?}");
                    let (x, u) = trained.frame(n, t);
                    calm.step(Some(&x), &u, dt).unwrap();
                    t += 1;
                }
                Err(_) => refused += 1,
            }
        }
        prop_assert_eq!(filter.health().refused, refused);
        for _ in 0..k + ENOUGH {
            let (x, u) = trained.frame(n, t);
            let belief = filter.step(Some(&x), &u, dt).unwrap();
            prop_assert!(all_finite(belief), "{belief:?}");
            fresh.step(Some(&x), &u, dt).unwrap();
            calm.step(Some(&x), &u, dt).unwrap();
            t += 1;
        }
        prop_assert_eq!(filter.health().steps, t as u64);
        let to = |other: &Filter| trained.distance(filter.belief(), other.belief());
        let distance = to(&fresh).min(to(&calm));
        prop_assert!(distance < trained.most, "{}, {kind}: {distance} spreads", trained.name);
    }
}

/// A long stream of every kind of harm, with and without paths: every belief is finite, and the filter still
/// follows good frames at its end. It takes minutes.
#[test]
#[ignore = "a million steps"]
fn a_million_hostile_steps() {
    let trained = &trained()[1];
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for kind in 0..3 {
        let mut filter = trained.filter.with_options(options(kind)).unwrap();
        let (mut calls, mut t) = (0, 0);
        while calls < 1_000_000 {
            for harm in history().new_tree(&mut runner).unwrap().current() {
                let (x, u, seconds) = trained.harmed(calls / 1000, t % 99, harm);
                if let Ok(belief) = filter.step(x.as_deref(), &u, seconds) {
                    assert!(all_finite(belief), "call {calls}, {harm:?}: {belief:?}");
                }
                (calls, t) = (calls + 1, t + 1);
            }
        }
        let mut calm = trained.filter.with_options(options(kind)).unwrap();
        for t in 0..60 {
            let (x, u) = trained.frame(1, t);
            calm.step(Some(&x), &u, filter.dt()).unwrap();
            filter.step(Some(&x), &u, filter.dt()).unwrap();
        }
        let distance = trained.distance(filter.belief(), calm.belief());
        assert!(distance < trained.most, "{kind}: {distance} spreads; {:?}", filter.health());
        println!("{kind}: {distance} spreads; {:?}", filter.health());
    }
}
