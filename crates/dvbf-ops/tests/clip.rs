//! `global_norm`: the norm, and clipping by it.

use dvbf_ops::global_norm;
use dvbf_tensor::Scalar;
use proptest::{collection::vec, prelude::*};

proptest! {
    #[test]
    fn norm_is_the_root_of_the_sum_of_squares(g in vec(-3.0..3.0_f64, 0..70)) {
        let naive = g.iter().map(|g| g * g).sum::<f64>().sqrt();
        prop_assert!((global_norm(&g) - naive).abs() <= 1e-13 * (1.0 + naive));
        let single: Vec<f32> = g.iter().map(|&g| f32::of(g)).collect();
        prop_assert!((f64::from(global_norm(&single)) - naive).abs() <= 1e-5 * (1.0 + naive));
    }

    #[test]
    fn scaled_by_its_norm_a_gradient_has_the_norm_of_the_limit(
        g in vec(-3.0..3.0_f64, 1..70), limit in 0.1..2.0_f64
    ) {
        let norm = global_norm(&g);
        prop_assume!(norm > 1e-3);
        let clipped: Vec<f64> = g.iter().map(|g| g * (limit / norm)).collect();
        prop_assert!((global_norm(&clipped) - limit).abs() <= 1e-13);
    }
}

#[test]
#[expect(clippy::float_cmp, reason = "these norms are exact")]
fn norms_by_hand() {
    assert_eq!(global_norm(&[3.0, -4.0]), 5.0);
    assert_eq!(global_norm::<f64>(&[]), 0.0);
    assert_eq!(global_norm(&[0.0_f32; 20]), 0.0);
    assert!(global_norm(&[1.0, f64::NAN]).is_nan(), "a lost gradient must be seen");
    assert_eq!(global_norm(&[f64::NEG_INFINITY, 1.0]), f64::INFINITY);
}
