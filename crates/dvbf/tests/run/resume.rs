//! A run that was interrupted and resumed is the run that was not, byte for byte.

use crate::tiny::{STEPS, Stop, files, finish, run, settings};
use dvbf::data::Splits;
use dvbf::eval::{Draw, infer};
use dvbf::pool::Pool;
use dvbf::run::{Outcome, RunError, RunFolder};
use dvbf::settings::Settings;
use dvbf::train::Trainer;
use dvbf_core::Params;
use std::fs;

#[test]
fn resuming_gives_the_uninterrupted_run() {
    let settings = settings();
    let whole = tempfile::tempdir().unwrap();
    finish(&settings, whole.path(), false);
    let expected = files(whole.path());
    assert_eq!(expected.metrics.len(), 4, "records at 4, 8, 12 and 14");
    // Before the first record, at one, between two, and before anything.
    for after in [0, 1, 4, 7, 13] {
        let folder = tempfile::tempdir().unwrap();
        let outcome = run(&settings, folder.path(), (false, 1), &mut Stop::after(after)).unwrap();
        assert!(matches!(outcome, Outcome::Stopped(step) if step == after), "{outcome:?}");
        let finished = finish(&settings, folder.path(), true);
        assert_eq!(finished.settings, settings);
        assert_eq!(files(folder.path()), expected, "interrupted after {after} updates");
    }
}

/// Several initializations are tried before the first checkpoint; stopped there, the run begins
/// again, and another initialization than the first may be the one that goes on.
#[test]
fn trials_of_initializations_are_repeated_or_continued() {
    let mut settings = settings();
    (settings.training.restarts, settings.training.restart_steps) = (3, 4);
    let whole = tempfile::tempdir().unwrap();
    finish(&settings, whole.path(), false);
    let expected = files(whole.path());
    // The observer counts the updates of all trials; then the best one's from its fourth on.
    for after in [2, 11, 13] {
        let folder = tempfile::tempdir().unwrap();
        let outcome = run(&settings, folder.path(), (false, 1), &mut Stop::after(after)).unwrap();
        assert!(matches!(outcome, Outcome::Stopped(_)), "{outcome:?}");
        finish(&settings, folder.path(), true);
        assert_eq!(files(folder.path()), expected, "interrupted after {after} updates");
    }
    let chosen: Vec<Vec<u8>> = (1..=3)
        .map(|restarts| {
            let folder = tempfile::tempdir().unwrap();
            settings.training.restarts = restarts;
            finish(&settings, folder.path(), false);
            files(folder.path()).checkpoint
        })
        .collect();
    assert_eq!(chosen[2], expected.checkpoint);
    assert!(chosen[0] != chosen[1] || chosen[1] != chosen[2], "the first is not always the best");
}

/// Finalists go on from where their trials ended, as if these had never been interrupted: with as
/// many of them as initializations the winner is that of trials of the finalists' length by bound, and
/// one finalist is no choice at all.
#[test]
fn finalists_go_on_from_their_trials() {
    let mut settings = settings();
    (settings.training.restarts, settings.training.restart_steps) = (3, 4);
    let checkpoint = |settings: &Settings| {
        let folder = tempfile::tempdir().unwrap();
        finish(settings, folder.path(), false);
        files(folder.path()).checkpoint
    };
    let single = checkpoint(&settings);
    (settings.training.finalists, settings.training.finalist_steps) = (1, 9);
    assert_eq!(checkpoint(&settings), single);

    // The bound decides among all three, however long the trials that order them.
    settings.training.finalists = 3;
    let whole = checkpoint(&settings);
    settings.training.restart_steps = 8;
    assert_eq!(checkpoint(&settings), whole);
    let mut alone = Vec::new();
    let data = Splits::make(&settings).unwrap();
    let pool = Pool::new(1).unwrap();
    for start in 0..3 {
        let mut trainer = Trainer::new(&settings, &data.train, start).unwrap();
        for _ in 0..9 {
            trainer.step(&data.train, &pool).unwrap();
        }
        let (held, steps) = (&data.validation, settings.data.steps);
        let model = trainer.evaluated_model();
        let inferred = infer(&model, held, steps, Draw::Sample(1), &pool);
        let bound = inferred.log_lik.sum() - inferred.kl.sum();
        while !trainer.is_done() {
            trainer.step(&data.train, &pool).unwrap();
        }
        alone.push((bound, trainer.model().to_flat()));
    }
    alone.sort_by(|a, b| b.0.total_cmp(&a.0));
    assert!(alone[0].1 != alone[1].1);
    let folder = tempfile::tempdir().unwrap();
    finish(&settings, folder.path(), false);
    let file = RunFolder::open(folder.path()).unwrap().checkpoint().unwrap();
    assert_eq!(file.values, alone[0].1);

    // Stopped among finalists, the run begins again.
    let stopped = tempfile::tempdir().unwrap();
    let outcome = run(&settings, stopped.path(), (false, 1), &mut Stop::after(25)).unwrap();
    assert!(matches!(outcome, Outcome::Stopped(0)), "{outcome:?}");
    finish(&settings, stopped.path(), true);
    assert_eq!(files(stopped.path()), files(folder.path()));
}

