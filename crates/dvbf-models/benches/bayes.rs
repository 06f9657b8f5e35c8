//! One step of the Kalman filter, prediction and update, at several sizes: ours in both forms with
//! sizes in the type and at run time, beside the Joseph form written out on `nalgebra`'s static
//! matrices. All take turns in short rounds, so that a busy machine is busy for all; the least
//! round of each counts.
#![expect(clippy::expect_used, reason = "a bench may fail")]

use criterion::Criterion;
use dvbf_models::bayes::{
    Belief, Const, DMatrix, DVector, Extended, Form, GaussianFilter, GaussianModel, KalmanFilter,
    LinearGaussian, Memory, SigmaPoints, Unscented,
};
use dvbf_tensor::Noise;
use nalgebra::{DefaultAllocator, Dim, SMatrix, SVector};
use std::hint::black_box;
use std::time::Instant;

/// A name and a round.
type Contestant = (&'static str, Box<dyn FnMut()>);

/// Steps of a round, and rounds of each contestant.
const STEPS: usize = 200;
const ROUNDS: usize = 400;

/// A stable system with full covariances.
fn system(z: usize, x: usize) -> (LinearGaussian, Belief) {
    let normal = |rows: usize, columns: usize, part: u8| {
        let mut values = vec![0.0; rows * columns];
        Noise::new(7, 0).part(part).normal(&mut values);
        DMatrix::from_vec(rows, columns, values)
    };
    let covariance = |size: usize, part: u8| {
        let root = normal(size, size, part) * 0.4;
        &root * root.transpose() + DMatrix::identity(size, size) * 0.02
    };
    let transition = normal(z, z, 0);
    let norm = transition.clone().svd(false, false).singular_values.max();
    let model = LinearGaussian {
        transition: transition * (0.95 / norm),
        control: normal(z, 1, 1),
        process_noise: covariance(z, 2),
        emission: normal(x, z, 3),
        observation_noise: covariance(x, 4),
    };
    let start = Belief::new(DVector::zeros(z), covariance(z, 5)).expect("a covariance");
    (model, start)
}

/// The Joseph form, as one would write it down.
struct Plain<const Z: usize, const X: usize> {
    transition: SMatrix<f64, Z, Z>,
    control: SMatrix<f64, Z, 1>,
    process_noise: SMatrix<f64, Z, Z>,
    emission: SMatrix<f64, X, Z>,
    observation_noise: SMatrix<f64, X, X>,
    mean: SVector<f64, Z>,
    covariance: SMatrix<f64, Z, Z>,
    log_likelihood: f64,
}

impl<const Z: usize, const X: usize> Plain<Z, X> {
    fn step(&mut self, control: f64, observation: &SVector<f64, X>) {
        let (a, c) = (&self.transition, &self.emission);
        self.mean = a * self.mean + self.control * control;
        self.covariance = a * self.covariance * a.transpose() + self.process_noise;
        let residual = observation - c * self.mean;
        let cross = self.covariance * c.transpose();
        let innovation = (c * cross + self.observation_noise).cholesky().expect("positive");
        let gain = innovation.solve(&cross.transpose()).transpose();
        let kept = SMatrix::<f64, Z, Z>::identity() - gain * c;
        self.mean += gain * residual;
        self.covariance = kept * self.covariance * kept.transpose()
            + gain * self.observation_noise * gain.transpose();
        let distance = residual.dot(&innovation.solve(&residual));
        let determinant = innovation.determinant().ln();
        let constant = X as f64 * std::f64::consts::TAU.ln();
        self.log_likelihood -= 0.5 * (distance + determinant + constant);
    }
}

fn fix<const Z: usize, const X: usize>(
    (model, start): &(LinearGaussian, Belief),
) -> (LinearGaussian<Const<Z>, Const<X>, Const<1>>, Belief<Const<Z>>) {
    let fixed = LinearGaussian {
        transition: SMatrix::from_column_slice(model.transition.as_slice()),
        control: SMatrix::from_column_slice(model.control.as_slice()),
        process_noise: SMatrix::from_column_slice(model.process_noise.as_slice()),
        emission: SMatrix::from_column_slice(model.emission.as_slice()),
        observation_noise: SMatrix::from_column_slice(model.observation_noise.as_slice()),
    };
    let mean = SVector::from_column_slice(start.mean.as_slice());
    let covariance = SMatrix::from_column_slice(start.covariance.as_slice());
    (fixed, Belief::new(mean, covariance).expect("a covariance"))
}

/// A round of a filter: `STEPS` steps.
fn round<M, Z: Dim, X: Dim, F>(
    mut filter: GaussianFilter<M, Z, X, F>,
    observation: Vec<f64>,
) -> Box<dyn FnMut()>
where
    M: GaussianModel<Z, X> + 'static,
    F: Form<Z, X> + 'static,
    DefaultAllocator: Memory<Z, X>,
{
    Box::new(move || {
        for _ in 0..STEPS {
            filter.predict(black_box(&[0.1])).expect("a valid control");
            let said = filter.condition(Some(black_box(&observation)));
            black_box(said.expect("a valid observation"));
        }
    })
}

/// Everything that is compared at one size; the plain form first. A macro, because bounds on generic
/// sizes hide from the compiler that these are arrays.
macro_rules! contestants {
    ($z:literal, $x:literal) => {{
        let (model, start) = system($z, $x);
        let observation: Vec<f64> = (0..$x).map(|i| 0.1 * f64::from(i)).collect();
        let (fixed, near) = fix::<$z, $x>(&(model.clone(), start.clone()));
        let mut plain = Plain {
            transition: fixed.transition,
            control: fixed.control,
            process_noise: fixed.process_noise,
            emission: fixed.emission,
            observation_noise: fixed.observation_noise,
            mean: near.mean,
            covariance: near.covariance,
            log_likelihood: 0.0,
        };
        let seen = SVector::<f64, $x>::from_column_slice(&observation);
        let sigma = Unscented::new(fixed.clone(), SigmaPoints::GAUSSIAN).expect("valid points");
        let joseph = GaussianFilter::joseph(fixed.clone(), near.clone()).expect("a valid model");
        let dynamic = GaussianFilter::joseph(model.clone(), start.clone()).expect("a valid model");
        let root = KalmanFilter::exact(fixed.clone(), near.clone()).expect("a valid model");
        let heap = KalmanFilter::exact(model, start).expect("a valid model");
        let extended =
            GaussianFilter::joseph(Extended(fixed), near.clone()).expect("a valid model");
        let unscented = GaussianFilter::joseph(sigma.clone(), near.clone()).expect("a valid model");
        let unscented_root = GaussianFilter::new(sigma, near).expect("a valid model");
        let all: Vec<Contestant> = vec![
            (
                "plain Joseph form, static",
                Box::new(move || {
                    for _ in 0..STEPS {
                        plain.step(black_box(0.1), black_box(&seen));
                        black_box(&plain.covariance);
                    }
                }),
            ),
            ("covariance form, static", round(joseph, observation.clone())),
            ("covariance form, dynamic", round(dynamic, observation.clone())),
            ("root form, static", round(root, observation.clone())),
            ("root form, dynamic", round(heap, observation.clone())),
            ("extended, covariance form, static", round(extended, observation.clone())),
            ("unscented, covariance form, static", round(unscented, observation.clone())),
            ("unscented, root form, static", round(unscented_root, observation)),
        ];
        all
    }};
}

#[expect(clippy::print_stdout, reason = "the result of a bench")]
fn compare(criterion: &mut Criterion, title: &str, mut contestants: Vec<Contestant>) {
    let mut least = vec![f64::INFINITY; contestants.len()];
    for _ in 0..ROUNDS {
        for ((_, work), least) in contestants.iter_mut().zip(&mut least) {
            let start = Instant::now();
            work();
            *least = least.min(start.elapsed().as_secs_f64() * 1e6 / STEPS as f64);
        }
    }
    println!("\n{title}: µs a step, and relative to the plain form");
    for ((name, _), time) in contestants.iter().zip(&least) {
        println!("  {name:<36} {time:>8.3} {:>7.2}", time / least[0]);
    }
    let mut group = criterion.benchmark_group(title);
    for (name, work) in &mut contestants {
        group.bench_function(*name, |bencher| bencher.iter(&mut *work));
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(100))
        .measurement_time(std::time::Duration::from_millis(500))
        .sample_size(10)
        .configure_from_args();
    compare(&mut criterion, "4 states, 2 channels", contestants!(4, 2));
    compare(&mut criterion, "6 states, 3 channels", contestants!(6, 3));
    compare(&mut criterion, "15 states, 6 channels", contestants!(15, 6));
    compare(&mut criterion, "24 states, 24 channels", contestants!(24, 24));
    criterion.final_summary();
}
