//! Rows in lanes give the bits of rows in an array; tangents pushed forward are differences.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_ops::{
    Feature, Features, LANES, Mixture, MixtureDims, MixtureLanes, Mlp, MlpLanes, gather,
    softmax_lanes, softmax_push_lanes, spread,
};
use dvbf_tensor::{Noise, softmax_rows};
use ndarray::{Array1, Array2, s};
use proptest::prelude::*;

/// Standard normal draws, a function of `(seed, stream)`.
fn normal(rows: usize, columns: usize, seed: u64, stream: u64) -> Array2<f64> {
    let mut a = Array2::zeros((rows, columns));
    Noise::new(seed, stream).normal(a.as_slice_mut().unwrap());
    a
}

/// `rows (n, I)` in lanes, with room for whole vectors.
fn in_lanes(rows: &Array2<f32>) -> (Vec<f32>, usize) {
    let lanes = rows.nrows().next_multiple_of(LANES);
    let mut out = vec![f32::NAN; rows.ncols() * lanes];
    spread(rows.view(), lanes, &mut out);
    (out, lanes)
}

fn out_of_lanes(values: &[f32], lanes: usize, dim: (usize, usize)) -> Array2<f32> {
    let mut rows = Array2::zeros(dim);
    gather(values, lanes, rows.view_mut());
    rows
}

