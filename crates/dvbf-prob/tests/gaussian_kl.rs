//! Divergence of two Gaussians: value, gradients of all four arguments, accumulation, agreement.

use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_prob::{
    Diagonal, gaussian_kl_backward, gaussian_kl_terms, gaussian_log_density, kl_to_standard_normal,
};
use dvbf_tensor::Noise;
use proptest::{collection::vec, prelude::*};

/// `[μ, σ, m, s]`, one after the other, of equal length.
fn values() -> impl Strategy<Value = Vec<f64>> {
    (1..40_usize).prop_flat_map(|n| {
        let (means, stds) = (|| vec(-2.0..2.0, n), || vec(0.3..2.0, n));
        (means(), stds(), means(), stds()).prop_map(|(a, b, c, d)| [a, b, c, d].concat())
    })
}

fn split(values: &[f64]) -> [Diagonal<&[f64]>; 2] {
    let n = values.len() / 4;
    let part = |i: usize| &values[i * n..(i + 1) * n];
    [Diagonal { mean: part(0), std: part(1) }, Diagonal { mean: part(2), std: part(3) }]
}

fn terms(values: &[f64]) -> Vec<f64> {
    let [q, p] = split(values);
    let mut terms = vec![f64::NAN; q.mean.len()];
    gaussian_kl_terms(q, p, &mut terms);
    terms
}

/// Adds the gradient to `onto`, which is laid out as the values.
fn pull(values: &[f64], weight: f64, onto: &mut [f64]) {
    let ([q, p], n) = (split(values), values.len() / 4);
    let (dq, dp) = onto.split_at_mut(2 * n);
    let ((dmean, dstd), (dm, ds)) = (dq.split_at_mut(n), dp.split_at_mut(n));
    let (dq, dp) = (Diagonal { mean: dmean, std: dstd }, Diagonal { mean: dm, std: ds });
    gaussian_kl_backward(q, p, weight, dq, dp);
}

proptest! {
    #[test]
    fn gradients_match_differences(values in values(), weight in -2.0..2.0) {
        let mut gradient = vec![0.0; values.len()];
        pull(&values, weight, &mut gradient);
        let at = |v: &[f64]| weight * terms(v).iter().sum::<f64>();
        check_coordinates(at, &values, &gradient, Tol { abs: 1e-7, rel: 1e-6 })?;
    }

    #[test]
    fn backward_accumulates(values in values(), start in -2.0..2.0) {
        let (mut one, mut three) = (vec![0.0; values.len()], vec![start; values.len()]);
        pull(&values, 0.7, &mut one);
        for _ in 0..3 {
            pull(&values, 0.7, &mut three);
        }
        for (one, three) in one.iter().zip(three) {
            prop_assert!((start + 3.0 * one - three).abs() < 1e-11 * (1.0 + three.abs()));
        }
    }

    /// Against the standard normal it is the divergence that the other module knows.
    #[test]
    fn the_standard_normal_is_a_special_case(values in values()) {
        let n = values.len() / 4;
        let standard = [&values[..2 * n], &vec![0.0; n], &vec![1.0; n]].concat();
        let expected = kl_to_standard_normal(&values[..n], &values[n..2 * n]);
        let got: f64 = terms(&standard).iter().sum();
        prop_assert!((got - expected).abs() < 1e-11 * (1.0 + expected.abs()));
    }

    #[test]
    fn rows_agree_bitwise_with_single_values_and_are_not_negative(values in values()) {
        let n = values.len() / 4;
        let all = terms(&values);
        for i in 0..n {
            let one = [values[i], values[n + i], values[2 * n + i], values[3 * n + i]];
            prop_assert_eq!(terms(&one)[0].to_bits(), all[i].to_bits());
            prop_assert!(all[i] >= -1e-12);
        }
        let same = [&values[..2 * n], &values[..2 * n]].concat();
        prop_assert!(terms(&same).iter().all(|t| t.abs() < 1e-14));
    }
}

/// The mean of `ln q − ln p` over draws from `q`; shares no code with the closed form.
#[test]
fn it_is_the_expected_log_ratio() {
    let (mu, sigma, m, s) = (0.4, 0.7, -0.3, 1.1);
    let mut draws = vec![0.0; 400_000];
    Noise::new(5, 1).normal(&mut draws);
    let ratio = |e: &f64| {
        let z = mu + sigma * e;
        gaussian_log_density(z, mu, sigma) - gaussian_log_density(z, m, s)
    };
    let mean = draws.iter().map(ratio).sum::<f64>() / draws.len() as f64;
    let exact = terms(&[mu, sigma, m, s])[0];
    assert!((mean - exact).abs() < 0.01, "{mean} against {exact}");
}

#[test]
#[should_panic(expected = "means and deviations")]
fn another_length_panics() {
    let pair = Diagonal { mean: &[0.0, 1.0][..], std: &[1.0, 1.0][..] };
    let short = Diagonal { mean: &[0.0][..], std: &[1.0, 1.0][..] };
    gaussian_kl_terms(pair, short, &mut [0.0; 2]);
}
