//! Times the Kalman filters of other crates and prints a line of JSON for every turn, as `time-filter`
//! of `dvbf-benches` does: the same model and observations, which are sines.
//!
//! ```text
//! kalman-peers adskalman --size 4/2 --seconds 2
//! ```

use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::Instant;

/// Steps of a pass.
const STEPS: usize = 1000;

/// A pass over all observations; gives the sum of the last mean and of the diagonal of its covariance.
type Pass = Box<dyn FnMut() -> f64>;

/// `scale · sin(0.7 i + phase)`, `i` the place in the matrix, row after row.
fn sine(i: usize, scale: f64, phase: f64) -> f64 {
    scale * (0.7 * i as f64 + phase).sin()
}

fn seen(t: usize, channel: usize) -> f64 {
    (0.3 * t as f64 + channel as f64).sin()
}

/// The matrices of the model and the observations, in the types of one version of `nalgebra`.
macro_rules! problem {
    ($nalgebra:ident, $z:literal, $x:literal) => {{
        use $nalgebra::{SMatrix, SVector};
        let sines = |i: usize, j: usize, width: usize, phase: f64| sine(width * i + j, 1.0, phase);
        let g = SMatrix::<f64, $z, $z>::from_fn(|i, j| sines(i, j, $z, 3.0));
        let h = SMatrix::<f64, $x, $x>::from_fn(|i, j| sines(i, j, $x, 4.0));
        let eye = SMatrix::<f64, $z, $z>::identity();
        let a = eye * 0.8
            + SMatrix::<f64, $z, $z>::from_fn(|i, j| sines(i, j, $z, 1.0)) * (0.15 / $z as f64);
        let c = SMatrix::<f64, $x, $z>::from_fn(|i, j| sines(i, j, $z, 2.0));
        let q = eye * 0.1 + g * g.transpose() * 0.01;
        let r = SMatrix::<f64, $x, $x>::identity() * 0.2 + h * h.transpose() * 0.05;
        let observations: Vec<SVector<f64, $x>> =
            (0..STEPS).map(|t| SVector::from_fn(|i, _| seen(t, i))).collect();
        (a, c, q, r, observations)
    }};
}

/// What `adskalman` wants of a model.
struct Model<const Z: usize, const X: usize> {
    a: nalgebra::SMatrix<f64, Z, Z>,
    at: nalgebra::SMatrix<f64, Z, Z>,
    q: nalgebra::SMatrix<f64, Z, Z>,
    c: nalgebra::SMatrix<f64, X, Z>,
    ct: nalgebra::SMatrix<f64, Z, X>,
    r: nalgebra::SMatrix<f64, X, X>,
}

macro_rules! adskalman {
    ($z:literal, $x:literal) => {{
        use adskalman::{
            KalmanFilterNoControl, ObservationModel, StateAndCovariance,
            TransitionModelLinearNoControl,
        };
        use nalgebra::{Const, SMatrix, SVector};
        impl TransitionModelLinearNoControl<f64, Const<$z>> for Model<$z, $x> {
            fn F(&self) -> &SMatrix<f64, $z, $z> {
                &self.a
            }
            fn FT(&self) -> &SMatrix<f64, $z, $z> {
                &self.at
            }
            fn Q(&self) -> &SMatrix<f64, $z, $z> {
                &self.q
            }
        }
        impl ObservationModel<f64, Const<$z>, Const<$x>> for Model<$z, $x> {
            fn H(&self) -> &SMatrix<f64, $x, $z> {
                &self.c
            }
            fn HT(&self) -> &SMatrix<f64, $z, $x> {
                &self.ct
            }
            fn R(&self) -> &SMatrix<f64, $x, $x> {
                &self.r
            }
        }
        let (a, c, q, r, observations) = problem!(nalgebra, $z, $x);
        let model = Model::<$z, $x> { a, at: a.transpose(), q, c, ct: c.transpose(), r };
        Box::new(move || {
            let filter = KalmanFilterNoControl::new(&model, &model);
            let start = StateAndCovariance::new(SVector::zeros(), SMatrix::identity());
            let mut now: StateAndCovariance<f64, Const<$z>> = start;
            for observation in black_box(&observations) {
                now = filter.step(&now, observation).expect("a positive covariance");
            }
            now.state().sum() + now.covariance().trace()
        })
    }};
}

macro_rules! kfilter {
    ($z:literal, $x:literal) => {{
        use kfilter::KalmanFilter;
        use kfilter::kalman::{Kalman, KalmanPredict, KalmanUpdate};
        use kfilter::measurement::{LinearMeasurement, Measurement};
        use nalgebra_kfilter::{SMatrix, SVector};
        let (a, c, q, r, observations) = problem!(nalgebra_kfilter, $z, $x);
        Box::new(move || {
            let mut filter = Kalman::new(a, q, SVector::<f64, $z>::zeros(), SMatrix::identity());
            let mut measurement = LinearMeasurement::new(c, r, SVector::<f64, $x>::zeros());
            for observation in black_box(&observations) {
                filter.predict().expect("a valid prediction");
                measurement.set_measurement(*observation);
                filter.update(&measurement).expect("an invertible covariance");
            }
            filter.state().sum() + filter.covariance().trace()
        })
    }};
}

fn pass(name: &str, size: &str) -> Option<Pass> {
    Some(match (name, size) {
        ("adskalman", "4/2") => adskalman!(4, 2),
        ("adskalman", "6/3") => adskalman!(6, 3),
        ("adskalman", "15/6") => adskalman!(15, 6),
        ("kfilter", "4/2") => kfilter!(4, 2),
        ("kfilter", "6/3") => kfilter!(6, 3),
        ("kfilter", "15/6") => kfilter!(15, 6),
        _ => return None,
    })
}

/// Passes for some seconds, as a line of JSON.
fn turn(pass: &mut Pass, name: &str, size: &str, seconds: f64) -> String {
    let (mut times, mut result, begin) = (Vec::new(), 0.0, Instant::now());
    while times.len() < 5 || begin.elapsed().as_secs_f64() < seconds {
        let start = Instant::now();
        result = pass();
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let (steps, median, least) = (times.len(), times[times.len() / 2], times[0]);
    format!(
        "{{\"system\": \"{name}\", \"size\": \"{size}\", \"threads\": 1, \"steps\": {steps}, \
         \"median_ms\": {median:.5}, \"min_ms\": {least:.5}, \"mean_nats\": {result:.15}}}"
    )
}

fn main() {
    let (mut size, mut seconds, mut turns) = (String::from("4/2"), 2.0, false);
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_default();
    while let Some(key) = args.next() {
        let mut value = || args.next().unwrap_or_default();
        match key.as_str() {
            "--turns" => turns = true,
            "--size" => size = value(),
            "--seconds" => seconds = value().parse().expect("a number of seconds"),
            "--threads" => assert_eq!(value(), "1", "filters are timed on one thread"),
            _ => panic!("{key}: not understood"),
        }
    }
    let mut pass = pass(&name, &size).unwrap_or_else(|| {
        panic!("{name} {size}: there are adskalman and kfilter, 4/2, 6/3 and 15/6")
    });
    pass();
    if !turns {
        println!("{}", turn(&mut pass, &name, &size, seconds));
        return;
    }
    println!("ready");
    std::io::stdout().flush().expect("an open pipe");
    for _ in std::io::stdin().lock().lines() {
        println!("{}", turn(&mut pass, &name, &size, seconds));
        std::io::stdout().flush().expect("an open pipe");
    }
}
