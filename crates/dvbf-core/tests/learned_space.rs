//! A learned model under the classical filters.
#![cfg(feature = "bayes")]

use dvbf_core::bayes::{
    Belief, DMatrix, DVector, Extended, GaussianFilter, Jacobians, KalmanFilter, LinearGaussian,
    ParticleFilter, SigmaPoints, StateSpace, Unscented, numeric_jacobian,
};
use dvbf_core::{AffineMap, Dvbf, KindTable, LearnedSpace, ModelConfig, Noise, Params, Path};
use ndarray::{Array1, Array2, Ix3};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

fn normals(count: usize, stream: u64) -> Vec<f64> {
    let mut values = vec![0.0; count];
    Noise::new(5, stream).normal(&mut values);
    values
}

/// With one base matrix and an affine emission, `z' = A z + B u + C w` and `x = E z + v`: the extended
/// and the unscented filter are the Kalman filter with `Q = C Cᵀ`, and the particle filter approaches it.
#[test]
fn on_a_linear_model_all_filters_are_the_kalman_filter() {
    let config = ModelConfig {
        initial_frames: 1,
        hidden: 16,
        transition: KindTable::new("locally-linear").with("matrices", 1).with("hidden", 0),
        emission: KindTable::new("gaussian").with("std", 0.3),
        ..ModelConfig::new(3, 1, 2)
    };
    let mut model = Dvbf::<f64>::random(&config, Noise::new(1, 0)).unwrap();
    let emission = Array2::from_shape_vec((3, 2), normals(6, 1)).unwrap();
    let map = AffineMap { weight: emission.clone(), offset: Array1::zeros(3) };
    assert!(model.emission_mut().start_linear(&map, &[0.3; 3]));
    let mut maps = BTreeMap::new();
    model.visit(Path::ROOT, &mut |path, values| {
        if values.ndim() == 3 {
            let values = values.into_dimensionality::<Ix3>().unwrap();
            let (_, rows, columns) = values.dim();
            let matrix = DMatrix::from_fn(rows, columns, |i, j| values[[0, i, j]]);
            maps.insert(path.to_string(), matrix);
        }
    });
    let c = &maps["transition.c"];
    let linear = LinearGaussian {
        transition: maps["transition.a"].clone(),
        control: maps["transition.b"].clone(),
        process_noise: c * c.transpose(),
        emission: DMatrix::from_fn(3, 2, |i, j| emission[[i, j]]),
        observation_noise: DMatrix::identity(3, 3) * 0.09,
    };

    let space = LearnedSpace::new(Arc::new(model));
    let prior = space.prior(500, 0);
    let of_latent = |belief: &Belief| Belief {
        mean: belief.mean.rows(0, 2).into_owned(),
        covariance: belief.covariance.view((0, 0), (2, 2)).into_owned(),
    };
    let mut exact = KalmanFilter::exact(linear, of_latent(&prior)).unwrap();
    let mut extended = GaussianFilter::new(Extended(space.clone()), prior.clone()).unwrap();
    let unscented = Unscented::new(space.clone(), SigmaPoints::GAUSSIAN).unwrap();
    let mut unscented = GaussianFilter::new(unscented, prior.clone()).unwrap();
    let (count, width) = (4000, space.dims().state);
    let mut particles =
        ParticleFilter::new(space, &prior, 0.5, &normals(count * width, 2)).unwrap();
    for t in 0..12 {
        let x: Vec<f64> = normals(3, 10 + t).iter().map(|x| 0.3 * x).collect();
        // Of one step nothing is seen, of another a part.
        let x = match t {
            4 => None,
            7 => Some([x[0], f64::NAN, x[2]]),
            _ => Some([x[0], x[1], x[2]]),
        };
        let x = x.as_ref().map(|x| &x[..]);
        exact.update(x).unwrap();
        extended.update(x).unwrap();
        unscented.update(x).unwrap();
        particles.update(x).unwrap();
        for filter in [extended.belief(), unscented.belief()] {
            let (found, expected) = (of_latent(filter), exact.belief());
            assert!((found.mean - &expected.mean).amax() < 1e-9);
            assert!((found.covariance - &expected.covariance).amax() < 1e-9);
        }
        let u = [0.1 * t as f64 - 0.5];
        exact.predict(&u).unwrap();
        extended.predict(&u).unwrap();
        unscented.predict(&u).unwrap();
        particles.predict(&u, &normals(count * width, 100 + t), 0.37).unwrap();
    }
    let expected = exact.log_likelihood();
    for found in [extended.log_likelihood(), unscented.log_likelihood()] {
        assert!((found - expected).abs() < 1e-8, "{found} {expected}");
    }
    let found = particles.log_likelihood();
    assert!((found - expected).abs() < 0.5, "{found} {expected}");
}

#[test]
fn derivatives_are_differences() {
    let pendulum = KindTable::new("sum")
        .with("known", json!({ "dynamics": "damped-pendulum" }))
        .with("remainder", json!({}))
        .with("noise", json!({ "std": 0.1 }));
    for (kind, state) in [
        (KindTable::new("locally-linear").with("matrices", 5), 3),
        (KindTable::new("residual").with("hidden", 9), 3),
        (pendulum, 2),
    ] {
        let config = ModelConfig {
            dt: Some(0.1),
            transition: kind,
            emission: KindTable::new("gaussian").with("state", state - 1),
            ..ModelConfig::new(5, 1, state)
        };
        let model = Dvbf::<f64>::random(&config, Noise::new(2, 0)).unwrap();
        let space = LearnedSpace::new(Arc::new(model));
        let size = space.dims().state;
        for draw in 0..5 {
            let point = DVector::from_vec(normals(size, draw));
            let f = |z: &DVector<f64>| space.transition(0, z, &[0.4]);
            let differences = numeric_jacobian(f, &point, size);
            let off = space.transition_jacobian(0, &point, &[0.4]) - differences;
            assert!(off.amax() < 1e-6, "{}: {off}", config.transition.kind);
            let h = |z: &DVector<f64>| space.emission(0, z);
            let off = space.emission_jacobian(0, &point) - numeric_jacobian(h, &point, 5);
            assert!(off.amax() < 1e-6, "{}: {off}", config.transition.kind);
        }
    }
}
