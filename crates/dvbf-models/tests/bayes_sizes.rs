//! Sizes in types and two forms of the covariance: constant sizes change no bit, the forms agree
//! where both have digits, and the root form keeps its promises with constant sizes.
#![cfg(feature = "bayes")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "no test uses everything")]
mod systems;

use dvbf_models::bayes::{
    Belief, ClosureModel, Const, CovarianceForm, DMatrix, DVector, Dims, Dyn, Extended, Form,
    GaussianFilter, GaussianModel, Jacobians, KalmanFilter, LinearGaussian, SigmaPoints,
    StateSpace, Unscented,
};
use nalgebra::{Matrix2, Matrix2x3, Matrix3, RowVector2, SMatrix, SVector, Vector1, Vector2};
use systems::System;

const DIMS: Dims = Dims { state: 3, control: 1, observation: 2 };

type Fixed = LinearGaussian<Const<3>, Const<2>, Const<1>>;

fn fixed<const R: usize, const C: usize>(matrix: &DMatrix<f64>) -> SMatrix<f64, R, C> {
    assert_eq!(matrix.shape(), (R, C));
    SMatrix::from_column_slice(matrix.as_slice())
}

fn fix(model: &LinearGaussian) -> Fixed {
    LinearGaussian {
        transition: fixed(&model.transition),
        control: fixed(&model.control),
        process_noise: fixed(&model.process_noise),
        emission: fixed(&model.emission),
        observation_noise: fixed(&model.observation_noise),
    }
}

fn fix_start(start: &Belief) -> Belief<Const<3>> {
    let mean = SVector::from_column_slice(start.mean.as_slice());
    Belief::new(mean, fixed(&start.covariance)).unwrap()
}

/// Runs both over a recording with gaps and compares every belief bit for bit.
fn same_bits<M, N, F, G>(
    system: &System,
    mut dynamic: GaussianFilter<M, Dyn, Dyn, F>,
    mut fixed: GaussianFilter<N, Const<3>, Const<2>, G>,
) where
    M: GaussianModel,
    N: GaussianModel<Const<3>, Const<2>>,
    F: Form<Dyn, Dyn>,
    G: Form<Const<3>, Const<2>>,
{
    let mut refused = 0;
    for t in 0..system.observations.nrows() {
        let observation = system.observations.row(t).to_vec();
        let said = dynamic.update(Some(&observation)).unwrap();
        let numbers = fixed.condition(Some(&observation)).unwrap();
        assert_eq!(said.is_some(), numbers.is_some(), "step {t}");
        if let (Some(said), Some(numbers)) = (said, numbers) {
            assert_eq!(said.channels.len(), numbers.channels);
            assert_eq!(said.nis.to_bits(), numbers.nis.to_bits(), "step {t}");
            assert_eq!(said.log_likelihood.to_bits(), numbers.log_likelihood.to_bits());
            assert_eq!(said.accepted, numbers.accepted);
            refused += usize::from(!said.accepted);
        }
        let control = system.controls.row(t).to_vec();
        dynamic.predict(&control).unwrap();
        fixed.predict(&control).unwrap();
        let (a, b) = (dynamic.belief(), fixed.belief());
        assert_eq!(a.mean.as_slice(), b.mean.as_slice(), "step {t}");
        assert_eq!(a.covariance.as_slice(), b.covariance.as_slice(), "step {t}");
    }
    assert_eq!(dynamic.log_likelihood().to_bits(), fixed.log_likelihood().to_bits());
    assert!(refused > 0, "the gate lets everything pass");
}

