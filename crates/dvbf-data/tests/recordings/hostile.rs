//! Archives that are damaged, or ask for what they do not have: one clear sentence each.

use crate::bytes::{
    archive, array, compressed, doubles, floats, integers, raw_array, read, read_arrays, texts,
};
use std::time::{Duration, Instant};

/// The sentence about an archive, which has to name it and come soon.
#[track_caller]
fn refused(bytes: Vec<u8>, words: &[&str]) {
    let clock = Instant::now();
    let error = read(bytes).expect_err("it is wrong");
    assert!(clock.elapsed() < Duration::from_secs(20), "took {:?}: {error}", clock.elapsed());
    assert!(error.starts_with("walk.npz"), "{error}");
    assert!(!error.contains('\n') && error.len() < 400, "{error}");
    for word in words {
        assert!(error.contains(word), "{word:?} in {error:?}");
    }
}

#[track_caller]
fn arrays_refused(entries: &[(&str, Vec<u8>)], words: &[&str]) {
    let named: Vec<(String, Vec<u8>)> =
        entries.iter().map(|(name, data)| (format!("{name}.npy"), data.clone())).collect();
    let borrowed: Vec<(&str, Vec<u8>)> =
        named.iter().map(|(name, data)| (name.as_str(), data.clone())).collect();
    refused(archive(&borrowed), words);
}

fn x() -> (&'static str, Vec<u8>) {
    ("x", floats("(2, 3, 2)", &[1.0; 12]))
}

#[test]
fn a_header_that_promises_gigabytes_gets_nothing() {
    for shape in ["(1000000, 1000000, 8)", "(9223372036854775807, 4)", "(0, 99999999999999999999)"]
    {
        arrays_refused(&[("x", array("'<f4'", false, shape, &[0; 64]))], &["x "]);
    }
    let huge = "(4611686018427387904, 4611686018427387904, 0)";
    arrays_refused(&[("x", array("'<f4'", false, huge, &[]))], &["x has shape", "memory"]);
    arrays_refused(&[("x", floats("(2, 3, 2)", &[1.0; 11]))], &["x has", "[2, 3, 2]"]);
    arrays_refused(&[("x", floats("(2, 3, 2)", &[1.0; 13]))], &["x has", "[2, 3, 2]"]);
}

#[test]
fn a_bomb_does_not_go_off() {
    let head = array("'<f4'", false, "(1000, 1000, 1000)", &[]);
    let bomb = compressed(&[("x.npy", head, 600_000_000)]);
    assert!(bomb.len() < 1_000_000, "{}", bomb.len());
    refused(bomb, &["x would unpack to", "savez"]);
    // Each alone is within the limit, all together are not.
    let head = |shape: &str| array("'|u1'", false, shape, &[]);
    let parts = [
        ("x.npy", head("(200, 1000, 1000)"), 200_000_000),
        ("u.npy", head("(200, 1000, 1000)"), 200_000_000),
    ];
    refused(compressed(&parts), &["u would unpack to"]);
    // The directory says less than comes out.
    let mut lying = compressed(&[("x.npy", head("(1, 1000)"), 1000)]);
    let at = lying.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
    lying[at + 24..at + 28].copy_from_slice(&200_u32.to_le_bytes());
    refused(lying, &["x"]);
}

#[test]
fn a_cut_or_flipped_archive_is_noticed() {
    let whole = archive(&[("x.npy", floats("(2, 3, 2)", &[1.0; 12]))]);
    for length in (0..whole.len()).step_by(7) {
        refused(whole[..length].to_vec(), &["damaged"]);
    }
    let mut flipped = whole.clone();
    let at = whole.windows(4).position(|w| w == 1.0_f32.to_le_bytes()).unwrap();
    flipped[at] ^= 1;
    refused(flipped, &["x is damaged"]);
    refused(b"not an archive".to_vec(), &["numpy.savez"]);
    refused(Vec::new(), &["numpy.savez"]);
}

