//! `softmax_backward`: the gradient, its null space, independence of the rows, contracts.

mod common;

use common::{blocks, close, matrix, sizes};
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_ops::softmax_backward;
use dvbf_tensor::softmax_rows;
use ndarray::{Array2, ArrayView2, Axis, array, s};
use proptest::prelude::*;

/// The input `a`, and the weights `r` of the scalar loss `Σ r ⊙ α`.
fn case_of(rows: usize) -> impl Strategy<Value = (Array2<f64>, Array2<f64>)> {
    (1..20_usize).prop_flat_map(move |m| (matrix(rows, m).prop_map(|a| a * 4.0), matrix(rows, m)))
}

fn softmax(a: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut alpha = a.to_owned();
    softmax_rows(alpha.view_mut());
    alpha
}

fn gradient(a: ArrayView2<'_, f64>, r: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut d = r.to_owned();
    softmax_backward(softmax(a).view(), d.view_mut());
    d
}

proptest! {
    #[test]
    fn gradient_matches_differences((a, r) in (1..5_usize).prop_flat_map(case_of)) {
        let loss = |v: &[f64]| (softmax(ArrayView2::from_shape(a.dim(), v).unwrap()) * &r).sum();
        let da = gradient(a.view(), r.view());
        check_coordinates(loss, a.as_slice().unwrap(), da.as_slice().unwrap(), Tol::SMOOTH)?;
    }

    #[test]
    fn gradient_ignores_a_common_shift((a, r) in (1..5_usize).prop_flat_map(case_of)) {
        let da = gradient(a.view(), r.view());
        close(da.sum_axis(Axis(1)).as_slice().unwrap(), &vec![0.0; a.nrows()])?;
        let shifted = gradient(a.view(), (&r + 3.0).view());
        close(shifted.as_slice().unwrap(), da.as_slice().unwrap())?;
    }

    /// The gradient overwrites its argument, hence is linear in it and never accumulates.
    #[test]
    fn gradient_replaces_its_argument((a, r) in (1..5_usize).prop_flat_map(case_of)) {
        let (one, three) = (gradient(a.view(), r.view()), gradient(a.view(), (&r * 3.0).view()));
        close(three.as_slice().unwrap(), (one * 3.0).as_slice().unwrap())?;
    }

    #[test]
    fn blocks_of_rows_agree_bitwise(
        (sizes, (a, r)) in sizes().prop_flat_map(|s| (Just(s.clone()), case_of(s.iter().sum())))
    ) {
        let whole = gradient(a.view(), r.view());
        for rows in blocks(&sizes).into_iter().chain((0..a.nrows()).map(|n| n..n + 1)) {
            let rows = s![rows, ..];
            prop_assert_eq!(gradient(a.slice(rows), r.slice(rows)), whole.slice(rows));
        }
    }
}

#[test]
fn two_classes_by_hand() {
    // α = (1/4, 3/4) and dα = (1, 0): the mean is 1/4, so da = (3/16, -3/16).
    let mut d = array![[1.0, 0.0]];
    softmax_backward(array![[0.25, 0.75]].view(), d.view_mut());
    assert_eq!(d, array![[0.1875, -0.1875]]);
}

#[test]
fn a_single_class_has_no_gradient() {
    assert_eq!(
        gradient(array![[3.0], [-1.0]].view(), array![[2.0], [5.0]].view()),
        array![[0.0], [0.0]]
    );
}

#[test]
#[should_panic(expected = "α against dα")]
fn shapes_disagree() {
    softmax_backward(Array2::<f64>::ones((2, 3)).view(), Array2::ones((1, 3)).view_mut());
}

#[test]
#[should_panic(expected = "rows are contiguous")]
fn rows_in_columns() {
    softmax_backward(
        Array2::<f64>::ones((2, 3)).view(),
        Array2::ones((3, 2)).view_mut().reversed_axes(),
    );
}
