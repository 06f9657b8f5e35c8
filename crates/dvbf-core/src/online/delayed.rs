//! Sensors that are late or come at their own times: a bounded history that is filtered again.

use super::belief::Belief;
use super::error::FilterError;
use super::filter::Filter;
use super::snapshot::Snapshot;
use crate::layout::{Layout, Steps};
use std::time::Duration;

/// Why a [`DelayedFilter`] refused a measurement.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DelayedError {
    /// The filter itself.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The step that was measured is no longer in the history; the measurement changes nothing.
    #[error("the measurement of {timestamp:?} is too old; the history begins at {oldest:?}")]
    TooOld {
        /// When it was measured.
        timestamp: Duration,
        /// The oldest step that can still be changed.
        oldest: Duration,
    },
    /// More steps would have to be made up than the history holds; reset the filter instead.
    #[error("{steps} steps are missing before {timestamp:?}; the history holds {history}")]
    TooFar {
        /// When the step is.
        timestamp: Duration,
        /// Steps from the present to it.
        steps: u64,
        /// Steps of the history.
        history: usize,
    },
    /// A measurement was added to a step that has not been taken.
    #[error("the measurement of {timestamp:?} is ahead of the present step at {present:?}")]
    Ahead {
        /// When it was measured.
        timestamp: Duration,
        /// The present step.
        present: Duration,
    },
    /// A late measurement came before the first step.
    #[error("there has been no step yet that a measurement could belong to")]
    NotBegun,
}

/// A step that can be taken again.
#[derive(Clone, Debug)]
struct Record {
    before: Snapshot,
    /// NaN where nothing was measured (yet).
    observation: Vec<f32>,
    control: Vec<f32>,
}

/// A filter that takes measurements late, in any order, and from sensors with their own clocks.
///
/// Time is divided into the steps of the model, beginning with the first
/// [`step_at`](Self::step_at); a timestamp belongs to the nearest step, so it is off by half a step
/// at most. Timestamps are durations since any fixed moment. The filter keeps its last `history`
/// steps. A late measurement is written into its step, where it joins the channels that other
/// sensors have measured, and all steps from there to the present are taken again: the belief is
/// that of the [`Filter`] which got everything in order, bit for bit. A call takes at most `history`
/// steps, and nothing allocates after construction. It keeps `history` times the frames that start a state.
///
/// A clock that jumps is followed: where three calls of [`step_at`](Self::step_at) in a row have times that
/// are too old or too far ahead, and each is later than the one before by no more than the history, the
/// filter is reset and the third is its first step.
#[derive(Debug)]
pub struct DelayedFilter {
    filter: Filter,
    /// Step `t` is at `t mod (history + 1)`: one that fails has a place outside the history.
    records: Vec<Record>,
    origin: Option<Duration>,
    merged: Vec<f32>,
    /// The last time that was refused, and how many in a row go on from one another.
    refused: Option<(Duration, u32)>,
}

/// Times in a row which say that the clock has jumped.
const JUMPED: u32 = 3;

impl DelayedFilter {
    /// Runs `filter`, which is reset, with the last `history` steps open to late measurements.
    ///
    /// # Errors
    /// If the history has no step, or more than a million, or the steps of the model differ in length.
    pub fn new(mut filter: Filter, history: usize) -> Result<Self, FilterError> {
        const MOST: usize = 1_000_000;
        if !(1..=MOST).contains(&history) {
            let (key, range) = ("history", "between 1 and 1000000 steps");
            return Err(FilterError::Setting { key, value: history as f64, range });
        }
        if matches!(filter.layout(), Some(Layout { steps: Steps::Control, .. })) {
            return Err(FilterError::UnequalSteps);
        }
        filter.reset();
        let (x, u) = (filter.model().observation(), filter.input.control().len());
        let record = Record {
            before: filter.snapshot(),
            observation: vec![f32::NAN; x],
            control: vec![0.0; u],
        };
        let merged = record.observation.clone();
        Ok(Self { records: vec![record; history + 1], filter, origin: None, merged, refused: None })
    }

    /// The filter in its present state.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// The belief about the present.
    pub fn belief(&self) -> &Belief {
        self.filter.belief()
    }

    /// Forgets everything: the next step is the first of a sequence.
    pub fn reset(&mut self) {
        self.filter.reset();
        (self.origin, self.refused) = (None, None);
    }

    /// The time of the present step; nothing before the first.
    pub fn present(&self) -> Option<Duration> {
        let last = self.filter.belief().steps.checked_sub(1)?;
        self.time_of(last)
    }

    fn time_of(&self, step: u64) -> Option<Duration> {
        let since = Duration::try_from_secs_f64(step as f64 * self.filter.dt()).ok()?;
        self.origin?.checked_add(since)
    }

    /// Moves the present to `timestamp`, with what was measured there so far and the control that
    /// acted since the step before.
    ///
    /// Where `timestamp` lies several steps ahead, those between are taken without an observation
    /// and under the same control. Where it belongs to the present step or an earlier one, as a
    /// clock's jitter makes it do now and then, this is [`update_at`](Self::update_at) and the control
    /// is not used.
    ///
    /// # Errors
    /// If the measurement is too old or too far ahead, or the filter refuses it. Nothing changes then.
    pub fn step_at(
        &mut self,
        timestamp: Duration,
        observation: Option<&[f32]>,
        control: &[f32],
    ) -> Result<&Belief, DelayedError> {
        self.filter.check(observation, control)?;
        let misplaced = match self.place_at(timestamp, observation, control) {
            Ok(()) => {
                self.refused = None;
                return Ok(self.filter.belief());
            }
            Err(error @ (DelayedError::TooOld { .. } | DelayedError::TooFar { .. })) => error,
            Err(error) => return Err(error),
        };
        self.filter.health.refused += 1;
        if !self.has_jumped(timestamp) {
            return Err(misplaced);
        }
        self.reset();
        self.place_at(timestamp, observation, control)?;
        Ok(self.filter.belief())
    }

