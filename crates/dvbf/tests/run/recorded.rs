//! Runs on recordings from files.

use crate::tiny;
use dvbf::data::{
    Dataset, Part, RawRecordings, RawSequence, Splits, read_npz, write_npz, write_tables,
};
use dvbf::pool::Pool;
use dvbf::run::RunFolder;
use dvbf::settings::{Settings, preset_for, usual_source};
use dvbf::train::Trainer;
use dvbf_core::{Filter, FilterOptions, KindTable, ModelFile, Noise, Params};
use ndarray::{Array2, Array3, s};
use std::fs;
use std::path::Path;

/// Sequences of a damped oscillation under a force, with gaps.
pub(crate) fn oscillation(lengths: &[usize]) -> RawRecordings {
    let sequence = |(n, &steps): (usize, &usize)| {
        let mut noise = vec![0.0_f32; 5 * steps + 2];
        Noise::new(9, n as u64).normal(&mut noise);
        let (mut position, mut speed) = (noise[0], noise[1]);
        let mut observations = Array2::zeros((steps, 2));
        let mut states = Array2::zeros((steps, 2));
        let controls = Array2::from_shape_fn((steps, 1), |(t, _)| noise[2 + 5 * t]);
        for t in 0..steps {
            let e = &noise[3 + 5 * t..];
            states.row_mut(t).assign(&ndarray::arr1(&[position, speed]));
            observations[[t, 0]] = if e[2] > 1.2 { f32::NAN } else { position + 0.05 * e[0] };
            observations[[t, 1]] = position - speed + 0.05 * e[1];
            speed += 0.1 * (-3.0 * position - 0.3 * speed + controls[[t, 0]]);
            position += 0.1 * speed;
        }
        RawSequence {
            name: format!("sequence {n}"),
            observations,
            controls,
            intervals: None,
            states: Some(states),
            part: None,
        }
    };
    RawRecordings {
        sequences: lengths.iter().enumerate().map(sequence).collect(),
        observation_names: vec!["position".into(), "mixed".into()],
        control_names: vec!["force".into()],
        state_names: vec!["position".into(), "speed".into()],
        dt: Some(0.1),
        image: None,
        colors: 1,
        ignored: Vec::new(),
        remarks: Vec::new(),
        origins: dvbf::data::Origins::default(),
    }
}

/// Settings for them that take a moment.
pub(crate) fn settings(recordings: &RawRecordings, file: &Path) -> Settings {
    let source = usual_source(recordings, vec![file.display().to_string()]);
    let mut settings = preset_for("auto", recordings, source, &[]).unwrap();
    let model = &mut settings.model;
    model.hidden = 7;
    model.transition = KindTable::new("locally-linear").with("matrices", 3).with("hidden", 5);
    let training = &mut settings.training;
    training.linear_start = false;
    (training.steps, training.restarts, training.log_interval) = (12, 1, 6);
    training.average = 0.5;
    settings.evaluation.importance_samples = 2;
    settings
}

/// The first candidate is the linear model, and a run that was stopped goes on as if it had not been.
#[test]
fn training_starts_from_the_best_linear_model() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("walk.npz");
    let recordings = oscillation(&[60; 12]);
    write_npz(&file, &recordings).unwrap();
    let source = usual_source(&recordings, vec![file.display().to_string()]);
    let mut settings = preset_for("auto", &recordings, source, &[]).unwrap();
    assert!(settings.training.linear_start);
    let training = &mut settings.training;
    (training.steps, training.log_interval, training.checkpoint_interval) = (12, 6, 6);
    settings.evaluation.importance_samples = 2;
    let run = folder.path().join("run");
    let finished = tiny::finish(&settings, &run, false);
    let history = finished.folder.history().unwrap();
    assert_eq!(history.iter().map(|record| record.step).collect::<Vec<_>>(), [0, 6, 12]);
    assert!(history[0].kept);
    let ratios: Vec<usize> = history[0].linear_ratio.keys().copied().collect();
    assert_eq!(ratios, settings.evaluation.horizons);
    assert!(history[0].linear_ratio.values().all(|ratio| *ratio < 3.0), "{:?}", history[0]);
    assert!(finished.summary.kept.is_some());

    let stopped = folder.path().join("stopped");
    tiny::run(&settings, &stopped, (false, 1), &mut tiny::Stop::after(8)).unwrap();
    let again = tiny::finish(&settings, &stopped, true);
    let model = |run: &Path| RunFolder::open(run).unwrap().best().unwrap().values;
    assert_eq!(model(&stopped), model(&run));
    assert_eq!(again.summary.kept, finished.summary.kept);
}

