//! Principal components and the linear model of them, on data that a linear model made.

use crate::small::{pendulum, pool};
use dvbf_core::Noise;
use dvbf_core::bayes::{Belief, DMatrix, DVector, KalmanFilter, LinearGaussian, Sequence};
use dvbf_data::Dataset;
use dvbf_envs::StateKind;
use dvbf_train::baseline::{Pca, PcaKalman, PcaKalmanSettings};
use dvbf_train::settings::Span;
use ndarray::{Array2, Array3, Axis, s};

fn draw(rows: usize, columns: usize, stream: u64) -> Array2<f64> {
    let mut a = Array2::zeros((rows, columns));
    Noise::new(3, stream).normal(a.as_slice_mut().unwrap());
    a
}

#[expect(clippy::cast_possible_truncation, reason = "recordings are in single precision")]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[test]
fn components_are_orthonormal_ordered_and_leave_the_least() {
    // Three directions of different size in six channels, and a little noise.
    let scales = Array2::from_diag(&ndarray::array![3.0, 2.0, 1.0]);
    let rows = draw(4000, 3, 1).dot(&scales).dot(&draw(3, 6, 2)) + draw(4000, 6, 3) * 0.01 + 4.0;
    let pca = Pca::fit(rows.view(), 3);
    assert_eq!(pca.components(), 3);
    assert!((pca.rest().sqrt() - 0.01).abs() < 5e-4, "{}", pca.rest());
    let mut sums = [0.0; 3];
    for row in rows.rows() {
        let (y, rest) = pca.project(row.iter().copied());
        let back = pca.reconstruct(&y);
        let error: f64 = row.iter().zip(&back).map(|(x, b)| (x - b).powi(2)).sum();
        assert!((error - rest).abs() < 1e-9 && error < 0.01);
        (0..3).for_each(|i| sums[i] += y[i] * y[i]);
    }
    assert!(sums[0] > sums[1] && sums[1] > sums[2], "{sums:?}");
}

/// A rotation that a control drives, seen through a random map with noise.
struct System {
    model: LinearGaussian,
    start: Belief,
    noise_std: f64,
}

const CHANNELS: usize = 7;

impl System {
    fn new() -> Self {
        let (sine, cosine) = 0.4_f64.sin_cos();
        let noise_std = 0.2;
        let emission = DMatrix::from_fn(CHANNELS, 2, |r, c| draw(CHANNELS, 2, 8)[[r, c]]);
        Self {
            model: LinearGaussian {
                transition: DMatrix::from_row_slice(2, 2, &[cosine, -sine, sine, cosine]) * 0.98,
                control: DMatrix::from_row_slice(2, 1, &[0.3, 0.8]),
                process_noise: DMatrix::from_diagonal_element(2, 2, 0.01),
                emission,
                observation_noise: DMatrix::identity(CHANNELS, CHANNELS) * noise_std * noise_std,
            },
            // Without a mean, for frames are centered before the model sees them.
            start: Belief::independent(&[0.0, 0.0], &[1.5, 0.5]).unwrap(),
            noise_std,
        }
    }

    fn record(&self, count: usize, steps: usize, seed: u64) -> Dataset {
        let mut x = Array3::zeros((count, steps, CHANNELS));
        let mut states = Array3::zeros((count, steps, 2));
        let mut u = Array3::<f32>::zeros((count, steps, 1));
        for n in 0..count {
            let noise = |part, columns| draw(steps, columns, (seed << 32) + 8 * n as u64 + part);
            u.slice_mut(s![n, .., ..]).assign(&noise(0, 1).mapv(narrow));
            let (start, process, sensor) = (noise(1, 2), noise(2, 2), noise(3, CHANNELS));
            let mut z = self.start.sample(start.row(0).to_slice().unwrap()).unwrap();
            for t in 0..steps {
                let seen = &self.model.emission * &z;
                for c in 0..CHANNELS {
                    x[[n, t, c]] = narrow(seen[c] + self.noise_std * sensor[[t, c]]);
                }
                states
                    .slice_mut(s![n, t, ..])
                    .assign(&ndarray::arr1(&[narrow(z[0]), narrow(z[1])]));
                let control = DVector::from_element(1, f64::from(u[[n, t, 0]]));
                let shock = DVector::from_iterator(2, process.row(t).iter().map(|e| 0.1 * e));
                z = &self.model.transition * &z + &self.model.control * control + shock;
            }
        }
        Dataset {
            states,
            state_names: vec!["a".into(), "b".into()],
            state_kinds: vec![StateKind::Linear; 2],
            ..Dataset::observed(x, u)
        }
    }

