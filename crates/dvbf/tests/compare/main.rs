//! Comparisons: rows that survive an interruption, budgets, files that belong to other settings.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf::compare::{
    CONTENDERS, CompareError, CompareOutcome, CompareRequest, Comparison, Contender, Row, Watcher,
    compare,
};
use dvbf::data::{RawRecordings, RawSequence, write_npz};
use dvbf::settings::{Settings, preset, usual_source};
use ndarray::Array2;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Small networks and recordings, few updates.
fn settings() -> Settings {
    let mut settings = preset("smoke").unwrap();
    let data = &mut settings.data;
    (data.train, data.validation, data.test) = (12, 8, 8);
    (data.steps, data.long_steps) = (6, 9);
    let model = &mut settings.model;
    (model.hidden, model.initial_frames) = (7, 2);
    model.transition = model.transition.clone().with("matrices", 3).with("hidden", 5);
    let training = &mut settings.training;
    (training.steps, training.batch, training.shard, training.window) = (6, 5, 2, 4);
    (training.restarts, training.restart_steps) = (2, 2);
    (training.log_interval, training.checkpoint_interval) = (3, 2);
    settings.evaluation.filtered = 3;
    settings.evaluation.horizons = vec![2, 6];
    settings.evaluation.chosen_by = 6;
    settings.evaluation.importance_samples = 2;
    settings
}

fn request(folder: &Path, contenders: &[Contender], seeds: u64) -> CompareRequest {
    let (settings, folder) = (settings(), folder.join("comparison"));
    CompareRequest { settings, seeds, contenders: contenders.to_vec(), folder, threads: 1 }
}

/// Notes what it hears and stops after so many updates.
#[derive(Default)]
struct Listener {
    stop_after: Option<u64>,
    heard: Cell<u64>,
    totals: BTreeMap<(Contender, u64), u64>,
    now: Option<(Contender, u64)>,
    finished: Vec<Row>,
}

impl Watcher for Listener {
    fn begin(&mut self, contender: Contender, seed: u64, _: usize, _: usize) {
        self.now = Some((contender, seed));
    }

    fn progress(&mut self, made: u64, of: u64) {
        assert!(made <= of);
        self.heard.set(self.heard.get() + 1);
        *self.totals.entry(self.now.unwrap()).or_default() += 1;
    }

    fn finished(&mut self, row: &Row) {
        self.finished.push(row.clone());
    }

    fn should_stop(&self) -> bool {
        self.stop_after.is_some_and(|after| self.heard.get() >= after)
    }
}

fn finish(request: &CompareRequest, listener: &mut Listener) -> Comparison {
    let CompareOutcome::Finished(comparison, written) = compare(request, listener).unwrap() else {
        panic!("it was stopped");
    };
    assert!(written.rows.exists() && written.page.exists());
    *comparison
}

/// Everything but times.
fn timeless(rows: &[Row]) -> Vec<Row> {
    let mut rows = rows.to_vec();
    for row in &mut rows {
        (row.figures.seconds, row.figures.step_micros) = (None, None);
    }
    rows.sort_by_key(|row| (row.contender, row.seed));
    rows
}

#[test]
fn everybody_has_a_row_a_seed_and_the_same_budget() {
    let folder = tempfile::tempdir().unwrap();
    let mut listener = Listener::default();
    let comparison = finish(&request(folder.path(), &CONTENDERS, 2), &mut listener);
    for contender in CONTENDERS {
        let seeds = comparison.rows.iter().filter(|row| row.contender == contender).count();
        assert_eq!(seeds, if contender.is_random() { 2 } else { 1 }, "{contender:?}");
    }
    // Six updates, and two for the initialization that was passed over; of a Deep Variational
    // Bayes Filter all trials are counted, and the chosen one goes on from its own.
    let learned = listener.totals.iter().filter(|((c, _), _)| {
        ![Contender::Dvbf, Contender::DvbfPlain, Contender::Physics].contains(c)
    });
    for ((contender, seed), updates) in learned {
        assert_eq!(*updates, 8, "{contender:?} {seed}");
    }
    assert_eq!(listener.totals[&(Contender::Dvbf, 0)], 4 + 4);
    for row in &comparison.rows {
        let figures = &row.figures;
        assert_eq!(figures.r2.len(), 3, "{row:?}");
        assert!(figures.step_micros.unwrap() > 0.0);
        let predicts = row.contender != Contender::Vae;
        assert_eq!(figures.open_loop.len(), if predicts { 2 } else { 0 }, "{row:?}");
        let generates = ![Contender::Recurrent, Contender::Physics].contains(&row.contender);
        assert_eq!(figures.bound.is_some(), generates, "{row:?}");
        assert_eq!(figures.weighted.is_some(), generates, "{row:?}");
        assert_eq!(figures.seconds.is_some(), row.contender != Contender::Physics);
    }
    let seeds: Vec<&Row> =
        comparison.rows.iter().filter(|row| row.contender == Contender::Vae).collect();
    assert_ne!(seeds[0].figures.r2, seeds[1].figures.r2, "a seed changes something");
    let page = fs::read_to_string(folder.path().join("comparison/compare.html")).unwrap();
    for contender in CONTENDERS {
        assert!(page.contains(contender.title()), "{contender:?}");
    }
    assert!(page.contains("0.035") && !page.contains("http://") && !page.contains("https://"));
}

