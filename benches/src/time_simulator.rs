//! Times the simulator and prints a line of JSON, as the scripts in `peers/` do.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program speaks to its caller")]

use dvbf_benches::{Rollouts, median};
use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::time::Instant;

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
            "--threads" => {
                options.threads = value.parse().ok().filter(|&n| n > 0).ok_or_else(wrong)?;
            }
            "--seconds" => {
                let seconds = value.parse().ok().filter(|s: &f64| s.is_finite() && *s > 0.0);
                options.seconds = seconds.ok_or_else(wrong)?;
            }
            _ => return Err(wrong()),
        }
    }
    Ok(options)
}

fn turn(rollouts: &mut Rollouts, options: &Options) -> String {
    let work = if options.draw { Rollouts::draw } else { Rollouts::run };
    let (mut times, start) = (Vec::new(), Instant::now());
    while times.len() < 5 || start.elapsed().as_secs_f64() < options.seconds {
        let start = Instant::now();
        work(rollouts);
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let least = times.iter().copied().fold(f64::INFINITY, f64::min);
    let size = if options.draw { "draw" } else { "simulate" };
    format!(
        "{{\"system\": \"dvbf\", \"size\": \"{size}\", \"threads\": {}, \"steps\": {}, \
         \"median_ms\": {:.4}, \"min_ms\": {least:.4}}}",
        options.threads,
        times.len(),
        median(&times),
    )
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let options = parse(std::env::args().skip(1))?;
    let mut rollouts = Rollouts::new(options.threads);
    let warm_up = Options { seconds: 0.1, ..options };
    turn(&mut rollouts, &warm_up);
    if !options.turns {
        println!("{}", turn(&mut rollouts, &options));
        return Ok(());
    }
    println!("ready");
    io::stdout().flush()?;
    for line in io::stdin().lock().lines() {
        line?;
        println!("{}", turn(&mut rollouts, &options));
        io::stdout().flush()?;
    }
    Ok(())
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
