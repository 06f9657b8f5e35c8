//! Arguments of the command line.

use std::error::Error;
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
usage: robot-loop MODEL [options]

MODEL is a model file, such as runs/pendulum-seed0/best.dvbf.

  --rate HZ        ticks a second [1000]
  --steps N        ticks [2000]
  --paths N        sample paths of the filter; 0 is the mean path alone [32]
  --drop SHARE     frames that never come [0.05]
  --late SHARE     frames that come late [0.05]
  --delay N        steps that they are late by [3]
  --broken SHARE   frames of infinities [0.01]
  --seed N         of sensor and chance [0]
  --reference      tell at every tick what the reference of a calibrated model would read
  --episodes       the loop knows when a scene begins, and resets the filter
  --fast           do not wait for ticks
  --trace FILE     write frames and mean path as CSV";

/// What the loop is to do.
pub(crate) struct Arguments {
    pub(crate) model: PathBuf,
    pub(crate) rate: f64,
    pub(crate) steps: usize,
    pub(crate) paths: usize,
    pub(crate) drop: f64,
    pub(crate) late: f64,
    pub(crate) delay: usize,
    pub(crate) broken: f64,
    pub(crate) seed: u64,
    pub(crate) reference: bool,
    pub(crate) episodes: bool,
    pub(crate) fast: bool,
    pub(crate) trace: Option<PathBuf>,
    pub(crate) help: bool,
}

impl Arguments {
    pub(crate) fn parse(mut given: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut arguments = Self {
            model: PathBuf::new(),
            rate: 1000.0,
            steps: 2000,
            paths: 32,
            drop: 0.05,
            late: 0.05,
            delay: 3,
            broken: 0.01,
            seed: 0,
            reference: false,
            episodes: false,
            fast: false,
            trace: None,
            help: false,
        };
        while let Some(name) = given.next() {
            let mut value = || given.next().ok_or_else(|| format!("{name} needs a value"));
            match name.as_str() {
                "--rate" => arguments.rate = value()?.parse()?,
                "--steps" => arguments.steps = value()?.parse()?,
                "--paths" => arguments.paths = value()?.parse()?,
                "--drop" => arguments.drop = value()?.parse()?,
                "--late" => arguments.late = value()?.parse()?,
                "--delay" => arguments.delay = value()?.parse()?,
                "--broken" => arguments.broken = value()?.parse()?,
                "--seed" => arguments.seed = value()?.parse()?,
                "--reference" => arguments.reference = true,
                "--episodes" => arguments.episodes = true,
                "--fast" => arguments.fast = true,
                "--trace" => arguments.trace = Some(value()?.into()),
                "--help" | "-h" => arguments.help = true,
                other if other.starts_with('-') => {
                    return Err(format!("{other} is no option\n\n{USAGE}").into());
                }
                path => arguments.model = path.into(),
            }
        }
        if arguments.model.as_os_str().is_empty() && !arguments.help {
            return Err(format!("no model file was given\n\n{USAGE}").into());
        }
        if !(arguments.rate > 0.0 && arguments.rate.is_finite()) {
            return Err(format!("--rate is {}; it must be positive", arguments.rate).into());
        }
        Ok(arguments)
    }
}
