//! Gaussian head: values, gradients of raw output and noise, and the fall-back to the prior.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_prob::{GaussianHead, HeadCotangents, STD_FLOOR};
use ndarray::{Array1, Array2, ArrayView2, s};
use proptest::{collection::vec, prelude::*};

#[derive(Debug)]
struct Case {
    raw: Array2<f64>,
    seen: Array1<f64>,
    eps: Array2<f64>,
    /// Weights of `w`, `μ` and `σ` in the loss.
    weights: [Array2<f64>; 3],
}

fn matrix(rows: usize, columns: usize) -> impl Strategy<Value = Array2<f64>> {
    vec(-3.0..3.0, rows * columns)
        .prop_map(move |v| Array2::from_shape_vec((rows, columns), v).unwrap())
}

fn case() -> impl Strategy<Value = Case> {
    (1..5_usize, 1..4_usize).prop_flat_map(|(n, w)| {
        let weights = [matrix(n, w), matrix(n, w), matrix(n, w)];
        (matrix(n, 2 * w), vec(prop::bool::ANY, n), matrix(n, w), weights).prop_map(
            |(raw, seen, eps, weights)| {
                let seen = seen.into_iter().map(|s| f64::from(u8::from(s))).collect();
                Case { raw, seen, eps, weights }
            },
        )
    })
}

fn loss(case: &Case, raw: ArrayView2<'_, f64>, eps: ArrayView2<'_, f64>) -> f64 {
    let mut head = GaussianHead::new(raw.nrows(), eps.ncols());
    head.forward(0, raw, case.seen.view());
    let mut w = Array2::zeros(eps.dim());
    head.sample(0, eps, w.view_mut());
    let [by_w, by_mean, by_std] = &case.weights;
    (&w * by_w).sum() + (&head.mean() * by_mean).sum() + (&head.std() * by_std).sum()
}

proptest! {
    #[test]
    fn gradients_match_differences(case in case()) {
        let (n, width) = case.eps.dim();
        let mut head = GaussianHead::new(n, width);
        head.forward(0, case.raw.view(), case.seen.view());
        let [dw, dmean, dstd] = &case.weights;
        let (mut draw, mut deps) = (Array2::from_elem((n, 2 * width), 9.0), Array2::ones((n, width)));
        let cotangents = HeadCotangents { sample: dw.view(), mean: dmean.view(), std: dstd.view() };
        head.backward(0, case.eps.view(), cotangents, draw.view_mut());
        head.backward_noise(0, dw.view(), deps.view_mut());
        deps -= 1.0;
        let at = |v: &[f64]| loss(&case, ArrayView2::from_shape((n, 2 * width), v).unwrap(), case.eps.view());
        check_coordinates(at, case.raw.as_slice().unwrap(), draw.as_slice().unwrap(), Tol::SMOOTH)?;
        let at = |v: &[f64]| loss(&case, case.raw.view(), ArrayView2::from_shape((n, width), v).unwrap());
        check_coordinates(at, case.eps.as_slice().unwrap(), deps.as_slice().unwrap(), Tol::SMOOTH)?;
    }

    #[test]
    fn unseen_rows_are_the_prior_with_exactly_zero_gradient(mut case in case()) {
        case.seen.fill(0.0);
        case.raw.fill(f64::NAN);
        let (n, width) = case.eps.dim();
        let mut head = GaussianHead::new(n, width);
        head.forward(0, case.raw.view(), case.seen.view());
        prop_assert!(head.mean().iter().all(|&m| m.to_bits() == 0));
        prop_assert!(head.std().iter().all(|&s| s.to_bits() == 1.0_f64.to_bits()));
        let [dw, dmean, dstd] = &case.weights;
        let mut draw = Array2::from_elem((n, 2 * width), f64::NAN);
        let cotangents = HeadCotangents { sample: dw.view(), mean: dmean.view(), std: dstd.view() };
        head.backward(0, case.eps.view(), cotangents, draw.view_mut());
        prop_assert!(draw.iter().all(|d| d.abs().to_bits() == 0), "{draw}");
    }

    #[test]
    fn blocks_equal_the_whole_bit_for_bit(case in case()) {
        let (n, width) = case.eps.dim();
        let (mut whole, mut parts) = (GaussianHead::new(n, width), GaussianHead::new(n, width));
        whole.forward(0, case.raw.view(), case.seen.view());
        for r in 0..n {
            parts.forward(r, case.raw.slice(s![r..=r, ..]), case.seen.slice(s![r..=r]));
        }
        prop_assert_eq!(whole.mean(), parts.mean());
        prop_assert_eq!(whole.std(), parts.std());
    }
}

#[test]
fn standard_deviation_is_softplus_plus_floor() {
    let mut head = GaussianHead::<f64>::new(1, 2);
    let raw = ndarray::array![[0.3, -0.4, 0.0, -50.0]];
    head.forward(0, raw.view(), Array1::ones(1).view());
    assert_eq!(head.mean(), ndarray::array![[0.3, -0.4]]);
    assert!((head.std()[[0, 0]] - (2.0_f64.ln() + STD_FLOOR)).abs() < 1e-15);
    assert!((head.std()[[0, 1]] - STD_FLOOR).abs() < 1e-15);
    let mut w = Array2::zeros((1, 2));
    head.sample(0, ndarray::array![[2.0, 0.0]].view(), w.view_mut());
    assert!((w[[0, 0]] - (0.3 + 2.0 * head.std()[[0, 0]])).abs() < 1e-15);
}

#[test]
#[should_panic(expected = "columns of the output against 2 W")]
fn output_width_must_be_even_and_fit() {
    GaussianHead::<f64>::new(1, 2).forward(0, Array2::zeros((1, 3)).view(), Array1::ones(1).view());
}