    /// Whether times that were refused, of which this is the last, say that the clock has jumped.
    fn has_jumped(&mut self, timestamp: Duration) -> bool {
        let dt = self.filter.dt();
        let goes_on = |before: Duration| {
            let since = timestamp.checked_sub(before).map(|since| since.as_secs_f64() / dt);
            since.is_some_and(|steps| steps >= 0.5 && steps <= self.history() as f64)
        };
        let count = match self.refused {
            Some((before, count)) if goes_on(before) => count + 1,
            _ => 1,
        };
        self.refused = Some((timestamp, count));
        count >= JUMPED
    }

    /// Takes the steps that lead to a measurement, which was checked.
    fn place_at(
        &mut self,
        timestamp: Duration,
        observation: Option<&[f32]>,
        control: &[f32],
    ) -> Result<(), DelayedError> {
        let taken = self.filter.belief().steps;
        let step = if taken == 0 { 0 } else { self.step_of(timestamp)? };
        if step < taken {
            if let Some(x) = observation {
                self.update_at(timestamp, x)?;
            }
            return Ok(());
        }
        let steps = step - taken + 1;
        let history = self.history();
        if steps > history as u64 {
            return Err(DelayedError::TooFar { timestamp, steps, history });
        }
        if taken == 0 {
            self.origin = Some(timestamp);
        }
        for t in taken..=step {
            let place = self.place(t);
            let record = &mut self.records[place];
            self.filter.save(&mut record.before);
            record.control.copy_from_slice(control);
            match observation.filter(|_| t == step) {
                Some(x) => record.observation.copy_from_slice(x),
                None => record.observation.fill(f32::NAN),
            }
            self.take(t)?;
        }
        Ok(())
    }

    /// Adds a measurement of the present or an earlier step: channels that are not NaN. The belief
    /// about the present follows.
    ///
    /// # Errors
    /// If it is too old, ahead of the present, or the filter refuses it. Nothing changes then.
    pub fn update_at(
        &mut self,
        timestamp: Duration,
        observation: &[f32],
    ) -> Result<&Belief, DelayedError> {
        let taken = self.filter.belief().steps;
        let step = if taken == 0 { Err(DelayedError::NotBegun) } else { self.step_of(timestamp) }?;
        if step >= taken {
            let present = self.present().unwrap_or_default();
            return Err(DelayedError::Ahead { timestamp, present });
        }
        if step < self.first() {
            return Err(self.too_old(timestamp));
        }
        self.filter.check_observation(observation)?;
        let place = self.place(step);
        let record = &mut self.records[place];
        self.merged.copy_from_slice(&record.observation);
        for (known, &x) in record.observation.iter_mut().zip(observation) {
            if !x.is_nan() {
                *known = x;
            }
        }
        if let Err(error) = self.replay(step, taken) {
            // What was known before led to the present once, and does so again.
            std::mem::swap(&mut self.records[place].observation, &mut self.merged);
            self.replay(step, taken)?;
            return Err(error.into());
        }
        Ok(self.filter.belief())
    }

    /// Takes steps `first..end` again.
    fn replay(&mut self, first: u64, end: u64) -> Result<(), FilterError> {
        let place = self.place(first);
        self.filter.restore(&self.records[place].before);
        for t in first..end {
            let place = self.place(t);
            self.filter.save(&mut self.records[place].before);
            self.take(t)?;
        }
        Ok(())
    }

    /// Takes step `t` as it is recorded.
    fn take(&mut self, t: u64) -> Result<(), FilterError> {
        let dt = self.filter.dt();
        let Record { observation, control, .. } = &self.records[self.place(t)];
        self.filter.step(Some(observation), control, dt).map(|_| ())
    }

    fn place(&self, step: u64) -> usize {
        let places = self.records.len() as u64;
        usize::try_from(step % places).unwrap_or_default()
    }

    /// Steps of the history.
    fn history(&self) -> usize {
        self.records.len() - 1
    }

    /// The oldest step of the history.
    fn first(&self) -> u64 {
        self.filter.belief().steps.saturating_sub(self.history() as u64)
    }

    /// The step that is nearest to `timestamp`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of steps that is not negative; too large ones saturate"
    )]
    fn step_of(&self, timestamp: Duration) -> Result<u64, DelayedError> {
        let origin = self.origin.ok_or(DelayedError::NotBegun)?;
        let dt = self.filter.dt();
        if let Some(since) = timestamp.checked_sub(origin) {
            return Ok((since.as_secs_f64() / dt).round() as u64);
        }
        let before = origin.saturating_sub(timestamp).as_secs_f64() / dt;
        if before < 0.5 { Ok(0) } else { Err(self.too_old(timestamp)) }
    }

    fn too_old(&self, timestamp: Duration) -> DelayedError {
        let oldest = self.time_of(self.first()).unwrap_or_default();
        DelayedError::TooOld { timestamp, oldest }
    }
}
