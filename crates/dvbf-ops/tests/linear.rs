//! `Linear`: both gradients, accumulation, independence of the rows, contracts.

mod common;

use common::{blocks, close, matrix, sizes};
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_ops::{Linear, LinearPack, Params};
use dvbf_tensor::{Accum, Noise};
use ndarray::{Array1, Array2, ArrayView2, array, s};
use proptest::prelude::*;

/// A layer, its input `x`, and the weights `r` of the scalar loss `Σ r ⊙ y`.
type Case = (Linear<f64>, Array2<f64>, Array2<f64>);

fn case_of(rows: usize) -> impl Strategy<Value = Case> {
    (1..6_usize, 1..6_usize).prop_flat_map(move |(i, o)| {
        (matrix(o, i), matrix(1, o), matrix(rows, i), matrix(rows, o))
            .prop_map(|(w, bias, x, r)| (Linear::new(w, bias.row(0).to_owned()), x, r))
    })
}

fn case() -> impl Strategy<Value = Case> {
    (1..5_usize).prop_flat_map(case_of)
}

fn packed(layer: &Linear<f64>) -> LinearPack<f64> {
    let mut pack = LinearPack::new();
    layer.pack(&mut pack);
    pack
}

fn output(layer: &Linear<f64>, x: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut y = Array2::from_elem((x.nrows(), layer.dim().0), f64::NAN);
    layer.apply(&packed(layer), x, y.view_mut());
    y
}

fn loss(layer: &Linear<f64>, x: ArrayView2<'_, f64>, r: &Array2<f64>) -> f64 {
    (output(layer, x) * r).sum()
}

/// `dx` and `dθ` of the loss, pulled back `times` times onto buffers that hold `start`.
fn gradients((layer, x, r): &Case, start: f64, times: usize) -> (Vec<f64>, Vec<f64>) {
    let mut dx = Array2::from_elem(x.dim(), start);
    let mut grads = layer.clone();
    grads.set_flat(&vec![start; layer.count()]);
    for _ in 0..times {
        layer.backward_input(&packed(layer), r.view(), Accum::Add, dx.view_mut());
        Linear::backward_params(x.view(), r.view(), &mut grads);
    }
    (dx.into_iter().collect(), grads.to_flat())
}

proptest! {
    #[test]
    fn forward_is_the_equation((layer, x, _) in case()) {
        let y = output(&layer, x.view());
        let naive = Array2::from_shape_fn(y.dim(), |(n, o)| {
            (0..x.ncols()).map(|i| x[[n, i]] * layer.weight()[[o, i]]).sum::<f64>()
                + layer.bias()[o]
        });
        close(y.as_slice().unwrap(), naive.as_slice().unwrap())?;
    }

    #[test]
    fn parameter_gradient_matches_differences(case in case()) {
        let (layer, x, r) = &case;
        let mut moved = layer.clone();
        let at = |theta: &[f64]| {
            moved.set_flat(theta);
            loss(&moved, x.view(), r)
        };
        check_coordinates(at, &layer.to_flat(), &gradients(&case, 0.0, 1).1, Tol::SMOOTH)?;
    }

    #[test]
    fn input_gradient_matches_differences(case in case()) {
        let (layer, x, r) = &case;
        let at = |v: &[f64]| loss(layer, ArrayView2::from_shape(x.dim(), v).unwrap(), r);
        check_coordinates(at, x.as_slice().unwrap(), &gradients(&case, 0.0, 1).0, Tol::SMOOTH)?;
    }

    #[test]
    fn backward_accumulates(case in case(), start in -2.0..2.0) {
        let ((dx, dtheta), (dx3, dtheta3)) =
            (gradients(&case, 0.0, 1), gradients(&case, start, 3));
        let thrice = |one: &[f64]| one.iter().map(|g| start + 3.0 * g).collect::<Vec<_>>();
        close(&dx3, &thrice(&dx))?;
        close(&dtheta3, &thrice(&dtheta))?;
    }

    #[test]
    fn replacing_forgets_what_was_there(case in case()) {
        let (layer, x, r) = &case;
        let mut dx = Array2::from_elem(x.dim(), f64::NAN);
        layer.backward_input(&packed(layer), r.view(), Accum::Replace, dx.view_mut());
        close(dx.as_slice().unwrap(), &gradients(&case, 0.0, 1).0)?;
    }

    #[test]
    fn blocks_of_rows_agree_bitwise(
        (sizes, (layer, x, _)) in
            sizes().prop_flat_map(|s| (Just(s.clone()), case_of(s.iter().sum())))
    ) {
        let whole = output(&layer, x.view());
        for rows in blocks(&sizes).into_iter().chain((0..x.nrows()).map(|n| n..n + 1)) {
            let part = output(&layer, x.slice(s![rows.clone(), ..]));
            prop_assert_eq!(part, whole.slice(s![rows, ..]));
        }
    }

    #[test]
    fn rectified_path_is_the_rectified_affine_path((layer, x, _) in case()) {
        let mut y = Array2::from_elem((x.nrows(), layer.dim().0), f64::NAN);
        layer.apply_relu(&packed(&layer), x.view(), y.view_mut());
        prop_assert_eq!(y, output(&layer, x.view()).mapv(|y| y.max(0.0)));
    }

    #[test]
    fn half_a_pack_suffices_for_the_forward_pass((layer, x, _) in case()) {
        let (mut half, mut y) = (LinearPack::new(), Array2::zeros((x.nrows(), layer.dim().0)));
        layer.pack_forward(&mut half);
        layer.apply(&half, x.view(), y.view_mut());
        prop_assert_eq!(y, output(&layer, x.view()));
    }
}