#[test]
fn headers_of_another_kind_are_refused() {
    arrays_refused(&[("x", array("'|O'", false, "(2,)", b"cos\nsystem"))], &["x", "objects"]);
    let records = "[('a', '<f4'), ('b', '<f4')]";
    arrays_refused(&[("x", array(records, false, "(2, 3)", &[0; 48]))], &["x holds records"]);
    for (text, size) in [("'<c8'", 48), ("'<c16'", 96)] {
        let complex = array(text, false, "(2, 3)", &vec![0; size]);
        arrays_refused(&[("x", complex)], &["x holds complex numbers", "two channels"]);
    }
    arrays_refused(&[("x", array("'<M8[ns]'", false, "(2, 3)", &[0; 48]))], &["x", "<M8[ns]"]);
    let long_double = array("'<f16'", false, "(2, 3)", &[0; 96]);
    arrays_refused(&[("x", long_double)], &["x", "<f16", "16, 32 and 64 bits"]);
    arrays_refused(&[("x", array("''", false, "(2, 3)", &[0; 12]))], &["x"]);
    arrays_refused(&[("x", array("'ü9'", false, "(2, 3)", &[0; 12]))], &["x has a header"]);
    arrays_refused(&[("x", texts(&["one"]))], &["x holds texts"]);
    arrays_refused(&[("x", b"\x93NUMPY\x09\x00\x00\x00\x00\x00\n".to_vec())], &["x has a header"]);
    arrays_refused(&[("x", b"GIF89a".to_vec())], &["x ends inside its header"]);
    arrays_refused(&[("x", b"a text of some length".to_vec())], &["x is not an array"]);
    arrays_refused(&[("x", raw_array(&"(".repeat(9000), &[]))], &["x"]);
    arrays_refused(&[("x", raw_array(&" ".repeat(60_000), &[]))], &["x has a header of"]);
    arrays_refused(&[("x", raw_array("{'shape': (1, 1)}", &[]))], &["x has a header", "descr"]);
    let negative = array("'<f4'", false, "(-1, 3)", &[]);
    arrays_refused(&[("x", negative)], &["x has a header", "shape"]);
}

#[test]
fn an_axis_that_is_empty_or_absent_is_named() {
    for (shape, axis) in [("(0, 3, 2)", "axis 0"), ("(2, 0)", "axis 1"), ("(2, 3, 0)", "axis 2")] {
        arrays_refused(&[("x", floats(shape, &[]))], &["x has shape", axis]);
    }
    arrays_refused(&[("x", floats("(3,)", &[1.; 3]))], &["x has shape [3]", "axes"]);
    arrays_refused(&[("x", floats("()", &[1.]))], &["x has shape []", "axes"]);
    arrays_refused(&[], &["no array x", "it is empty"]);
    for shape in ["(1, 1, 3, 2, 2)", "(1, 1, 2, 2, 1, 3)"] {
        let colors = floats(shape, &[1.; 12]);
        arrays_refused(&[("x", colors)], &["x has shape [1, 1, ", "red, green and blue"]);
    }
}

