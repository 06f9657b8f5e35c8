//! Extended and unscented filters: equal to the Kalman filter on linear models, to the weighted
//! sums over sigma points on others, and derivatives by differences.
#![cfg(feature = "bayes")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod systems;

use dvbf_models::bayes::{
    Belief, ClosureModel, DMatrix, DVector, Dims, Dyn, Extended, Filtered, Form, GaussianFilter,
    GaussianModel, Linearization, NumericJacobians, RootForm, SigmaPoints, Smoothed, Unscented,
    numeric_jacobian, scaled_jacobian,
};
use proptest::prelude::*;
use systems::System;

/// The emission of `model` near `belief`.
fn emission_near(model: impl GaussianModel, belief: &Belief) -> Linearization {
    let Dims { state, observation, .. } = model.dims();
    let near = RootForm::start(belief.clone(), Dyn(observation)).unwrap();
    let mut into = Linearization {
        mean: DVector::zeros(observation),
        matrix: DMatrix::zeros(observation, state),
        noise: DMatrix::zeros(observation, observation),
    };
    model.linearize_emission(0, &near, &mut into).unwrap();
    into
}

fn run(system: &System, model: impl GaussianModel) -> (Filtered, Smoothed) {
    let out = GaussianFilter::new(model, system.initial.clone())
        .unwrap()
        .filter(&system.sequence())
        .unwrap();
    let smoothed = out.smooth().unwrap();
    (out, smoothed)
}

