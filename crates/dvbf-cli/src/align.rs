//! `dvbf align`: two devices with their own clocks in one table.

use crate::terminal::outln;
use clap::Args;
use dvbf::apply::ApplyError;
use dvbf::data::{Places, Series, align};
use std::fmt::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Align {
    /// Text file of the sensor: a value and a time stamp in seconds in a line.
    data: PathBuf,
    /// Text file of the reference, likewise.
    reference: PathBuf,
    /// Columns of value and time, counted from one.
    #[arg(
        long,
        default_value = "1,2",
        value_delimiter = ',',
        num_args = 1,
        value_name = "VALUE,TIME"
    )]
    columns: Vec<usize>,
    /// Seconds of a step of the table.
    #[arg(long, default_value_t = 0.01)]
    step: f64,
    /// Seconds that are added to the stamps of the reference [default: those with which both agree best].
    #[arg(long, allow_negative_numbers = true)]
    shift: Option<f64>,
    /// Names of the two columns.
    #[arg(
        long,
        default_value = "sensor,force",
        value_delimiter = ',',
        num_args = 1,
        value_name = "NAMES"
    )]
    names: Vec<String>,
    /// Write the logarithm of the sensor, for sensors whose values span decades.
    #[arg(long)]
    log: bool,
    /// The table.
    #[arg(long)]
    out: PathBuf,
}

pub(crate) fn run(arguments: &Align) -> Result<(), ApplyError> {
    let refused = |problem: String| ApplyError::Output { path: arguments.out.clone(), problem };
    let [value, time] = arguments.columns[..] else {
        return Err(refused("--columns takes two numbers".into()));
    };
    let [name, reference] = &arguments.names[..] else {
        return Err(refused("--names takes two names".into()));
    };
    if !arguments.out.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
        return Err(refused("its name has to end with .csv".into()));
    }
    if !(arguments.step.is_finite() && arguments.step > 0.0) {
        return Err(refused("--step has to be a positive number of seconds".into()));
    }
    let places = Places { value, time };
    let (data, other) =
        (Series::read(&arguments.data, places)?, Series::read(&arguments.reference, places)?);
    let aligned = align(&data, &other, arguments.step, arguments.shift).map_err(refused)?;
    let mut text = format!("time,{name},{reference}\n");
    for ((time, &value), force) in aligned.times.iter().zip(&aligned.values).zip(&aligned.reference)
    {
        let value = if arguments.log { value.ln() } else { value };
        if !value.is_finite() {
            return Err(refused(format!(
                "{name} is not positive at {time:.3} s and has no logarithm"
            )));
        }
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{time:.6},{value},{force}");
    }
    std::fs::write(&arguments.out, text).map_err(|e| refused(e.to_string()))?;
    outln!(
        "{} steps of {} s; {:.4} s were added to the clock of {reference}, where the ranks correlate by {:.3}",
        aligned.times.len(),
        arguments.step,
        aligned.shift,
        aligned.agreement
    );
    outln!("table    {}", arguments.out.display());
    Ok(())
}