#[test]
fn many_interruptions_are_as_good_as_none() {
    let settings = settings();
    let (whole, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    finish(&settings, whole.path(), false);
    for step in 1..STEPS {
        let outcome = run(&settings, folder.path(), (step > 1, 1), &mut Stop::after(1)).unwrap();
        // The observer counts from the run's beginning: one update further each time.
        assert!(matches!(outcome, Outcome::Stopped(now) if now == step), "{outcome:?}");
    }
    finish(&settings, folder.path(), true);
    assert_eq!(files(folder.path()), files(whole.path()));
}

/// Records that a crash left behind the newest checkpoint are written again, not twice.
#[test]
fn records_after_the_checkpoint_are_dropped() {
    let settings = settings();
    let (whole, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    finish(&settings, whole.path(), false);
    run(&settings, folder.path(), (false, 1), &mut Stop::after(6)).unwrap();
    let metrics = folder.path().join("metrics.jsonl");
    let all = fs::read_to_string(whole.path().join("metrics.jsonl")).unwrap();
    let lines: Vec<&str> = all.lines().collect();
    // Two records too many, the second one half written.
    let left = format!("{}\n{}\n{}", lines[0], lines[1], &lines[2][..40]);
    fs::write(&metrics, left).unwrap();
    let kept = RunFolder::open(folder.path()).unwrap();
    assert_eq!(kept.history().unwrap().len(), 2);
    finish(&settings, folder.path(), true);
    assert_eq!(files(folder.path()), files(whole.path()));
}

/// A figure that is not a number is written as null; such a run can still be continued and read.
#[test]
fn figures_that_are_not_numbers_survive() {
    let settings = settings();
    let folder = tempfile::tempdir().unwrap();
    run(&settings, folder.path(), (false, 1), &mut Stop::after(6)).unwrap();
    let kept = RunFolder::open(folder.path()).unwrap();
    let mut record = kept.history().unwrap().remove(0);
    record.validation_bound = f64::NAN;
    record.r2.insert("sin".into(), f64::NAN);
    record.step = 3;
    kept.append(&record).unwrap();
    let history = kept.history().unwrap();
    assert!(history[1].validation_bound.is_nan() && history[1].r2["sin"].is_nan());
    finish(&settings, folder.path(), true);
    assert_eq!(kept.history().unwrap().len(), 5);
}

#[test]
fn a_resumed_finished_run_only_evaluates() {
    let settings = settings();
    let folder = tempfile::tempdir().unwrap();
    finish(&settings, folder.path(), false);
    let before = files(folder.path());
    let mut watcher = Stop::default();
    run(&settings, folder.path(), (true, 1), &mut watcher).unwrap();
    assert_eq!(watcher.stats, []);
    assert_eq!(files(folder.path()), before);
}

#[test]
fn a_checkpoint_of_another_model_than_the_settings_describe_is_refused() {
    let base = settings();
    let folder = tempfile::tempdir().unwrap();
    run(&base, folder.path(), (false, 1), &mut Stop::after(2)).unwrap();
    let kept = RunFolder::open(folder.path()).unwrap();
    let changes: [fn(&mut dvbf::settings::Settings); 4] = [
        |s| s.model.hidden = 9,
        |s| s.training.average = 0.0,
        |s| s.seed = 99,
        |s| s.training.optimizer = dvbf::settings::OptimizerKind::Rmsprop,
    ];
    for change in changes {
        let mut settings = base.clone();
        change(&mut settings);
        kept.write("config.toml", settings.to_toml().as_bytes()).unwrap();
        let error = run(&base, folder.path(), (true, 1), &mut Stop::default()).unwrap_err();
        assert!(matches!(error, RunError::Folder(_)), "{error}");
        let message = error.to_string();
        assert!(
            message.contains("checkpoint.dvbf") && message.contains("config.toml"),
            "{message}"
        );
    }
    kept.write("config.toml", base.to_toml().as_bytes()).unwrap();
    finish(&base, folder.path(), true);
}
