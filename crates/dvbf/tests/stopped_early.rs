//! A run that is stopped before its first update can be resumed.

use dvbf::run::{LogRecord, Observer, Outcome, Phase, TrainRequest, train};
use dvbf::settings::preset;
use dvbf::train::StepStats;

/// Stops a run at once, or never.
struct Watch {
    stop: bool,
}

impl Observer for Watch {
    fn phase(&mut self, _: Phase) {}

    fn note(&mut self, _: &str) {}
    fn step(&mut self, _: u64, _: u64, _: &StepStats) {}
    fn logged(&mut self, _: &LogRecord) {}
    fn should_stop(&self) -> bool {
        self.stop
    }
}

#[test]
fn a_checkpoint_is_there_before_the_first_update() {
    let scratch = tempfile::tempdir().unwrap();
    let mut settings = preset("smoke").unwrap();
    (settings.data.train, settings.data.validation, settings.data.test) = (6, 2, 2);
    (settings.training.steps, settings.training.batch, settings.training.shard) = (2, 2, 2);
    settings.evaluation.importance_samples = 0;
    let folder = scratch.path().join("run");
    let request = TrainRequest { settings, folder, resume: false, files: Vec::new(), threads: 1 };

    let outcome = train(&request, &mut Watch { stop: true }).unwrap();
    assert!(matches!(outcome, Outcome::Stopped(0)), "{outcome:?}");

    let request = TrainRequest { resume: true, ..request };
    let outcome = train(&request, &mut Watch { stop: false }).unwrap();
    assert!(matches!(outcome, Outcome::Finished(_)), "{outcome:?}");
}
