//! `RmsProp`: against an independent computation, against numbers by hand, against Adadelta.

use dvbf_ops::{Linear, Params, RmsProp};
use dvbf_tensor::{Noise, Scalar};
use ndarray::{Array1, Array2, array};
use proptest::{array::uniform6, collection::vec, prelude::*};

/// Six parameters in two arrays.
fn layer(theta: [f64; 6]) -> Linear<f64> {
    let mut layer = Linear::zeros(2, 2);
    layer.set_flat(&theta);
    layer
}

fn decaying(step: usize) -> f64 {
    0.1 * 0.7_f64.powi(i32::try_from(step).expect("few steps"))
}

fn gradients() -> impl Strategy<Value = Vec<[f64; 6]>> {
    vec(uniform6(-2.0..2.0), 5)
}

proptest! {
    #[test]
    fn five_steps_agree_with_the_equation(
        start in uniform6(-1.0..1.0), gradients in gradients(),
        decay in 0.0..0.99, epsilon in 1e-6..0.1, scale in 0.1..2.0
    ) {
        let mut params = layer(start);
        let mut optimizer = RmsProp::new(6, decay, epsilon);
        let (mut theta, mut mean_square) = (start, [0.0_f64; 6]);
        for (step, gradient) in gradients.iter().enumerate() {
            optimizer.update(&mut params, gradient, scale, decaying(step));
            for i in 0..6 {
                let g: f64 = scale * gradient[i];
                mean_square[i] = decay * mean_square[i] + (1.0 - decay) * g.powi(2);
                theta[i] -= decaying(step) * g / (mean_square[i] + epsilon).sqrt();
            }
        }
        for (found, expected) in params.to_flat().iter().zip(theta) {
            prop_assert!((found - expected).abs() <= 1e-12, "{} is not {}", found, expected);
        }
    }

    #[test]
    fn single_precision_agrees(start in uniform6(-1.0..1.0), gradients in gradients()) {
        let (mut double, mut single) = (layer(start), Linear::<f32>::zeros(2, 2));
        single.set_flat(&start.map(f32::of));
        let mut optimizer = RmsProp::new(6, 0.9, 1e-4);
        let mut optimizer32 = RmsProp::new(6, 0.9, 1e-4);
        for (step, g) in gradients.iter().enumerate() {
            optimizer.update(&mut double, g, 0.5, decaying(step));
            optimizer32.update(&mut single, &g.map(f32::of), 0.5, decaying(step));
        }
        for (d, s) in double.to_flat().iter().zip(single.to_flat()) {
            prop_assert!((d - f64::from(s)).abs() <= 1e-5, "{} is not {}", s, d);
        }
    }

    /// Clipping by the argument is clipping of the gradient.
    #[test]
    fn scale_is_a_factor_of_the_gradient(gradients in gradients(), scale in 0.1..1.0) {
        let (mut one, mut other) = (layer([0.0; 6]), layer([0.0; 6]));
        let mut optimizer = RmsProp::new(6, 0.9, 1e-4);
        let mut optimizer_other = RmsProp::new(6, 0.9, 1e-4);
        for g in &gradients {
            optimizer.update(&mut one, g, scale, 0.1);
            optimizer_other.update(&mut other, &g.map(|g| g * scale), 1.0, 0.1);
        }
        prop_assert_eq!(one, other);
    }
}

/// One parameter from 1 with gradients 0.5, -2, 0.25, decay 0.9, offset 1e-4 and rate 0.1.
#[test]
fn three_steps_by_hand() {
    let mut params = Linear::new(Array2::ones((1, 1)), Array1::zeros(1));
    let mut optimizer = RmsProp::new(2, 0.9, 1e-4);
    let expected: [f64; 3] =
        [0.684_402_798_451_098_4, 0.992_058_699_315_178_1, 0.951_851_012_929_482_8];
    for (g, expected) in [0.5, -2.0, 0.25].into_iter().zip(expected) {
        optimizer.update(&mut params, &[g, 0.0], 1.0, 0.1);
        let found = params.weight()[[0, 0]];
        assert!((found - expected).abs() < 1e-14, "{found} is not {expected}");
    }
    assert_eq!(params.bias(), array![0.0], "no gradient, no step");
}

/// Adadelta with decay 0.9, offset 1e-4 in both roots and step rate 0.1, where the accumulated
/// steps include the step rate: the offset dominates them, which leaves RMSprop of rate 1e-3.
#[test]
fn steps_are_those_of_adadelta_with_accumulated_step_rates() {
    const PARAMETERS: usize = 120;
    let (decay, offset, step_rate) = (0.9, 1e-4, 0.1);
    let mut params = Linear::<f64>::zeros(PARAMETERS - 1, 1);
    let mut optimizer = RmsProp::new(PARAMETERS, decay, offset);
    let (mut square, mut step_square) = (vec![0.0; PARAMETERS], vec![0.0; PARAMETERS]);
    let (mut ours, mut theirs) = (0.0, 0.0);
    for time in 0..200 {
        let mut g = vec![0.0; PARAMETERS];
        Noise::new(3, time).normal(&mut g);
        let before = params.to_flat();
        optimizer.update(&mut params, &g, 1.0, 1e-3);
        for (i, (before, after)) in before.iter().zip(params.to_flat()).enumerate() {
            square[i] = decay * square[i] + (1.0 - decay) * g[i] * g[i];
            let step: f64 =
                step_rate * f64::sqrt((step_square[i] + offset) / (square[i] + offset)) * g[i];
            step_square[i] = decay * step_square[i] + (1.0 - decay) * step * step;
            ours += (before - after).powi(2);
            theirs += step.powi(2);
        }
    }
    let ratio = f64::sqrt(theirs / ours);
    assert!((ratio - 1.0).abs() < 0.02, "root mean square steps differ by the factor {ratio}");
}

#[test]
fn state_counts_its_parameters() {
    assert_eq!(RmsProp::<f64>::new(6, 0.9, 1e-4).count(), 6);
}

#[test]
#[should_panic(expected = "gradient against the optimizer's state")]
fn gradient_of_another_size() {
    RmsProp::new(6, 0.9, 1e-4).update(&mut layer([0.0; 6]), &[0.0; 5], 1.0, 0.1);
}

#[test]
#[should_panic(expected = "parameters against the optimizer's state")]
fn parameters_of_another_size() {
    RmsProp::new(5, 0.9, 1e-4).update(&mut layer([0.0; 6]), &[0.0; 5], 1.0, 0.1);
}