fn agree(
    (out, smoothed): &(Filtered, Smoothed),
    (exact, exact_smoothed): &(Filtered, Smoothed),
) -> Result<(), TestCaseError> {
    let mut worst =
        (out.log_likelihood - exact.log_likelihood).abs() / (1.0 + exact.log_likelihood.abs());
    let beliefs = out.filtered.iter().chain(&out.predicted).chain(&smoothed.beliefs);
    let expected = exact.filtered.iter().chain(&exact.predicted).chain(&exact_smoothed.beliefs);
    for (got, expected) in beliefs.zip(expected) {
        let scale = expected.mean.amax().max(1.0);
        worst = worst.max((&got.mean - &expected.mean).amax() / scale);
        let scale = expected.covariance.amax().max(1.0);
        worst = worst.max((&got.covariance - &expected.covariance).amax() / scale);
    }
    for (got, expected) in smoothed.lag_one.iter().zip(&exact_smoothed.lag_one) {
        worst = worst.max((got - expected).amax() / expected.amax().max(1.0));
    }
    prop_assert!(worst < 1e-9, "off by {worst:e}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn all_gaussian_filters_agree_on_linear_models(
        seed in any::<u64>(),
        dims in (1..5usize, 0..3usize, 1..4usize),
        steps in 1..25usize,
        alpha in 0.2..1.5f64,
        beta in 0.0..3.0f64,
        kappa in 0.0..3.0f64,
    ) {
        let dims = Dims { state: dims.0, control: dims.1, observation: dims.2 };
        let system = System::draw(seed, dims, steps, 0.2);
        let exact = run(&system, &system.model);
        agree(&run(&system, Extended(system.model.clone())), &exact)?;
        agree(&run(&system, Extended(NumericJacobians::new(system.model.clone()))), &exact)?;
        for points in
            [SigmaPoints { alpha, beta, kappa }, SigmaPoints::GAUSSIAN, SigmaPoints::CUBATURE]
        {
            agree(&run(&system, Unscented::new(system.model.clone(), points).unwrap()), &exact)?;
        }
        let closures = ClosureModel {
            dims,
            transition: |z: &DVector<f64>, u: &[f64]| {
                &system.model.transition * z
                    + &system.model.control * DVector::from_column_slice(u)
            },
            emission: |z: &DVector<f64>| &system.model.emission * z,
            process_noise: system.model.process_noise.clone(),
            observation_noise: system.model.observation_noise.clone(),
        };
        agree(&run(&system, Extended(NumericJacobians::new(closures))), &exact)?;
    }

    /// The moments that the linear map and its noise stand for are the weighted sums of the
    /// literature, with its weights.
    #[test]
    fn unscented_moments_are_the_weighted_sums(
        mean in [-1.0..1.0f64, -1.0..1.0, -1.0..1.0],
        root in proptest::array::uniform9(-0.6..0.6f64),
        alpha in 0.3..1.2f64,
        beta in 0.0..3.0f64,
        kappa in 0.0..3.0f64,
    ) {
        let g = |z: &DVector<f64>| {
            DVector::from_column_slice(&[z[0].sin() * z[1], (z[2] - z[0]).exp()])
        };
        let root = DMatrix::from_row_slice(3, 3, &root);
        let covariance = &root * root.transpose() + DMatrix::identity(3, 3) * 0.05;
        let belief = Belief::new(DVector::from_column_slice(&mean), covariance).unwrap();
        let noise = DMatrix::from_diagonal_element(2, 2, 0.3);
        let model = ClosureModel {
            dims: Dims { state: 3, control: 0, observation: 2 },
            transition: |z: &DVector<f64>, _: &[f64]| z.clone(),
            emission: g,
            process_noise: DMatrix::zeros(3, 3),
            observation_noise: noise.clone(),
        };
        let points = SigmaPoints { alpha, beta, kappa };
        let near = emission_near(Unscented::new(model, points).unwrap(), &belief);

        let n = 3.0;
        let lambda = alpha * alpha * (n + kappa) - n;
        let factor = belief.covariance.clone().cholesky().unwrap().l();
        let mut sigma = vec![belief.mean.clone()];
        for i in 0..3 {
            let step = factor.column(i) * (n + lambda).sqrt();
            sigma.push(&belief.mean + &step);
            sigma.push(&belief.mean - &step);
        }
        let outer = 0.5 / (n + lambda);
        let weight = |i: usize| if i == 0 { lambda / (n + lambda) } else { outer };
        let spread = |i: usize| weight(i) + if i == 0 { 1.0 - alpha * alpha + beta } else { 0.0 };
        let values: Vec<_> = sigma.iter().map(g).collect();
        let mut y = DVector::zeros(2);
        for (i, value) in values.iter().enumerate() {
            y += value * weight(i);
        }
        let (mut s, mut cross) = (noise, DMatrix::zeros(3, 2));
        for (i, (point, value)) in sigma.iter().zip(&values).enumerate() {
            s += (value - &y) * (value - &y).transpose() * spread(i);
            cross += (point - &belief.mean) * (value - &y).transpose() * spread(i);
        }
        let scale = 1.0 + values.iter().map(|v| v.amax().powi(2)).fold(0.0, f64::max);
        let predicted = near.predict(&belief).unwrap();
        prop_assert!((&predicted.mean - y).amax() < 1e-11 * scale);
        prop_assert!((&predicted.covariance - s).amax() < 1e-11 * scale);
        prop_assert!((&belief.covariance * near.matrix.transpose() - cross).amax() < 1e-11 * scale);
    }
}

/// The sum of squares of a Gaussian vector: mean `tr P + mᵀ m`, variance `2 tr P² + 4 mᵀ P m`; a
/// tangent sees neither the trace nor the first term.
#[test]
fn unscented_moments_of_a_quadratic() {
    let model = ClosureModel {
        dims: Dims { state: 2, control: 0, observation: 1 },
        transition: |z: &DVector<f64>, _: &[f64]| z.clone(),
        emission: |z: &DVector<f64>| DVector::from_element(1, z.norm_squared()),
        process_noise: DMatrix::zeros(2, 2),
        observation_noise: DMatrix::from_element(1, 1, 0.0),
    };
    let covariance = DMatrix::from_row_slice(2, 2, &[0.5, 0.2, 0.2, 0.3]);
    let belief = Belief::new(DVector::from_column_slice(&[1.0, -2.0]), covariance).unwrap();
    for points in [SigmaPoints::GAUSSIAN, SigmaPoints { alpha: 0.1, beta: 2.0, kappa: 1.0 }] {
        let unscented = Unscented::new(model.clone(), points).unwrap();
        let y = emission_near(unscented, &belief).predict(&belief).unwrap();
        assert!((y.mean[0] - 5.8).abs() < 1e-10, "mean {}", y.mean[0]);
    }
    // In one dimension with γ² = 3 the variance is exact, too.
    let scalar = ClosureModel {
        dims: Dims { state: 1, control: 0, observation: 1 },
        transition: |z: &DVector<f64>, _: &[f64]| z.clone(),
        emission: |z: &DVector<f64>| z.component_mul(z),
        process_noise: DMatrix::zeros(1, 1),
        observation_noise: DMatrix::zeros(1, 1),
    };
    let belief = Belief::independent(&[1.5], &[0.4]).unwrap();
    let points = SigmaPoints { alpha: 1.0, beta: 0.0, kappa: 2.0 };
    let near = Unscented::new(scalar.clone(), points).unwrap();
    let y = emission_near(near, &belief).predict(&belief).unwrap();
    assert!((y.mean[0] - 2.65).abs() < 1e-12);
    assert!((y.covariance[(0, 0)] - (2.0 * 0.16 + 4.0 * 2.25 * 0.4)).abs() < 1e-12);
    let tangent = Extended(NumericJacobians::new(scalar));
    let y = emission_near(tangent, &belief).predict(&belief).unwrap();
    assert!((y.mean[0] - 2.25).abs() < 1e-12);
    assert!((y.covariance[(0, 0)] - 4.0 * 2.25 * 0.4).abs() < 1e-8);
}

