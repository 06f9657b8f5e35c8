//! Archives of arrays that are as they should be, in all their variety.

use crate::bytes::{array, compressed, doubles, floats, integers, read, read_arrays, texts};
use ndarray::{Array2, array};

#[test]
fn all_arrays_find_their_place() {
    let recordings = read_arrays(&[
        ("x", floats("(2, 3, 2)", &[0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11.])),
        ("u", doubles("(2, 3, 1)", &[0.5, 1.5, 2.5, 3.5, 4.5, 5.5])),
        ("mask", array("'|b1'", false, "(2, 3)", &[1, 0, 1, 1, 1, 1])),
        ("lengths", integers("(2,)", &[3, 2])),
        ("dt", doubles("()", &[0.05])),
        ("state", floats("(2, 3, 1)", &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6])),
        ("state_names", texts(&["äng"])),
        ("rewards", floats("(2,)", &[0., 0.])),
    ])
    .unwrap();
    assert_eq!(recordings.dt, Some(0.05));
    assert_eq!(recordings.state_names, ["äng"]);
    assert_eq!(recordings.observation_names, ["x0", "x1"]);
    assert_eq!(recordings.control_names, ["u"]);
    assert_eq!(recordings.ignored, ["rewards"]);
    let [first, second] = &recordings.sequences[..] else { panic!("two sequences") };
    assert!(first.observations.row(1).iter().all(|x| x.is_nan()), "hidden by the mask");
    assert_eq!(first.observations.row(2), array![4.0, 5.0]);
    assert_eq!(first.controls.column(0), array![0.5, 1.5, 2.5]);
    assert_eq!(second.observations, array![[6.0, 7.0], [8.0, 9.0]], "cut to its length");
    assert_eq!(second.states, Some(array![[0.4], [0.5]]));
    assert_eq!((recordings.steps(), recordings.longest()), (5, 3));
    assert!((recordings.missing() - 0.2).abs() < 1e-9);
}

#[test]
fn bytes_are_scaled_and_images_keep_their_size() {
    let data: Vec<u8> = (0..24).map(|i| i * 5).collect();
    let images = read_arrays(&[("x", array("'|u1'", false, "(2, 2, 2, 3)", &data))]).unwrap();
    assert_eq!(images.image, Some((2, 3)));
    let last = images.sequences[1].observations[[1, 5]];
    assert!((last - 115.0 / 255.0).abs() < 1e-6, "{last}");
    // Other integers are taken as they are.
    let wide = read_arrays(&[("x", integers("(1, 2)", &[-3, 300]))]).unwrap();
    assert_eq!(wide.sequences[0].observations, array![[-3.0], [300.0]]);
    assert_eq!((wide.image, wide.observation_names), (None, vec!["x".to_owned()]));
}

/// Frames as renderers give them, with the colors of a pixel side by side, become planes.
#[test]
fn colors_of_images_become_planes() {
    // One sequence of two frames of one by two pixels.
    let data: Vec<u8> = vec![10, 20, 30, 11, 21, 31, 40, 50, 60, 41, 51, 61];
    let images = read_arrays(&[("x", array("'|u1'", false, "(1, 2, 1, 2, 3)", &data))]).unwrap();
    assert_eq!((images.image, images.colors), (Some((3, 2)), 3));
    let bytes = images.sequences[0].observations.mapv(|x| x * 255.0);
    let expected =
        array![[10.0, 11.0, 20.0, 21.0, 30.0, 31.0], [40.0, 41.0, 50.0, 51.0, 60.0, 61.0]];
    assert!((&bytes - &expected).iter().all(|off| off.abs() < 1e-4), "{bytes}");
    let gray = read_arrays(&[("x", array("'|u1'", false, "(1, 1, 2, 2, 1)", &data[..4]))]).unwrap();
    assert_eq!((gray.image, gray.colors), (Some((2, 2)), 1));
}

#[test]
fn images_in_other_units_are_remarked_on() {
    let shape = "(1, 2, 1, 2)";
    let far = read_arrays(&[("x", floats(shape, &[0.0, 17.0, f32::NAN, 255.0]))]).unwrap();
    let [remark] = &far.remarks[..] else { panic!("{:?}", far.remarks) };
    assert!(remark.contains("[0, 1]") && remark.contains("from 0 to 255"), "{remark}");
    let near = read_arrays(&[("x", floats(shape, &[0.0, 0.5, 1.0, 0.0]))]).unwrap();
    let bytes = read_arrays(&[("x", array("'|u1'", false, shape, &[0, 17, 200, 255]))]).unwrap();
    let vector = read_arrays(&[("x", floats("(1, 2, 2)", &[0.0, 17.0, 2.0, 255.0]))]).unwrap();
    for fine in [near, bytes, vector] {
        assert_eq!(fine.remarks, Vec::<String>::new());
    }
}

