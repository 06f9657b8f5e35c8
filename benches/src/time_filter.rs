//! Times Kalman filters over a thousand steps and prints a line of JSON, as the programs of other
//! systems in `peers` do: the same model and observations, which are sines.

#![expect(clippy::print_stderr, reason = "a program speaks to its caller")]

use dvbf_benches::{Times, seconds, take_turns};
use dvbf_core::bayes::{
    Belief, Const, DMatrix, DVector, Form, GaussianFilter, GaussianModel, KalmanFilter,
    LinearGaussian, Memory, SMatrix, SVector,
};
use nalgebra::{DefaultAllocator, Dim};
use std::error::Error;
use std::hint::black_box;
use std::process::ExitCode;

/// Steps of a pass.
const STEPS: usize = 1000;

const USAGE: &str = "usage: time-filter [--form covariance|root|dynamic] [--size 4/2|6/3|15/6] \
    [--threads 1] [--seconds S] [--turns]";

/// A pass over all observations; gives the sum of the last mean and of the diagonal of its covariance.
type Pass = Box<dyn FnMut() -> Result<f64, Box<dyn Error>>>;

/// `sin(0.7 i + phase)`, `i` the place in the matrix, row after row.
fn sines(rows: usize, columns: usize, phase: f64) -> DMatrix<f64> {
    DMatrix::from_fn(rows, columns, |i, j| (0.7 * (columns * i + j) as f64 + phase).sin())
}

fn model(z: usize, x: usize) -> LinearGaussian {
    let eye = DMatrix::<f64>::identity;
    let (g, h) = (sines(z, z, 3.0), sines(x, x, 4.0));
    LinearGaussian {
        transition: eye(z, z) * 0.8 + sines(z, z, 1.0) * (0.15 / z as f64),
        control: DMatrix::zeros(z, 0),
        process_noise: eye(z, z) * 0.1 + &g * g.transpose() * 0.01,
        emission: sines(x, z, 2.0),
        observation_noise: eye(x, x) * 0.2 + &h * h.transpose() * 0.05,
    }
}

/// Passes of a filter, each from the start.
fn pass<M, Z: Dim, X: Dim, F>(start: GaussianFilter<M, Z, X, F>, channels: usize) -> Pass
where
    M: GaussianModel<Z, X> + Clone + 'static,
    F: Form<Z, X> + 'static,
    DefaultAllocator: Memory<Z, X>,
    GaussianFilter<M, Z, X, F>: Clone,
{
    let observations: Vec<f64> = (0..STEPS)
        .flat_map(|t| (0..channels).map(move |i| (0.3 * t as f64 + i as f64).sin()))
        .collect();
    Box::new(move || {
        let mut filter = start.clone();
        for observation in black_box(&observations).chunks_exact(channels) {
            filter.predict(&[])?;
            filter.condition(Some(observation))?;
        }
        let belief = filter.belief();
        Ok(belief.mean.iter().sum::<f64>() + belief.covariance.diagonal().iter().sum::<f64>())
    })
}

/// The forms of a size. A macro, because bounds on generic sizes hide that these are arrays.
macro_rules! forms {
    ($form:expr, $z:literal, $x:literal) => {{
        let dynamic = model($z, $x);
        let fixed: LinearGaussian<Const<$z>, Const<$x>, Const<0>> = LinearGaussian {
            transition: SMatrix::from_column_slice(dynamic.transition.as_slice()),
            control: SMatrix::zeros(),
            process_noise: SMatrix::from_column_slice(dynamic.process_noise.as_slice()),
            emission: SMatrix::from_column_slice(dynamic.emission.as_slice()),
            observation_noise: SMatrix::from_column_slice(dynamic.observation_noise.as_slice()),
        };
        let start = Belief::new(SVector::<f64, $z>::zeros(), SMatrix::identity())?;
        match $form {
            "covariance" => pass(GaussianFilter::joseph(fixed, start)?, $x),
            "root" => pass(KalmanFilter::exact(fixed, start)?, $x),
            _ => {
                let start = Belief::new(DVector::zeros($z), DMatrix::identity($z, $z))?;
                pass(GaussianFilter::joseph(dynamic, start)?, $x)
            }
        }
    }};
}

struct Options {
    form: String,
    size: String,
    seconds: f64,
    turns: bool,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let (form, size) = ("covariance".to_owned(), "4/2".to_owned());
        let mut options = Self { form, size, seconds: 2.0, turns: false };
        while let Some(key) = args.next() {
            if key == "--turns" {
                options.turns = true;
                continue;
            }
            let value = args.next().ok_or_else(|| format!("{key} needs a value\n{USAGE}"))?;
            match (key.as_str(), value.as_str(), seconds(&value)) {
                ("--form", "covariance" | "root" | "dynamic", _) => options.form = value,
                ("--size", "4/2" | "6/3" | "15/6", _) => options.size = value,
                ("--threads", "1", _) => {}
                ("--seconds", _, Some(given)) => options.seconds = given,
                _ => return Err(format!("{key} {value}: not understood\n{USAGE}")),
            }
        }
        Ok(options)
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let options = Options::parse(std::env::args().skip(1))?;
    let form = options.form.as_str();
    let mut pass = match options.size.as_str() {
        "4/2" => forms!(form, 4, 2),
        "6/3" => forms!(form, 6, 3),
        _ => forms!(form, 15, 6),
    };
    let size = &options.size;
    pass()?;
    take_turns(options.turns, || {
        let mut result = 0.0;
        let times = Times::of(options.seconds, || pass().map(|sum| result = sum))?;
        Ok(format!(
            "{{\"system\": \"dvbf\", \"size\": \"{size}\", \"threads\": 1, {}, \"items\": {STEPS}, \
             \"mean_nats\": {result:.15}}}",
            times.fields(),
        ))
    })
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