#[test]
fn numeric_jacobians_have_ten_digits() {
    let f = |z: &DVector<f64>| {
        DVector::from_column_slice(&[z[0].sin() * z[1], (0.3 * z[0]).exp(), z[1] * z[1]])
    };
    for point in [[0.3, -1.2], [4.0, 100.0], [0.0, 0.0]] {
        let z = DVector::from_column_slice(&point);
        let got = numeric_jacobian(f, &z, 3);
        let (s, c) = z[0].sin_cos();
        let slope = 0.3 * (0.3 * z[0]).exp();
        let expected = DMatrix::from_row_slice(3, 2, &[c * z[1], s, slope, 0.0, 0.0, 2.0 * z[1]]);
        let error = (got - &expected).amax() / expected.amax();
        assert!(error < 1e-9, "off by {error:e}");
    }
}

/// Steps follow the scale of a component, not its distance from the origin.
#[test]
fn numeric_jacobians_are_the_same_far_from_the_origin() {
    let check = |what: &str, got: f64, expected: f64, share: f64| {
        let error = (got / expected - 1.0).abs();
        assert!(error < share, "{what}: {got} against {expected}");
    };
    // The distance to a landmark five meters away, in the coordinates of a map.
    let landmark = [500_000.0, 5_000_000.0];
    let range =
        |z: &DVector<f64>| DVector::from_element(1, (z[0] - landmark[0]).hypot(z[1] - landmark[1]));
    let here = DVector::from_column_slice(&[500_003.0, 5_000_004.0]);
    let got = numeric_jacobian(range, &here, 1);
    check("range, east", got[(0, 0)], 0.6, 1e-9);
    check("range, north", got[(0, 1)], 0.8, 1e-9);
    let sine = |z: &DVector<f64>| z.map(f64::sin);
    for place in [1e6, 1e8, -3e10] {
        let z = DVector::from_element(1, place);
        check("sine", numeric_jacobian(sine, &z, 1)[(0, 0)], place.cos(), 1e-6);
    }
    let fine = |z: &DVector<f64>| z.map(|v| (v / 1e-9).sin());
    let z = DVector::from_element(1, 2e-10);
    check("fine sine", scaled_jacobian(fine, &z, &[1e-9], 1)[(0, 0)], 0.2_f64.cos() * 1e9, 1e-9);
    let coarse = |z: &DVector<f64>| z.map(|v| (v / 1e9).sin());
    let z = DVector::from_element(1, 2e8);
    check("coarse", scaled_jacobian(coarse, &z, &[1e9], 1)[(0, 0)], 0.2_f64.cos() / 1e9, 1e-9);
    // Values as large as the component, which rounding makes coarse.
    let line = |z: &DVector<f64>| DVector::from_element(1, 1.1 * z[0] + 0.3 * z[1]);
    for place in [1e3, 1e6, 1e9, 1e14] {
        let z = DVector::from_column_slice(&[place, 2.0]);
        check("line", numeric_jacobian(line, &z, 1)[(0, 0)], 1.1, 1e-9);
    }
}

