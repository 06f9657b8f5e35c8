//! Recognition network: gradients over steps, accumulation, blocks, angles, misuse.

mod common;

use common::fill;
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_models::{
    Feedforward, FeedforwardInputs, FeedforwardLayers, Recognition, RecognitionInput,
};
use dvbf_ops::{Feature, Features, Params};
use dvbf_tensor::Noise;
use ndarray::{Array2, s};
use proptest::prelude::*;

struct Case {
    net: Feedforward<f64>,
    steps: usize,
    x: Array2<f64>,
    z: Array2<f64>,
    u: Array2<f64>,
    weight: Array2<f64>,
}

fn case(sizes: (usize, usize, usize), steps: usize, rows: usize, seed: u64) -> Case {
    // Some networks see their first component as an angle.
    let mut kinds = vec![Feature::Linear { scale: 1.0 }; sizes.1];
    match seed % 3 {
        0 => kinds[0] = Feature::Angle,
        1 => kinds[0] = Feature::CountedAngle,
        _ => {}
    }
    let features = Features::new(kinds);
    let inputs = FeedforwardInputs { observation: sizes.0, control: sizes.2 };
    let layers = FeedforwardLayers { hidden: 5, outputs: 4 };
    let mut net = Feedforward::random(inputs, features, layers, Noise::new(seed, 0));
    let moved: Vec<f64> = net
        .to_flat()
        .iter()
        .zip(fill(1, net.count(), seed, 9).iter())
        .map(|(p, n)| p + 0.3 * n)
        .collect();
    net.set_flat(&moved);
    let all = steps * rows;
    let draw = |columns, stream| fill(all, columns, seed, stream);
    Case {
        net,
        steps,
        x: draw(sizes.0, 1),
        z: draw(sizes.1, 2),
        u: draw(sizes.2, 3),
        weight: draw(4, 4),
    }
}

fn any_case() -> impl Strategy<Value = (usize, usize, usize, usize, usize, u64)> {
    (1..4_usize, 1..4_usize, 0..3_usize, 1..4_usize, 1..4_usize, any::<u64>())
}

fn output(net: &Feedforward<f64>, case: &Case, z: &Array2<f64>, steps: usize) -> Array2<f64> {
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

fn loss(net: &Feedforward<f64>, case: &Case, z: &Array2<f64>) -> f64 {
    (output(net, case, z, case.steps) * &case.weight).sum()
}

fn gradients(case: &Case, times: usize) -> (Array2<f64>, Vec<f64>) {
    let rows = case.z.nrows() / case.steps;
    let (mut cache, mut grads) = (case.net.cache(case.z.nrows()), case.net.zeros_like());
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
        case.net.accumulate(case.x.view(), &mut cache, &mut grads);
    }
    (dz, grads.to_flat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn gradients_match_differences((x, z, u, steps, rows, seed) in any_case()) {
        let case = case((x, z, u), steps, rows, seed);
        let (dz, dtheta) = gradients(&case, 1);
        let tol = Tol { abs: 1e-6, rel: 1e-5 };
        let at = |v: &[f64]| loss(&case.net, &case, &Array2::from_shape_vec(case.z.dim(), v.to_vec()).unwrap());
        check_coordinates(at, case.z.as_slice().unwrap(), dz.as_slice().unwrap(), tol)?;
        let mut moved = case.net.clone();
        let at = |v: &[f64]| { moved.set_flat(v); loss(&moved, &case, &case.z) };
        check_coordinates(at, &case.net.to_flat(), &dtheta, tol)?;
    }

    #[test]
    fn backward_accumulates((x, z, u, steps, rows, seed) in any_case()) {
        let case = case((x, z, u), steps, rows, seed);
        let (one, three) = (gradients(&case, 1), gradients(&case, 3));
        for (one, three) in one.0.iter().chain(&one.1).zip(three.0.iter().chain(&three.1)) {
            prop_assert!((3.0 * one - three).abs() <= 1e-11 * (1.0 + three.abs()));
        }
    }

    #[test]
    fn steps_equal_one_block_bit_for_bit((x, z, u, steps, rows, seed) in any_case()) {
        let case = case((x, z, u), steps, rows, seed);
        prop_assert_eq!(output(&case.net, &case, &case.z, steps), output(&case.net, &case, &case.z, 1));
    }
}

#[test]
#[should_panic(expected = "blocks of rows follow without gaps")]
fn skipped_rows_panic() {
    let case = case((2, 2, 1), 3, 1, 0);
    let mut cache = case.net.cache(3);
    case.net.prepare(&mut cache);
    case.net.observe(case.x.view(), &mut cache);
    let r = s![1..2, ..];
    let mut raw = Array2::zeros((1, 4));
    let input = RecognitionInput { state: case.z.slice(r), control: case.u.slice(r) };
    case.net.forward(1, input, raw.view_mut(), &mut cache);
}

#[test]
#[should_panic(expected = "rows pulled back against rows written")]
fn accumulating_before_pulling_back_panics() {
    let case = case((2, 2, 1), 1, 2, 0);
    let mut cache = case.net.cache(2);
    case.net.prepare(&mut cache);
    case.net.observe(case.x.view(), &mut cache);
    let mut raw = Array2::zeros((2, 4));
    let input = RecognitionInput { state: case.z.view(), control: case.u.view() };
    case.net.forward(0, input, raw.view_mut(), &mut cache);
    case.net.accumulate(case.x.view(), &mut cache, &mut case.net.zeros_like());
}
