//! Recordings from files with settings and places that somebody chose.

use crate::recorded::{oscillation, settings};
use crate::tiny;
use dvbf::data::{Splits, write_npz};
use dvbf::settings::{Settings, preset_for, usual_source};
use ndarray::{Array2, s};
use serde_json::json;
use std::path::Path;

#[test]
fn chosen_settings_decide_what_follows_from_them() {
    let recordings = oscillation(&[150; 12]);
    let with = |overrides: &[&str]| {
        let source = usual_source(&recordings, vec!["walk.npz".into()]);
        let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
        preset_for("auto", &recordings, source, &overrides)
    };
    let plain = with(&[]).unwrap();
    assert_eq!((plain.data.steps, plain.model.state, plain.model.noise), (48, 8, 8));
    // A state of another size is one of the noise and of what the emission sees.
    let small = with(&["model.state=3"]).unwrap();
    small.validate().unwrap();
    let sizes = |s: &Settings| (s.model.state, s.model.noise, s.model.emission_state());
    assert_eq!(sizes(&small), (3, 3, 3));
    let own = with(&["model.emission_state=2", "model.state=5"]).unwrap();
    assert_eq!(sizes(&own), (5, 5, 2));
    // Segments have two windows, and there are as many as cover the recordings.
    let long = with(&["training.window=70"]).unwrap();
    long.validate().unwrap();
    assert_eq!((long.training.window, long.data.steps), (70, 140));
    assert_eq!(long.data.train, 16, "of 8 sequences, steps 0 to 139 and 70 to 149");
    let tight = with(&["data.steps=30"]).unwrap();
    let splits = Splits::recorded(&recordings, &tight).unwrap();
    // A window has 30 − 24 + 1 places in a segment and 150 − 24 + 1 in each of 8 sequences.
    assert_eq!(splits.train.lengths.len(), 8 * 127_usize.div_ceil(7));
    let few = with(&["data.train=10"]).unwrap();
    let notes = Splits::recorded(&recordings, &few).unwrap().notes.unwrap().join("\n");
    assert!(notes.contains("10 of ") && notes.contains("data.train"), "{notes}");
    for (overrides, words) in [
        (&["training.window=200"][..], "the longest training sequence of the recordings has 150"),
        (&["evaluation.horizons=[1, 200]"], "more than the 100 that validation and test"),
        (&["recordings.held_out=0.9"], "recordings.held_out"),
        (&["training.windw=3"], "did you mean training.window"),
    ] {
        let error = with(overrides).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let cut = with(&["recordings.division=time"]).unwrap();
    assert!(Splits::recorded(&recordings, &cut).is_ok());
}

/// Planes of color are a property of the images: their parts see three planes, and no tall gray picture.
#[test]
fn images_in_color_are_seen_in_color() {
    let mut recordings = oscillation(&[40; 9]);
    for sequence in &mut recordings.sequences {
        sequence.observations = Array2::from_elem((40, 3 * 24 * 16), 0.5);
        sequence.states = None;
    }
    recordings.state_names = Vec::new();
    (recordings.image, recordings.colors) = (Some((3 * 24, 16)), 3);
    recordings.observation_names = dvbf::data::numbered("x", 3 * 24 * 16);
    let source = usual_source(&recordings, vec!["films".into()]);
    let settings = preset_for("auto", &recordings, source, &[]).unwrap();
    settings.validate().unwrap();
    let Settings { model, .. } = &settings;
    for part in [&model.initial, &model.recognition, &model.emission] {
        let image = &part.settings["image"];
        assert_eq!(
            (&image["height"], &image["width"], &image["colors"]),
            (&json!(24), &json!(16), &json!(3))
        );
    }
    let notes = Splits::recorded(&recordings, &settings).unwrap().notes.unwrap().join("\n");
    assert!(notes.contains("images of 24 by 16 pixels in color"), "{notes}");
}

#[test]
fn nothing_to_judge_a_prediction_by_is_an_error() {
    let mut recordings = oscillation(&[60; 9]);
    for sequence in &mut recordings.sequences {
        sequence.observations.slice_mut(s![20.., ..]).fill(f32::NAN);
    }
    let settings = settings(&recordings, Path::new("walk.npz"));
    let error = Splits::recorded(&recordings, &settings).unwrap_err().to_string();
    assert!(
        error.contains("nothing is observed of the") && error.contains("validation"),
        "{error}"
    );
}

#[test]
fn recordings_are_found_where_they_were_or_where_somebody_says() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let recordings = oscillation(&[40; 8]);
    write_npz(Path::new(&at("walk.npz")), &recordings).unwrap();
    let mut settings = settings(&recordings, Path::new("not-in-this-folder-walk.npz"));
    settings.recordings.as_mut().unwrap().files = vec!["walk.npz".into()];
    let error = Splits::make(&settings).unwrap_err().to_string();
    assert!(error.contains("walk.npz") && error.contains("--data"), "{error}");
    assert!(error.contains("recordings.files"), "{error}");
    // The folder in which the name was given is remembered.
    settings.recordings.as_mut().unwrap().folder = Some(folder.path().display().to_string());
    assert_eq!(Settings::from_toml(&settings.to_toml()).unwrap(), settings);
    let there = Splits::make(&settings).unwrap();
    // Somebody says where they are now.
    std::fs::rename(at("walk.npz"), at("moved.npz")).unwrap();
    let error = Splits::make(&settings).unwrap_err().to_string();
    assert!(error.contains("walk.npz") && error.contains("--data"), "{error}");
    let moved = settings.clone().with_files(&[at("moved.npz")]).unwrap();
    assert_eq!(Splits::make(&moved).unwrap(), there);
    write_npz(Path::new(&at("other.npz")), &oscillation(&[41; 8])).unwrap();
    let error = settings.clone().with_files(&[at("other.npz")]).unwrap_err().to_string();
    assert!(error.contains("other.npz") && error.contains("checksum"), "{error}");
    let simulated = tiny::settings();
    let error = simulated.with_files(&[at("moved.npz")]).unwrap_err().to_string();
    assert!(error.contains("reads no recordings"), "{error}");
}

#[test]
fn a_run_without_angles_has_a_neutral_picture_and_known_figures() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("walk.npz");
    let mut recordings = oscillation(&[40; 8]);
    for sequence in &mut recordings.sequences {
        sequence.states = None;
    }
    recordings.state_names.clear();
    write_npz(&file, &recordings).unwrap();
    let settings = settings(&recordings, &file);
    let run = folder.path().join("run");
    let finished = tiny::finish(&settings, &run, false);
    let written = finished.report.as_ref().unwrap();
    assert_eq!(written.picture, run.join("latent.svg"));
    assert!(run.join("latent.svg").exists() && !run.join("barrel.svg").exists());
    let figures = numbers("", &serde_json::to_value(&finished.summary).unwrap());
    let mut names = dvbf::eval::figure_names(&settings, Some(&[]));
    names.sort();
    assert_eq!(names, figures);
}

/// Dotted names of all numbers of a tree, in order; without those in lists.
fn numbers(name: &str, tree: &serde_json::Value) -> Vec<String> {
    let mut out: Vec<String> = match tree {
        serde_json::Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| {
                numbers(&if name.is_empty() { key.clone() } else { format!("{name}.{key}") }, value)
            })
            .collect(),
        serde_json::Value::Number(_) => vec![name.to_owned()],
        _ => Vec::new(),
    };
    out.sort();
    out
}