#[test]
fn scales_reach_the_filter() {
    let model = ClosureModel {
        dims: Dims { state: 1, control: 0, observation: 1 },
        transition: |z: &DVector<f64>, _: &[f64]| z.map(|v| 1e-9 * (v / 1e-9).sin()),
        emission: |z: &DVector<f64>| z.map(|v| (v / 1e-9).sin()),
        process_noise: DMatrix::zeros(1, 1),
        observation_noise: DMatrix::identity(1, 1),
    };
    let near = Belief::independent(&[2e-10], &[1e-20]).unwrap();
    let scaled = NumericJacobians::new(model.clone()).with_scale(&[1e-9]).unwrap();
    let extended = Extended(scaled);
    let cosine = 0.2_f64.cos();
    let emission = emission_near(&extended, &near).matrix[(0, 0)];
    assert!((emission / (1e9 * cosine) - 1.0).abs() < 1e-9, "{emission}");
    let mut into = emission_near(&extended, &near);
    let near = RootForm::start(near, Dyn(1)).unwrap();
    extended.linearize_transition(0, &near, &[], &mut into).unwrap();
    let transition = into.matrix[(0, 0)];
    assert!((transition / cosine - 1.0).abs() < 1e-9, "{transition}");
    for (scale, message) in [
        (&[0.0][..], "scale is 0; it must be positive"),
        (&[f64::NAN], "scale is NaN; it must be positive"),
        (&[1.0, 1.0], "scale has 2 values instead of 1"),
    ] {
        let error = NumericJacobians::new(model.clone()).with_scale(scale).err().unwrap();
        assert_eq!(error.to_string(), message);
    }
}

/// A derivative that is no number is an error, not zero.
#[test]
fn derivatives_that_are_not_finite_are_errors() {
    let model = ClosureModel {
        dims: Dims { state: 1, control: 0, observation: 1 },
        transition: |z: &DVector<f64>, _: &[f64]| z.clone(),
        emission: |z: &DVector<f64>| z.map(f64::sqrt),
        process_noise: DMatrix::zeros(1, 1),
        observation_noise: DMatrix::identity(1, 1),
    };
    let start = Belief::independent(&[0.0], &[1.0]).unwrap();
    let mut filter = GaussianFilter::new(Extended(NumericJacobians::new(model)), start).unwrap();
    let error = filter.update(Some(&[0.0])).unwrap_err();
    assert_eq!(error.to_string(), "matrix of the model value 0 is not finite");
}

#[test]
fn values_of_the_wrong_length_are_errors() {
    let model = ClosureModel {
        dims: Dims { state: 2, control: 0, observation: 1 },
        transition: |_: &DVector<f64>, _: &[f64]| DVector::zeros(3),
        emission: |_: &DVector<f64>| DVector::from_element(1, f64::NAN),
        process_noise: DMatrix::identity(2, 2),
        observation_noise: DMatrix::identity(1, 1),
    };
    let start = Belief::independent(&[0.0; 2], &[1.0; 2]).unwrap();
    let unscented = Unscented::new(model, SigmaPoints::GAUSSIAN).unwrap();
    let mut filter = GaussianFilter::new(unscented, start.clone()).unwrap();
    assert_eq!(
        filter.predict(&[]).unwrap_err().to_string(),
        "value at a sigma point has 3 values instead of 2"
    );
    assert_eq!(
        filter.update(Some(&[1.0])).unwrap_err().to_string(),
        "value at a sigma point value 0 is not finite"
    );
    assert_eq!((filter.belief(), filter.step()), (&start, 0));
}

#[test]
fn impossible_sigma_points_are_errors() {
    let model = || {
        let dims = Dims { state: 2, control: 0, observation: 1 };
        System::draw(1, dims, 1, 0.0).model
    };
    for (alpha, beta, kappa, key) in [
        (0.0, 2.0, 0.0, "alpha"),
        (f64::NAN, 2.0, 0.0, "alpha"),
        (1.0, -1.0, 0.0, "beta"),
        (1.0, 0.0, f64::INFINITY, "kappa"),
    ] {
        let error = Unscented::new(model(), SigmaPoints { alpha, beta, kappa }).unwrap_err();
        assert!(error.to_string().starts_with(key), "{error}");
    }
}
