//! `Adam`: against an independent computation, against numbers by hand, in single precision.

use dvbf_ops::{Adam, Linear, Params};
use dvbf_tensor::Scalar;
use ndarray::{Array1, Array2, array};
use proptest::{array::uniform6, collection::vec, prelude::*};

/// Six parameters in two arrays.
fn layer(theta: [f64; 6]) -> Linear<f64> {
    let mut layer = Linear::zeros(2, 2);
    layer.set_flat(&theta);
    layer
}

/// Algorithm 1 as printed, with bias corrections on both moments.
fn reference(
    mut theta: [f64; 6],
    gradients: &[[f64; 6]],
    [beta1, beta2, epsilon]: [f64; 3],
    scale: f64,
    rates: impl Fn(usize) -> f64,
) -> [f64; 6] {
    let (mut m, mut v) = ([0.0; 6], [0.0; 6]);
    let (mut power1, mut power2) = (1.0, 1.0);
    for (step, gradient) in gradients.iter().enumerate() {
        power1 *= beta1;
        power2 *= beta2;
        for i in 0..6 {
            let g = scale * gradient[i];
            m[i] = beta1 * m[i] + (1.0 - beta1) * g;
            v[i] = beta2 * v[i] + (1.0 - beta2) * g.powi(2);
            let (m_hat, v_hat): (f64, f64) = (m[i] / (1.0 - power1), v[i] / (1.0 - power2));
            theta[i] -= rates(step) * m_hat / (v_hat.sqrt() + epsilon);
        }
    }
    theta
}

fn decaying(step: usize) -> f64 {
    0.1 * 0.7_f64.powi(i32::try_from(step).expect("few steps"))
}

fn gradients() -> impl Strategy<Value = Vec<[f64; 6]>> {
    vec(uniform6(-2.0..2.0), 5)
}

proptest! {
    #[test]
    fn five_steps_agree_with_the_printed_algorithm(
        start in uniform6(-1.0..1.0), gradients in gradients(), scale in 0.1..2.0
    ) {
        let mut params = layer(start);
        let mut adam = Adam::new(6);
        for (step, g) in gradients.iter().enumerate() {
            adam.update(&mut params, g, scale, decaying(step));
        }
        let expected = reference(start, &gradients, [0.9, 0.999, 1e-8], scale, decaying);
        for (found, expected) in params.to_flat().iter().zip(expected) {
            prop_assert!((found - expected).abs() <= 1e-12, "{} is not {}", found, expected);
        }
    }

    #[test]
    fn other_constants_agree_too(
        start in uniform6(-1.0..1.0), gradients in gradients(), beta in 0.0..0.99, large in 0.1..1.0
    ) {
        let mut params = layer(start);
        let mut adam = Adam::with_constants(6, beta, 0.5, large);
        for (step, g) in gradients.iter().enumerate() {
            adam.update(&mut params, g, 1.0, decaying(step));
        }
        let expected = reference(start, &gradients, [beta, 0.5, large], 1.0, decaying);
        for (found, expected) in params.to_flat().iter().zip(expected) {
            prop_assert!((found - expected).abs() <= 1e-12, "{} is not {}", found, expected);
        }
    }

    #[test]
    fn single_precision_agrees(start in uniform6(-1.0..1.0), gradients in gradients()) {
        let (mut double, mut single) = (layer(start), Linear::<f32>::zeros(2, 2));
        single.set_flat(&start.map(f32::of));
        let (mut adam, mut adam32) = (Adam::new(6), Adam::new(6));
        for (step, g) in gradients.iter().enumerate() {
            adam.update(&mut double, g, 0.5, decaying(step));
            adam32.update(&mut single, &g.map(f32::of), 0.5, decaying(step));
        }
        for (d, s) in double.to_flat().iter().zip(single.to_flat()) {
            prop_assert!((d - f64::from(s)).abs() <= 1e-5, "{} is not {}", s, d);
        }
    }

    /// Clipping by the argument is clipping of the gradient.
    #[test]
    fn scale_is_a_factor_of_the_gradient(gradients in gradients(), scale in 0.1..1.0) {
        let (mut one, mut other) = (layer([0.0; 6]), layer([0.0; 6]));
        let (mut adam, mut adam_other) = (Adam::new(6), Adam::new(6));
        for g in &gradients {
            adam.update(&mut one, g, scale, 0.1);
            adam_other.update(&mut other, &g.map(|g| g * scale), 1.0, 0.1);
        }
        prop_assert_eq!(one, other);
    }
}

/// One parameter from 1 with gradients 0.5, -2, 0.25 and rate 0.1; the first step is the rate
/// against the sign of the gradient.
#[test]
fn three_steps_by_hand() {
    let mut params = Linear::new(Array2::ones((1, 1)), Array1::zeros(1));
    let mut adam = Adam::new(2);
    let expected: [f64; 3] = [0.900_000_002, 0.955_950_351_020_055_4, 0.991_190_827_856_843_1];
    for (g, expected) in [0.5, -2.0, 0.25].into_iter().zip(expected) {
        adam.update(&mut params, &[g, 0.0], 1.0, 0.1);
        let found = params.weight()[[0, 0]];
        assert!((found - expected).abs() < 1e-14, "{found} is not {expected}");
    }
    assert_eq!(params.bias(), array![0.0], "no gradient, no step");
}

#[test]
fn state_counts_its_parameters() {
    assert_eq!(Adam::<f64>::new(6).count(), 6);
    assert_eq!(Adam::<f64>::new(2), Adam::with_constants(2, 0.9, 0.999, 1e-8));
}

#[test]
#[should_panic(expected = "gradient against the optimizer's state")]
fn gradient_of_another_size() {
    Adam::new(6).update(&mut layer([0.0; 6]), &[0.0; 5], 1.0, 0.1);
}

#[test]
#[should_panic(expected = "parameters against the optimizer's state")]
fn parameters_of_another_size() {
    Adam::new(5).update(&mut layer([0.0; 6]), &[0.0; 5], 1.0, 0.1);
}