#[test]
fn constant_sizes_change_no_bit() {
    for seed in 0..5 {
        let system = System::draw(seed, DIMS, 200, 0.3);
        let (model, start) = (system.model.clone(), system.initial.clone());
        let (fast, near) = (fix(&model), fix_start(&start));
        let gate = Some(0.9);
        same_bits(
            &system,
            KalmanFilter::exact(model.clone(), start.clone()).unwrap().with_gate(gate).unwrap(),
            KalmanFilter::exact(fast.clone(), near.clone()).unwrap().with_gate(gate).unwrap(),
        );
        same_bits(
            &system,
            GaussianFilter::joseph(model.clone(), start.clone()).unwrap().with_gate(gate).unwrap(),
            GaussianFilter::joseph(fast.clone(), near.clone()).unwrap().with_gate(gate).unwrap(),
        );
        let points = SigmaPoints::GAUSSIAN;
        let (a, b) = (Unscented::new(&model, points).unwrap(), Unscented::new(&fast, points));
        same_bits(
            &system,
            GaussianFilter::new(a, start.clone()).unwrap().with_gate(gate).unwrap(),
            GaussianFilter::new(b.unwrap(), near.clone()).unwrap().with_gate(gate).unwrap(),
        );
        same_bits(
            &system,
            GaussianFilter::joseph(Extended(&model), start.clone())
                .unwrap()
                .with_gate(gate)
                .unwrap(),
            GaussianFilter::joseph(Extended(&fast), near.clone()).unwrap().with_gate(gate).unwrap(),
        );
    }
}

/// The two forms go through the same beliefs, with channels missing and observations refused.
#[test]
fn forms_agree() {
    for (seed, dims) in [(1, (1, 0, 1)), (2, (4, 1, 2)), (3, (6, 0, 3)), (4, (5, 2, 7))] {
        let dims = Dims { state: dims.0, control: dims.1, observation: dims.2 };
        let system = System::draw(seed, dims, 300, 0.4);
        let start = system.initial.clone();
        let mut root = GaussianFilter::new(&system.model, start.clone()).unwrap();
        let mut joseph = GaussianFilter::joseph(&system.model, start.clone()).unwrap();
        let unscented = Unscented::new(&system.model, SigmaPoints::GAUSSIAN).unwrap();
        let mut sigma = GaussianFilter::joseph(unscented, start).unwrap();
        for t in 0..300 {
            let observation = system.observations.row(t).to_vec();
            let a = root.update(Some(&observation)).unwrap();
            let b = joseph.update(Some(&observation)).unwrap();
            sigma.condition(Some(&observation)).unwrap();
            assert_eq!(a.is_some(), b.is_some());
            if let (Some(a), Some(b)) = (a, b) {
                assert_eq!((a.channels, a.accepted), (b.channels, b.accepted));
                assert!((a.covariance - b.covariance).amax() < 1e-11, "step {t}");
                assert!((a.nis - b.nis).abs() < 1e-9 * (1.0 + a.nis), "step {t}");
            }
            let control = system.controls.row(t).to_vec();
            root.predict(&control).unwrap();
            joseph.predict(&control).unwrap();
            sigma.predict(&control).unwrap();
            for other in [joseph.belief(), sigma.belief()] {
                assert!((&root.belief().mean - &other.mean).amax() < 1e-10, "step {t}");
                assert!((&root.belief().covariance - &other.covariance).amax() < 1e-10);
            }
        }
        let (a, b) = (root.log_likelihood(), joseph.log_likelihood());
        assert!((a - b).abs() < 1e-8 * a.abs(), "{a} and {b}");
    }
}

