//! Filter, smoother, forecast and likelihood against the joint Gaussian of all states and
//! observations of a sequence, conditioned by dense algebra.
#![cfg(feature = "bayes")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod systems;

use dvbf_models::bayes::{Belief, DMatrix, DVector, Dims, KalmanFilter};
use proptest::prelude::*;
use systems::System;

/// Mean and covariance of `[z₁ … z_T, x₁ … x_T]`.
struct Joint {
    mean: DVector<f64>,
    covariance: DMatrix<f64>,
    /// `[x₁ … x_T]`, NaN where missing.
    observed: Vec<f64>,
    dims: Dims,
    steps: usize,
}

impl Joint {
    fn new(system: &System) -> Self {
        let model = &system.model;
        let dims = model.dims();
        let (z, x, steps) = (dims.state, dims.observation, system.observations.nrows());
        // z = M (sources): block (t, k) of M is A^{t−k}; the sources are z₁ and the noises.
        let (mut map, mut sources) =
            (DMatrix::zeros(z * steps, z * steps), DMatrix::zeros(z * steps, z * steps));
        let (mut source_mean, mut emission) =
            (DVector::zeros(z * steps), DMatrix::zeros(x * steps, z * steps));
        let mut error = DMatrix::zeros(x * steps, x * steps);
        for t in 0..steps {
            let mut power = DMatrix::identity(z, z);
            for k in (0..=t).rev() {
                map.view_mut((t * z, k * z), (z, z)).copy_from(&power);
                power = &power * &model.transition;
            }
            let (mean, spread) = if t == 0 {
                (system.initial.mean.clone(), &system.initial.covariance)
            } else {
                let control = DVector::from_vec(system.controls.row(t - 1).to_vec());
                (&model.control * control, &model.process_noise)
            };
            source_mean.rows_mut(t * z, z).copy_from(&mean);
            sources.view_mut((t * z, t * z), (z, z)).copy_from(spread);
            emission.view_mut((t * x, t * z), (x, z)).copy_from(&model.emission);
            error.view_mut((t * x, t * x), (x, x)).copy_from(&model.observation_noise);
        }
        let states = &map * sources * map.transpose();
        let state_mean = &map * source_mean;
        let mixed = &emission * &states;
        let n = (z + x) * steps;
        let mut covariance = DMatrix::zeros(n, n);
        let (zs, xs) = (z * steps, x * steps);
        covariance.view_mut((0, 0), (zs, zs)).copy_from(&states);
        covariance.view_mut((zs, 0), (xs, zs)).copy_from(&mixed);
        covariance.view_mut((0, zs), (zs, xs)).copy_from(&mixed.transpose());
        covariance.view_mut((zs, zs), (xs, xs)).copy_from(&(&mixed * emission.transpose() + error));
        let mut mean = DVector::zeros(n);
        mean.rows_mut(0, zs).copy_from(&state_mean);
        mean.rows_mut(zs, xs).copy_from(&(emission * state_mean));
        let observed = system.observations.iter().copied().collect();
        Self { mean, covariance, observed, dims, steps }
    }

    /// Indices of the observed values of the first `steps` steps.
    fn seen(&self, steps: usize) -> Vec<usize> {
        let x = self.dims.observation;
        (0..steps * x).filter(|&i| !self.observed[i].is_nan()).collect()
    }

    /// Everything given the observations of the first `steps` steps.
    fn given(&self, steps: usize) -> Belief {
        let seen = self.seen(steps);
        let rows: Vec<usize> = seen.iter().map(|i| self.dims.state * self.steps + i).collect();
        if rows.is_empty() {
            return Belief { mean: self.mean.clone(), covariance: self.covariance.clone() };
        }
        let cross = self.covariance.select_columns(&rows);
        let inverse = cross.select_rows(&rows).lu().try_inverse().unwrap();
        let residual = DVector::from_iterator(
            rows.len(),
            seen.iter().zip(&rows).map(|(&i, &row)| self.observed[i] - self.mean[row]),
        );
        Belief {
            mean: &self.mean + &cross * &inverse * residual,
            covariance: &self.covariance - &cross * inverse * cross.transpose(),
        }
    }