#[test]
fn half_precision_is_read() {
    // 1, −2.5, the largest number 65504 and the smallest subnormal 2⁻²⁴.
    let halves: [u16; 4] = [0x3c00, 0xc100, 0x7bff, 0x0001];
    for (descr, bytes) in [
        ("'<f2'", halves.map(u16::to_le_bytes).concat()),
        ("'>f2'", halves.map(u16::to_be_bytes).concat()),
    ] {
        let read = read_arrays(&[("x", array(descr, false, "(1, 4)", &bytes))]).unwrap();
        let x = read.sequences[0].observations.column(0).to_vec();
        assert_eq!(x, [1.0, -2.5, 65504.0, 2.0_f32.powi(-24)]);
    }
}

#[test]
fn memory_order_and_byte_order_do_not_matter() {
    let values: [f64; 6] = [0., 1., 2., 3., 4., 5.];
    let big: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
    let c_order = read_arrays(&[("x", array("'>f8'", false, "(1, 3, 2)", &big))]).unwrap();
    // The same array, column by column.
    let columns: [f32; 6] = [0., 2., 4., 1., 3., 5.];
    let data: Vec<u8> = columns.iter().flat_map(|v| v.to_le_bytes()).collect();
    let fortran = read_arrays(&[("x", array("'<f4'", true, "(1, 3, 2)", &data))]).unwrap();
    assert_eq!(c_order.sequences[0].observations, array![[0., 1.], [2., 3.], [4., 5.]]);
    assert_eq!(c_order, fortran);
    let short: Vec<u8> = [-2_i16, 7].iter().flat_map(|v| v.to_be_bytes()).collect();
    let short = read_arrays(&[("x", array("'>i2'", false, "(1, 2)", &short))]).unwrap();
    assert_eq!(short.sequences[0].observations, array![[-2.0], [7.0]]);
}

#[test]
fn a_mask_may_hide_single_channels_and_a_nan_is_one() {
    let x = floats("(1, 2, 2)", &[1., f32::NAN, 3., 4.]);
    let mask = floats("(1, 2, 2)", &[1., 1., 0., 1.]);
    let recordings = read_arrays(&[("x", x), ("mask", mask)]).unwrap();
    let seen = recordings.sequences[0].observations.mapv(|x| !x.is_nan());
    assert_eq!(seen, array![[true, false], [false, true]]);
}

#[test]
fn steps_of_different_seconds_are_kept_and_equal_ones_are_one_number() {
    let x = || ("x", floats("(2, 3)", &[1.; 6]));
    let equal = read_arrays(&[x(), ("dt", doubles("(3,)", &[0.1, 0.1, f64::NAN]))]).unwrap();
    assert!((equal.dt.unwrap() - 0.1).abs() < 1e-12, "the last is not read");
    assert!(!equal.is_irregular());
    let dt = doubles("(2, 3)", &[0.1, 0.2, 7.0, 0.3, 0.1, 0.0]);
    let differing = read_arrays(&[x(), ("dt", dt)]).unwrap();
    assert_eq!(differing.dt, None);
    assert_eq!(differing.sequences[0].intervals, Some(vec![0.1, 0.2, 0.2]));
    assert_eq!(differing.sequences[1].intervals, Some(vec![0.3, 0.1, 0.1]));
}

#[test]
fn the_last_control_and_the_padding_are_not_read() {
    let nan = f32::NAN;
    let recordings = read_arrays(&[
        ("x", floats("(2, 3)", &[1., 2., 3., 4., 5., f32::INFINITY])),
        ("u", floats("(2, 3)", &[1., 2., nan, 3., f32::INFINITY, nan])),
        ("lengths", integers("(2,)", &[3, 2])),
    ])
    .unwrap();
    assert_eq!(recordings.sequences[0].controls, array![[1.0], [2.0], [0.0]]);
    assert_eq!(recordings.sequences[1].controls, array![[3.0], [0.0]]);
}

#[test]
fn one_sequence_one_step_no_controls_and_constant_channels_are_recordings() {
    let one = read_arrays(&[("x", floats("(1, 1, 2)", &[3., 3.]))]).unwrap();
    assert_eq!((one.sequences.len(), one.longest()), (1, 1));
    assert_eq!(one.sequences[0].controls.dim(), (1, 0));
    let none = read_arrays(&[
        ("x", floats("(1, 2)", &[3., 3.])),
        ("u", floats("(1, 2, 0)", &[])),
        ("state", floats("(1, 2, 0)", &[])),
        ("dt", doubles("(1,)", &[0.5])),
    ])
    .unwrap();
    assert_eq!(none.sequences[0].states, None);
    assert_eq!(none.dt, Some(0.5));
}

#[test]
fn compressed_archives_work_and_may_be_mostly_zeros() {
    let head = array("'<f4'", false, "(100, 100, 100)", &[]);
    let recordings = read(compressed(&[("x.npy", head, 4_000_000)])).unwrap();
    assert_eq!(recordings.sequences.len(), 100);
    assert_eq!(recordings.sequences[99].observations, Array2::<f32>::zeros((100, 100)));
}

#[test]
fn names_may_be_bytes_and_missing_names_are_numbered() {
    let data = b"posvel";
    let recordings = read_arrays(&[
        ("x", floats("(1, 1, 2)", &[1., 2.])),
        ("x_names", array("'|S3'", false, "(2,)", data)),
    ])
    .unwrap();
    assert_eq!(recordings.observation_names, ["pos", "vel"]);
}