/// Position and velocity from three positions under any prior, values in 60 digits as in
/// `bayes_diffuse.rs`; the covariance form has lost them.
#[test]
fn roots_of_constant_size_hold_beside_any_prior() {
    let model = LinearGaussian {
        transition: Matrix2::new(1.0, 1.0, 0.0, 1.0),
        control: SMatrix::<f64, 2, 0>::zeros(),
        process_noise: Matrix2::zeros(),
        emission: RowVector2::new(1.0, 0.0),
        observation_noise: Vector1::new(1e-4),
    };
    for exponent in [4, 8, 10, 12, 16, 24] {
        let prior = 10_f64.powi(exponent);
        let start = Belief::new(Vector2::zeros(), Matrix2::identity() * prior).unwrap();
        let mut filter = KalmanFilter::exact(model.clone(), start.clone()).unwrap();
        let mut joseph = GaussianFilter::joseph(model.clone(), start).unwrap();
        for (step, position) in [1.0, 2.0, 3.03].into_iter().enumerate() {
            if step > 0 {
                filter.predict(&[]).unwrap();
                joseph.predict(&[]).unwrap();
            }
            filter.condition(Some(&[position])).unwrap();
            // It may refuse what it has no digits for.
            let _ = joseph.condition(Some(&[position]));
        }
        let error = |belief: &Belief<Const<2>>| {
            let mean = (belief.mean - Vector2::new(3.025, 1.015)).amax();
            let variance =
                belief.covariance.diagonal().component_div(&Vector2::new(5.0 / 6.0 * 1e-4, 5e-5));
            mean.max((variance - Vector2::repeat(1.0)).amax())
        };
        // The prior itself is seen in the digits where it is small.
        let limit = 1e-6_f64.max(1e-3 / prior);
        assert!(error(filter.belief()) < limit, "prior {prior:e}: {:e}", error(filter.belief()));
        if exponent <= 4 {
            assert!(error(joseph.belief()) < 1e-4, "prior {prior:e}");
        }
        if exponent >= 16 {
            assert!(error(joseph.belief()) > 1e-3, "prior {prior:e}");
        }
    }
}

/// Position, velocity and acceleration that start unknown, with almost no process noise, seen now
/// and then by sensors that hardly differ: 10⁵ steps.
#[test]
fn covariances_of_constant_size_stay_positive() {
    let dt = 1e-3;
    let model: Fixed = LinearGaussian {
        transition: Matrix3::new(1.0, dt, 0.5 * dt * dt, 0.0, 1.0, dt, 0.0, 0.0, 1.0),
        control: SMatrix::zeros(),
        process_noise: SMatrix::from_diagonal(&SVector::from([0.0, 0.0, 1e-9])),
        emission: Matrix2x3::new(1.0, 0.0, 0.0, 1.0, 1e-6, 0.0),
        observation_noise: Matrix2::identity() * 1e-12,
    };
    let start = Belief::new(SVector::zeros(), SMatrix::identity() * 1e6).unwrap();
    let mut filter = KalmanFilter::exact(model, start).unwrap();
    for step in 0..100_000_u32 {
        let observation = match step % 5 {
            0 => [0.1, 0.1],
            1 | 2 => [f64::NAN, 0.1],
            3 => [0.1, f64::NAN],
            _ => [f64::NAN; 2],
        };
        filter.condition(Some(&observation)).unwrap();
        if step % 500 < 5 {
            let covariance = filter.belief().covariance;
            let scale = SMatrix::from_diagonal(&covariance.diagonal().map(|v| 1.0 / v.sqrt()));
            let least = (scale * covariance * scale).symmetric_eigenvalues().min();
            assert!(least > -1e-14, "step {step}: {least:e}");
        }
        filter.predict(&[0.0]).unwrap();
    }
    assert!((filter.belief().mean[0] - 0.1).abs() < 1e-3);
}

