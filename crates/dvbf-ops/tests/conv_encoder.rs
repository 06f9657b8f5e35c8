//! `ImageEncoder`: gradients over layers, accumulation, blocks, contracts. Images are data and have
//! no gradient.

mod common;

use common::{blocks, close, matrix, sizes};
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_ops::{ImageEncoder, ImageEncoderCache, ImageSize, Params, Window};
use dvbf_tensor::Noise;
use ndarray::{Array2, ArrayView2, s};
use proptest::prelude::*;

const IMAGE: ImageSize = ImageSize { height: 6, width: 5, channels: 2 };
const LAYERS: [(usize, Window); 2] = [
    (3, Window { kernel: 3, stride: 2, padding: 1 }),
    (2, Window { kernel: 2, stride: 1, padding: 0 }),
];

fn net(seed: u64) -> ImageEncoder<f64> {
    let mut net = ImageEncoder::random(IMAGE, &LAYERS, Noise::new(seed, 0));
    // Biases that are not zero.
    let mut shift = vec![0.0; net.count()];
    Noise::new(seed, 1).normal(&mut shift);
    let moved: Vec<f64> = net.to_flat().iter().zip(shift).map(|(p, n)| p + 0.2 * n).collect();
    net.set_flat(&moved);
    net
}

fn prepared(net: &ImageEncoder<f64>, rows: usize) -> ImageEncoderCache<f64> {
    let mut cache = net.cache(rows);
    net.prepare(&mut cache);
    cache
}

fn output(net: &ImageEncoder<f64>, x: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut cache = prepared(net, x.nrows());
    net.forward(0, x, &mut cache);
    cache.features(x.nrows()).to_owned()
}

fn gradient(net: &ImageEncoder<f64>, x: &Array2<f64>, r: &Array2<f64>, times: usize) -> Vec<f64> {
    let (mut cache, mut grads) = (prepared(net, x.nrows()), net.zeros_like());
    for _ in 0..times {
        net.forward(0, x.view(), &mut cache);
        cache.features_cotangent(x.nrows()).assign(r);
        net.backward(x.view(), &mut cache, &mut grads);
    }
    grads.to_flat()
}

fn case() -> impl Strategy<Value = (u64, Array2<f64>, Array2<f64>)> {
    (1..4_usize).prop_flat_map(|rows| {
        let features = net(0).features();
        (any::<u64>(), matrix(rows, IMAGE.values()), matrix(rows, features))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn parameter_gradient_matches_differences((seed, x, r) in case()) {
        let net = net(seed);
        let mut moved = net.clone();
        let at = |theta: &[f64]| {
            moved.set_flat(theta);
            (output(&moved, x.view()) * &r).sum()
        };
        check_coordinates(at, &net.to_flat(), &gradient(&net, &x, &r, 1), Tol::SEQUENCE)?;
    }

    #[test]
    fn backward_accumulates((seed, x, r) in case()) {
        let net = net(seed);
        let (one, three) = (gradient(&net, &x, &r, 1), gradient(&net, &x, &r, 3));
        close(&three, &one.iter().map(|g| 3.0 * g).collect::<Vec<_>>())?;
    }

    #[test]
    fn blocks_of_rows_agree_bitwise(
        (sizes, x) in sizes().prop_flat_map(|s| {
            let rows = s.iter().sum();
            (Just(s), matrix(rows, IMAGE.values()))
        }),
        seed in any::<u64>(),
    ) {
        let net = net(seed);
        let mut cache = prepared(&net, x.nrows());
        for rows in blocks(&sizes) {
            net.forward(rows.start, x.slice(s![rows, ..]), &mut cache);
        }
        prop_assert_eq!(cache.features(x.nrows()), output(&net, x.view()));
    }
}

#[test]
fn weights_are_scaled_and_biases_stay() {
    let (net, mut half) = (net(1), net(1));
    half.scale_weights(0.5);
    let (mut weights, mut biases) = (0, 0);
    for (one, other) in net.to_flat().iter().zip(half.to_flat()) {
        if (one - other).abs() < 1e-15 {
            biases += 1;
        } else {
            assert!((0.5 * one - other).abs() < 1e-15);
            weights += 1;
        }
    }
    assert_eq!((weights, biases), (3 * 18 + 2 * 12, 3 + 2));
}

#[test]
#[should_panic(expected = "cache of 1 rows is too small for 2")]
fn more_images_than_rows_panic() {
    let net = net(0);
    net.forward(0, Array2::zeros((2, IMAGE.values())).view(), &mut prepared(&net, 1));
}

#[test]
#[should_panic(expected = "blocks follow without gaps")]
fn skipped_rows_panic() {
    let net = net(0);
    net.forward(1, Array2::zeros((1, IMAGE.values())).view(), &mut prepared(&net, 2));
}
