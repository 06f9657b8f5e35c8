//! Times training steps of one size and prints a line of JSON, as the scripts in `peers/` do.

#![expect(clippy::print_stderr, reason = "a program speaks to its caller")]

use dvbf::data::Dataset;
use dvbf::pool::Pool;
use dvbf::settings::Precision;
use dvbf::train::Trainer;
use dvbf_benches::{BLOCK, Size, Times, peak, positive, seconds, take_turns};
use std::error::Error;
use std::process::ExitCode;

const USAGE: &str = "\
usage: time-step [--size a|b|c] [--threads N] [--block N] [--precision f32|bf16] [--seconds S] [--turns]
  --turns   print `ready`, then measure once for every line of standard input";

struct Options {
    size: Size,
    threads: usize,
    block: usize,
    precision: Precision,
    seconds: f64,
    turns: bool,
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let size = Size::named("a").ok_or("no size a")?;
    let (block, precision) = (BLOCK, Precision::F32);
    let mut options = Options { size, threads: 1, block, precision, seconds: 2.0, turns: false };
    while let Some(key) = args.next() {
        if key == "--turns" {
            options.turns = true;
            continue;
        }
        let value = args.next().ok_or_else(|| format!("{key} needs a value\n{USAGE}"))?;
        let wrong = || format!("{key} {value}: not understood\n{USAGE}");
        match key.as_str() {
            "--size" => options.size = Size::named(&value).ok_or_else(wrong)?,
            "--threads" => options.threads = positive(&value).ok_or_else(wrong)?,
            "--block" => options.block = positive(&value).ok_or_else(wrong)?,
            "--precision" => {
                options.precision = match value.as_str() {
                    "f32" => Precision::F32,
                    "bf16" => Precision::Bf16,
                    _ => return Err(wrong()),
                };
            }
            "--seconds" => options.seconds = seconds(&value).ok_or_else(wrong)?,
            _ => return Err(wrong()),
        }
    }
    Ok(options)
}

struct Contestant {
    options: Options,
    data: Dataset,
    pool: Pool,
    trainer: Trainer,
}

impl Contestant {
    fn new(options: Options) -> Result<Self, Box<dyn Error>> {
        let data = options.size.recordings();
        let mut settings = options.size.settings(options.threads, options.block);
        settings.training.precision = options.precision;
        let trainer = Trainer::new(&settings, &data, 0)?;
        Ok(Self { pool: Pool::new(options.threads)?, data, trainer, options })
    }

    fn steps(&mut self, seconds: f64) -> Result<Times, Box<dyn Error>> {
        Times::of(seconds, || Ok(self.trainer.step(&self.data, &self.pool).map(drop)?))
    }

    fn turn(&mut self) -> Result<String, Box<dyn Error>> {
        let times = self.steps(self.options.seconds)?;
        let Options { size, threads, block, .. } = &self.options;
        Ok(format!(
            "{{\"system\": \"dvbf\", \"size\": \"{}\", \"threads\": {threads}, \"block\": {block}, \
             {}, \"gflop\": {:.6}, \"peak_gflops\": {:.1}}}",
            size.name,
            times.fields(),
            size.shape().flops() / 1e9,
            peak(20),
        ))
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let options = parse(std::env::args().skip(1))?;
    let turns = options.turns;
    let mut contestant = Contestant::new(options)?;
    contestant.steps(0.2)?;
    take_turns(turns, || contestant.turn())
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