#[test]
fn arrays_that_do_not_fit_each_other_are_named_with_both_shapes() {
    let numbers = |n: usize| vec![1.0; n];
    arrays_refused(
        &[x(), ("u", floats("(3, 3, 1)", &numbers(9)))],
        &["u has shape [3, 3, 1]", "(2, 3)"],
    );
    arrays_refused(&[x(), ("u", floats("(2, 2, 1)", &numbers(4)))], &["u", "one step less"]);
    arrays_refused(&[x(), ("u", floats("(2, 4, 1)", &numbers(8)))], &["u has shape [2, 4, 1]"]);
    arrays_refused(&[x(), ("u", floats("(6,)", &numbers(6)))], &["u has shape [6]"]);
    arrays_refused(&[x(), ("state", floats("(2, 2, 1)", &numbers(4)))], &["state"]);
    arrays_refused(
        &[x(), ("mask", floats("(2, 3, 3)", &numbers(18)))],
        &["mask has shape", "[2, 3, 2]"],
    );
    arrays_refused(&[x(), ("mask", floats("(2, 3)", &[0.5; 6]))], &["mask holds 0.5"]);
    arrays_refused(&[x(), ("mask", floats("(2, 3)", &[f32::NAN; 6]))], &["mask holds NaN"]);
    arrays_refused(
        &[x(), ("lengths", integers("(3,)", &[1; 3]))],
        &["lengths has shape [3]", "(2)"],
    );
    for length in [-1, 0, 4, i64::MAX] {
        let lengths = integers("(2,)", &[1, length]);
        arrays_refused(
            &[x(), ("lengths", lengths)],
            &["lengths is", "sequence 1", "between 1 and 3"],
        );
    }
    arrays_refused(&[x(), ("lengths", doubles("(2,)", &[1.5, f64::NAN]))], &["lengths is 1.5"]);
    arrays_refused(&[x(), ("dt", doubles("(2,)", &[0.1; 2]))], &["dt has shape [2]", "(2, 3)"]);
    for dt in [0.0, -0.1, f64::NAN, f64::INFINITY] {
        arrays_refused(&[x(), ("dt", doubles("()", &[dt]))], &["dt is", "positive"]);
    }
    let dt = doubles("(2, 3)", &[0.1, 0.1, 0.1, 0.1, -1.0, 0.1]);
    arrays_refused(&[x(), ("dt", dt)], &["dt is -1 at step 1 of sequence 1"]);
}

#[test]
fn values_that_no_model_can_use_are_named_with_their_place() {
    let u = floats("(2, 3)", &[0., 0., 0., 0., f32::NAN, 0.]);
    arrays_refused(&[x(), ("u", u)], &["control u of sequence 1", "step 1"]);
    let u = floats("(2, 3)", &[0., f32::INFINITY, 0., 0., 0., 0.]);
    arrays_refused(&[x(), ("u", u)], &["control u of sequence 0 is infinite", "at step 1"]);
    let far = doubles("(1, 2)", &[1.0, 1e300]);
    arrays_refused(
        &[("x", far)],
        &["observation x of sequence 0", "beyond the range of single precision", "at step 1"],
    );
    let state = floats("(2, 3)", &[0., f32::INFINITY, 0., 0., 0., 0.]);
    arrays_refused(&[x(), ("state", state)], &["state state of sequence 0 is infinite"]);
}

#[test]
fn names_that_collide_or_are_misspelled_are_noticed() {
    let x = || floats("(1, 1)", &[1.0]);
    refused(archive(&[("x.npy", x()), ("x", x())]), &["x is there twice"]);
    refused(archive(&[("x.npy", x()), ("x.npy", x())]), &["twice"]);
    arrays_refused(&[("x", x()), ("lenghts", x())], &["lenghts is not known", "lengths?"]);
    let two = || floats("(1, 1, 2)", &[1.0; 2]);
    arrays_refused(&[("x", two()), ("x_names", texts(&["a", "a"]))], &["a is the name of two"]);
    arrays_refused(&[("x", two()), ("x_names", texts(&["a"]))], &["x_names has shape [1]", "(2)"]);
    arrays_refused(&[("x", two()), ("x_names", texts(&["a", ""]))], &["x_names has an empty name"]);
    let no_text = array("'<U1'", false, "(2,)", &[0xff; 8]);
    arrays_refused(&[("x", two()), ("x_names", no_text)], &["x_names", "Unicode"]);
    let numbers = floats("(2,)", &[1.0; 2]);
    arrays_refused(&[("x", two()), ("x_names", numbers)], &["x_names holds numbers"]);
    assert!(read_arrays(&[("x", two()), ("rewards", x())]).is_ok(), "others may be there");
    for name in ["X", "lenghts", "Mask", "u_nmaes", "prat"] {
        let others = [("x", x()), (name, x())];
        let others = if name == "X" { &others[1..] } else { &others };
        let error = read_arrays(others).expect_err(name);
        assert!(error.contains(name), "{error}");
    }
    // Short names resemble everything.
    for name in ["to", "is", "id", "cost", "test", "name"] {
        assert!(read_arrays(&[("x", x()), (name, x())]).is_ok(), "{name}");
    }
}

