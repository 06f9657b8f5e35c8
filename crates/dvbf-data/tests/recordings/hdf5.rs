//! HDF5: layouts of Minari and robomimic, MATLAB v7.3, and plain arrays.

use crate::fixtures::{actions, fixture, hdf5, observations, survives};
use dvbf_data::{Columns, Frames, Part, RawRecordings, Reading, read_files, read_hdf5_from};
use std::fs;
use std::path::Path;

fn read(name: &str) -> Result<RawRecordings, String> {
    let matlab = Path::new(name).extension().is_some_and(|e| e == "mat");
    let bytes = if matlab { fs::read(fixture(name)).unwrap() } else { hdf5(name) };
    read_hdf5_from(bytes, Path::new(name)).map_err(|e| e.to_string())
}

fn chosen(name: &str, columns: &Columns) -> Result<RawRecordings, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, hdf5(name)).unwrap();
    read_files(&[path], columns, &Frames::default()).map_err(|e| e.to_string())
}

#[track_caller]
fn same(read: &RawRecordings, n: usize, episode: usize, steps: usize, acted: usize) {
    let sequence = &read.sequences[n];
    let rows: Vec<[f32; 2]> =
        sequence.observations.rows().into_iter().map(|row| [row[0], row[1]]).collect();
    assert_eq!(rows, observations(episode, steps));
    assert_eq!(sequence.controls.column(0).to_vec()[..acted], actions(episode, acted));
    assert_eq!(sequence.controls.nrows(), steps);
}

#[test]
fn minari_has_an_observation_more_than_actions() {
    let read = read("minari.hdf5").unwrap();
    assert_eq!(read.observation_names, ["observations.0", "observations.1"]);
    assert_eq!(read.control_names, ["actions"]);
    assert_eq!(read.ignored, ["rewards", "terminations", "truncations"]);
    assert_eq!((read.sequences.len(), read.dt, read.is_irregular()), (2, None, false));
    same(&read, 0, 0, 6, 5);
    same(&read, 1, 1, 7, 6);
    assert_eq!(read.sequences[1].name, "minari.hdf5, episode_1");
    // The action that nobody took is not read.
    assert!(read.sequences[0].controls[(5, 0)].abs() < 1e-9);
}

#[test]
fn a_folder_of_minari_means_its_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("data/main_data.hdf5"), hdf5("minari.hdf5")).unwrap();
    let files = vec![folder.path().display().to_string()];
    let read = Reading { files, ..Reading::default() }.read().unwrap();
    assert_eq!(read.steps(), 13);
}

#[test]
fn robomimic_has_demonstrations_and_lists_of_parts() {
    let all = read("robomimic.hdf5").unwrap();
    assert_eq!(all.observation_names, ["obs.eef_pos.0", "obs.eef_pos.1", "obs.grip"]);
    assert_eq!(all.control_names, ["actions"]);
    for n in 0..3 {
        same(&all, n, n, 4 + n, 4 + n);
    }
    let parts: Vec<_> = all.sequences.iter().map(|s| s.part).collect();
    assert_eq!(parts, [None, Some(Part::Validation), None], "the rest is divided");
    let columns = Columns {
        observe: vec!["obs.grip".into()],
        control: vec!["actions".into()],
        ..Columns::default()
    };
    let some = chosen("robomimic.hdf5", &columns).unwrap();
    assert_eq!((some.observation_names.len(), some.control_names.len()), (1, 1));
    let columns = Columns { observe: vec!["obs.view_image".into()], ..Columns::default() };
    let error = chosen("robomimic.hdf5", &columns).unwrap_err();
    assert!(error.contains("obs.view_image has shape [4, 12, 12, 3]"), "{error}");
    let columns = Columns { observe: vec!["obs.gone".into()], ..Columns::default() };
    assert!(chosen("robomimic.hdf5", &columns).unwrap_err().contains("obs.gone"));
}

