//! Gaussian likelihood: values against the density, gradients, masks, NaN under a mask.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_prob::{GaussianLikelihood, LikelihoodGradient, gaussian_log_density};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use proptest::{collection::vec, prelude::*};

#[derive(Debug)]
struct Case {
    x: Array2<f64>,
    mean: Array2<f64>,
    mask: Option<Array2<f64>>,
    log_std: Array1<f64>,
    weight: f64,
}

fn case() -> impl Strategy<Value = Case> {
    (1..4_usize, 1..40_usize, prop::bool::ANY, prop::bool::ANY).prop_flat_map(
        |(n, c, single, masked)| {
            let matrix = move || {
                vec(-2.0..2.0, n * c).prop_map(move |v| Array2::from_shape_vec((n, c), v).unwrap())
            };
            let mask = vec(prop::bool::ANY, n * c).prop_map(move |v| {
                let v = v.into_iter().map(|b| f64::from(u8::from(b))).collect();
                masked.then(|| Array2::from_shape_vec((n, c), v).unwrap())
            });
            let log_std = vec(-1.0..1.0, if single { 1 } else { c }).prop_map(Array1::from_vec);
            (matrix(), matrix(), mask, log_std, -2.0..2.0_f64).prop_map(
                |(x, mean, mask, log_std, weight)| Case { x, mean, mask, log_std, weight },
            )
        },
    )
}

fn values(case: &Case, mean: ArrayView2<'_, f64>, log_std: ArrayView1<'_, f64>) -> Array1<f64> {
    let mask = case.mask.as_ref().map(|m| m.view());
    let mut out = Array1::zeros(mean.nrows());
    GaussianLikelihood { observed: case.x.view(), mask, log_std }.forward(mean, out.view_mut());
    out
}

/// `(ℓ, dμ, d ln σ)`, added to `d ln σ = 1`.
fn gradients(case: &Case) -> (Array1<f64>, Array2<f64>, Array1<f64>) {
    let mask = case.mask.as_ref().map(|m| m.view());
    let mut log_lik = Array1::zeros(case.x.nrows());
    let (mut mean, mut dlog_std) = (case.mean.clone(), Array1::ones(case.log_std.len()));
    GaussianLikelihood { observed: case.x.view(), mask, log_std: case.log_std.view() }.backward(
        mean.view_mut(),
        log_lik.view_mut(),
        &mut LikelihoodGradient { weight: case.weight, dlog_std: dlog_std.view_mut() },
    );
    (log_lik, mean, dlog_std - 1.0)
}

proptest! {
    #[test]
    fn value_is_the_sum_of_densities(case in case()) {
        let got = values(&case, case.mean.view(), case.log_std.view());
        for (r, got) in got.iter().enumerate() {
            let expected: f64 = (0..case.x.ncols())
                .filter(|&i| case.mask.as_ref().is_none_or(|m| m[[r, i]] > 0.0))
                .map(|i| {
                    let std = case.log_std[if case.log_std.len() == 1 { 0 } else { i }].exp();
                    gaussian_log_density(case.x[[r, i]], case.mean[[r, i]], std)
                })
                .sum();
            prop_assert!((got - expected).abs() < 1e-9 * (1.0 + expected.abs()));
        }
    }

    #[test]
    fn gradients_match_differences(case in case()) {
        let (log_lik, dmean, dlog_std) = gradients(&case);
        prop_assert_eq!(&log_lik, &values(&case, case.mean.view(), case.log_std.view()));
        let at = |v: &[f64]| case.weight
            * values(&case, ArrayView2::from_shape(case.mean.dim(), v).unwrap(), case.log_std.view()).sum();
        let tol = Tol { abs: 1e-7, rel: 1e-6 };
        check_coordinates(at, case.mean.as_slice().unwrap(), dmean.as_slice().unwrap(), tol)?;
        let at = |v: &[f64]| case.weight * values(&case, case.mean.view(), ArrayView1::from(v)).sum();
        check_coordinates(at, case.log_std.as_slice().unwrap(), dlog_std.as_slice().unwrap(), tol)?;
    }

    #[test]
    fn nothing_leaks_from_under_a_mask(mut case in case()) {
        let Some(mask) = case.mask.clone() else { return Ok(()) };
        let clean = gradients(&case);
        case.x.zip_mut_with(&mask, |x, &m| if m == 0.0 { *x = f64::NAN });
        let dirty = gradients(&case);
        prop_assert_eq!(&clean.0, &dirty.0);
        prop_assert_eq!(&clean.1, &dirty.1);
        prop_assert_eq!(&clean.2, &dirty.2);
        for (d, m) in dirty.1.iter().zip(&mask) {
            prop_assert!(*m > 0.0 || d.abs().to_bits() == 0);
        }
    }
}

#[test]
fn density_of_a_known_point() {
    // N(3; mean 1, std 2): −½ − ln 2 − ½ ln 2π.
    let expected = -0.5 - 2.0_f64.ln() - 0.5 * std::f64::consts::TAU.ln();
    assert!((gaussian_log_density(3.0, 1.0, 2.0) - expected).abs() < 1e-15);
}

#[test]
#[should_panic(expected = "ln σ has one value or one a channel")]
fn number_of_standard_deviations_must_fit() {
    let (x, mean) = (Array2::zeros((1, 3)), Array2::zeros((1, 3)));
    let log_std = Array1::zeros(2);
    GaussianLikelihood { observed: x.view(), mask: None, log_std: log_std.view() }
        .forward(mean.view(), Array1::<f64>::zeros(1).view_mut());
}
