//! Two devices with their own clocks: series of stamped values on one even grid.
//!
//! A cheap sensor and the reference beside it rarely share a clock. Here each is a text file with a value and a time
//! stamp in a line. The shift between the clocks is first the one at which the ranks of both agree best, whatever
//! monotone curve lies between the two sensors. A sensor that lags and creeps agrees best with a reference that comes
//! late, so near this shift the changes from step to step, of the values or of their logarithms, are compared: edges
//! tell the time, and slow drift says nothing. Where the changes are little but noise, the ranks decide alone. Then
//! both are brought to the same even steps, each step with the mean of what falls into it, or with the straight line
//! between its neighbors if nothing does.

use super::RecordingError;
use std::path::Path;

/// Agreement of ranks from which on one series is taken for a function of the other.
const MONOTONE: f64 = 0.999;
/// The largest shift that is searched, in s to both sides.
const FARTHEST: f64 = 0.5;
/// How far from the shift by ranks that by changes may be, in steps, and the correlation that changes have to have.
const NEAR: f64 = 10.0;
const TELLING: f64 = 0.5;
/// Steps of the grid that shifts are compared on, at most.
const COMPARED: usize = 20_000;

/// Values with time stamps in s, in increasing order.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Time stamps.
    pub times: Vec<f64>,
    /// As many values.
    pub values: Vec<f64>,
}

/// Where a file has value and stamp: columns, counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// The value.
    pub value: usize,
    /// The time stamp in s.
    pub time: usize,
}

impl Series {
    /// Reads lines of numbers that commas, semicolons or blanks separate; lines that begin with `#`, and a first
    /// line of names, are left out.
    ///
    /// # Errors
    /// If the file cannot be read, a line has no such column or something else than a number there, stamps go
    /// back, or there are fewer than two lines.
    pub fn read(path: &Path, places: Places) -> Result<Self, RecordingError> {
        let text = std::fs::read_to_string(path).map_err(|e| RecordingError::io(path, e))?;
        let mut out = Self { times: Vec::new(), values: Vec::new() };
        let mut first = true;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let cells: Vec<&str> = line
                .split(|c: char| c == ',' || c == ';' || c.is_whitespace())
                .filter(|cell| !cell.is_empty())
                .collect();
            let cell = |place: usize| {
                let text = place.checked_sub(1).and_then(|i| cells.get(i)).copied();
                text.and_then(|text| text.parse::<f64>().ok()).filter(|v| v.is_finite())
            };
            match (cell(places.time), cell(places.value)) {
                (Some(time), Some(value)) => {
                    if out.times.last().is_some_and(|&last| time < last) {
                        let problem = format!("goes back in time in line {}", number + 1);
                        return Err(RecordingError::file(path, problem));
                    }
                    out.times.push(time);
                    out.values.push(value);
                }
                _ if first => {}
                _ => {
                    let problem = format!(
                        "has no numbers in columns {} and {} of line {}",
                        places.value,
                        places.time,
                        number + 1
                    );
                    return Err(RecordingError::file(path, problem));
                }
            }
            first = false;
        }
        if out.times.len() < 2 {
            return Err(RecordingError::file(
                path,
                "has fewer than two lines with a value and a time",
            ));
        }
        Ok(out)
    }

    /// The straight line between neighbors at `time`.
    fn at(&self, time: f64) -> f64 {
        let next = self.times.partition_point(|&t| t < time).clamp(1, self.times.len() - 1);
        let ([t0, t1], [v0, v1]) =
            ([next - 1, next].map(|i| self.times[i]), [next - 1, next].map(|i| self.values[i]));
        if t1 > t0 { v0 + (v1 - v0) * ((time - t0) / (t1 - t0)).clamp(0.0, 1.0) } else { v1 }
    }

    /// Mean of the values within half a `step` of `time`, or [`at`](Self::at) if there are none.
    fn mean(&self, time: f64, step: f64) -> f64 {
        let from = self.times.partition_point(|&t| t < time - step / 2.0);
        let to = self.times.partition_point(|&t| t < time + step / 2.0);
        if from == to {
            return self.at(time);
        }
        self.values[from..to].iter().sum::<f64>() / (to - from) as f64
    }
}

