//! What a filter is given, checked and brought into the units of the model.

use super::belief::ObservationStatus;
use super::error::FilterError;
use crate::layout::Layout;
use crate::range::TrainingRange;
use crate::units::{Channels, Units};
use ndarray::ArrayView2;
use std::sync::Arc;

/// Steps may differ from the model's by this fraction: a clock's jitter, not another rate.
const TOLERANCE: f64 = 1e-3;

/// Observation and control of one step, in the units of the model.
#[derive(Clone, Debug)]
pub(super) struct Input {
    dt: f64,
    units: Option<Units>,
    layout: Option<Arc<Layout>>,
    range: Option<Arc<TrainingRange>>,
    observation: Vec<f32>,
    control: Vec<f32>,
    /// Which channels of the observation were seen.
    seen: Vec<bool>,
    count: usize,
}

impl Input {
    pub(super) fn new(observation: usize, control: usize, dt: f64) -> Self {
        Self {
            dt,
            units: None,
            layout: None,
            range: None,
            observation: vec![0.0; observation],
            control: vec![0.0; control],
            seen: vec![false; observation],
            count: 0,
        }
    }

    pub(super) fn dt(&self) -> f64 {
        self.dt
    }

    pub(super) fn layout(&self) -> Option<&Layout> {
        self.layout.as_deref()
    }

    #[cfg(feature = "file")]
    pub(super) fn set_layout(&mut self, layout: Option<Layout>) {
        self.layout = layout.map(Arc::new);
    }

    pub(super) fn range(&self) -> Option<&Arc<TrainingRange>> {
        self.range.as_ref()
    }

    #[cfg(feature = "file")]
    pub(super) fn set_range(&mut self, range: Option<TrainingRange>) {
        self.range = range.map(Arc::new);
    }

    pub(super) fn units(&self) -> Option<&Units> {
        self.units.as_ref()
    }

    #[track_caller]
    pub(super) fn set_units(&mut self, units: Option<Units>) {
        let (x, u) = (self.observation.len(), self.control.len());
        assert!(units.as_ref().is_none_or(|units| units.fit(x, u)), "units against ({x}, {u})");
        self.units = units;
    }

    /// The units of the observation, unless they are the model's.
    pub(super) fn channels(&self) -> Option<&Channels> {
        self.units.as_ref().map(|units| &units.observation)
    }

    /// Checks a step and keeps it.
    pub(super) fn read(
        &mut self,
        observation: Option<&[f32]>,
        control: &[f32],
        dt: f64,
    ) -> Result<(), FilterError> {
        self.check_step(dt)?;
        if let Some(x) = observation {
            self.check_observation(x)?;
        }
        self.read_control(control)?;
        self.count = 0;
        let Some(x) = observation else {
            self.seen.fill(false);
            return Ok(());
        };
        self.observation.copy_from_slice(x);
        if let Some(units) = &self.units {
            units.observation.normalize(&mut self.observation);
        }
        for ((value, seen), given) in self.observation.iter_mut().zip(&mut self.seen).zip(x) {
            *seen = !given.is_nan();
            if *seen {
                self.count += 1;
            } else {
                // As under the mask of a batch.
                *value = 0.0;
            }
        }
        Ok(())
    }

    /// Checks an observation, in which NaN is allowed.
    pub(super) fn check_observation(&self, x: &[f32]) -> Result<(), FilterError> {
        check_length("observation", x, self.observation.len())?;
        match x.iter().position(|v| v.is_infinite()) {
            Some(index) => Err(FilterError::NotFinite { what: "observation", index }),
            None => Ok(()),
        }
    }

    /// Checks a control and keeps it.
    pub(super) fn read_control(&mut self, control: &[f32]) -> Result<(), FilterError> {
        check("control", control, self.control.len())?;
        self.control.copy_from_slice(control);
        if let Some(units) = &self.units {
            units.control.normalize(&mut self.control);
        }
        Ok(())
    }

    fn check_step(&self, dt: f64) -> Result<(), FilterError> {
        if (dt - self.dt).abs() <= TOLERANCE * self.dt {
            Ok(())
        } else {
            Err(FilterError::Step { given: dt, model: self.dt })
        }
    }

    /// The observation `(1, X)`, zero where nothing was seen, unless all of it is missing.
    pub(super) fn observation(&self) -> Option<ArrayView2<'_, f32>> {
        (self.count > 0).then(|| row(&self.observation))
    }

    pub(super) fn seen(&self) -> &[bool] {
        &self.seen
    }

    pub(super) fn control(&self) -> &[f32] {
        &self.control
    }

    pub(super) fn status(&self) -> ObservationStatus {
        match self.count {
            0 => ObservationStatus::Missing,
            all if all == self.seen.len() => ObservationStatus::Seen,
            some => ObservationStatus::Partly(some),
        }
    }
}

/// A vector as a batch of one row.
pub(super) fn row(values: &[f32]) -> ArrayView2<'_, f32> {
    ndarray::ArrayView1::from(values).insert_axis(ndarray::Axis(0))
}

fn check_length(what: &'static str, values: &[f32], expected: usize) -> Result<(), FilterError> {
    let got = values.len();
    if got == expected { Ok(()) } else { Err(FilterError::Length { what, got, expected }) }
}

/// Checks a vector of finite values.
pub(super) fn check(
    what: &'static str,
    values: &[f32],
    expected: usize,
) -> Result<(), FilterError> {
    check_length(what, values, expected)?;
    match values.iter().position(|v| !v.is_finite()) {
        Some(index) => Err(FilterError::NotFinite { what, index }),
        None => Ok(()),
    }
}
