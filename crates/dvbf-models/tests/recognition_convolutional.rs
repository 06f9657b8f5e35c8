//! Recognition network for images: gradients over steps, accumulation, blocks, shared images,
//! refusals.

mod common;
#[path = "common/images.rs"]
mod images;

use common::fill;
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_models::{KindTable, RECOGNITIONS, Recognition, RecognitionInput};
use dvbf_tensor::Noise;
use images::{context, image, shake};
use ndarray::{Array2, s};
use proptest::prelude::*;
use serde_json::json;

type Net = Box<dyn Recognition<f64>>;

struct Case {
    net: Net,
    steps: usize,
    x: Array2<f64>,
    z: Array2<f64>,
    u: Array2<f64>,
    weight: Array2<f64>,
}

fn net(seed: u64) -> Net {
    let table = KindTable::new("convolutional").with("image", image());
    let mut net = RECOGNITIONS.init(&table, &context(), Noise::new(seed, 0)).expect("a known kind");
    shake(&mut *net, seed);
    net
}

fn case(steps: usize, rows: usize, seed: u64) -> Case {
    let draw = |columns, stream| fill(steps * rows, columns, seed, stream);
    Case { net: net(seed), steps, x: draw(40, 1), z: draw(3, 2), u: draw(1, 3), weight: draw(4, 4) }
}

fn output(net: &dyn Recognition<f64>, case: &Case, z: &Array2<f64>, steps: usize) -> Array2<f64> {
    let rows = z.nrows() / steps;
    let mut cache = net.cache(z.nrows());
    net.prepare(&mut cache);
    net.observe(case.x.view(), &mut cache);
    let mut raw = Array2::zeros(case.weight.dim());
    for t in 0..steps {
        let r = s![t * rows..(t + 1) * rows, ..];
        let input = RecognitionInput { state: z.slice(r), control: case.u.slice(r) };
        net.forward(t * rows, input, raw.slice_mut(r), &mut cache);
    }
    raw
}

fn gradients(case: &Case, times: usize) -> (Array2<f64>, Vec<f64>) {
    let rows = case.z.nrows() / case.steps;
    let (mut cache, mut grads) = (case.net.cache(case.z.nrows()), case.net.clone());
    grads.set_zero();
    case.net.prepare(&mut cache);
    let mut dz = Array2::zeros(case.z.dim());
    for _ in 0..times {
        case.net.observe(case.x.view(), &mut cache);
        let mut raw = Array2::zeros((rows, 4));
        for t in 0..case.steps {
            let r = s![t * rows..(t + 1) * rows, ..];
            let input = RecognitionInput { state: case.z.slice(r), control: case.u.slice(r) };
            case.net.forward(t * rows, input, raw.view_mut(), &mut cache);
        }
        for t in (0..case.steps).rev() {
            let r = s![t * rows..(t + 1) * rows, ..];
            case.net.backward(t * rows, case.weight.slice(r), dz.slice_mut(r), &mut cache);
        }
        case.net.accumulate(case.x.view(), &mut cache, &mut *grads);
    }
    (dz, grads.to_flat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn gradients_match_differences(steps in 1..4_usize, rows in 1..3_usize, seed: u64) {
        let case = case(steps, rows, seed);
        let (dz, dtheta) = gradients(&case, 1);
        let tol = Tol { abs: 1e-6, rel: 1e-5 };
        let at = |v: &[f64]| {
            let z = Array2::from_shape_vec(case.z.dim(), v.to_vec()).unwrap();
            (output(&*case.net, &case, &z, steps) * &case.weight).sum()
        };
        check_coordinates(at, case.z.as_slice().unwrap(), dz.as_slice().unwrap(), tol)?;
        let mut moved = case.net.clone();
        let at = |v: &[f64]| {
            moved.set_flat(v);
            (output(&*moved, &case, &case.z, steps) * &case.weight).sum()
        };
        check_coordinates(at, &case.net.to_flat(), &dtheta, tol)?;
    }

    #[test]
    fn backward_accumulates(steps in 1..4_usize, rows in 1..3_usize, seed: u64) {
        let case = case(steps, rows, seed);
        let (one, three) = (gradients(&case, 1), gradients(&case, 3));
        for (one, three) in one.0.iter().chain(&one.1).zip(three.0.iter().chain(&three.1)) {
            prop_assert!((3.0 * one - three).abs() <= 1e-11 * (1.0 + three.abs()));
        }
    }

    #[test]
    fn steps_equal_one_block_bit_for_bit(steps in 1..4_usize, rows in 1..3_usize, seed: u64) {
        let case = case(steps, rows, seed);
        let whole = output(&*case.net, &case, &case.z, 1);
        prop_assert_eq!(output(&*case.net, &case, &case.z, steps), whole);
    }

    #[test]
    fn a_shared_image_equals_equal_images_bit_for_bit(rows in 1..4_usize, seed: u64) {
        let mut case = case(1, rows, seed);
        let first = case.x.row(0).to_owned();
        case.x.rows_mut().into_iter().for_each(|mut row| row.assign(&first));
        let mut cache = case.net.cache(rows);
        case.net.prepare(&mut cache);
        case.net.observe_shared(case.x.slice(s![..1, ..]), rows, &mut cache);
        let mut raw = Array2::zeros(case.weight.dim());
        let input = RecognitionInput { state: case.z.view(), control: case.u.view() };
        case.net.forward(0, input, raw.view_mut(), &mut cache);
        prop_assert_eq!(raw, output(&*case.net, &case, &case.z, 1));
    }
}

/// The error of a convolutional recognition network with this image.
fn refused(image: serde_json::Value) -> String {
    let table = KindTable::new("convolutional").with("image", image);
    RECOGNITIONS.check(&table, &context()).expect_err("an image that does not fit").to_string()
}

#[test]
fn an_image_that_does_not_fit_is_refused_by_key() {
    let layer = |layer| json!({ "height": 5, "width": 4, "colors": 2, "layers": [layer] });
    for (image, message) in [
        (json!({}), "image.height: and width and colors are those of 6 by 6 pixels of 1 values"),
        (json!({ "height": 7 }), "but an observation has 40 channels"),
        (json!({ "colors": 0 }), "image.colors: is 0"),
        (layer(json!({ "kernel": 9 })), "image.layers.0.kernel: is 9; the image is 5 by 4 there"),
        (layer(json!({ "stride": 0 })), "image.layers.0.stride: is 0"),
        (layer(json!({ "padding": 4 })), "image.layers.0.padding: is 4; less than kernel = 4"),
        (layer(json!({ "channels": 0 })), "image.layers.0.channels: is 0"),
        (layer(json!({ "filters": 3 })), "unknown field `filters`"),
    ] {
        let error = refused(image);
        assert!(error.contains(message), "{error}");
    }
}