    fn log_likelihood(&self) -> f64 {
        let seen = self.seen(self.steps);
        if seen.is_empty() {
            return 0.0;
        }
        let rows: Vec<usize> = seen.iter().map(|i| self.dims.state * self.steps + i).collect();
        let covariance = self.covariance.select_rows(&rows).select_columns(&rows);
        let residual = DVector::from_iterator(
            rows.len(),
            seen.iter().zip(&rows).map(|(&i, &row)| self.observed[i] - self.mean[row]),
        );
        let lu = covariance.clone().lu();
        let distance = residual.dot(&lu.solve(&residual).unwrap());
        let constant = rows.len() as f64 * (2.0 * std::f64::consts::PI).ln();
        -0.5 * (distance + lu.determinant().ln() + constant)
    }

    /// The part of `all` about the state of step `t`.
    fn state(&self, all: &Belief, t: usize) -> Belief {
        let z = self.dims.state;
        part(all, t * z, z)
    }
}

fn part(all: &Belief, start: usize, size: usize) -> Belief {
    Belief {
        mean: all.mean.rows(start, size).into_owned(),
        covariance: all.covariance.view((start, start), (size, size)).into_owned(),
    }
}

/// Relative error that rounding may reach where all covariances have full rank.
const REGULAR: f64 = 1e-8;
/// And where some have not: a smoother's gain then rests on pivots that are rounding themselves.
const SINGULAR: f64 = 1e-6;

fn close(
    what: &str,
    got: &DMatrix<f64>,
    expected: &DMatrix<f64>,
    tolerance: f64,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(got.shape(), expected.shape());
    let error = (got - expected).amax() / expected.amax().max(1.0);
    prop_assert!(error < tolerance, "{}: {} against {}, {:e}", what, got, expected, error);
    Ok(())
}

fn same(what: &str, got: &Belief, expected: &Belief, tolerance: f64) -> Result<(), TestCaseError> {
    let column = |v: &DVector<f64>| DMatrix::from_column_slice(v.len(), 1, v.as_slice());
    close(&format!("mean {what}"), &column(&got.mean), &column(&expected.mean), tolerance)?;
    close(&format!("covariance {what}"), &got.covariance, &expected.covariance, tolerance)
}

/// A system with `steps` recorded steps, of which the joint looks `ahead` further.
fn check(system: &System, ahead: usize, tolerance: f64) -> Result<(), TestCaseError> {
    let joint = Joint::new(system);
    let steps = joint.steps - ahead;
    let mut recorded = system.clone();
    recorded.observations = system.observations.slice(ndarray::s![..steps, ..]).to_owned();
    recorded.controls = system.controls.slice(ndarray::s![..steps, ..]).to_owned();
    let mut filter = KalmanFilter::exact(system.model.clone(), system.initial.clone()).unwrap();
    let out = filter.filter(&recorded.sequence()).unwrap();
    let error = (out.log_likelihood - joint.log_likelihood()).abs();
    prop_assert!(
        error < tolerance * (1.0 + joint.log_likelihood().abs()),
        "likelihood off by {error:e}"
    );
    prop_assert_eq!(filter.step(), steps - 1);

    let smoothed = out.smooth().unwrap();
    let all = joint.given(steps);
    let z = joint.dims.state;
    for t in 0..steps {
        same("predicted", &out.predicted[t], &joint.state(&joint.given(t), t), tolerance)?;
        same("filtered", &out.filtered[t], &joint.state(&joint.given(t + 1), t), tolerance)?;
        same("smoothed", &smoothed.beliefs[t], &joint.state(&all, t), tolerance)?;
        if t + 1 < steps {
            let lag_one = all.covariance.view(((t + 1) * z, t * z), (z, z)).into_owned();
            close("lag one", &smoothed.lag_one[t], &lag_one, tolerance)?;
        }
    }
    let x = joint.dims.observation;
    let controls = system.controls.slice(ndarray::s![steps - 1..joint.steps - 1, ..]);
    let forecasts = filter.forecast(controls).unwrap();
    prop_assert_eq!(forecasts.len(), ahead);
    for (t, forecast) in (steps..).zip(&forecasts) {
        same("forecast", &forecast.state, &joint.state(&all, t), tolerance)?;
        let seen = part(&all, z * joint.steps + t * x, x);
        same("forecast observation", &forecast.observation, &seen, tolerance)?;
    }
    Ok(())
}