/// A pendulum that torques push over the top: its angle is found, and what is kept before training is the model of
/// its changes; a run that was stopped goes on as if it had not been.
#[test]
fn an_angle_is_a_component_of_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("turns.npz");
    let mut recordings = oscillation(&[80; 40]);
    for (n, sequence) in recordings.sequences.iter_mut().enumerate() {
        let mut noise = vec![0.0_f64; 82];
        Noise::new(5, n as u64).normal(&mut noise);
        let (mut angle, mut velocity, mut torque) = (3.0 * noise[80], 4.0 * noise[81], 0.0);
        sequence.observations = Array2::zeros((80, 1));
        sequence.states = None;
        for (t, noise) in noise.iter().take(80).enumerate() {
            torque = 0.9 * torque + 3.0 * noise;
            sequence.controls[[t, 0]] = dvbf::data::narrow(torque);
            sequence.observations[[t, 0]] = dvbf::data::narrow(angle);
            for _ in 0..50 {
                velocity += 0.001 * (torque - 0.3 * velocity - 9.81 * angle.sin());
                angle += 0.001 * velocity;
            }
        }
    }
    recordings.observation_names = vec!["angle".into()];
    recordings.state_names = Vec::new();
    recordings.dt = Some(0.05);
    write_npz(&file, &recordings).unwrap();
    let source = usual_source(&recordings, vec![file.display().to_string()]);
    let mut settings = preset_for("auto", &recordings, source.clone(), &[]).unwrap();
    let angles = &settings.recordings.as_ref().unwrap().angles;
    assert_eq!(angles.iter().next(), Some((&"angle".to_owned(), &std::f64::consts::TAU)));
    assert_eq!(
        (settings.model.state, &settings.model.transition.settings["angles"]),
        (7, &1.into())
    );
    let training = &mut settings.training;
    (training.steps, training.log_interval, training.checkpoint_interval) = (8, 4, 4);
    settings.evaluation.importance_samples = 2;
    let run = folder.path().join("run");
    let finished = tiny::finish(&settings, &run, false);
    let history = finished.folder.history().unwrap();
    assert_eq!(history.iter().map(|record| record.step).collect::<Vec<_>>(), [0, 0, 4, 8]);
    // However often it has turned, an angle is plausible; a torque is not.
    let bounds = finished.folder.best().unwrap().bounds.unwrap();
    assert!(bounds.observation[0].is_none() && bounds.control[0].is_some(), "{bounds:?}");
    let ratio = |i: usize| history[i].linear_ratio[&20];
    assert!(ratio(0) < 0.1 && ratio(1) > 0.5, "{} {}", ratio(0), ratio(1));
    let stopped = folder.path().join("stopped");
    tiny::run(&settings, &stopped, (false, 1), &mut tiny::Stop::after(5)).unwrap();
    tiny::finish(&settings, &stopped, true);
    let model = |run: &Path| RunFolder::open(run).unwrap().best().unwrap().values;
    assert_eq!(model(&stopped), model(&run));
    // Whoever says that there is none has none.
    let none = preset_for("auto", &recordings, source, &["recordings.angles={}".into()]).unwrap();
    assert_eq!((none.model.state, none.recordings.unwrap().angles.len()), (6, 0));
}

#[test]
fn what_the_trainer_uses_can_be_written_and_gives_the_same_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let built_in = tiny::settings();
    tiny::finish(&built_in, &at("built-in"), false);
    let splits = Splits::make(&built_in).unwrap();
    let exported = RawRecordings::exported(&splits);

    write_npz(&at("p.npz"), &exported).unwrap();
    write_tables(&at("tables"), &exported).unwrap();
    for (name, given) in [("npz", at("p.npz")), ("csv", at("tables"))] {
        let mut settings = Settings { system: None, ..built_in.clone() };
        let mut source = usual_source(&exported, vec![given.display().to_string()]);
        source.normalize = false;
        source.checksum = 0;
        settings.recordings = Some(source);
        let mut read = Splits::make(&settings).unwrap();
        (read.notes, read.train.names) = (None, Vec::new());
        assert_eq!(read.train.observations, splits.train.observations);
        assert_eq!(read.validation.observations, splits.validation.observations);
        assert_eq!(read.test_long.states, splits.test_long.states);
        tiny::finish(&settings, &at(name), false);
        let (a, b) = (tiny::files(&at("built-in")), tiny::files(&at(name)));
        if name == "npz" {
            assert!(a.best == b.best && a.checkpoint == b.checkpoint, "to the last bit");
        }
        // Columns of tables have names, and are no images; all else is the same.
        let model = |run: &str| ModelFile::read(&at(run).join("best.dvbf")).unwrap();
        assert_eq!(
            ModelFile { layout: None, ..model(name) },
            ModelFile { layout: None, ..model("built-in") }
        );
        assert_eq!(a.summary["r2"], b.summary["r2"]);
        assert_eq!(a.metrics, b.metrics);
    }
}

