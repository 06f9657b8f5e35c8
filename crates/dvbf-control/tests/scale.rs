//! `StateScale`: what it makes of visited states, and the pull-back of it.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_control::{ControlError, StateScale};
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_tensor::Noise;
use ndarray::{Array1, Array2, ArrayView2, array};

fn states() -> Array2<f64> {
    let mut draws = Array2::zeros((40, 3));
    Noise::new(3, 1).normal(draws.as_slice_mut().unwrap());
    draws.dot(&array![[2.0, 0.0, 0.1], [-3.0, 0.5, 0.0], [0.0, 0.2, 7.0]]) + array![1.0, -5.0, 40.0]
}

#[test]
fn scaled_states_have_no_mean_and_the_covariance_of_the_identity() {
    let states = states();
    let scale = StateScale::of_states(states.view()).unwrap();
    let mut scaled = Array2::zeros(states.dim());
    scale.normalize(states.view(), scaled.view_mut());
    assert!(scaled.sum_axis(ndarray::Axis(0)).iter().all(|m| m.abs() < 1e-10));
    let covariance = scaled.t().dot(&scaled) / 40.0 - Array2::<f64>::eye(3);
    assert!(covariance.iter().all(|c| c.abs() < 1e-10), "{covariance}");
    let identity = scale.factor().dot(scale.inverse()) - Array2::<f64>::eye(3);
    assert!(identity.iter().all(|c| c.abs() < 1e-12), "{identity}");
}

#[test]
fn the_pull_back_matches_differences_and_accumulates() {
    let states = states();
    let scale = StateScale::of_states(states.view()).unwrap();
    let mut weights = Array2::zeros((4, 3));
    Noise::new(3, 2).normal(weights.as_slice_mut().unwrap());
    let point: Vec<f64> = states.iter().take(12).copied().collect();
    let loss = |v: &[f64]| {
        let mut scaled = Array2::zeros((4, 3));
        scale.normalize(ArrayView2::from_shape((4, 3), v).unwrap(), scaled.view_mut());
        (scaled * &weights).sum()
    };
    let mut gradient = Array2::zeros((4, 3));
    scale.normalize_backward(weights.view(), gradient.view_mut());
    check_coordinates(loss, &point, gradient.as_slice().unwrap(), Tol::SMOOTH).unwrap();
    let once = gradient.clone();
    scale.normalize_backward(weights.view(), gradient.view_mut());
    scale.normalize_backward(weights.view(), gradient.view_mut());
    assert!((gradient - 3.0 * once).iter().all(|d: &f64| d.abs() < 1e-12));
}

#[test]
fn states_without_spread_and_values_without_meaning_are_refused() {
    let line = Array2::from_shape_fn((10, 2), |(n, i)| n as f64 * (i + 1) as f64);
    let degenerate = ControlError::Degenerate { states: 10, size: 2 };
    assert_eq!(StateScale::of_states(line.view()).unwrap_err(), degenerate);
    let still = Array2::<f64>::ones((10, 2));
    assert_eq!(StateScale::of_states(still.view()).unwrap_err(), degenerate);
    let none = Array2::<f64>::ones((0, 2));
    assert!(StateScale::of_states(none.view()).is_err());
    let mut broken = states();
    broken[[7, 1]] = f64::NAN;
    let found = StateScale::of_states(broken.view()).unwrap_err();
    assert_eq!(found, ControlError::NotFinite { what: "the state", row: 7 });
    let found = StateScale::diagonal(&[0.0, 0.0], &[1.0, 0.0]).unwrap_err();
    assert_eq!(found.to_string(), "standard deviation is 0; it must be a positive finite number");
    assert!(StateScale::diagonal(&[0.0], &[1.0, 2.0]).is_err());
    let scale = StateScale::diagonal(&[1.0, 2.0], &[2.0, 4.0]).unwrap();
    assert_eq!(scale.inverse().diag(), Array1::from(vec![0.5, 0.25]));
}
