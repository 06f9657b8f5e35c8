//! Times the simulator and prints a line of JSON, as the scripts in `peers/` do.

#![expect(clippy::print_stderr, reason = "a program speaks to its caller")]

use dvbf_benches::{ROLLOUTS, Rollouts, STEPS, Times, positive, seconds, take_turns};
use std::error::Error;
use std::process::ExitCode;

const USAGE: &str = "\
usage: time-simulator [--size simulate|draw] [--threads N] [--seconds S] [--turns]
  simulate  50 steps of 1024 rollouts, their states kept
  draw      one frame of each of 1024 rollouts
  --turns   print `ready`, then measure once for every line of standard input";

struct Options {
    draw: bool,
    threads: usize,
    seconds: f64,
    turns: bool,
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { draw: false, threads: 1, seconds: 2.0, turns: false };
    while let Some(key) = args.next() {
        if key == "--turns" {
            options.turns = true;
            continue;
        }
        let value = args.next().ok_or_else(|| format!("{key} needs a value\n{USAGE}"))?;
        let wrong = || format!("{key} {value}: not understood\n{USAGE}");
        match key.as_str() {
            "--size" if value == "simulate" => options.draw = false,
            "--size" if value == "draw" => options.draw = true,
            "--threads" => options.threads = positive(&value).ok_or_else(wrong)?,
            "--seconds" => options.seconds = seconds(&value).ok_or_else(wrong)?,
            _ => return Err(wrong()),
        }
    }
    Ok(options)
}

fn turn(rollouts: &mut Rollouts, options: &Options) -> Result<String, Box<dyn Error>> {
    let (size, items) =
        if options.draw { ("draw", ROLLOUTS) } else { ("simulate", STEPS * ROLLOUTS) };
    let times = Times::of(options.seconds, || {
        if options.draw {
            rollouts.draw();
        } else {
            rollouts.run();
        }
        Ok::<_, Box<dyn Error>>(())
    })?;
    Ok(format!(
        "{{\"system\": \"dvbf\", \"size\": \"{size}\", \"threads\": {}, {}, \"items\": {items}}}",
        options.threads,
        times.fields(),
    ))
}

fn run() -> Result<(), Box<dyn Error>> {
    let options = parse(std::env::args().skip(1))?;
    let mut rollouts = Rollouts::new(options.threads);
    let warm_up = Options { seconds: 0.1, ..options };
    turn(&mut rollouts, &warm_up)?;
    take_turns(options.turns, || turn(&mut rollouts, &options))
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
