//! `Mlp`: both gradients, accumulation, blocks of rows, recurrence.

mod common;

use common::{blocks, close, matrix, sizes};
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_ops::{Linear, Mlp, MlpCache, Params};
use dvbf_tensor::Noise;
use ndarray::{Array2, ArrayView2, array, s};
use proptest::{collection::vec, prelude::*};

/// A perceptron, its input `x`, the weights `r` of the loss `Σ r ⊙ y`, and blocks of rows.
#[derive(Clone, Debug)]
struct Case {
    mlp: Mlp<f64>,
    x: Array2<f64>,
    r: Array2<f64>,
    sizes: Vec<usize>,
}

fn layer(inputs: usize, outputs: usize) -> impl Strategy<Value = Linear<f64>> {
    (matrix(outputs, inputs), matrix(1, outputs))
        .prop_map(|(weight, bias)| Linear::new(weight, bias.row(0).to_owned()))
}

/// One to four layers.
fn case_of(widths: Vec<usize>) -> impl Strategy<Value = Case> {
    sizes().prop_flat_map(move |sizes| {
        let rows: usize = sizes.iter().sum();
        let layers: Vec<_> = widths.windows(2).map(|w| layer(w[0], w[1])).collect();
        (layers, matrix(rows, widths[0]), matrix(rows, widths[widths.len() - 1])).prop_map(
            move |(layers, x, r)| Case { mlp: Mlp::new(layers), x, r, sizes: sizes.clone() },
        )
    })
}

fn case() -> impl Strategy<Value = Case> {
    vec(1..5_usize, 2..6).prop_flat_map(case_of)
}

/// The output, and the distance of the closest pre-activation from the kink of the rectifier;
/// shares no code with the operation.
fn naive(mlp: &Mlp<f64>, x: ArrayView2<'_, f64>) -> (Array2<f64>, f64) {
    let (mut h, mut distance) = (x.to_owned(), f64::INFINITY);
    for (l, layer) in mlp.layers().iter().enumerate() {
        let a = h.dot(&layer.weight().t()) + layer.bias();
        if l + 1 == mlp.layers().len() {
            return (a, distance);
        }
        distance = a.iter().fold(distance, |d, a| d.min(a.abs()));
        h = a.mapv(|a| a.max(0.0));
    }
    unreachable!("a perceptron has layers")
}

/// Differences move pre-activations by less than this.
const KINK: f64 = 1e-2;

fn prepared(mlp: &Mlp<f64>, rows: usize) -> MlpCache<f64> {
    let mut cache = mlp.cache(rows);
    mlp.prepare(&mut cache);
    cache
}

/// Forward in blocks of these sizes.
fn forward(case: &Case, sizes: &[usize], cache: &mut MlpCache<f64>) -> Array2<f64> {
    let mut y = Array2::from_elem(case.r.dim(), f64::NAN);
    for rows in blocks(sizes) {
        let (at, rows) = (rows.start, s![rows, ..]);
        case.mlp.forward(at, case.x.slice(rows), y.slice_mut(rows), cache);
    }
    y
}

/// Backward in blocks of these sizes, last block first, onto what `dx` holds.
fn backward(case: &Case, sizes: &[usize], cache: &mut MlpCache<f64>, dx: &mut Array2<f64>) {
    for rows in blocks(sizes).into_iter().rev() {
        let (at, rows) = (rows.start, s![rows, ..]);
        case.mlp.backward(at, case.r.slice(rows), dx.slice_mut(rows), cache);
    }
}

/// `y`, `dx` and `dθ`, computed in blocks of these sizes.
fn run(case: &Case, sizes: &[usize]) -> (Array2<f64>, Array2<f64>, Vec<f64>) {
    let (mut cache, mut dx) = (prepared(&case.mlp, case.x.nrows()), Array2::zeros(case.x.dim()));
    let mut grads = case.mlp.zeros_like();
    let y = forward(case, sizes, &mut cache);
    backward(case, sizes, &mut cache, &mut dx);
    case.mlp.accumulate(&mut cache, &mut grads);
    (y, dx, grads.to_flat())
}

