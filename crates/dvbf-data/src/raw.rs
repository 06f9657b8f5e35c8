//! Recordings as they come from files: one record a sequence, in the units of the files.

use super::{Origins, RecordingError};
use dvbf_core::clean_name;
use dvbf_envs::StateKind;
use ndarray::Array2;
use std::borrow::Cow;
use std::path::Path;

/// What is wrong with a number that single precision has no value for.
const BEYOND: &str = "infinite or beyond the range of single precision (3.4e38)";

/// What a sequence is to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// To fit parameters.
    Train,
    /// To choose settings and the best model.
    Validation,
    /// For the final figures.
    Test,
}

impl Part {
    /// The part called `name`.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Train, Self::Validation, Self::Test].into_iter().find(|part| part.name() == name)
    }

    /// `train`, `validation` or `test`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// A recorded sequence of `T` steps.
#[derive(Clone, Debug, PartialEq)]
pub struct RawSequence {
    /// Where it comes from: a file, or its number in one.
    pub name: String,
    /// Observations `(T, X)` less [`origins`](RawRecordings::origins); NaN where a channel is missing.
    pub observations: Array2<f32>,
    /// Controls `(T, U)`; row `t` acts between `t` and `t + 1`, and the last one is not read.
    pub controls: Array2<f32>,
    /// Seconds from every step to the next `(T)`, where they differ; the last one is not read.
    pub intervals: Option<Vec<f32>>,
    /// True states `(T, S)`, for evaluation only; NaN where unknown.
    pub states: Option<Array2<f32>>,
    /// What it is to be used for, if the files say so.
    pub part: Option<Part>,
}

/// Recorded sequences of one system. All have the same channels.
#[derive(Clone, Debug, PartialEq)]
pub struct RawRecordings {
    /// The sequences.
    pub sequences: Vec<RawSequence>,
    /// Names of the observed channels (`X`).
    pub observation_names: Vec<String>,
    /// Names of the controls (`U`).
    pub control_names: Vec<String>,
    /// Names of the components of the true state (`S`); empty without one.
    pub state_names: Vec<String>,
    /// Seconds between two steps, where they are known and always the same.
    pub dt: Option<f64>,
    /// Height and width of the observations when they are images; planes of color stand one above the other, and
    /// the height is that of all of them.
    pub image: Option<(usize, usize)>,
    /// Planes of color of an image; one of what has no color.
    pub colors: usize,
    /// Arrays or columns that are not used.
    pub ignored: Vec<String>,
    /// What somebody should know of how they were read, in sentences.
    pub remarks: Vec<String>,
    /// What was taken off channels in double precision; nothing of most.
    pub origins: Origins,
}

impl RawRecordings {
    /// Steps of all sequences.
    pub fn steps(&self) -> usize {
        self.sequences.iter().map(|s| s.observations.nrows()).sum()
    }

    /// Steps of the longest sequence.
    pub fn longest(&self) -> usize {
        self.sequences.iter().map(|s| s.observations.nrows()).max().unwrap_or(0)
    }

    /// An observed channel that is missing at every step.
    pub fn unseen(&self) -> Option<&str> {
        let seen = |i| {
            let of = |s: &RawSequence| s.observations.column(i).iter().any(|x| !x.is_nan());
            self.sequences.iter().any(of)
        };
        let dead = (0..self.observation_names.len()).find(|&i| !seen(i))?;
        Some(&self.observation_names[dead])
    }

    /// Whether the seconds between steps differ.
    pub fn is_irregular(&self) -> bool {
        self.sequences.iter().any(|s| s.intervals.is_some())
    }

    /// Share of the observed values that are missing.
    pub fn missing(&self) -> f64 {
        let all: usize = self.sequences.iter().map(|s| s.observations.len()).sum();
        let gone: usize = self
            .sequences
            .iter()
            .map(|s| s.observations.iter().filter(|x| x.is_nan()).count())
            .sum();
        gone as f64 / all.max(1) as f64
    }

    /// How the components of the true state are to be read (`S`), as their names say.
    pub fn state_kinds(&self) -> Vec<StateKind> {
        let kind = |name: &String| {
            let angle = name == "angle" || name.starts_with("angle_") || name.ends_with("_angle");
            if angle { StateKind::Angle } else { StateKind::Linear }
        };
        self.state_names.iter().map(kind).collect()
    }