/// Two series on one grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Aligned {
    /// Time of every step by the clock of the first, from zero on.
    pub times: Vec<f64>,
    /// The first series.
    pub values: Vec<f64>,
    /// The second one.
    pub reference: Vec<f64>,
    /// What was added to the stamps of the second.
    pub shift: f64,
    /// Correlation of the ranks at this shift.
    pub agreement: f64,
}

/// Brings `series` and `reference` to steps of `step` seconds over the time that both have, with this `shift` of
/// the second clock or the best one.
///
/// # Errors
/// What is wrong: they have not two steps in common.
pub fn align(
    series: &Series,
    reference: &Series,
    step: f64,
    shift: Option<f64>,
) -> Result<Aligned, String> {
    let shift = shift.unwrap_or_else(|| best_shift(series, reference, step));
    let (from, to) = common(series, reference, shift);
    let count = steps(from, to, step);
    if count < 2 {
        return Err(format!("both have fewer than two steps of {step} s in common"));
    }
    let times: Vec<f64> = (0..count).map(|i| from + i as f64 * step).collect();
    let values: Vec<f64> = times.iter().map(|&t| series.mean(t, step)).collect();
    let other: Vec<f64> = times.iter().map(|&t| reference.mean(t - shift, step)).collect();
    let agreement = correlation(&ranks(&values), &ranks(&other));
    let times = (0..count).map(|i| i as f64 * step).collect();
    Ok(Aligned { times, values, reference: other, shift, agreement })
}

fn common(series: &Series, reference: &Series, shift: f64) -> (f64, f64) {
    let last = |times: &[f64]| times[times.len() - 1];
    let from = series.times[0].max(reference.times[0] + shift);
    (from, last(&series.times).min(last(&reference.times) + shift))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of steps")]
fn steps(from: f64, to: f64, step: f64) -> usize {
    if to < from { 0 } else { ((to - from) / step + 1e-9).floor() as usize + 1 }
}

/// The shift at which the changes agree best, or the ranks, to a quarter of a step. Ranks that agree all but
/// perfectly decide: one series is a function of the other there, whose slope would distort the changes.
fn best_shift(series: &Series, reference: &Series, step: f64) -> f64 {
    let pair = |shift: f64| {
        let (from, to) = common(series, reference, shift);
        let count = steps(from, to, step).min(COMPARED);
        let pick = |of: &Series, by: f64| -> Vec<f64> {
            (0..count).map(|i| of.at(from + i as f64 * step - by)).collect()
        };
        (pick(series, 0.0), pick(reference, shift))
    };
    let by_ranks = |shift: f64| {
        let (own, other) = pair(shift);
        if own.len() < 2 { 0.0 } else { correlation(&ranks(&own), &ranks(&other)).abs() }
    };
    let search = |agreement: &dyn Fn(f64) -> f64, around: f64, reach: f64, by: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "a number of shifts")]
        let most = (reach / by).round() as i32;
        let shifts = (-most..=most).map(|i| around + f64::from(i) * by);
        let best = shifts.map(|s| (agreement(s), s)).max_by(|a, b| a.0.total_cmp(&b.0));
        best.unwrap_or((0.0, around))
    };
    let grain = 2.0 * step.max(FARTHEST / 100.0);
    let coarse = search(&by_ranks, 0.0, FARTHEST, grain).1;
    let (monotone, ranked) = search(&by_ranks, coarse, grain, step / 4.0);
    if monotone > MONOTONE {
        return ranked;
    }
    let positive = series.values.iter().all(|&v| v > 0.0);
    let by_changes = |shift: f64| {
        let (own, other) = pair(shift);
        let other = changes(&other);
        let plain = correlation(&changes(&own), &other).abs();
        if !positive {
            return plain;
        }
        let logs: Vec<f64> = own.iter().map(|v| v.ln()).collect();
        plain.max(correlation(&changes(&logs), &other).abs())
    };
    let (agreement, changed) = search(&by_changes, ranked, NEAR * step, step / 4.0);
    if agreement > TELLING { changed } else { ranked }
}

