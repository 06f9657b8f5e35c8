//! What a filter is given, checked and brought into the units of the model.

use super::belief::ObservationStatus;
use super::error::FilterError;
use crate::bounds::{Limits, TrainingBounds, unknown};
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
    bounds: Option<Arc<TrainingBounds>>,
    /// Plausible observations and controls, in the units of the model.
    plausible: (Limits, Limits),
    observation: Vec<f32>,
    control: Vec<f32>,
    /// Which channels of the observation were seen.
    seen: Vec<bool>,
    count: usize,
    /// Channels that had an implausible value.
    implausible: usize,
    clamped: bool,
}

impl Input {
    pub(super) fn new(observation: usize, control: usize, dt: f64) -> Self {
        Self {
            dt,
            units: None,
            layout: None,
            range: None,
            bounds: None,
            plausible: (unknown(observation), unknown(control)),
            observation: vec![0.0; observation],
            control: vec![0.0; control],
            seen: vec![false; observation],
            count: 0,
            implausible: 0,
            clamped: false,
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

    pub(super) fn bounds(&self) -> Option<&TrainingBounds> {
        self.bounds.as_deref()
    }

    /// Takes bounds, which are in `units`; they hold whatever units are set later.
    #[cfg(feature = "file")]
    pub(super) fn set_bounds(&mut self, bounds: Option<TrainingBounds>, units: Option<&Units>) {
        if let Some(bounds) = &bounds {
            self.plausible = bounds.plausible(units);
        }
        self.bounds = bounds.map(Arc::new);
    }

    /// Plausible observations and controls, in the units of the model.
    #[cfg(feature = "file")]
    pub(super) fn plausible(&self) -> &(Limits, Limits) {
        &self.plausible
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
        self.clamp_control();
        (self.count, self.implausible) = (0, 0);
        let Some(x) = observation else {
            self.seen.fill(false);
            return Ok(());
        };
        self.observation.copy_from_slice(x);
        if let Some(units) = &self.units {
            units.observation.normalize(&mut self.observation);
        }
        let channels = self.observation.iter_mut().zip(&mut self.seen);
        for ((value, seen), [low, high]) in channels.zip(&self.plausible.0) {
            // NaN is not.
            *seen = *value >= *low && *value <= *high;
            if *seen {
                self.count += 1;
            } else {
                self.implausible += usize::from(!value.is_nan());
                // As under the mask of a batch.
                *value = 0.0;
            }
        }
        Ok(())
    }

    /// Brings the control into its plausible range.
    fn clamp_control(&mut self) {
        self.clamped = false;
        for (value, [low, high]) in self.control.iter_mut().zip(&self.plausible.1) {
            if *value < *low || *value > *high {
                *value = value.clamp(*low, *high);
                self.clamped = true;
            }
        }
    }

    /// Whether a channel had an implausible value.
    pub(super) fn had_implausible(&self) -> bool {
        self.implausible > 0
    }

    /// Whether the control was brought into its plausible range.
    pub(super) fn was_clamped(&self) -> bool {
        self.clamped
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

    /// Values of all channels, zero where nothing was seen.
    pub(super) fn values(&self) -> &[f32] {
        &self.observation
    }

    pub(super) fn seen(&self) -> &[bool] {
        &self.seen
    }

    pub(super) fn control(&self) -> &[f32] {
        &self.control
    }

    pub(super) fn status(&self) -> ObservationStatus {
        match self.count {
            0 if self.implausible > 0 => ObservationStatus::Gated,
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
