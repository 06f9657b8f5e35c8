//! Recordings at another pace: thinned, or brought to even steps.
//!
//! A recording with stamps `t_i` becomes one with even steps `Δ` at `g_k = t_0 + (k + ½) Δ`. An observation is the
//! mean, over the time within `Δ/2` of `g_k`, of the straight lines from one observation to the next, which keeps
//! fast motion from being taken for slow one. Where two observations are far apart there is no line between them,
//! and where nothing is left the observation is missing. A control is its mean over the time from `g_k` to
//! `g_{k+1}`, during which it acts.

use super::RecordingError;
use super::raw::{RawRecordings, RawSequence, narrow};
use ndarray::{Array2, ArrayView2};
use std::path::Path;

/// Neighbors that are further apart than so many of the recording's usual steps have a gap between them.
const GAP: f64 = 4.0;
/// Steps of a sequence that is resampled, at most.
const MOST: f64 = 1e8;

/// At which pace recordings are taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Steps that become one, averaged.
    pub every: usize,
    /// Seconds of a step, where recordings are brought to even steps.
    pub resample: Option<f64>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { every: 1, resample: None }
    }
}

impl RawRecordings {
    /// The recordings at this pace; `path` is what errors call them.
    ///
    /// # Errors
    /// If both are asked for, steps of different lengths are thinned, steps of unknown length are resampled, or too
    /// little is left.
    pub(super) fn at_pace(self, pace: Pace, path: &Path) -> Result<Self, RecordingError> {
        let wrong = |key: &str, problem: String| Err(RecordingError::key(path, key, problem));
        let Pace { every, resample } = pace;
        if every == 0 {
            return wrong("--every", "is 0; it counts steps that become one".into());
        }
        if every > 1 && resample.is_some() {
            return wrong("--every", "stands beside --resample; one of them will do".into());
        }
        if every > 1 && self.is_irregular() {
            let problem =
                "thins steps of different lengths; bring them to even ones with --resample SECONDS";
            return wrong("--every", problem.into());
        }
        let step = match resample {
            None if every == 1 => return Ok(self),
            None => self.dt.unwrap_or(1.0) * every as f64,
            Some(seconds) => {
                if !(seconds.is_finite() && seconds > 0.0) {
                    return wrong(
                        "--resample",
                        format!("is {seconds}; it must be a positive number of seconds"),
                    );
                }
                if self.dt.is_none() && !self.is_irregular() {
                    return wrong(
                        "--resample",
                        "needs time stamps; --time names their column".into(),
                    );
                }
                seconds
            }
        };
        let own = self.dt.unwrap_or(1.0);
        let mut sequences = Vec::with_capacity(self.sequences.len());
        for sequence in &self.sequences {
            let stamps = stamps(sequence, own);
            if stamps.last().is_some_and(|last| last / step > MOST) {
                return wrong(
                    "--resample",
                    format!("makes more than {MOST:e} steps of {}", sequence.name),
                );
            }
            sequences.extend(evened(sequence, &stamps, step));
        }
        if sequences.is_empty() {
            let longest = self.longest();
            let problem = format!("leaves nothing: the longest sequence has {longest} steps");
            return wrong(if resample.is_some() { "--resample" } else { "--every" }, problem);
        }
        let dt = if resample.is_some() || self.dt.is_some() { Some(step) } else { None };
        let mut remarks = self.remarks.clone();
        remarks.push(match resample {
            Some(seconds) => format!("brought to steps of {seconds} s"),
            None => format!("{every} steps averaged to one"),
        });
        Ok(Self { sequences, dt, remarks, ..self })
    }
}

/// Seconds of every step since the first.
fn stamps(sequence: &RawSequence, dt: f64) -> Vec<f64> {
    let gap = |t: usize| sequence.intervals.as_ref().map_or(dt, |all| f64::from(all[t]));
    let mut now = 0.0;
    (0..sequence.observations.nrows())
        .map(|t| {
            let own = now;
            now += gap(t);
            own
        })
        .collect()
}