/// A recording that ends `ahead` steps before the system does.
fn system(seed: u64, dims: (usize, usize, usize), steps: usize, ahead: usize) -> System {
    let dims = Dims { state: dims.0, control: dims.1, observation: dims.2 };
    let mut system = System::draw(seed, dims, steps + ahead, 0.3);
    system.observations.slice_mut(ndarray::s![steps.., ..]).fill(f64::NAN);
    system
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn all_beliefs_are_those_of_the_joint_gaussian(
        seed in any::<u64>(),
        dims in (1..5usize, 0..3usize, 1..4usize),
        steps in 1..8usize,
        ahead in 0..3usize,
    ) {
        check(&system(seed, dims, steps, ahead), ahead, REGULAR)?;
    }

    /// One direction of noise, and a start that is known exactly.
    #[test]
    fn singular_covariances_are_no_exception(
        seed in any::<u64>(),
        dims in (2..5usize, 0..3usize, 1..4usize),
        steps in 1..6usize,
    ) {
        let drawn = system(seed, dims, steps, 2);
        let mut model = drawn.model;
        let direction = model.process_noise.column(0).into_owned();
        model.process_noise = &direction * direction.transpose();
        let known = Belief::new(drawn.initial.mean, DMatrix::zeros(dims.0, dims.0)).unwrap();
        let noise = dvbf_tensor::Noise::new(seed, 2);
        let mut system = System::record(model, known, steps + 2, 0.3, noise);
        system.observations.slice_mut(ndarray::s![steps.., ..]).fill(f64::NAN);
        check(&system, 2, SINGULAR)?;
    }
}

#[test]
fn a_sequence_can_be_filtered_in_pieces() {
    let system = system(3, (3, 2, 2), 9, 0);
    let whole = KalmanFilter::exact(system.model.clone(), system.initial.clone())
        .unwrap()
        .filter(&system.sequence())
        .unwrap();
    let mut filter = KalmanFilter::exact(system.model.clone(), system.initial.clone()).unwrap();
    for t in 0..9 {
        if t > 0 {
            filter.predict(&system.controls.row(t - 1).to_vec()).unwrap();
        }
        filter.update(Some(&system.observations.row(t).to_vec())).unwrap();
        assert_eq!(filter.belief(), &whole.filtered[t], "step {t}");
    }
    assert!((filter.log_likelihood() - whole.log_likelihood).abs() < 1e-12);
}

#[test]
fn what_comes_later_changes_no_earlier_belief() {
    let mut system = system(4, (3, 1, 2), 8, 0);
    let filter = || KalmanFilter::exact(system.model.clone(), system.initial.clone()).unwrap();
    let (mut first, mut second) = (filter(), filter());
    let before = first.filter(&system.sequence()).unwrap();
    system.observations.slice_mut(ndarray::s![5.., ..]).fill(1e3);
    system.controls.slice_mut(ndarray::s![5.., ..]).fill(-1e3);
    let after = second.filter(&system.sequence()).unwrap();
    assert_eq!(before.filtered[..5], after.filtered[..5]);
    assert_eq!(before.predicted[..6], after.predicted[..6]);
    assert_ne!(before.filtered[5], after.filtered[5]);
}