#[test]
fn what_is_called_otherwise_elsewhere_is_not_lost() {
    let (obs, act) = (|| floats("(2, 3, 4)", &[1.0; 24]), || floats("(2, 3, 1)", &[1.0; 6]));
    for name in ["obs", "observations", "images", "Frames", "y", "X"] {
        let hint = format!("rename {name} to x");
        arrays_refused(&[(name, obs()), ("act", act())], &["no array x", "act [2, 3, 1]", &hint]);
    }
    let vague = [("walk", obs()), ("u", act()), ("dt", doubles("()", &[0.1]))];
    arrays_refused(
        &vague,
        &["there are walk [2, 3, 4], u [2, 3, 1], dt []", "rename walk to x if"],
    );
    arrays_refused(
        &[("dt", doubles("()", &[0.1]))],
        &["has no array x, the observations; there are dt []"],
    );
    for name in ["controls", "actions", "act", "inputs", "U"] {
        let words = [format!("{name} is not known"), "rename it to u".into()];
        arrays_refused(&[("x", obs()), (name, act())], &[&words[0], &words[1]]);
        let both = read_arrays(&[("x", obs()), (name, act()), ("u", act())]).unwrap();
        assert_eq!((both.ignored, both.remarks), (vec![name.to_owned()], vec![]));
    }
    for (name, known) in [("states", "state"), ("seq_lengths", "lengths"), ("timestep", "dt")] {
        arrays_refused(&[("x", obs()), (name, act())], &[&format!("rename it to {known} if")]);
    }
    // What nobody knows but looks like controls is said to be none.
    let odd = read_arrays(&[("x", obs()), ("voltage", act()), ("label", floats("(2,)", &[0.; 2]))]);
    let odd = odd.unwrap();
    assert_eq!(odd.ignored, ["voltage", "label"]);
    assert_eq!(odd.remarks.len(), 1, "{:?}", odd.remarks);
    let remark = &odd.remarks[0];
    assert!(remark.contains("voltage [2, 3, 1]") && remark.contains("called u"), "{remark}");
}

#[test]
fn a_single_sequence_without_its_axis_is_noticed() {
    let x = || floats("(50, 3)", &[1.0; 150]);
    arrays_refused(
        &[("x", x()), ("x_names", texts(&["a", "b", "c"]))],
        &["x has shape [50, 3]", "50 sequences of 3 steps", "x[None]"],
    );
    for (key, shape, count) in
        [("u", "(50, 1)", 50), ("state", "(50, 2)", 100), ("mask", "(50,)", 50)]
    {
        let other = floats(shape, &vec![1.0; count]);
        arrays_refused(&[("x", x()), (key, other)], &[key, "x[None]", "50 steps"]);
    }
    let dt = doubles("(50,)", &[0.1; 50]);
    arrays_refused(&[("x", x()), ("dt", dt)], &["dt has shape [50]", "x[None]"]);
    let read = read_arrays(&[("x", x())]).unwrap();
    assert_eq!((read.sequences.len(), read.longest()), (50, 3));
    assert!(
        read.remarks[0].contains("50 sequences of 3 steps of one channel"),
        "{:?}",
        read.remarks
    );
    // Many steps are no reason to doubt.
    let read = read_arrays(&[("x", floats("(3, 50)", &[1.0; 150]))]).unwrap();
    assert_eq!(read.remarks, Vec::<String>::new());
}