fn loss(mlp: &Mlp<f64>, x: ArrayView2<'_, f64>, r: &Array2<f64>) -> f64 {
    let mut y = Array2::from_elem(r.dim(), f64::NAN);
    mlp.forward(0, x, y.view_mut(), &mut prepared(mlp, x.nrows()));
    (y * r).sum()
}

proptest! {
    #[test]
    fn forward_is_the_equation(case in case()) {
        let (y, _, _) = run(&case, &case.sizes);
        let expected = naive(&case.mlp, case.x.view()).0;
        close(y.as_slice().unwrap(), expected.as_standard_layout().as_slice().unwrap())?;
    }

    #[test]
    fn parameter_gradient_matches_differences(case in case()) {
        prop_assume!(naive(&case.mlp, case.x.view()).1 > KINK);
        let mut moved = case.mlp.clone();
        let at = |theta: &[f64]| {
            moved.set_flat(theta);
            loss(&moved, case.x.view(), &case.r)
        };
        let (_, _, dtheta) = run(&case, &case.sizes);
        check_coordinates(at, &case.mlp.to_flat(), &dtheta, Tol::SMOOTH)?;
    }

    #[test]
    fn input_gradient_matches_differences(case in case()) {
        prop_assume!(naive(&case.mlp, case.x.view()).1 > KINK);
        let at = |v: &[f64]| {
            loss(&case.mlp, ArrayView2::from_shape(case.x.dim(), v).unwrap(), &case.r)
        };
        let (_, dx, _) = run(&case, &case.sizes);
        check_coordinates(at, case.x.as_slice().unwrap(), dx.as_slice().unwrap(), Tol::SMOOTH)?;
    }

    /// Three passes over the same rows add three times the gradient to what was there.
    #[test]
    fn backward_accumulates(case in case(), start in -2.0..2.0) {
        let (_, dx, dtheta) = run(&case, &case.sizes);
        let mut cache = prepared(&case.mlp, case.x.nrows());
        let mut dx3 = Array2::from_elem(case.x.dim(), start);
        let mut grads3 = case.mlp.clone();
        grads3.set_flat(&vec![start; case.mlp.count()]);
        forward(&case, &case.sizes, &mut cache);
        for _ in 0..3 {
            backward(&case, &case.sizes, &mut cache, &mut dx3);
            case.mlp.accumulate(&mut cache, &mut grads3);
        }
        let thrice = |one: &[f64]| one.iter().map(|g| start + 3.0 * g).collect::<Vec<_>>();
        close(dx3.as_slice().unwrap(), &thrice(dx.as_slice().unwrap()))?;
        close(&grads3.to_flat(), &thrice(&dtheta))?;
    }

    #[test]
    fn blocks_of_rows_agree_bitwise(case in case()) {
        let rows = case.x.nrows();
        let whole = run(&case, &[rows]);
        prop_assert_eq!(&run(&case, &case.sizes), &whole);
        prop_assert_eq!(&run(&case, &vec![1; rows]), &whole);
        // Blocks need not be pulled back as they were written.
        let mut cache = prepared(&case.mlp, rows);
        let (mut dx, mut grads) = (Array2::zeros(case.x.dim()), case.mlp.zeros_like());
        forward(&case, &[rows], &mut cache);
        backward(&case, &case.sizes, &mut cache, &mut dx);
        case.mlp.accumulate(&mut cache, &mut grads);
        prop_assert_eq!((dx, grads.to_flat()), (whole.1, whole.2));
    }

    #[test]
    fn gradient_of_blocks_is_the_sum_over_separate_passes(case in case()) {
        let (_, _, dtheta) = run(&case, &case.sizes);
        let mut grads = case.mlp.zeros_like();
        let mut cache = prepared(&case.mlp, case.x.nrows());
        for rows in blocks(&case.sizes) {
            let (n, rows) = (rows.len(), s![rows, ..]);
            let (mut y, mut dx) = (
                case.r.slice(rows).to_owned(), case.x.slice(rows).to_owned());
            case.mlp.forward(0, case.x.slice(rows), y.view_mut(), &mut cache);
            case.mlp.backward(0, case.r.slice(rows), dx.view_mut(), &mut cache);
            prop_assert_eq!(n, y.nrows());
            case.mlp.accumulate(&mut cache, &mut grads);
        }
        close(&grads.to_flat(), &dtheta)?;
    }

    /// A pass at row 0 forgets longer and unfinished ones before it.
    #[test]
    fn a_used_cache_is_as_good_as_a_new_one(case in case(), before in 1..6_usize) {
        let wide = Case {
            x: Array2::from_elem((20, case.x.ncols()), 0.7),
            r: Array2::from_elem((20, case.r.ncols()), 1.3),
            ..case.clone()
        };
        let mut cache = prepared(&case.mlp, 20);
        forward(&wide, &[20], &mut cache);
        let mut dx = Array2::zeros((before, case.x.ncols()));
        case.mlp.backward(3, wide.r.slice(s![..before, ..]), dx.view_mut(), &mut cache);

        let (mut dx, mut grads) = (Array2::zeros(case.x.dim()), case.mlp.zeros_like());
        let y = forward(&case, &case.sizes, &mut cache);
        backward(&case, &case.sizes, &mut cache, &mut dx);
        case.mlp.accumulate(&mut cache, &mut grads);
        prop_assert_eq!((y, dx, grads.to_flat()), run(&case, &case.sizes));
    }

    #[test]
    fn without_input_gradient_the_parameter_gradient_is_the_same(case in case()) {
        let mut cache = prepared(&case.mlp, case.x.nrows());
        let mut grads = case.mlp.zeros_like();
        forward(&case, &case.sizes, &mut cache);
        for rows in blocks(&case.sizes).into_iter().rev() {
            case.mlp.backward_data(rows.start, case.r.slice(s![rows, ..]), &mut cache);
        }
        case.mlp.accumulate(&mut cache, &mut grads);
        prop_assert_eq!(grads.to_flat(), run(&case, &case.sizes).2);
    }

    #[test]
    fn input_written_in_place_is_the_same(case in case()) {
        let mut cache = prepared(&case.mlp, case.x.nrows());
        let mut y = Array2::from_elem(case.r.dim(), f64::NAN);
        for rows in blocks(&case.sizes) {
            let (at, n, rows) = (rows.start, rows.len(), s![rows, ..]);
            cache.input(at, n).assign(&case.x.slice(rows));
            case.mlp.forward_written(at, y.slice_mut(rows), &mut cache);
        }
        prop_assert_eq!(y, run(&case, &case.sizes).0);
    }

    #[test]
    fn changed_parameters_count_once_packed(case in case()) {
        let mut moved = case.mlp.clone();
        let mut cache = prepared(&case.mlp, case.x.nrows());
        forward(&case, &case.sizes, &mut cache);
        for layer in moved.layers_mut() {
            layer.weight_mut().mapv_inplace(|w| w * 0.5);
        }
        let case = Case { mlp: moved, ..case };
        case.mlp.prepare(&mut cache);
        prop_assert_eq!(forward(&case, &case.sizes, &mut cache), run(&case, &case.sizes).0);
    }

    /// `xₜ₊₁ = f(xₜ)` for five steps of two rows: every step has its own rows of the one cache.
    #[test]
    fn recurrence_matches_differences(
        case in (vec(1..5_usize, 0..3), 1..4_usize).prop_flat_map(|(hidden, width)| {
            let ends = [width];
            case_of(ends.iter().chain(&hidden).chain(&ends).copied().collect())
        })
    ) {
        let Case { mlp, r, .. } = &case;
        let n = case.x.nrows();
        let unrolled = |mlp: &Mlp<f64>, x: ArrayView2<'_, f64>, cache: &mut MlpCache<f64>| {
            let (mut x, mut loss) = (x.to_owned(), 0.0);
            for t in 0..5 {
                let mut y = Array2::zeros(x.dim());
                mlp.forward(t * n, x.view(), y.view_mut(), cache);
                loss += (&y * r).sum();
                x = y;
            }
            loss
        };
        let mut x = case.x.clone();
        for _ in 0..5 {
            let (y, distance) = naive(mlp, x.view());
            prop_assume!(distance > KINK / 2.0);
            x = y;
        }
        let (mut cache, mut grads) = (prepared(mlp, 5 * n), mlp.zeros_like());
        unrolled(mlp, case.x.view(), &mut cache);
        let mut d = Array2::zeros(case.x.dim());
        for t in (0..5).rev() {
            let dy = &d + r;
            d.fill(0.0);
            mlp.backward(t * n, dy.view(), d.view_mut(), &mut cache);
        }
        mlp.accumulate(&mut cache, &mut grads);

        let mut moved = mlp.clone();
        let at = |theta: &[f64]| {
            moved.set_flat(theta);
            unrolled(&moved, case.x.view(), &mut prepared(&moved, 5 * n))
        };
        check_coordinates(at, &mlp.to_flat(), &grads.to_flat(), Tol::SEQUENCE)?;
        let at = |v: &[f64]| {
            let x = ArrayView2::from_shape(case.x.dim(), v).unwrap();
            unrolled(mlp, x, &mut prepared(mlp, 5 * n))
        };
        check_coordinates(at, case.x.as_slice().unwrap(), d.as_slice().unwrap(), Tol::SEQUENCE)?;
    }
}

