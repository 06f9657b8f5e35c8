//! Recordings from memory are those of an archive with the same arrays.

use crate::bytes::{doubles, floats, integers, read_arrays, texts};
use dvbf_data::{ObservationArray, RecordingArrays};
use ndarray::{ArrayD, IxDyn};

fn wide(shape: &[usize], values: &[f64]) -> ArrayD<f64> {
    ArrayD::from_shape_vec(IxDyn(shape), values.to_vec()).unwrap()
}

#[test]
fn every_array_finds_its_place_as_in_an_archive() {
    let x = [4.0e6, 4.0e6 + 0.5, 4.0e6 + 1.0, 4.0e6 - 0.25, 4.0e6 + 0.125, 4.0e6];
    let archive = read_arrays(&[
        ("x", doubles("(2, 3, 1)", &x)),
        ("u", doubles("(2, 3)", &[0.5, 1.5, 2.5, 3.5, 4.5, 5.5])),
        ("mask", floats("(2, 3)", &[1.0, 0.0, 1.0, 1.0, 1.0, 1.0])),
        ("lengths", integers("(2,)", &[3, 2])),
        ("dt", doubles("()", &[0.05])),
        ("state", doubles("(2, 3)", &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6])),
        ("state_names", texts(&["äng"])),
        ("x_names", texts(&["pos"])),
    ])
    .unwrap();
    let names = |name: &str| Some(vec![name.to_owned()]);
    let arrays = RecordingArrays {
        u: Some(wide(&[2, 3], &[0.5, 1.5, 2.5, 3.5, 4.5, 5.5])),
        mask: Some(wide(&[2, 3], &[1.0, 0.0, 1.0, 1.0, 1.0, 1.0]).mapv(|_| 1.0_f32)),
        lengths: Some(wide(&[2], &[3.0, 2.0])),
        dt: Some(wide(&[], &[0.05])),
        state: Some(wide(&[2, 3], &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6])),
        x_names: names("pos"),
        state_names: names("äng"),
        ..RecordingArrays::new(ObservationArray::Double(wide(&[2, 3, 1], &x)))
    };
    let whole = arrays.clone().recordings("arrays").unwrap();
    assert_ne!(whole, archive, "without the gap of the mask");
    let mut mask = arrays.mask.clone().unwrap();
    mask[[0, 1]] = 0.0;
    let own = RecordingArrays { mask: Some(mask), ..arrays }.recordings("arrays").unwrap();
    assert_eq!(format!("{own:?}"), format!("{archive:?}"));
    assert!(own.sequences[0].observations[[1, 0]].is_nan());
    assert!((own.origins.observation[0] - 4.0e6).abs() < 64.0, "single precision keeps the rest");
}

#[test]
fn images_keep_their_size() {
    let x = ArrayD::from_shape_fn(IxDyn(&[2, 2, 2, 3]), |i| f32::from(u8::from(i[3] == 1)));
    let own = RecordingArrays::new(ObservationArray::Single(x)).recordings("arrays").unwrap();
    assert_eq!(own.image, Some((2, 3)));
    assert_eq!(own.observation_names.len(), 6);
}

#[test]
fn errors_name_the_array_and_the_axis() {
    let x = || ObservationArray::Double(wide(&[2, 3, 1], &[0.0; 6]));
    let problem = |arrays: RecordingArrays| arrays.recordings("arrays").unwrap_err().to_string();
    let short =
        RecordingArrays { u: Some(wide(&[2, 2, 1], &[0.0; 4])), ..RecordingArrays::new(x()) };
    assert!(problem(short).starts_with("arrays: u has shape [2, 2, 1], one step less"));
    let empty = RecordingArrays::new(ObservationArray::Double(wide(&[2, 0, 1], &[])));
    assert!(problem(empty).contains("x has shape [2, 0, 1]; axis 1 is empty"));
    let infinite = RecordingArrays {
        u: Some(wide(&[2, 3], &[0.0, f64::INFINITY, 0.0, 0.0, 0.0, 0.0])),
        ..RecordingArrays::new(x())
    };
    assert!(problem(infinite).contains("control u of sequence 0 is infinite"));
}