    /// Mean log-likelihood of the sequences under the true model.
    fn log_likelihood(&self, data: &Dataset) -> f64 {
        let one = |n: usize| {
            let x = data.observations.index_axis(Axis(0), n).mapv(f64::from);
            let u = data.controls.index_axis(Axis(0), n).mapv(f64::from);
            let mut filter = KalmanFilter::exact(self.model.clone(), self.start.clone()).unwrap();
            let sequence = Sequence { observations: x.view(), controls: u.view() };
            filter.filter(&sequence).unwrap().log_likelihood
        };
        let count = data.observations.dim().0;
        (0..count).map(one).sum::<f64>() / count as f64
    }
}

fn fitted(data: &Dataset, components: usize, floor: f64) -> PcaKalman {
    let settings = PcaKalmanSettings { components, state: 2, iterations: 200, floor };
    PcaKalman::fit(data, settings).unwrap()
}

/// The density is one of pixels: with two of seven components it is that of the true model, whose
/// noise is the same in all directions.
#[test]
fn the_likelihood_is_that_of_the_model_that_made_the_data() {
    let system = System::new();
    let (train, test) = (system.record(300, 12, 1), system.record(200, 12, 2));
    let truth = system.log_likelihood(&test);
    for components in [2, CHANNELS] {
        let model = fitted(&train, components, 1e-3);
        assert!(model.training_log_likelihood().is_sorted());
        let inferred = model.infer(&test, 0, &pool()).unwrap();
        let mean = inferred.log_lik.mean().unwrap();
        assert!((mean - truth).abs() < 1.0, "{components} components: {mean} against {truth}");
        assert!(inferred.kl.iter().all(|kl| *kl == 0.0));
    }
}

/// What the control does to the frames is found, in the coordinates that the state happens to have.
#[test]
fn the_control_matrix_is_found() {
    let system = System::new();
    let train = system.record(400, 12, 1);
    let model = fitted(&train, 2, 1e-3);
    // C Aᵏ B does not depend on the coordinates: the response to an impulse.
    let frame_of = |y: &DVector<f64>| {
        let data: Vec<f64> = train.observations.iter().map(|&x| f64::from(x)).collect();
        let rows = Array2::from_shape_vec((data.len() / CHANNELS, CHANNELS), data).unwrap();
        let pca = Pca::fit(rows.view(), 2);
        pca.reconstruct(y) - pca.reconstruct(&DVector::zeros(2))
    };
    let (truth, found) = (&system.model, model.model());
    let mut powers = (truth.control.clone(), found.control.clone());
    for _ in 0..3 {
        let expected = (&truth.emission * &powers.0).column(0).into_owned();
        let got = frame_of(&(&found.emission * &powers.1).column(0).into_owned());
        let error = (&got - &expected).norm() / expected.norm();
        assert!(error < 0.05, "{got} against {expected}");
        powers = (&truth.transition * powers.0, &found.transition * powers.1);
    }
    assert!(truth.control.norm() > 0.5);
}

#[test]
fn no_pixel_is_surer_than_the_floor() {
    let data = pendulum(8, 60, 8, 1);
    let floor = 0.05;
    let model =
        PcaKalman::fit(&data, PcaKalmanSettings { components: 10, state: 6, iterations: 3, floor })
            .unwrap();
    let eigen = model.model().observation_noise.clone().symmetric_eigen();
    assert!(eigen.eigenvalues.iter().all(|v| *v >= floor * floor * (1.0 - 1e-9)));
    let best = -f64::from(8 * 8 * 8) * (floor.ln() + 0.5 * std::f64::consts::TAU.ln());
    let inferred = model.infer(&data, 0, &pool()).unwrap();
    assert!(inferred.log_lik.iter().all(|l| *l < best), "nothing is likelier than every mean");
}

#[test]
fn a_prediction_is_the_forecast_and_does_not_look() {
    let system = System::new();
    let (train, mut test) = (system.record(200, 12, 1), system.record(20, 20, 2));
    let model = fitted(&train, 2, 1e-3);
    let span = Span { filtered: 5, horizon: 10 };
    let before = model.predict(&test, span, &pool()).unwrap();
    assert_eq!(before.dim(), (20, 10, CHANNELS));
    let truth = test.observations.slice(s![.., 5..15, ..]).to_owned();
    let error = (&before - &truth).mapv(|d| d * d).mean().unwrap();
    let spread = truth.mapv(|x| x * x).mean().unwrap();
    assert!(error < 0.1 * spread, "{error} of {spread}");
    test.observations.slice_mut(s![.., 5.., ..]).fill(f32::NAN);
    assert_eq!(model.predict(&test, span, &pool()).unwrap(), before);
}