fn single(a: Array2<f64>) -> Array2<f32> {
    a.mapv(<f32 as dvbf_tensor::Scalar>::of)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn softmax_agrees((n, m) in (1..70_usize, 1..20_usize), seed in any::<u64>()) {
        let mut rows = single(normal(n, m, seed, 1)) * 5.0;
        let (mut values, lanes) = in_lanes(&rows);
        softmax_lanes(&mut values, lanes);
        softmax_rows(rows.view_mut());
        prop_assert_eq!(out_of_lanes(&values, lanes, (n, m)), rows);
    }

    #[test]
    fn perceptrons_agree(
        n in 1..70_usize,
        widths in prop::collection::vec(1..70_usize, 2..5),
        seed in any::<u64>(),
    ) {
        let mut mlp = Mlp::<f32>::random(&widths, &vec![1.0; widths.len() - 1], Noise::new(seed, 0));
        for (l, layer) in (2..).zip(mlp.layers_mut()) {
            let bias = single(normal(1, layer.dim().0, seed, l));
            layer.bias_mut().assign(&bias.row(0));
        }
        let x = single(normal(n, widths[0], seed, 1));
        let mut expected = Array2::zeros((n, widths[widths.len() - 1]));
        let mut cache = mlp.cache(n);
        mlp.prepare(&mut cache);
        mlp.forward(0, x.view(), expected.view_mut(), &mut cache);
        let (values, lanes) = in_lanes(&x);
        let mut buffers = MlpLanes::default();
        for _ in 0..2 {
            let y = mlp.forward_lanes(&values, lanes, &mut buffers);
            prop_assert_eq!(&out_of_lanes(y, lanes, expected.dim()), &expected);
        }
    }

    #[test]
    fn mixtures_agree(
        n in 1..70_usize,
        (bases, state, control, noise) in (1..20_usize, 1..5_usize, 0..3_usize, 1..5_usize),
        shared in 0..2_usize,
        seed in any::<u64>(),
    ) {
        let dims = MixtureDims { bases, state, control, noise };
        let mixture = Mixture::<f32>::random(dims, [0.3; 3], 0.3, Noise::new(seed, 0));
        let mixture = mixture.with_shared_state(shared.min(state));
        let draw = |columns, stream| single(normal(n, columns, seed, stream));
        let (mut alpha, z, u, w) =
            (draw(bases, 1), draw(state, 2), draw(control, 3), draw(noise, 4));
        softmax_rows(alpha.view_mut());
        let mut cache = mixture.cache(n);
        mixture.prepare(&mut cache);
        let mut expected = Array2::zeros((n, state));
        let (a, next) = (alpha.view(), expected.view_mut());
        mixture.forward(0, a, z.view(), u.view(), w.view(), next, &mut cache);
        let v = ndarray::concatenate![ndarray::Axis(1), z, u, w];
        let ((alpha, lanes), (v, _)) = (in_lanes(&alpha), in_lanes(&v));
        let mut buffers = MixtureLanes::default();
        let y = mixture.forward_lanes(&alpha, &v, lanes, &cache, &mut buffers);
        prop_assert_eq!(out_of_lanes(y, lanes, (n, state)), expected);
    }

    /// A softmax of a perceptron that mixes linear maps of the same input, along several directions: each
    /// derivative equals the central difference of the values, in every lane.
    #[test]
    fn pushed_lanes_are_differences(
        n in 1..20_usize,
        (bases, state, control) in (1..4_usize, 1..4_usize, 0..3_usize),
        (hidden, directions) in (1..6_usize, 1..4_usize),
        seed in any::<u64>(),
    ) {
        let inputs = state + control;
        let net =
            Mlp::<f64>::random(&[inputs, hidden, bases], &[1.5, 1.5], Noise::new(seed, 0));
        let dims = MixtureDims { bases, state, control, noise: 1 };
        let mixture = Mixture::<f64>::random(dims, [0.3; 3], 0.3, Noise::new(seed, 1));
        let mut cache = mixture.cache(1);
        mixture.prepare(&mut cache);
        let lanes = n.next_multiple_of(LANES);
        let width = (1 + directions) * lanes;
        // Row i: the input in all lanes, then its derivatives.
        let v = normal(inputs, width, seed, 2);
        let (mut mixing, mut maps) = (MlpLanes::default(), MixtureLanes::default());
        let mut push = |v: &Array2<f64>, directions: usize| {
            let v = v.as_slice().unwrap();
            let alpha = net.push_lanes(v, (lanes, directions), &mut mixing);
            softmax_push_lanes(alpha, (lanes, directions));
            mixture.push_lanes((alpha, v), (lanes, directions), &cache, &mut maps).to_vec()
        };
        let found = Array2::from_shape_vec((state, width), push(&v, directions)).unwrap();
        let (h, values) = (1e-6, v.slice(s![.., ..lanes]));
        let alone = push(&values.to_owned(), 0);
        prop_assert_eq!(found.slice(s![.., ..lanes]).iter().copied().collect::<Vec<_>>(), alone);
        for direction in 1..=directions {
            let columns = s![.., direction * lanes..(direction + 1) * lanes];
            let along = &v.slice(columns) * h;
            let (up, down) = (push(&(&values + &along), 0), push(&(&values - &along), 0));
            for ((found, up), down) in found.slice(columns).iter().zip(up).zip(down) {
                let slope = (up - down) / (2.0 * h);
                prop_assert!((found - slope).abs() < 1e-5 * (1.0 + slope.abs()), "{} {}", found, slope);
            }
        }
    }

    /// `∂y/∂v` of `y = net(x(v))` with a linear `x(v)`.
    #[test]
    fn tangents_of_a_perceptron_are_differences(
        widths in prop::collection::vec(1..6_usize, 2..5),
        columns in 1..4_usize,
        seed in any::<u64>(),
    ) {
        let net = Mlp::<f64>::random(&widths, &vec![1.5; widths.len() - 1], Noise::new(seed, 0));
        let (x, dx) = (normal(1, widths[0], seed, 1), normal(widths[0], columns, seed, 2));
        let found = net.push_forward(x.row(0), dx.view());
        let mut cache = net.cache(1);
        net.prepare(&mut cache);
        let mut y = Array2::zeros((1, widths[widths.len() - 1]));
        for (c, found) in found.rows().into_iter().enumerate() {
            let at = |v: &[f64]| {
                let x = &x.row(0) + &dx.dot(&Array1::from(v.to_vec()));
                let x = x.insert_axis(ndarray::Axis(0));
                net.forward(0, x.view(), y.view_mut(), &mut cache);
                y[[0, c]]
            };
            let tol = Tol { abs: 1e-6, rel: 1e-6 };
            check_coordinates(at, &vec![0.0; columns], &found.to_vec(), tol)?;
        }
    }
}

#[test]
fn derivatives_of_features_are_differences() {
    let features =
        Features::new(vec![Feature::Angle, Feature::Linear { scale: 4.0 }, Feature::CountedAngle]);
    let point = [0.7, -1.2, 3.0];
    let found = features.jacobian(Array1::from(point.to_vec()).view());
    let mut out = Array2::zeros((1, 6));
    for (j, found) in found.rows().into_iter().enumerate() {
        let at = |v: &[f64]| {
            let z = Array2::from_shape_vec((1, 3), v.to_vec()).unwrap();
            features.apply(z.view(), out.view_mut());
            out.slice(s![0, j]).into_scalar().to_owned()
        };
        check_coordinates(at, &point, &found.to_vec(), Tol::SMOOTH).unwrap();
    }
}