#[test]
fn vectors_with_gaps_and_different_lengths_make_a_run_with_everything() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("walk.npz");
    let lengths: Vec<usize> = (0..14).map(|n| 30 + 5 * n).collect();
    let mut recordings = oscillation(&lengths);
    write_npz(&file, &recordings).unwrap();
    let with_state = settings(&recordings, &file);
    let run = folder.path().join("run");
    let finished = tiny::finish(&with_state, &run, false);
    assert!(finished.summary.r2.sample["speed"].is_finite());
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(
        page.contains("id=\"sequences\"") && page.contains("Whole sequences divided at random")
    );
    assert!(!page.contains("id=\"films\""), "there are no images");

    // Without a true state there is no regression, and nothing else is missing.
    recordings.state_names.clear();
    recordings.sequences.iter_mut().for_each(|s| s.states = None);
    write_npz(&file, &recordings).unwrap();
    let without = settings(&recordings, &file);
    let blind = folder.path().join("blind");
    let finished = tiny::finish(&without, &blind, false);
    assert!(finished.summary.r2.sample.is_empty());
    let rows = &finished.summary.open_loop;
    assert!(rows.values().all(|row| row.physics.is_none() && row.model.is_finite()));
    assert!(rows.values().all(|row| row.linear.unwrap() < row.mean_image), "{rows:?}");
    assert!(rows.values().all(|row| row.kalman.unwrap() < row.mean_image), "{rows:?}");
    let page = fs::read_to_string(blind.join("report.html")).unwrap();
    assert!(!page.contains("id=\"r2\"") && page.contains("Colored by step"));
    // The state serves evaluation only.
    let model = |run: &Path| ModelFile::read(&run.join("best.dvbf")).unwrap().values;
    assert_eq!(model(&run), model(&blind));
}

#[test]
fn the_file_of_a_run_filters_in_the_units_of_the_recordings() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("walk.npz");
    let mut recordings = oscillation(&[40; 8]);
    for sequence in &mut recordings.sequences {
        sequence.observations.mapv_inplace(|x| 1000.0 + 20.0 * x);
        sequence.controls.mapv_inplace(|u| -5.0 + 0.01 * u);
    }
    write_npz(&file, &recordings).unwrap();
    // Read back, for the numbers far from zero have an origin then.
    let settings = settings(&read_npz(&file).unwrap(), &file);
    let run = folder.path().join("run");
    tiny::finish(&settings, &run, false);
    let splits = Splits::make(&settings).unwrap();
    let x = &splits.train.observations;
    let mean = x.sum() / x.len() as f32;
    assert!(mean.abs() < 0.2 && x.iter().all(|v| v.abs() < 6.0), "brought to one scale: {mean}");

    let path = run.join("best.dvbf");
    let load = || Filter::load(&path).unwrap().with_options(FilterOptions::MEAN_PATH).unwrap();
    let mut raw = load();
    let (units, dt) = (raw.units().cloned().unwrap(), raw.dt());
    assert!((dt - 0.1).abs() < 1e-9);
    let mut plain = load().with_units(None);
    let sequence = &recordings.sequences[0];
    for t in 0..20 {
        let observation = sequence.observations.row(t).to_vec();
        let control = sequence.controls.row(t.saturating_sub(1)).to_vec();
        let (mut x, mut u) = (observation.clone(), control.clone());
        units.observation.normalize(&mut x);
        units.control.normalize(&mut u);
        let a = raw.step(Some(&observation), &control, dt).unwrap().clone();
        let b = plain.step(Some(&x), &u, dt).unwrap().clone();
        assert_eq!(a, b);
        units.observation.restore(&mut x);
        for (x, observed) in x.iter().zip(&observation) {
            assert!(x.is_nan() && observed.is_nan() || (x - observed).abs() < 1e-3, "{x}");
        }
    }
}