    /// CRC-32 of all values and of the names that they belong to, never zero.
    pub fn checksum(&self) -> u32 {
        let mut sum = crc32fast::Hasher::new();
        for names in [&self.observation_names, &self.control_names, &self.state_names] {
            sum.update(&names.len().to_le_bytes());
            for name in names {
                sum.update(&name.len().to_le_bytes());
                sum.update(name.as_bytes());
            }
        }
        sum.update(&self.dt.unwrap_or(0.0).to_bits().to_le_bytes());
        self.origins.all().for_each(|origin| sum.update(&origin.to_bits().to_le_bytes()));
        for sequence in &self.sequences {
            sum.update(&sequence.observations.nrows().to_le_bytes());
            let values = sequence.observations.iter().chain(&sequence.controls);
            let values = values.chain(sequence.intervals.iter().flatten());
            for value in values.chain(sequence.states.iter().flatten()) {
                sum.update(&value.to_bits().to_le_bytes());
            }
        }
        sum.finalize().max(1)
    }

    /// Sets `dt` and the sequences' `intervals` from the seconds after every step of every
    /// sequence: one value if all are equal to a thousandth.
    pub(super) fn set_intervals(&mut self, intervals: Vec<Vec<f64>>) {
        // The last step of a sequence has no next one.
        let read = |all: &Vec<f64>| all.iter().copied().take(all.len() - 1).collect::<Vec<_>>();
        let mut sorted: Vec<f64> = intervals.iter().flat_map(read).collect();
        sorted.sort_by(f64::total_cmp);
        let Some(&median) = sorted.get(sorted.len() / 2) else { return };
        let near = |dt: f64| (dt - median).abs() <= 1e-3 * median;
        if sorted.iter().all(|&dt| near(dt)) {
            self.dt = Some(median);
            return;
        }
        for (sequence, values) in self.sequences.iter_mut().zip(intervals) {
            let mut values: Vec<f32> = values.into_iter().map(narrow).collect();
            // What is not read shall be a number all the same.
            let before = values.iter().rev().nth(1).copied();
            if let Some(last) = values.last_mut() {
                *last = before.unwrap_or_else(|| narrow(median));
            }
            sequence.intervals = Some(values);
        }
    }

    /// Checks that the sequences have the same channels and only values that a model can use; sets
    /// to zero what is not read.
    pub(super) fn checked(mut self, path: &Path) -> Result<Self, RecordingError> {
        let channels =
            [&mut self.observation_names, &mut self.control_names, &mut self.state_names];
        let sequences = self.sequences.iter_mut().map(|sequence| &mut sequence.name);
        for name in channels.into_iter().flatten().chain(sequences) {
            if let Cow::Owned(clean) = clean_name(name) {
                *name = clean;
            }
        }
        for names in [&self.observation_names, &self.control_names, &self.state_names] {
            for (i, name) in names.iter().enumerate() {
                if names[..i].contains(name) {
                    return Err(RecordingError::key(path, name, "is the name of two channels"));
                }
            }
        }
        let parts = self.sequences.iter().filter(|s| s.part.is_some()).count();
        if parts > 0 && parts < self.sequences.len() {
            let problem = "are in a part of their own (train, validation, test) and others are not";
            return Err(RecordingError::key(path, format!("{parts} sequences"), problem));
        }
        for sequence in &mut self.sequences {
            let RawSequence { name, observations, controls, .. } = sequence;
            if let Some(((t, i), _)) = observations.indexed_iter().find(|(_, x)| x.is_infinite()) {
                let channel = &self.observation_names[i];
                let problem =
                    format!("of {name} is {BEYOND} at step {t}; leave out what is missing");
                return Err(RecordingError::key(path, format!("observation {channel}"), problem));
            }
            if let Some(mut last) = controls.rows_mut().into_iter().next_back() {
                last.iter_mut().filter(|u| !u.is_finite()).for_each(|u| *u = 0.0);
            }
            if let Some(((t, i), u)) = controls.indexed_iter().find(|(_, u)| !u.is_finite()) {
                let control = &self.control_names[i];
                let what = if u.is_nan() { "missing or not a number" } else { BEYOND };
                let problem = format!(
                    "of {name} is {what} at step {t}; a control that acted has to be known"
                );
                return Err(RecordingError::key(path, format!("control {control}"), problem));
            }
            if let Some(states) = &sequence.states
                && let Some(((t, i), _)) = states.indexed_iter().find(|(_, s)| s.is_infinite())
            {
                let problem = format!("of {name} is {BEYOND} at step {t}");
                return Err(RecordingError::key(
                    path,
                    format!("state {}", self.state_names[i]),
                    problem,
                ));
            }
        }
        Ok(self)
    }
}

/// Numbers as the recordings hold them.
#[expect(clippy::cast_possible_truncation, reason = "recordings are in single precision")]
pub fn narrow(value: f64) -> f32 {
    value as f32
}
