//! Ten thousand series of a thousand steps through a Kalman filter of four states and two channels,
//! on one thread and on all. The filter goes over every series and keeps the last mean and the
//! log-likelihood.

#![expect(clippy::expect_used, reason = "a bench may fail")]

use dvbf::{filter_many, pool::Pool};
use dvbf_benches::Table;
use dvbf_core::bayes::{
    Belief, Const, Form, GaussianFilter, KalmanFilter, LinearGaussian, SMatrix, SVector, Sequence,
};
use ndarray::{Array2, Array3, Axis};
use std::time::Instant;

const SERIES: usize = 10_000;
const STEPS: usize = 1000;
const ROUNDS: usize = 5;

type Model = LinearGaussian<Const<4>, Const<2>, Const<1>>;

/// Positions and velocities of two masses on springs, whose positions are seen.
fn masses() -> (Model, Belief<Const<4>>) {
    let dt = 0.1;
    let model = LinearGaussian {
        transition: SMatrix::from_row_slice(&[
            1.0,
            0.0,
            dt,
            0.0, //
            0.0,
            1.0,
            0.0,
            dt, //
            -2.0 * dt,
            dt,
            0.98,
            0.0, //
            dt,
            -dt,
            0.0,
            0.98,
        ]),
        control: SMatrix::from_row_slice(&[0.0, 0.0, dt, 0.0]),
        process_noise: SMatrix::from_diagonal(&SVector::from([1e-5, 1e-5, 1e-3, 1e-3])),
        emission: SMatrix::from_row_slice(&[1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]),
        observation_noise: SMatrix::from_diagonal(&SVector::from([0.01, 0.02])),
    };
    let start = Belief::new(SVector::zeros(), SMatrix::identity()).expect("a covariance");
    (model, start)
}

/// Seconds of one pass over all series, and the mean log-likelihood of a step.
fn pass<F>(
    pool: &Pool,
    filter: &GaussianFilter<Model, Const<4>, Const<2>, F>,
    series: &[Sequence<'_>],
) -> (f64, f64)
where
    F: Form<Const<4>, Const<2>> + Sync,
{
    let clock = Instant::now();
    let last = filter_many(pool, filter, series, |filter, sequence| {
        let log_likelihood = filter.follow(sequence, |_, _, _| ())?;
        Ok((filter.belief().mean, log_likelihood))
    });
    let last = last.expect("valid series");
    let seconds = clock.elapsed().as_secs_f64();
    let sum: f64 = last.iter().map(|(_, log_likelihood)| log_likelihood).sum();
    (seconds, sum / (SERIES * STEPS) as f64)
}

fn main() {
    let observations = Array3::from_shape_fn((SERIES, STEPS, 2), |(n, t, i)| {
        (0.3 * t as f64 + 0.01 * n as f64 + i as f64).sin()
    });
    let controls = Array2::from_shape_fn((STEPS, 1), |(t, _)| (0.1 * t as f64).cos());
    let series: Vec<Sequence<'_>> = observations
        .axis_iter(Axis(0))
        .map(|observations| Sequence { observations, controls: controls.view() })
        .collect();
    let (model, start) = masses();
    let joseph = GaussianFilter::joseph(model.clone(), start.clone()).expect("a valid model");
    let root = KalmanFilter::exact(model, start).expect("a valid model");
    let pools = [1, 2].map(|threads| (threads, Pool::new(threads).expect("threads")));
    let mut least = [[f64::INFINITY; 2]; 2];
    let mut nats = [[0.0; 2]; 2];
    for _ in 0..ROUNDS {
        for (i, (_, pool)) in pools.iter().enumerate() {
            for (form, result) in
                [pass(pool, &joseph, &series), pass(pool, &root, &series)].into_iter().enumerate()
            {
                least[form][i] = least[form][i].min(result.0);
                nats[form][i] = result.1;
            }
        }
    }
    let mut table = Table::new(&["form", "threads", "seconds", "ns a step", "nats a step"]);
    for (form, name) in ["covariance", "root"].into_iter().enumerate() {
        for (i, (threads, _)) in pools.iter().enumerate() {
            let (seconds, nats) = (least[form][i], nats[form][i]);
            table.row(vec![
                name.to_owned(),
                threads.to_string(),
                format!("{seconds:.2}"),
                format!("{:.0}", 1e9 * seconds / (SERIES * STEPS) as f64),
                format!("{nats:.9}"),
            ]);
        }
    }
    table.print("10⁴ series of 10³ steps, 4 states and 2 channels, least of five passes in turns");
}