#[test]
fn a_stopped_comparison_goes_on_and_ends_as_an_uninterrupted_one() {
    let contenders = [Contender::Vae, Contender::DeepKalman, Contender::Dvbf];
    let (whole, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let expected = finish(&request(whole.path(), &contenders, 2), &mut Listener::default());
    let request = request(cut.path(), &contenders, 2);
    let (mut stops, mut rows) = (0, 0);
    let found = loop {
        let mut listener = Listener { stop_after: Some(11), ..Listener::default() };
        match compare(&request, &mut listener).unwrap() {
            CompareOutcome::Finished(comparison, _) => break *comparison,
            CompareOutcome::Stopped(done, of) => {
                assert_eq!(of, 6);
                assert!(done >= rows, "a finished row was lost");
                let path = Comparison::path(&request.folder);
                if done > 0 {
                    let text = fs::read_to_string(path).unwrap();
                    let kept: Comparison = serde_json::from_str(&text).unwrap();
                    assert_eq!(kept.rows.len(), done);
                }
                rows = done;
                stops += 1;
                assert!(stops < 20, "no progress");
            }
        }
    };
    assert!(stops > 1);
    assert_eq!(timeless(&found.rows), timeless(&expected.rows));
}

#[test]
fn more_contenders_and_seeds_can_be_added_and_nothing_is_done_twice() {
    let folder = tempfile::tempdir().unwrap();
    let first = finish(&request(folder.path(), &[Contender::Vae], 1), &mut Listener::default());
    let mut listener = Listener::default();
    let contenders = [Contender::Vae, Contender::Recurrent];
    let second = finish(&request(folder.path(), &contenders, 2), &mut listener);
    assert_eq!(listener.finished.len(), 3);
    assert_eq!(second.rows.len(), 4);
    assert_eq!(second.row(Contender::Vae, 0), first.row(Contender::Vae, 0));
}

#[test]
fn other_settings_and_damaged_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let base = request(folder.path(), &[Contender::Vae], 1);
    finish(&base, &mut Listener::default());
    let mut other = base.clone();
    other.settings.training.steps = 7;
    let error = compare(&other, &mut Listener::default()).unwrap_err();
    assert!(matches!(error, CompareError::Other { .. }), "{error}");
    let path = Comparison::path(&base.folder);
    fs::write(&path, "{\"rows\": 3}").unwrap();
    let error = compare(&base, &mut Listener::default()).unwrap_err().to_string();
    assert!(error.contains("compare.json: it is no comparison"), "{error}");
    let mut impossible = base;
    impossible.settings.training.batch = 0;
    let error = compare(&impossible, &mut Listener::default()).unwrap_err().to_string();
    assert!(error.contains("training.batch"), "{error}");
}

#[test]
fn nobody_has_more_choices_than_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |change: &dyn Fn(&mut Settings)| {
        let mut request = request(&folder.path().join("c"), &[Contender::Vae], 1);
        change(&mut request.settings);
        compare(&request, &mut Listener::default()).unwrap_err().to_string()
    };
    let finalists = refused(&|s| s.training.finalists = 2);
    assert!(finalists.contains("training.finalists: has to be 1"), "{finalists}");
    let warmup = refused(&|s| s.training.warmup.from = 0.5);
    assert!(warmup.contains("training.warmup: has to be constant"), "{warmup}");
}

#[test]
fn recordings_with_gaps_or_ends_of_their_own_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let sequence = |length: usize, gap: bool| RawSequence {
        name: String::new(),
        observations: Array2::from_shape_fn((length, 3), |(t, i)| {
            if gap && t == 2 { f32::NAN } else { ((3 * t + i) % 7) as f32 }
        }),
        controls: Array2::zeros((length, 1)),
        intervals: None,
        states: None,
        part: None,
    };
    let recordings = |lengths: &[usize], gap| RawRecordings {
        sequences: lengths.iter().map(|&length| sequence(length, gap)).collect(),
        observation_names: ["a", "b", "c"].map(str::to_owned).to_vec(),
        control_names: vec!["u".into()],
        state_names: Vec::new(),
        dt: None,
        image: None,
        colors: 1,
        ignored: Vec::new(),
        remarks: Vec::new(),
        origins: dvbf::data::Origins::default(),
    };
    for (lengths, gap, words) in
        [(&[9; 60][..], true, "have gaps"), (&[9, 8].repeat(30), false, "differ in length")]
    {
        let file = folder.path().join("walk.npz");
        let recordings = recordings(lengths, gap);
        write_npz(&file, &recordings).unwrap();
        let mut settings = settings();
        (settings.data.steps, settings.data.long_steps) = (9, 9);
        let source = usual_source(&recordings, vec![file.display().to_string()]);
        (settings.system, settings.recordings) = (None, Some(source));
        settings.evaluation.horizons = vec![2, 5];
        settings.evaluation.chosen_by = 5;
        let request = CompareRequest { settings, ..request(folder.path(), &[Contender::Vae], 1) };
        let error = compare(&request, &mut Listener::default()).unwrap_err();
        assert!(matches!(error, CompareError::Incomplete { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        fs::remove_dir_all(folder.path().join("comparison")).ok();
    }
}