/// From each value to the next.
fn changes(values: &[f64]) -> Vec<f64> {
    values.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Ranks, equal values having their mean.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut out = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let mut to = from + 1;
        while to < order.len() && values[order[to]] <= values[order[from]] {
            to += 1;
        }
        let rank = (from + to - 1) as f64 / 2.0;
        order[from..to].iter().for_each(|&i| out[i] = rank);
        from = to;
    }
    out
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let count = a.len().max(1) as f64;
    let (ma, mb) = (a.iter().sum::<f64>() / count, b.iter().sum::<f64>() / count);
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        a.iter().zip(b).map(|(a, b)| f(a - ma, b - mb)).sum()
    };
    let scale = (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt();
    if scale > 0.0 { sum(&|a, b| a * b) / scale } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    /// A force, seen by a resistance that falls with it, and by a load cell whose clock is late.
    fn written(late: f64) -> (tempfile::TempDir, std::path::PathBuf, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("a scratch file");
        let force = |t: f64| 5.0 * (0.7 * t).sin().max(0.0) + 2.0 * (1.9 * t).sin().max(0.0);
        let (mut foil, mut cell) = (String::new(), String::new());
        for i in 0..2800 {
            let t = f64::from(i) / 140.0;
            writeln!(foil, "{} {}", 800.0 / (1.0 + force(t)), 1.6e9 + t).expect("a scratch file");
        }
        for i in 0..6000 {
            let t = f64::from(i) / 300.0;
            writeln!(cell, "{} {}", force(t), 1.6e9 + t + late).expect("a scratch file");
        }
        let (a, b) = (folder.path().join("foil.txt"), folder.path().join("cell.txt"));
        std::fs::write(&a, foil).expect("a scratch file");
        std::fs::write(&b, cell).expect("a scratch file");
        (folder, a, b)
    }

    const PLACES: Places = Places { value: 1, time: 2 };

    #[test]
    fn clocks_are_brought_together() {
        for late in [-0.21, 0.0, 0.13] {
            let (_folder, a, b) = written(late);
            let (foil, cell) =
                (Series::read(&a, PLACES).unwrap(), Series::read(&b, PLACES).unwrap());
            let aligned = align(&foil, &cell, 0.01, None).unwrap();
            assert!((aligned.shift + late).abs() < 0.006, "{late}: {}", aligned.shift);
            assert!(aligned.agreement < -0.999, "{}", aligned.agreement);
            for (value, force) in aligned.values.iter().zip(&aligned.reference) {
                assert!((800.0 / value - 1.0 - force).abs() < 0.1, "{value} {force}");
            }
        }
    }

    /// Presses with sharp ends on a foil whose resistance goes on falling under the load and partly comes back at
    /// once: its ranks are 30 ms late, its edges are not.
    #[test]
    fn creep_does_not_shift_the_clocks() {
        let pressed = |t: f64| (t % 5.0) > 3.0;
        let (mut foil, mut cell) =
            [(); 2].map(|()| Series { times: Vec::new(), values: Vec::new() }).into();
        let (mut creep, mut quick) = (0.0_f64, 0.0_f64);
        for i in 0..7000 {
            let t = f64::from(i) / 140.0;
            creep += (if pressed(t) { 2.0 } else { 0.0 } - creep) / (140.0 * 0.6);
            quick = if pressed(t) { quick + (2.0 - quick) / (140.0 * 0.1) } else { 0.0 };
            let logarithm = 7.0 - quick - creep;
            foil.times.push(t);
            foil.values.push(logarithm.exp());
        }
        for i in 0..15_000 {
            let t = f64::from(i) / 300.0;
            let hold = (t % 5.0 - 3.0).clamp(0.0, 1.0);
            cell.times.push(t + 0.037);
            cell.values.push(if pressed(t) { 8.0 + hold } else { 0.0 });
        }
        let aligned = align(&foil, &cell, 0.01, None).unwrap();
        assert!((aligned.shift + 0.037).abs() < 0.006, "{}", aligned.shift);
    }

    #[test]
    fn bad_lines_are_named() {
        let (folder, ..) = written(0.0);
        let path = folder.path().join("bad.txt");
        for (text, part) in [
            ("1 2\n3 x\n", "line 2"),
            ("1 2\n3 1\n", "back in time in line 2"),
            ("value time\n1 2\n", "fewer than two"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Series::read(&path, PLACES).unwrap_err().to_string();
            assert!(error.contains("bad.txt") && error.contains(part), "{error}");
        }
    }
}