#[test]
fn arrays_of_equally_many_rows_are_columns() {
    let error = read("log.h5").unwrap_err();
    assert!(error.contains("log.h5: column") && error.contains("--observe"), "{error}");
    let columns = Columns {
        observe: vec!["sensors.angle".into(), "sensors.pair".into()],
        control: vec!["torque".into()],
        ..Columns::default()
    };
    let read = chosen("log.h5", &columns).unwrap();
    assert_eq!(read.observation_names, ["sensors.angle", "sensors.pair.0", "sensors.pair.1"]);
    assert_eq!((read.steps(), read.dt), (7, Some(0.05)));
    for (t, row) in read.sequences[0].observations.rows().into_iter().enumerate() {
        let t = t as f64;
        assert!((f64::from(row[0]) - t.sin()).abs() < 1e-6);
        assert!((f64::from(row[1]) - t).abs() < 1e-6 && (f64::from(row[2]) - 2.0 * t).abs() < 1e-6);
    }
    // Six controls lie between seven rows.
    let u = read.sequences[0].controls.column(0).to_vec();
    assert!((f64::from(u[5]) - 5.0_f64.cos()).abs() < 1e-6 && u[6].abs() < 1e-9);
}

#[test]
fn matlab_counts_axes_from_the_other_end() {
    let path = fixture("columns.mat");
    let columns =
        Columns { observe: vec!["y".into()], control: vec!["v".into()], ..Columns::default() };
    let read_y = read_files(&[path], &columns, &Frames::default()).unwrap();
    assert_eq!((read_y.steps(), read_y.dt), (6, Some(0.1)));
    let squares = read_y.sequences[0].controls.column(0);
    for (step, row) in read_y.sequences[0].observations.rows().into_iter().enumerate() {
        let t = step as f64;
        assert!(
            (f64::from(row[0]) - t).abs() < 1e-6 && (f64::from(row[1]) - 10.0 - t).abs() < 1e-6
        );
        assert!((f64::from(squares[step]) - t * t).abs() < 1e-6);
    }
    let x = read("arrays.mat").unwrap();
    assert_eq!((x.sequences.len(), x.longest(), x.observation_names.len()), (2, 6, 3));
    for ((t, i), value) in x.sequences[1].observations.indexed_iter() {
        assert!((f64::from(*value) - (100.0 + 10.0 * t as f64 + i as f64)).abs() < 1e-6);
    }
}

#[test]
fn damaged_files_are_refused_in_a_sentence() {
    for name in ["minari.hdf5", "robomimic.hdf5"] {
        survives(&hdf5(name), "walk.h5", 97, |bytes| read_hdf5_from(bytes, Path::new("walk.h5")));
    }
    for name in ["columns.mat", "arrays.mat"] {
        let whole = fs::read(fixture(name)).unwrap();
        survives(&whole, "walk.h5", 7, |bytes| read_hdf5_from(bytes, Path::new("walk.h5")));
    }
}

#[test]
fn a_shape_that_promises_gigabytes_gets_nothing() {
    let whole = fs::read(fixture("columns.mat")).unwrap();
    // The axes of y stand in its header as 2 and 6, eight bytes each.
    let axes: Vec<u8> = [2_u64, 6].iter().flat_map(|n| n.to_le_bytes()).collect();
    let huge: Vec<u8> = [1_u64 << 40, 6].iter().flat_map(|n| n.to_le_bytes()).collect();
    let places: Vec<usize> =
        (0..whole.len() - 16).filter(|&i| whole[i..i + 16] == axes[..]).collect();
    assert!(!places.is_empty());
    let mut bytes = whole;
    for place in places {
        bytes[place..place + 16].copy_from_slice(&huge);
    }
    let error = read_hdf5_from(bytes, Path::new("walk.mat")).unwrap_err().to_string();
    assert!(error.contains("walk.mat") && !error.contains("--observe"), "{error}");
}