/// Sizes beyond one tile and one block of the product, where the order of a sum could change.
#[test]
fn rows_of_a_large_product_agree_bitwise() {
    let mlp = Mlp::<f64>::random(&[300, 70, 40], &[1.4, 1.0], Noise::new(1, 0));
    let mut data = vec![0.0; 130 * 300];
    Noise::new(1, 1).normal(&mut data);
    let x = Array2::from_shape_vec((130, 300), data).unwrap();
    let case = Case { mlp, x, r: Array2::ones((130, 40)), sizes: vec![] };
    let mut cache = prepared(&case.mlp, 130);
    let whole = forward(&case, &[130], &mut cache);
    assert_eq!(forward(&case, &[1, 6, 83, 11, 29], &mut cache), whole);
    assert_eq!(forward(&case, &[1; 130], &mut cache), whole);
}

#[test]
fn a_single_layer_is_affine() {
    let layer = Linear::new(array![[-2.0, 1.0]], array![0.5]);
    let (x, r) = (array![[3.0, 4.0]], array![[2.0]]);
    let case = Case { mlp: Mlp::new(vec![layer]), x, r, sizes: vec![1] };
    assert_eq!(case.mlp.dim(), (2, 1));
    let (y, dx, dtheta) = run(&case, &[1]);
    assert_eq!(y, array![[-1.5]], "the last layer is not rectified");
    assert_eq!(dx, array![[-4.0, 2.0]]);
    assert_eq!(dtheta, [6.0, 8.0, 2.0]);
}

#[test]
fn the_kink_itself_has_gradient_zero() {
    let layers = vec![Linear::zeros(1, 1), Linear::new(array![[1.0]], array![0.0])];
    let (x, r) = (array![[1.0]], array![[1.0]]);
    let case = Case { mlp: Mlp::new(layers), x, r, sizes: vec![1] };
    assert_eq!(run(&case, &[1]).2, [0.0, 0.0, 0.0, 1.0]);
}
