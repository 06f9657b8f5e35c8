//! Times held empowerment of a locally linear transition and prints a line of JSON, as
//! `peers/jax_empowerment.py` does: the same states and parameters, which are sines.

#![expect(clippy::print_stderr, reason = "a program speaks to its caller")]

use dvbf_benches::{Times, seconds, take_turns};
use dvbf_control::{
    Channel, ControlLimits, Empowerment, HeldGaussian, LearnedDynamics, StateScale,
};
use dvbf_core::{LocallyLinear, Transition};
use dvbf_ops::{Linear, Mixture, Mlp};
use ndarray::{Array, Array2, Dimension, ShapeBuilder};
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

/// `N` states, `Z` of the state, `M` base matrices, hidden units of the mixing network, `K` steps.
const STATES: usize = 4096;
const SIZE: usize = 3;
const BASES: usize = 16;
const HIDDEN: usize = 64;
const STEPS: usize = 10;
const TORQUE: f32 = 2.0;
const RESOLUTION: f64 = 0.05;
/// Rows of a block, whose buffers stay in cache.
const BLOCK: usize = 192;

const USAGE: &str = "usage: time-empowerment [--size held] [--threads 1] [--seconds S] [--turns]";

/// `scale · sin(0.7 i + phase)`, `i` the place in the flat array.
#[expect(clippy::cast_possible_truncation, reason = "sines in single precision")]
fn sines<D: Dimension, Sh: ShapeBuilder<Dim = D>>(
    shape: Sh,
    scale: f64,
    phase: f64,
) -> Array<f32, D> {
    let mut array = Array::zeros(shape);
    for (i, value) in array.iter_mut().enumerate() {
        *value = (scale * (0.7 * i as f64 + phase).sin()) as f32;
    }
    array
}

fn transition() -> Arc<dyn Transition<f32>> {
    let mixing = Mlp::new(vec![
        Linear::new(sines((HIDDEN, SIZE + 1), 0.8, 1.0), sines(HIDDEN, 0.3, 2.0)),
        Linear::new(sines((BASES, HIDDEN), 0.4, 3.0), sines(BASES, 0.3, 4.0)),
    ]);
    let a = sines((BASES, SIZE, SIZE), 0.1, 5.0) + Array2::<f32>::eye(SIZE);
    let maps = Mixture::new(
        a,
        sines((BASES, SIZE, 1), 0.2, 6.0),
        ndarray::Array3::zeros((BASES, SIZE, SIZE)),
    );
    Arc::new(LocallyLinear::new(mixing, maps))
}

struct Contestant {
    held: HeldGaussian<f32, LearnedDynamics>,
    states: Array2<f32>,
    out: Vec<f32>,
    seconds: f64,
}

impl Contestant {
    fn new(seconds: f64) -> Result<Self, Box<dyn Error>> {
        let limits = ControlLimits::symmetric(&[TORQUE])?;
        let channel = Channel::new(STEPS, RESOLUTION, limits, StateScale::identity(SIZE))?;
        let held = HeldGaussian::new(LearnedDynamics::new(transition()), &channel, BLOCK)?;
        Ok(Self { held, states: sines((STATES, SIZE), 1.5, 0.5), out: vec![0.0; STATES], seconds })
    }

    fn turn(&mut self) -> Result<String, Box<dyn Error>> {
        let times =
            Times::of(self.seconds, || self.held.evaluate(self.states.view(), &mut self.out))?;
        let mean = self.out.iter().map(|&e| f64::from(e)).sum::<f64>() / STATES as f64;
        Ok(format!(
            "{{\"system\": \"dvbf\", \"size\": \"held\", \"threads\": 1, {}, \"items\": {STATES}, \
             \"mean_nats\": {mean:.6}}}",
            times.fields(),
        ))
    }
}

/// Seconds of a turn, and whether there are several.
fn parse(mut args: impl Iterator<Item = String>) -> Result<(f64, bool), String> {
    let (mut length, mut turns) = (2.0, false);
    while let Some(key) = args.next() {
        if key == "--turns" {
            turns = true;
            continue;
        }
        let value = args.next().ok_or_else(|| format!("{key} needs a value\n{USAGE}"))?;
        match (key.as_str(), value.as_str(), seconds(&value)) {
            ("--size", "held", _) | ("--threads", "1", _) => {}
            ("--seconds", _, Some(given)) => length = given,
            _ => return Err(format!("{key} {value}: not understood\n{USAGE}")),
        }
    }
    Ok((length, turns))
}

fn run() -> Result<(), Box<dyn Error>> {
    let (length, turns) = parse(std::env::args().skip(1))?;
    let mut contestant = Contestant::new(length)?;
    contestant.held.evaluate(contestant.states.view(), &mut contestant.out)?;
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