/// Sizes beyond one tile and one block of the product, where the order of a sum could change.
#[test]
fn rows_of_a_large_product_agree_bitwise() {
    let layer = Linear::<f64>::random(300, 70, 0.1, Noise::new(1, 0));
    let mut data = vec![0.0; 130 * 300];
    Noise::new(1, 1).normal(&mut data);
    let x = Array2::from_shape_vec((130, 300), data).unwrap();
    let whole = output(&layer, x.view());
    for rows in [0..1, 0..7, 5..6, 90..101, 129..130] {
        assert_eq!(output(&layer, x.slice(s![rows.clone(), ..])), whole.slice(s![rows, ..]));
    }
}

#[test]
fn a_column_major_weight_is_the_same_layer() {
    let weight = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
    let (rows, columns) = (weight.clone(), weight.t().to_owned().reversed_axes());
    let (one, other) =
        (Linear::new(rows, Array1::zeros(3)), Linear::new(columns, Array1::zeros(3)));
    assert_eq!(one.dim(), (3, 2));
    assert_eq!(one.to_flat(), other.to_flat());
    assert_eq!(other.to_flat(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0, 0.0, 0.0]);
}

#[test]
fn parts_can_be_changed() {
    let mut layer = Linear::zeros(2, 1);
    layer.weight_mut()[[0, 1]] = 3.0;
    layer.bias_mut()[0] = -1.0;
    assert_eq!(layer, Linear::new(array![[0.0, 3.0]], array![-1.0]));
    assert_eq!(output(&layer, array![[5.0, 2.0]].view()), array![[5.0]]);
}

#[test]
fn random_weights_are_scaled_draws_and_biases_are_zero() {
    let layer = Linear::<f64>::random(3, 2, 0.5, Noise::new(7, 3));
    let mut draws = vec![0.0; 6];
    Noise::new(7, 3).normal(&mut draws);
    let expected: Vec<f64> = draws.iter().map(|d| 0.5 * d).chain([0.0, 0.0]).collect();
    assert_eq!(layer.to_flat(), expected);
}

/// Panics of the operation `$run` on a layer from 2 to 3 values.
macro_rules! panics {
    ($($name:ident, $message:literal, $run:expr;)*) => {$(
        #[test]
        #[should_panic(expected = $message)]
        fn $name() {
            let layer = Linear::<f64>::random(2, 3, 1.0, Noise::new(0, 0));
            let run: fn(&Linear<f64>, &LinearPack<f64>) = $run;
            run(&layer, &packed(&layer));
        }
    )*};
}

fn ones(rows: usize, columns: usize) -> Array2<f64> {
    Array2::ones((rows, columns))
}

panics! {
    bias_of_another_length, "one bias per output",
        |_, _| drop(Linear::new(ones(3, 2), Array1::zeros(2)));
    apply_to_wide_input, "inner axes",
        |l, p| l.apply(p, ones(4, 3).view(), ones(4, 3).view_mut());
    apply_to_narrow_output, "c against",
        |l, p| l.apply(p, ones(4, 2).view(), ones(4, 2).view_mut());
    apply_to_short_output, "c against",
        |l, p| l.apply(p, ones(4, 2).view(), ones(3, 3).view_mut());
    apply_with_an_empty_pack, "c against",
        |l, _| l.apply(&LinearPack::new(), ones(4, 2).view(), ones(4, 3).view_mut());
    relu_to_wide_input, "inner axes",
        |l, p| l.apply_relu(p, ones(4, 3).view(), ones(4, 3).view_mut());
    input_gradient_of_wide_rows, "inner axes",
        |l, p| l.backward_input(p, ones(4, 2).view(), Accum::Add, ones(4, 2).view_mut());
    input_gradient_into_short_rows, "c against",
        |l, p| l.backward_input(p, ones(4, 3).view(), Accum::Add, ones(3, 2).view_mut());
    input_gradient_with_half_a_pack, "c against",
        |l, _| {
            let mut half = LinearPack::new();
            l.pack_forward(&mut half);
            l.backward_input(&half, ones(4, 3).view(), Accum::Add, ones(4, 2).view_mut());
        };
    parameter_gradient_of_other_rows, "inner axes",
        |l, _| Linear::backward_params(ones(4, 2).view(), ones(3, 3).view(), &mut l.clone());
    parameter_gradient_into_another_layer, "c against",
        |_, _| {
            let mut grads = Linear::zeros(2, 2);
            Linear::backward_params(ones(4, 2).view(), ones(4, 3).view(), &mut grads);
        };
}