/// A sequence at even steps; none if it has not two of them.
fn evened(sequence: &RawSequence, stamps: &[f64], step: f64) -> Option<RawSequence> {
    let last = *stamps.last()?;
    let mut gaps: Vec<f64> = stamps.windows(2).map(|two| two[1] - two[0]).collect();
    gaps.sort_by(f64::total_cmp);
    let usual = *gaps.get(gaps.len() / 2)?;
    // The last stamp stands for its own step too.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bounded by the caller"
    )]
    let count = ((last + usual) / step + 1e-9).floor() as usize;
    if count < 2 {
        return None;
    }
    let half = step / 2.0;
    // Stamps are those of the middle of a recorded step.
    let place = |k: usize| (k as f64 + 0.5) * step - usual / 2.0;
    let mut observations = Array2::from_elem((count, sequence.observations.ncols()), f32::NAN);
    let mut states =
        sequence.states.as_ref().map(|s| Array2::from_elem((count, s.ncols()), f32::NAN));
    let mut controls = Array2::zeros((count, sequence.controls.ncols()));
    let most = GAP * usual.max(step);
    let lines: Vec<Lines> = sequence
        .observations
        .columns()
        .into_iter()
        .map(|column| Lines::of(column.iter().copied(), stamps, (usual, most)))
        .collect();
    for k in 0..count {
        let at = place(k);
        let after = stamps.partition_point(|&t| t < at);
        for (value, lines) in observations.row_mut(k).iter_mut().zip(&lines) {
            *value = lines.mean(at - half, at + half);
        }
        if let (Some(states), Some(own)) = (&mut states, &sequence.states) {
            let nearest = match after {
                0 => 0,
                n if n == stamps.len() => n - 1,
                n if at - stamps[n - 1] <= stamps[n] - at => n - 1,
                n => n,
            };
            states.row_mut(k).assign(&own.row(nearest));
        }
        let acting = held(sequence.controls.view(), stamps, at, at + step);
        controls.row_mut(k).iter_mut().zip(acting).for_each(|(to, from)| *to = from);
    }
    Some(RawSequence {
        name: sequence.name.clone(),
        observations,
        controls,
        intervals: None,
        states,
        part: sequence.part,
    })
}

/// What was seen of a channel, with straight lines between.
struct Lines {
    seen: Vec<(f64, f64)>,
    /// Seconds of the longest line.
    most: f64,
}

impl Lines {
    /// The first observation and the last one stand for half a `usual` step more.
    fn of(values: impl Iterator<Item = f32>, stamps: &[f64], (usual, most): (f64, f64)) -> Self {
        let all = stamps.iter().copied().zip(values.map(f64::from));
        let mut seen: Vec<(f64, f64)> = all.filter(|(_, x)| !x.is_nan()).collect();
        if let (Some(&(begin, first)), Some(&(end, last))) = (seen.first(), seen.last()) {
            seen.insert(0, (begin - usual / 2.0, first));
            seen.push((end + usual / 2.0, last));
        }
        Self { seen, most }
    }

    /// Mean over the seconds `from..to`; NaN if nothing is known of them.
    fn mean(&self, from: f64, to: f64) -> f32 {
        let first = self.seen.partition_point(|(t, _)| *t < from).saturating_sub(1);
        let (mut sum, mut covered) = (0.0, 0.0);
        for two in self.seen[first..].windows(2) {
            let [(a, x), (b, y)] = [two[0], two[1]];
            if a >= to {
                break;
            }
            let (begin, end) = (a.max(from), b.min(to));
            if end > begin && b - a <= self.most {
                let value = |t: f64| x + (y - x) * (t - a) / (b - a);
                sum += (end - begin) * (value(begin) + value(end)) / 2.0;
                covered += end - begin;
            }
        }
        if covered > 0.0 {
            return narrow(sum / covered);
        }
        // One observation alone.
        let alone = self.seen.iter().skip(first).find(|(t, _)| (from..to).contains(t));
        alone.map_or(f32::NAN, |(_, x)| narrow(*x))
    }
}

/// Mean of controls over the seconds `from..to`; each holds from its stamp to the next one.
fn held(controls: ArrayView2<'_, f32>, stamps: &[f64], from: f64, to: f64) -> Vec<f32> {
    let first = stamps.partition_point(|&t| t <= from).saturating_sub(1);
    let mut sums = vec![0.0; controls.ncols()];
    for t in first..stamps.len() {
        let begin = if t == first { from } else { stamps[t] };
        let end = stamps.get(t + 1).copied().unwrap_or(f64::INFINITY).min(to);
        if begin >= to {
            break;
        }
        for (sum, &u) in sums.iter_mut().zip(controls.row(t)) {
            *sum += f64::from(u) * (end - begin).max(0.0);
        }
    }
    sums.into_iter().map(|sum| narrow(sum / (to - from))).collect()
}
