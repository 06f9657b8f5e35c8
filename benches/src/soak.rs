//! A soak of the online filter: millions of steps of a trained model with frames that are missing, late or from
//! elsewhere. Prints, for every tenth of the steps, the memory of the process, the latency of a step and how well
//! the filter knows its errors, none of which may drift.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program speaks to its caller")]

use dvbf::run::RunFolder;
use dvbf_benches::positive;
use dvbf_core::{DelayedFilter, Filter, FilterOptions, Noise};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const USAGE: &str = "usage: soak RUN [STEPS]    RUN is the folder of a run of a simulated system";

/// Steps of the history of late measurements.
const HISTORY: usize = 8;

/// Uniform numbers in `[0, 1)`, a step at a time.
struct Chances {
    values: [f32; 4],
    stream: u64,
}

impl Chances {
    fn draw(&mut self) -> &[f32; 4] {
        Noise::new(11, self.stream).normal(&mut self.values);
        self.stream += 1;
        // The fractional part of a wide normal number is uniform.
        self.values.iter_mut().for_each(|value| *value = (*value * 1000.0).rem_euclid(1.0));
        &self.values
    }
}

/// What a tenth of the steps showed.
#[derive(Default)]
struct Tenth {
    nanoseconds: Vec<u32>,
    nis: f64,
    freedom: f64,
    refused: u64,
}

impl Tenth {
    fn line(&mut self, number: usize) -> String {
        self.nanoseconds.sort_unstable();
        let at = |share: f64| {
            let last = self.nanoseconds.len().saturating_sub(1);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
            let place = (share * last as f64) as usize;
            f64::from(self.nanoseconds.get(place).copied().unwrap_or(0)) / 1e3
        };
        format!(
            "{number:>5}  {:>9.1}  {:>10.1}  {:>10.1}  {:>6.2}  {:>7.3}  {:>8}",
            resident().unwrap_or(f64::NAN),
            at(0.5),
            at(0.999),
            at(0.999) / at(0.5),
            self.nis / self.freedom,
            self.refused,
        )
    }
}

/// Resident memory in MiB, where the system says it.
fn resident() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}

fn soak(run: &Path, steps: usize) -> Result<(), Box<dyn Error>> {
    let folder = RunFolder::open(run)?;
    let supply = dvbf::data::Supply::open(&folder.settings()?)?;
    let sequences = supply.sequences(dvbf::data::Set::TestLong);
    let sequences = sequences.first(32);
    let (count, length) = (sequences.observations.shape()[0], sequences.observations.shape()[1]);
    let filter = Filter::load(folder.best_path()?)?;
    let dt = Duration::from_secs_f64(filter.dt());
    let options = FilterOptions { gate: Some(0.9999), ..FilterOptions::default() };
    let mut filter = DelayedFilter::new(filter.with_options(options)?, HISTORY)?;
    let mut chances = Chances { values: [0.0; 4], stream: 0 };
    println!("tenth  memory MiB  median µs  p99.9 µs   ratio  NIS/dof   refused");
    let (mut sequence, mut t, mut now) = (0, 0, dt);
    for number in 1..=10 {
        let mut tenth = Tenth { nanoseconds: Vec::with_capacity(steps / 10), ..Tenth::default() };
        for _ in 0..steps / 10 {
            let &[missing, late, jump, where_to] = chances.draw();
            if t + 1 == length || jump < 1e-3 {
                // Another system, or the same one set elsewhere, without a word to the filter.
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a place"
                )]
                let place = (where_to * count as f32) as usize;
                (sequence, t) = (place.min(count - 1), 0);
            }
            let x = sequences.observations.index_axis(ndarray::Axis(0), sequence);
            let x = x.row(t).to_vec();
            let u = sequences.controls.index_axis(ndarray::Axis(0), sequence);
            let u = u.row(t.saturating_sub(1)).to_vec();
            let seen = missing > 0.05 && late > 0.02;
            let start = Instant::now();
            let taken = filter
                .step_at(now, seen.then_some(&x[..]), &u)
                .map(|belief| belief.spread.as_ref().and_then(|spread| spread.score));
            let spent = start.elapsed();
            tenth.nanoseconds.push(u32::try_from(spent.as_nanos()).unwrap_or(u32::MAX));
            match taken {
                Ok(Some(score)) => {
                    tenth.nis += score.nis;
                    tenth.freedom += score.freedom as f64;
                }
                Ok(None) => {}
                Err(_) => tenth.refused += 1,
            }
            if late <= 0.02 && filter.update_at(now, &x).is_err() {
                tenth.refused += 1;
            }
            (t, now) = (t + 1, now + dt);
        }
        println!("{}", tenth.line(number));
    }
    println!("{:?}", filter.filter().health());
    Ok(())
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let steps = words.get(1).map_or(Some(10_000_000), |word| positive(word));
    let (Some(run), Some(steps)) = (words.first(), steps) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match soak(Path::new(run), steps) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::FAILURE
        }
    }
}
