//! A control loop with a trained filter inside: a fixed rate, dropped frames, late frames, broken
//! frames, and the latency that it had.
//!
//! The sensor is simulated by the learned model itself, so that nothing but a model file is needed.

mod arguments;
mod latency;
mod watch;

use arguments::Arguments;
use dvbf_core::{DelayedFilter, Filter, FilterError, FilterOptions, Noise, Trajectory};
use latency::Latency;
use ndarray::{Array2, s};
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use watch::Watch;

fn main() -> ExitCode {
    let outcome = Arguments::parse(std::env::args().skip(1)).and_then(|arguments| {
        if arguments.help {
            println!("{}", arguments::USAGE);
            return Ok(());
        }
        run(&arguments)
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the loop lived through.
#[derive(Default)]
struct Counts {
    dropped: u64,
    late: u64,
    broken: u64,
    resets: u64,
    missed: u64,
}

/// A frame that is on its way.
struct InFlight {
    step: usize,
    arrives: usize,
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let options = FilterOptions { samples: arguments.paths, ..FilterOptions::default() };
    let filter = Filter::load(&arguments.model)?.with_options(options)?;
    let sensor = sensor(&filter, arguments)?;
    if arguments.reference && filter.reference().is_none() {
        return Err("the model was not calibrated; dvbf calibrate does it".into());
    }
    let dt = Duration::from_secs_f64(filter.dt());
    let mut filter = DelayedFilter::new(filter, 1 + 2 * arguments.delay)?;
    let mut trace =
        arguments.trace.as_ref().map(|p| File::create(p).map(BufWriter::new)).transpose()?;

    let mut chance = vec![0.0_f32; 2 * arguments.steps];
    Noise::new(arguments.seed, 9).uniform(&mut chance);
    let (mut counts, mut latency) = (Counts::default(), Latency::new(arguments.steps));
    let mut flying: Vec<InFlight> = Vec::with_capacity(arguments.steps);
    let mut watch = Watch::default();
    let period = Duration::from_secs_f64(1.0 / arguments.rate);
    let began = Instant::now();
    for t in 0..arguments.steps {
        // Wait for the tick. A robot would use the timer of its system.
        let tick = began + period * u32::try_from(t)?;
        if !arguments.fast {
            std::thread::sleep(tick.saturating_duration_since(Instant::now()));
        }
        if arguments.episodes && t % SCENE == 0 {
            filter.reset();
            flying.clear();
        }
        let control = sensor.control(t);
        let now = dt * u32::try_from(t)?;
        let luck = (f64::from(chance[2 * t]), f64::from(chance[2 * t + 1]));
        let mut frame = Some(sensor.frame(t));
        if luck.0 < arguments.drop {
            (frame, counts.dropped) = (None, counts.dropped + 1);
        } else if luck.0 < arguments.drop + arguments.late && arguments.delay > 0 {
            frame = None;
            flying.push(InFlight { step: t, arrives: t + arguments.delay });
        }
        // A broken sensor: infinities, which the filter refuses.
        let broken = vec![f32::INFINITY; sensor.channels()];
        let is_broken = frame.is_some() && luck.1 < arguments.broken;
        let frame = if is_broken { Some(&broken[..]) } else { frame };

        let start = Instant::now();
        let mut outcome = filter.step_at(now, frame, control).map(|_| ());
        if is_broken {
            counts.broken += 1;
            assert!(outcome.is_err(), "infinities are refused");
            // The step is still to be taken.
            outcome = filter.step_at(now, None, control).map(|_| ());
        }
        while let Some(place) = flying.iter().position(|frame| frame.arrives <= t) {
            let InFlight { step, .. } = flying.swap_remove(place);
            let at = dt * u32::try_from(step)?;
            if filter.update_at(at, sensor.frame(step)).is_ok() {
                counts.late += 1;
            }
        }
        latency.add(start.elapsed());
        // A belief that left the numbers, or that nothing it is shown agrees with any more: the loop
        // begins anew, and goes on.
        if outcome.is_err() || watch.is_lost(filter.belief()) {
            filter.reset();
            flying.clear();
            watch = Watch::default();
            counts.resets += 1;
        }
        if !arguments.fast && Instant::now() > tick + period {
            counts.missed += 1;
        }
        if let Some(trace) = &mut trace {
            write_row(trace, &filter, frame.filter(|_| !is_broken), control)?;
        }
    }
    report(arguments, &filter, &sensor, &counts, &mut latency);
    Ok(())
}

/// What the sensor will show, and the controls under which.
struct Sensor {
    future: Trajectory,
    controls: Array2<f32>,
}

impl Sensor {
    fn frame(&self, t: usize) -> &[f32] {
        self.future.observation.row(t).to_slice().expect("rows are contiguous")
    }

    /// The control since the step before.
    fn control(&self, t: usize) -> &[f32] {
        self.controls.row(t).to_slice().expect("rows are contiguous")
    }

    fn channels(&self) -> usize {
        self.future.observation.ncols()
    }
}

/// Steps of a scene. A model knows only as much of the future as it was trained on.
const SCENE: usize = 20;

/// Scenes that the model thinks possible, one after the other, under a slow swing.
fn sensor(filter: &Filter, arguments: &Arguments) -> Result<Sensor, FilterError> {
    let width = filter.model().transition().dims().control;
    let options =
        FilterOptions { samples: 64, seed: arguments.seed, gate: None, ..FilterOptions::default() };
    let mut source = filter.with_options(options)?;
    let idle = vec![0.0; width];
    while !source.belief().started {
        source.step(None, &idle, filter.dt())?;
    }
    let steps = arguments.steps.next_multiple_of(SCENE);
    let controls = Array2::from_shape_fn((steps, width), |(t, _)| (t as f32 * 0.05).sin());
    let (states, channels) = (source.belief().state.len(), filter.model().observation());
    let mut future = Trajectory {
        state: Array2::zeros((steps, states)),
        observation: Array2::zeros((steps, channels)),
    };
    for (scene, first) in (0..steps).step_by(SCENE).enumerate() {
        let rows = s![first..first + SCENE, ..];
        let sampled = source.sample(controls.slice(rows), scene as u64)?;
        future.state.slice_mut(rows).assign(&sampled.state);
        future.observation.slice_mut(rows).assign(&sampled.observation);
    }
    Ok(Sensor { future, controls })
}

/// One row of the trace: whether a frame came, the steps since the last reset, the control, the frame,
/// the mean path, and of a calibrated model the reference with half of its interval. A late frame is
/// not in it, so that a trace is to be made without them.
fn write_row(
    out: &mut impl Write,
    filter: &DelayedFilter,
    frame: Option<&[f32]>,
    control: &[f32],
) -> std::io::Result<()> {
    write!(out, "{},{}", u8::from(frame.is_some()), filter.belief().steps)?;
    let missing = vec![f32::NAN; filter.filter().model().observation()];
    let state = filter.belief().state.to_vec();
    for value in control.iter().chain(frame.unwrap_or(&missing)).chain(&state) {
        write!(out, ",{value}")?;
    }
    if let Some(estimate) = filter.belief().reference {
        write!(out, ",{},{}", estimate.value, estimate.half_width)?;
    }
    writeln!(out)
}

fn report(
    arguments: &Arguments,
    filter: &DelayedFilter,
    sensor: &Sensor,
    counts: &Counts,
    latency: &mut Latency,
) {
    let Counts { dropped, late, broken, resets, missed } = counts;
    println!(
        "{} steps of {} channels with {} sample paths{}",
        arguments.steps,
        sensor.channels(),
        arguments.paths,
        if arguments.fast { String::new() } else { format!(" at {} Hz", arguments.rate) },
    );
    println!(
        "frames: {dropped} dropped, {late} late by {} steps, {broken} broken; {resets} resets; {missed} \
         ticks missed",
        arguments.delay
    );
    let us = |share: f64| latency.quantile(share).as_secs_f64() * 1e6;
    println!(
        "latency of a step in µs: median {:.1}, 90 % {:.1}, 99 % {:.1}, 99.9 % {:.1}, worst {:.1}",
        us(0.5),
        us(0.9),
        us(0.99),
        us(0.999),
        us(1.0)
    );
    let belief = filter.belief();
    if let (true, Some(reference), Some(estimate)) =
        (arguments.reference, filter.filter().reference(), belief.reference)
    {
        println!(
            "{}: {:.3} ± {:.3}, nine times of ten",
            reference.name, estimate.value, estimate.half_width
        );
    }
    println!("belief after {} steps: {}", belief.steps, belief.state);
    if let Some(spread) = &belief.spread {
        println!("standard deviations: {}", spread.std);
    }
}
