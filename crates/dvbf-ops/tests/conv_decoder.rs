//! `ImageDecoder`: gradients over layers, accumulation, independence of the rows, contracts.

#[path = "common/drawn.rs"]
mod drawn;

use drawn::matrix;
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_ops::{ImageDecoder, ImageDecoderCache, ImageSize, Params, Window};
use dvbf_tensor::Noise;
use ndarray::{Array2, ArrayView2, s};
use proptest::prelude::*;

const IMAGE: ImageSize = ImageSize { height: 6, width: 5, channels: 2 };
const LAYERS: [(usize, Window); 2] = [
    (3, Window { kernel: 3, stride: 2, padding: 1 }),
    (2, Window { kernel: 2, stride: 1, padding: 0 }),
];

fn net(seed: u64) -> ImageDecoder<f64> {
    let mut net = ImageDecoder::random(3, 4, IMAGE, &LAYERS, Noise::new(seed, 0));
    // Biases that are not zero.
    let mut shift = vec![0.0; net.count()];
    Noise::new(seed, 1).normal(&mut shift);
    let moved: Vec<f64> = net.to_flat().iter().zip(shift).map(|(p, n)| p + 0.2 * n).collect();
    net.set_flat(&moved);
    net
}

fn prepared(net: &ImageDecoder<f64>, rows: usize) -> ImageDecoderCache<f64> {
    let mut cache = net.cache(rows);
    net.prepare(&mut cache);
    cache
}

fn output(net: &ImageDecoder<f64>, x: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut y = Array2::from_elem((x.nrows(), IMAGE.values()), f64::NAN);
    net.forward(x, y.view_mut(), &mut prepared(net, x.nrows()));
    y
}

fn gradients(
    net: &ImageDecoder<f64>,
    x: &Array2<f64>,
    r: &Array2<f64>,
    times: usize,
) -> (Vec<f64>, Vec<f64>) {
    let (mut cache, mut grads) = (prepared(net, x.nrows()), net.zeros_like());
    let mut dx = Array2::zeros(x.dim());
    for _ in 0..times {
        net.forward_kept(x.view(), &mut cache);
        cache.output(x.nrows()).assign(r);
        net.backward(dx.view_mut(), &mut cache);
        net.backward_params(&mut cache, &mut grads);
    }
    (dx.into_iter().collect(), grads.to_flat())
}

fn case() -> impl Strategy<Value = (u64, Array2<f64>, Array2<f64>)> {
    (1..4_usize).prop_flat_map(|rows| (any::<u64>(), matrix(rows, 3), matrix(rows, IMAGE.values())))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn gradients_match_differences((seed, x, r) in case()) {
        let net = net(seed);
        let (dx, dtheta) = gradients(&net, &x, &r, 1);
        let at = |v: &[f64]| (output(&net, ArrayView2::from_shape(x.dim(), v).unwrap()) * &r).sum();
        check_coordinates(at, x.as_slice().unwrap(), &dx, Tol::SEQUENCE)?;
        let mut moved = net.clone();
        let at = |theta: &[f64]| {
            moved.set_flat(theta);
            (output(&moved, x.view()) * &r).sum()
        };
        check_coordinates(at, &net.to_flat(), &dtheta, Tol::SEQUENCE)?;
    }

    #[test]
    fn tangents_match_differences((seed, x, r) in case()) {
        let net = net(seed);
        // One row, moved along two directions.
        let (x, r) = (x.row(0), r.row(0));
        let dx = Array2::from_shape_fn((3, 2), |(i, v)| [[0.3, -1.0], [0.7, 0.2], [-0.4, 0.5]][i][v]);
        let tangents = net.push_forward(x, dx.view());
        let found: Vec<f64> = tangents.columns().into_iter().map(|t| t.dot(&r)).collect();
        let at = |v: &[f64]| {
            let moved = &x + &dx.dot(&ndarray::aview1(v));
            output(&net, moved.view().insert_axis(ndarray::Axis(0))).row(0).dot(&r)
        };
        check_coordinates(at, &[0.0, 0.0], &found, Tol::SEQUENCE)?;
    }

    #[test]
    fn backward_accumulates((seed, x, r) in case()) {
        let net = net(seed);
        let (one, three) = (gradients(&net, &x, &r, 1), gradients(&net, &x, &r, 3));
        for (one, three) in one.0.iter().chain(&one.1).zip(three.0.iter().chain(&three.1)) {
            prop_assert!((3.0 * one - three).abs() <= 1e-11 * (1.0 + three.abs()));
        }
    }

    #[test]
    fn single_rows_and_the_kept_output_agree_bitwise((seed, x, _) in case()) {
        let net = net(seed);
        let whole = output(&net, x.view());
        for n in 0..x.nrows() {
            prop_assert_eq!(output(&net, x.slice(s![n..=n, ..])), whole.slice(s![n..=n, ..]));
        }
        let mut cache = prepared(&net, x.nrows());
        net.forward_kept(x.view(), &mut cache);
        prop_assert_eq!(cache.output(x.nrows()), whole.view());
    }
}

#[test]
#[should_panic(expected = "the block was not pulled back")]
fn parameters_before_pulling_back_panic() {
    let net = net(0);
    let mut cache = prepared(&net, 1);
    net.forward_kept(Array2::zeros((1, 3)).view(), &mut cache);
    net.backward_params(&mut cache, &mut net.zeros_like());
}

#[test]
#[should_panic(expected = "rows of dx against rows written")]
fn more_cotangents_than_rows_panic() {
    let net = net(0);
    let mut cache = prepared(&net, 2);
    net.forward_kept(Array2::zeros((1, 3)).view(), &mut cache);
    net.backward(Array2::zeros((2, 3)).view_mut(), &mut cache);
}