/// A pendulum whose horizontal position is seen, in both sizes of types.
#[test]
fn nonlinear_models_have_constant_sizes_too() {
    let dt = 0.05;
    let dynamic = ClosureModel {
        dims: Dims { state: 2, control: 1, observation: 1 },
        transition: move |z: &DVector<f64>, u: &[f64]| {
            let speed = z[1] + dt * (u[0] - 9.81 * z[0].sin());
            DVector::from_column_slice(&[z[0] + dt * speed, speed])
        },
        emission: |z: &DVector<f64>| DVector::from_element(1, z[0].sin()),
        process_noise: DMatrix::from_diagonal_element(2, 2, 1e-4),
        observation_noise: DMatrix::from_element(1, 1, 1e-2),
    };
    let fixed = ClosureModel {
        dims: dynamic.dims,
        transition: move |z: &Vector2<f64>, u: &[f64]| {
            let speed = z[1] + dt * (u[0] - 9.81 * z[0].sin());
            Vector2::new(z[0] + dt * speed, speed)
        },
        emission: |z: &Vector2<f64>| Vector1::new(z[0].sin()),
        process_noise: Matrix2::from_diagonal_element(1e-4),
        observation_noise: Vector1::new(1e-2),
    };
    let start = Belief::independent(&[0.5, 0.0], &[0.1, 0.1]).unwrap();
    let near = Belief::new(Vector2::new(0.5, 0.0), Matrix2::identity() * 0.1).unwrap();
    let points = SigmaPoints::GAUSSIAN;
    let unscented = Unscented::new(dynamic, points).unwrap();
    let mut dynamic = GaussianFilter::new(unscented, start).unwrap();
    let unscented = Unscented::new(fixed, points).unwrap();
    let mut fixed = GaussianFilter::new(unscented, near).unwrap();
    for step in 0..100 {
        let seen = (0.1 * f64::from(step)).cos() * 0.4;
        dynamic.condition(Some(&[seen])).unwrap();
        fixed.condition(Some(&[seen])).unwrap();
        dynamic.predict(&[0.1]).unwrap();
        fixed.predict(&[0.1]).unwrap();
        assert_eq!(dynamic.belief().mean.as_slice(), fixed.belief().mean.as_slice());
        assert_eq!(dynamic.belief().covariance.as_slice(), fixed.belief().covariance.as_slice());
    }
}

/// Sizes that a model states against those of its type.
#[test]
fn sizes_that_contradict_the_type_are_errors() {
    struct Lying(Fixed);
    impl StateSpace<Const<3>, Const<2>> for Lying {
        fn dims(&self) -> Dims {
            Dims { observation: 4, ..self.0.dims() }
        }
        fn transition(&self, t: usize, z: &SVector<f64, 3>, u: &[f64]) -> SVector<f64, 3> {
            self.0.transition(t, z, u)
        }
        fn process_noise(&self, _: usize) -> SMatrix<f64, 3, 3> {
            self.0.process_noise
        }
        fn emission(&self, t: usize, z: &SVector<f64, 3>) -> SVector<f64, 2> {
            self.0.emission(t, z)
        }
        fn observation_noise(&self, _: usize) -> Matrix2<f64> {
            self.0.observation_noise
        }
    }
    impl Jacobians<Const<3>, Const<2>> for Lying {
        fn transition_jacobian(
            &self,
            _: usize,
            _: &SVector<f64, 3>,
            _: &[f64],
        ) -> SMatrix<f64, 3, 3> {
            self.0.transition
        }
        fn emission_jacobian(&self, _: usize, _: &SVector<f64, 3>) -> SMatrix<f64, 2, 3> {
            self.0.emission
        }
    }
    let system = System::draw(1, DIMS, 1, 0.0);
    let (model, start) = (Lying(fix(&system.model)), fix_start(&system.initial));
    let error = GaussianFilter::new(Extended(model), start).err().unwrap();
    assert_eq!(error.to_string(), "observation has 4 values instead of 2");
}

/// The type of a filter without heap, spelled out.
#[test]
fn a_filter_in_covariance_form_has_a_name() {
    let system = System::draw(2, DIMS, 1, 0.0);
    let filter: KalmanFilter<Const<3>, Const<2>, Const<1>, CovarianceForm<Const<3>, Const<2>>> =
        GaussianFilter::joseph(fix(&system.model), fix_start(&system.initial)).unwrap();
    assert_eq!(filter.belief().mean.as_slice(), system.initial.mean.as_slice());
}
