//! Measuring in turns: what every timed program of this crate says and hears.

use crate::median;
use std::error::Error;
use std::io::{self, BufRead, Write};
use std::time::Instant;

/// Turns have at least so many steps, however long they take.
const LEAST_STEPS: usize = 5;

/// Times of the steps of one turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times {
    /// Number of steps.
    pub steps: usize,
    /// Median of a step in milliseconds.
    pub median_ms: f64,
    /// Shortest step in milliseconds.
    pub min_ms: f64,
}

impl Times {
    /// Repeats `step` for `seconds`, at least five times.
    ///
    /// # Errors
    ///
    /// The error of a step.
    pub fn of<E>(seconds: f64, mut step: impl FnMut() -> Result<(), E>) -> Result<Self, E> {
        let (mut times, start) = (Vec::new(), Instant::now());
        while times.len() < LEAST_STEPS || start.elapsed().as_secs_f64() < seconds {
            let start = Instant::now();
            step()?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        let min_ms = times.iter().copied().fold(f64::INFINITY, f64::min);
        Ok(Self { steps: times.len(), median_ms: median(&times), min_ms })
    }

    /// The fields of a flat JSON object, without braces.
    #[must_use]
    pub fn fields(&self) -> String {
        let Self { steps, median_ms, min_ms } = self;
        format!("\"steps\": {steps}, \"median_ms\": {median_ms:.4}, \"min_ms\": {min_ms:.4}")
    }
}

/// A positive number of seconds.
#[must_use]
pub fn seconds(text: &str) -> Option<f64> {
    text.parse().ok().filter(|s: &f64| s.is_finite() && *s > 0.0)
}

/// A positive count.
#[must_use]
pub fn positive(text: &str) -> Option<usize> {
    text.parse().ok().filter(|&n| n > 0)
}

/// Prints the line of one turn; with `several`, prints `ready` and then a line for each line of
/// standard input until that ends.
///
/// # Errors
///
/// The error of a turn, or of standard input or output.
pub fn take_turns(
    several: bool,
    mut turn: impl FnMut() -> Result<String, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    if !several {
        writeln!(out, "{}", turn()?)?;
        return Ok(());
    }
    writeln!(out, "ready")?;
    out.flush()?;
    for line in io::stdin().lock().lines() {
        line?;
        writeln!(out, "{}", turn()?)?;
        out.flush()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[test]
    fn a_turn_has_at_least_five_steps_and_stops_at_an_error() {
        let mut calls = 0;
        let times = Times::of(1e-9, || {
            calls += 1;
            Ok::<_, Infallible>(())
        });
        assert_eq!((calls, times.unwrap().steps), (5, 5));
        assert_eq!(Times::of(1.0, || Err("broken")), Err("broken"));
    }

    #[test]
    fn numbers_of_arguments_are_positive() {
        assert_eq!(
            (seconds("0.5"), seconds("0"), seconds("inf"), seconds("x")),
            (Some(0.5), None, None, None)
        );
        assert_eq!((positive("3"), positive("0"), positive("-1")), (Some(3), None, None));
    }
}
