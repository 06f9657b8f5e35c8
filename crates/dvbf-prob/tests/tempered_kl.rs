//! Tempered divergence: gradients, sign, and a numerical integral as oracle.

use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_prob::{kl_to_standard_normal, tempered_kl, tempered_kl_backward};
use proptest::{collection::vec, prelude::*};

fn case() -> impl Strategy<Value = (Vec<f64>, Vec<f64>, f64, f64)> {
    (1..5_usize).prop_flat_map(|n| (vec(-2.0..2.0, n), vec(0.1..2.0, n), 0.05..1.0, -2.0..2.0))
}

/// `E_q[ln q − c ln p]` of one dimension by the midpoint rule.
fn integral(mean: f64, std: f64, c: f64) -> f64 {
    let cells = 20_000_i32;
    let (low, width) = (mean - 10.0 * std, 20.0 * std / f64::from(cells));
    let tau = std::f64::consts::TAU;
    (0..cells)
        .map(|i| {
            let w = low + (f64::from(i) + 0.5) * width;
            let q = (-0.5 * ((w - mean) / std).powi(2)).exp() / (std * tau.sqrt());
            let ln_q = -0.5 * ((w - mean) / std).powi(2) - std.ln() - 0.5 * tau.ln();
            let ln_p = -0.5 * w * w - 0.5 * tau.ln();
            q * (ln_q - c * ln_p) * width
        })
        .sum()
}

proptest! {
    #[test]
    fn value_is_the_integral((mean, std, c, _) in case()) {
        let sum: f64 = mean.iter().zip(&std).map(|(&m, &s)| integral(m, s, c)).sum();
        prop_assert!((tempered_kl(&mean, &std, c) - sum).abs() < 1e-6);
    }

    #[test]
    fn gradients_match_differences_and_accumulate((mean, std, c, k) in case()) {
        let (mut dmean, mut dstd) = (vec![0.5_f64; mean.len()], vec![-0.25_f64; mean.len()]);
        tempered_kl_backward(&mean, &std, c, k, &mut dmean, &mut dstd);
        tempered_kl_backward(&mean, &std, c, k, &mut dmean, &mut dstd);
        for d in &mut dmean { *d = 0.5 * (*d - 0.5); }
        for d in &mut dstd { *d = 0.5 * (*d + 0.25); }
        check_coordinates(|m| k * tempered_kl(m, &std, c), &mean, &dmean, Tol::SMOOTH)?;
        check_coordinates(|s| k * tempered_kl(&mean, s, c), &std, &dstd, Tol::SMOOTH)?;
    }

    #[test]
    fn divergence_is_never_negative((mean, std, _, _) in case()) {
        prop_assert!(kl_to_standard_normal(&mean, &std) >= -1e-12);
        prop_assert!(kl_to_standard_normal(&[0.0_f64; 2], &[1.0_f64; 2]).abs() < 1e-12);
    }

    #[test]
    fn without_data_the_optimum_has_variance_one_over_c(c in 0.05..1.0_f64) {
        let (mut dmean, mut dstd) = ([0.0_f64], [0.0_f64]);
        tempered_kl_backward(&[0.0], &[(1.0_f64 / c).sqrt()], c, 1.0, &mut dmean, &mut dstd);
        prop_assert!(dmean[0].abs() < 1e-12 && dstd[0].abs() < 1e-12);
    }
}

#[test]
#[should_panic(expected = "mean against standard deviation")]
fn lengths_must_agree() {
    tempered_kl(&[0.0, 1.0], &[1.0], 1.0);
}

#[test]
#[should_panic(expected = "values against cotangents")]
fn cotangents_must_agree() {
    tempered_kl_backward(&[0.0], &[1.0], 1.0, 1.0, &mut [0.0], &mut [0.0, 0.0]);
}
