//! What is written is read back to the last bit.

use dvbf_data::{
    Columns, Part, RawRecordings, RawSequence, read_npz, read_tables, write_npz, write_tables,
};
use ndarray::Array2;

/// Sequences of different lengths with gaps.
fn recordings() -> RawRecordings {
    let sequence = |n: usize, steps: usize| {
        let value = |t: usize, i: usize| ((7 * n + 3 * t + i) as f32).sin() / 3.0;
        RawSequence {
            name: format!("sequence {n}"),
            observations: Array2::from_shape_fn((steps, 2), |(t, i)| {
                if (t + i + n) % 4 == 1 { f32::NAN } else { value(t, i) }
            }),
            controls: Array2::from_shape_fn((steps, 1), |(t, _)| value(t, 9)),
            intervals: None,
            states: Some(Array2::from_shape_fn((steps, 1), |(t, _)| value(t, 5) * 1e-20)),
            part: None,
        }
    };
    RawRecordings {
        sequences: vec![sequence(0, 5), sequence(1, 3), sequence(2, 7)],
        observation_names: vec!["left".into(), "right".into()],
        control_names: vec!["u".into()],
        state_names: vec!["angle".into()],
        dt: Some(0.1),
        image: None,
        colors: 1,
        ignored: Vec::new(),
        remarks: Vec::new(),
        origins: dvbf_data::Origins::default(),
    }
}

/// NaN is not equal to itself; its bits are.
#[track_caller]
fn same(a: &RawRecordings, b: &RawRecordings) {
    let bits = |values: &Array2<f32>| values.mapv(f32::to_bits);
    assert_eq!(a.sequences.len(), b.sequences.len());
    for (a, b) in a.sequences.iter().zip(&b.sequences) {
        assert_eq!(bits(&a.observations), bits(&b.observations));
        assert_eq!(bits(&a.controls), bits(&b.controls));
        assert_eq!(a.states.as_ref().map(bits), b.states.as_ref().map(bits));
        assert_eq!(a.intervals, b.intervals);
        assert_eq!(a.part, b.part);
    }
    assert_eq!(a.observation_names, b.observation_names);
    assert_eq!(a.control_names, b.control_names);
    assert_eq!(a.state_names, b.state_names);
    assert_eq!(a.image, b.image);
    assert_eq!(a.dt.map(|dt| (dt * 1e9).round()), b.dt.map(|dt| (dt * 1e9).round()));
}

#[test]
fn both_formats_keep_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut irregular = recordings();
    irregular.dt = None;
    for sequence in &mut irregular.sequences {
        let steps = sequence.observations.nrows();
        let mut dt: Vec<f32> = (0..steps).map(|t| 0.1 + t as f32 / 7.0).collect();
        dt[steps - 1] = dt[steps - 2];
        sequence.intervals = Some(dt);
    }
    let mut bare = recordings();
    bare.dt = None;
    bare.state_names.clear();
    bare.control_names.clear();
    for sequence in &mut bare.sequences {
        sequence.states = None;
        sequence.controls = Array2::zeros((sequence.observations.nrows(), 0));
    }
    let mut parted = recordings();
    let parts = [Part::Train, Part::Validation, Part::Test];
    parted.sequences.iter_mut().zip(parts).for_each(|(s, part)| s.part = Some(part));
    for (i, all) in [recordings(), irregular, bare, parted].into_iter().enumerate() {
        let file = folder.path().join(format!("{i}.npz"));
        write_npz(&file, &all).unwrap();
        same(&read_npz(&file).unwrap(), &all);
        let paths = write_tables(&folder.path().join(format!("tables{i}")), &all).unwrap();
        same(&read_tables(&paths, &Columns::default()).unwrap(), &all);
    }
}

#[test]
fn images_keep_their_size_in_an_archive() {
    let folder = tempfile::tempdir().unwrap();
    let mut images = recordings();
    images.image = Some((1, 2));
    images.observation_names = vec!["x0".into(), "x1".into()];
    let file = folder.path().join("images.npz");
    write_npz(&file, &images).unwrap();
    same(&read_npz(&file).unwrap(), &images);
}

#[test]
fn a_file_that_cannot_be_written_or_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = write_npz(&folder.path().join("no/walk.npz"), &recordings()).unwrap_err();
    assert!(error.to_string().contains("walk.npz"), "{error}");
    let error = read_npz(&folder.path().join("gone.npz")).unwrap_err();
    assert!(error.to_string().contains("gone.npz"), "{error}");
    let error = read_tables(&[folder.path().join("gone.csv")], &Columns::default()).unwrap_err();
    assert!(error.to_string().contains("gone.csv"), "{error}");
}
