//! What a run leaves in its folder.

use crate::tiny::{STEPS, Stop, files, finish, run, settings};
use dvbf::data::{Set, Supply};
use dvbf::eval::Summary;
use dvbf::run::RunFolder;
use dvbf::settings::Settings;
use dvbf_core::Filter;
use ndarray::Axis;
use serde_json::Value;
use std::fs;

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn the_summary_has_exactly_the_documented_keys() {
    let settings = settings();
    let folder = tempfile::tempdir().unwrap();
    let finished = finish(&settings, folder.path(), false);
    let text = fs::read_to_string(folder.path().join("summary.json")).unwrap();
    let tree: Value = serde_json::from_str(&text).unwrap();
    let documented = [
        "bound",
        "calibration",
        "kept",
        "latent_dim",
        "open_loop",
        "preset",
        "r2",
        "seconds",
        "seed",
        "steps",
        "threads",
    ];
    assert_eq!(keys(&tree), documented);
    let calibration = &tree["calibration"];
    assert_eq!(
        keys(calibration),
        [
            "log_likelihood",
            "log_likelihood_scaled",
            "nis",
            "pit",
            "pit_scaled",
            "scale",
            "test",
            "test_scaled",
            "validation"
        ]
    );
    assert_eq!(keys(&calibration["test"]), ["p50", "p90", "p99"]);
    // Whoever loads the model predicts with the fitted scale.
    let scale = calibration["scale"].as_f64().unwrap();
    let filter = Filter::load(folder.path().join("best.dvbf")).unwrap();
    assert!((filter.std_scale() - scale).abs() < 1e-12 * scale);
    assert_eq!(keys(&tree["r2"]), ["mean", "nonlinear", "sample"]);
    for readout in ["mean", "nonlinear", "sample"] {
        assert_eq!(keys(&tree["r2"][readout]), ["cos", "sin", "velocity"]);
    }
    assert_eq!(keys(&tree["bound"]), ["iwae64", "kl", "reconstruction", "total"]);
    assert_eq!(keys(&tree["open_loop"]), ["2", "6"]);
    for horizon in ["2", "6"] {
        let row = &tree["open_loop"][horizon];
        assert_eq!(keys(row), ["mean_image", "model", "persistence", "physics"]);
        assert!(row.as_object().unwrap().values().all(|v| v.as_f64().unwrap() > 0.0));
    }
    assert_eq!(tree["preset"], "smoke");
    assert_eq!((&tree["seed"], &tree["steps"]), (&Value::from(3), &Value::from(STEPS)));
    assert_eq!((&tree["threads"], &tree["latent_dim"]), (&Value::from(2), &Value::from(3)));
    let bound = &finished.summary.bound;
    assert!((bound.total - (bound.reconstruction - bound.kl)).abs() < 1e-9 * bound.total.abs());
    assert!(bound.kl > 0.0);
    let read: Summary = serde_json::from_str(&text).unwrap();
    assert_eq!(read.open_loop, finished.summary.open_loop);
}

/// What the model believes of recordings that it has not seen lies in the range of its file.
#[test]
fn the_model_file_knows_the_range_of_its_states() {
    let settings = settings();
    let folder = tempfile::tempdir().unwrap();
    finish(&settings, folder.path(), false);
    let mut filter = Filter::load(folder.path().join("best.dvbf")).unwrap();
    let range = filter.range().expect("a finished run writes it").clone();
    let supply = Supply::open(&settings).unwrap();
    let test = supply.sequences(Set::Test).all();
    let (mut inside, mut all, mut departure) = (0, 0, [0.0]);
    for (frames, controls) in test.observations.outer_iter().zip(test.controls.outer_iter()) {
        filter.reset();
        for (t, frame) in frames.outer_iter().enumerate() {
            let control = controls.row(t.saturating_sub(1)).to_vec();
            let belief = filter.step(Some(&frame.to_vec()), &control, filter.dt()).unwrap();
            if belief.started {
                let state = belief.state.view().insert_axis(Axis(0));
                range.departures(state, &mut departure);
                inside += usize::from(departure[0] <= 0.0);
                all += 1;
                assert!(departure[0] < 1.0, "{departure:?} of {state}");
            }
        }
    }
    assert!(20 * inside > 19 * all && all > 100, "{inside} of {all} are inside");
    for j in 0..range.features() {
        let (low, high) = range.limits(j);
        assert!(high - low < 50.0 * (range.quantiles()[[6, j]] - range.quantiles()[[4, j]]));
    }
}

#[test]
fn without_importance_samples_their_bound_is_null() {
    let mut settings = settings();
    settings.evaluation.importance_samples = 0;
    let folder = tempfile::tempdir().unwrap();
    finish(&settings, folder.path(), false);
    assert_eq!(files(folder.path()).summary["bound"]["iwae64"], Value::Null);
}

#[test]
fn the_settings_are_kept_resolved() {
    let settings = settings();
    let folder = tempfile::tempdir().unwrap();
    run(&settings, folder.path(), (false, 1), &mut Stop::after(1)).unwrap();
    let text = fs::read_to_string(folder.path().join("config.toml")).unwrap();
    assert_eq!(Settings::from_toml(&text).unwrap(), settings);
    assert_eq!(RunFolder::open(folder.path()).unwrap().settings().unwrap(), settings);
}

/// The best model is the one with the lowest open-loop error on the validation set, and the
/// checkpoint the newest: they part when training makes things worse.
#[test]
fn the_best_model_is_kept_apart_from_the_newest() {
    let mut settings = settings();
    settings.training.average = 0.0;
    settings.training.log_interval = 1;
    settings.training.learning_rate = dvbf::schedule::Ramp {
        from: 1e-4,
        to: 2.0,
        start: 0.3,
        end: 0.7,
        shape: dvbf::schedule::Shape::Geometric,
    };
    let folder = tempfile::tempdir().unwrap();
    let mut watcher = Stop::default();
    run(&settings, folder.path(), (false, 2), &mut watcher).unwrap();
    let best = watcher.records.iter().min_by(|a, b| a.open_loop.total_cmp(&b.open_loop)).unwrap();
    assert!(best.step < STEPS, "the last updates are destructive: {:?}", best.step);
    let kept = RunFolder::open(folder.path()).unwrap();
    let stopped = tempfile::tempdir().unwrap();
    run(&settings, stopped.path(), (false, 1), &mut Stop::after(best.step)).unwrap();
    let then = RunFolder::open(stopped.path()).unwrap().checkpoint().unwrap();
    assert_eq!(kept.best().unwrap().values, then.values);
    assert_ne!(kept.checkpoint().unwrap().values, then.values);
}