#[test]
fn what_is_masked_changes_nothing_and_padding_neither() {
    let recordings = oscillation(&[30; 9]);
    let settings = settings(&recordings, Path::new("walk.npz"));
    let splits = Splits::recorded(&recordings, &settings).unwrap();
    let pool = Pool::new(1).unwrap();
    let trained = |data: &Dataset| {
        let mut trainer = Trainer::new(&settings, data, 0).unwrap();
        for _ in 0..5 {
            assert!(trainer.step(data, &pool).unwrap().applied);
        }
        trainer.model().to_flat()
    };
    let plain = trained(&splits.train);
    let mut garbage = splits.train.clone();
    let mask = garbage.mask.clone().expect("there are gaps");
    assert!(mask.iter().any(|&m| m < 0.5) && mask.iter().any(|&m| m > 0.5));
    for (value, seen) in garbage.observations.iter_mut().zip(&mask) {
        if *seen < 0.5 {
            *value = f32::NAN;
        }
    }
    assert_eq!(trained(&garbage), plain);

    // Longer arrays with garbage behind the ends give the same windows.
    let (count, steps, x) = splits.train.observations.dim();
    let longer = |values: &Array3<f32>, fill: f32| {
        let mut out = Array3::from_elem((count, steps + 7, values.dim().2), fill);
        out.slice_mut(s![.., ..steps, ..]).assign(values);
        out
    };
    let mut padded = splits.train.clone();
    padded.observations = longer(&splits.train.observations, 1e9);
    padded.controls = longer(&splits.train.controls, 0.0);
    padded.mask = Some(longer(&mask, 0.0));
    assert_eq!(trained(&padded), plain);
    assert_eq!(x, 2);
}

#[test]
fn one_long_recording_is_cut_in_time_and_short_ones_are_refused() {
    let one = oscillation(&[400]);
    let settings = settings(&one, Path::new("walk.npz"));
    let splits = Splits::recorded(&one, &settings).unwrap();
    let notes = splits.notes.unwrap().join("\n");
    assert!(notes.contains("cut in time") && notes.contains("no step is in two parts"), "{notes}");
    assert!(splits.train.lengths.len() > 5 && splits.test_long.lengths == [80]);
    for lengths in [&[2; 30][..], &[1, 1, 1], &[6]] {
        let short = oscillation(lengths);
        let source = usual_source(&short, vec!["walk.npz".into()]);
        let error = preset_for("auto", &short, source, &[]).unwrap_err().to_string();
        assert!(error.contains("too short") || error.contains("leave nothing"), "{error}");
    }
    // What is short but long enough is learned from.
    let short = oscillation(&[6; 20]);
    let small = self::settings(&short, Path::new("walk.npz"));
    assert!(Splits::recorded(&short, &small).is_ok());
}

#[test]
fn steps_of_different_seconds_are_one_more_control() {
    let mut recordings = oscillation(&[30; 6]);
    recordings.dt = None;
    for sequence in &mut recordings.sequences {
        sequence.intervals = Some((0..30).map(|t| 0.1 + 0.01 * (t % 5) as f32).collect());
    }
    let settings = settings(&recordings, Path::new("walk.npz"));
    let splits = Splits::recorded(&recordings, &settings).unwrap();
    assert_eq!(splits.train.controls.dim().2, 2);
    let last = splits.train.controls.slice(s![.., .., 1]);
    assert!(last.iter().any(|v| *v > 1.0) && last.iter().any(|v| *v < -1.0));
}

#[test]
fn a_run_goes_on_with_its_own_recordings_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("walk.npz");
    let recordings = oscillation(&[40; 8]);
    write_npz(&file, &recordings).unwrap();
    let settings = settings(&recordings, &file);
    let run = folder.path().join("run");
    tiny::run(&settings, &run, (false, 1), &mut tiny::Stop::after(7)).unwrap();
    let whole = folder.path().join("whole");
    tiny::finish(&settings, &whole, false);

    let mut changed = recordings.clone();
    changed.sequences[3].controls[[5, 0]] += 1.0;
    write_npz(&file, &changed).unwrap();
    let mut observer = tiny::Stop::default();
    let error = tiny::run(&settings, &run, (true, 1), &mut observer).unwrap_err().to_string();
    assert!(error.contains("walk.npz") && error.contains("checksum"), "{error}");
    write_npz(&file, &recordings).unwrap();
    tiny::finish(&settings, &run, true);
    assert_eq!(tiny::files(&run).best, tiny::files(&whole).best);
    assert_eq!(read_npz(&file).unwrap().checksum(), recordings.checksum());
}

#[test]
fn parts_that_the_files_name_are_kept() {
    let mut recordings = oscillation(&[30; 12]);
    for (n, sequence) in recordings.sequences.iter_mut().enumerate() {
        sequence.part = Some(match n {
            0 => Part::Test,
            1 | 2 => Part::Validation,
            _ => Part::Train,
        });
    }
    let settings = settings(&recordings, Path::new("walk.npz"));
    let splits = Splits::recorded(&recordings, &settings).unwrap();
    assert_eq!(splits.test_long.lengths.len(), 1);
    assert_eq!(splits.validation_long.lengths.len(), 2);
    let units = splits.test.units.as_ref().unwrap();
    let mut first = recordings.sequences[0].observations.row(0).to_vec();
    units.observation.normalize(&mut first);
    assert!((splits.test.observations[[0, 0, 1]] - first[1]).abs() < 1e-6);
}
