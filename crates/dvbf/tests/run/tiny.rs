//! Settings of runs that take a fraction of a second, and what is compared of them.

use dvbf::run::{Finished, LogRecord, Observer, Outcome, Phase, RunError, TrainRequest, train};
use dvbf::schedule::{Ramp, Shape};
use dvbf::settings::{Settings, preset};
use dvbf::train::StepStats;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Updates of a tiny run.
pub(crate) const STEPS: u64 = 14;

/// Small images, small networks, few updates; everything that draws noise is on, and schedules
/// change along the way.
pub(crate) fn settings() -> Settings {
    let mut settings = preset("smoke").unwrap();
    settings.seed = 3;
    let data = &mut settings.data;
    (data.train, data.validation, data.test) = (11, 30, 27);
    (data.steps, data.long_steps) = (6, 9);
    let model = &mut settings.model;
    (model.hidden, model.initial_frames) = (7, 2);
    model.transition = model.transition.clone().with("matrices", 3).with("hidden", 5);
    let training = &mut settings.training;
    (training.steps, training.batch, training.shard, training.window) = (STEPS, 5, 2, 4);
    (training.log_interval, training.checkpoint_interval) = (4, 5);
    training.restarts = 1;
    training.temper = Ramp { from: 0.5, to: 1.0, start: 0.0, end: 0.8, shape: Shape::Linear };
    training.warmup = Ramp { from: 0.5, to: 1.0, start: 0.0, end: 0.6, shape: Shape::Linear };
    training.temper_period = 3;
    training.average = 0.9;
    settings.evaluation.filtered = 3;
    settings.evaluation.horizons = vec![2, 6];
    settings.evaluation.chosen_by = 6;
    settings.evaluation.importance_samples = 2;
    settings
}

/// Stops a run after some updates; remembers what it was told.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    /// Updates after which the run is asked to stop; never if `None`.
    pub(crate) after: Option<u64>,
    pub(crate) step: u64,
    pub(crate) stats: Vec<StepStats>,
    pub(crate) records: Vec<LogRecord>,
}

impl Stop {
    pub(crate) fn after(step: u64) -> Self {
        Self { after: Some(step), ..Self::default() }
    }
}

impl Observer for Stop {
    fn phase(&mut self, _: Phase) {}

    fn note(&mut self, _: &str) {}

    fn step(&mut self, step: u64, _: u64, stats: &StepStats) {
        self.step = step;
        self.stats.push(*stats);
    }

    fn logged(&mut self, record: &LogRecord) {
        self.records.push(record.clone());
    }

    fn should_stop(&self) -> bool {
        self.after.is_some_and(|after| self.step >= after)
    }
}

/// Runs `settings` in `folder`.
pub(crate) fn run(
    settings: &Settings,
    folder: &Path,
    (resume, threads): (bool, usize),
    observer: &mut Stop,
) -> Result<Outcome, RunError> {
    let request = TrainRequest {
        settings: settings.clone(),
        folder: folder.to_owned(),
        resume,
        files: Vec::new(),
        threads,
    };
    train(&request, observer)
}

/// Runs to the end.
pub(crate) fn finish(settings: &Settings, folder: &Path, resume: bool) -> Box<Finished> {
    match run(settings, folder, (resume, 2), &mut Stop::default()).unwrap() {
        Outcome::Finished(finished) => finished,
        Outcome::Stopped(step) => panic!("nobody stopped the run at update {step}"),
    }
}

/// Figures that a clock has no part in, by file.
#[derive(Debug, PartialEq)]
pub(crate) struct Files {
    pub(crate) checkpoint: Vec<u8>,
    pub(crate) best: Vec<u8>,
    pub(crate) metrics: Vec<BTreeMap<String, serde_json::Value>>,
    pub(crate) summary: BTreeMap<String, serde_json::Value>,
}

/// The files of a finished run, without timings and the number of threads.
pub(crate) fn files(folder: &Path) -> Files {
    let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let timeless = |line: &str| {
        let mut map: BTreeMap<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        map.retain(|key, _| !["seconds", "sequences_per_second", "threads"].contains(&&**key));
        map
    };
    Files {
        checkpoint: fs::read(folder.join("checkpoint.dvbf")).unwrap(),
        best: fs::read(folder.join("best.dvbf")).unwrap(),
        metrics: text("metrics.jsonl").lines().map(timeless).collect(),
        summary: timeless(&text("summary.json")),
    }
}
