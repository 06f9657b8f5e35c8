//! What is taken off channels in double precision, so that single precision holds the rest.
//!
//! Positions in a map projection, pressures in pascal or seconds since an epoch are large beside their
//! changes: of `5 000 000.1` single precision keeps no digit behind the point. Where a channel is further
//! from zero than 64 of its standard deviations, a round number near its mean is its *origin*, and
//! recordings hold `value − origin`. Origins are a matter of representation alone: what a model sees has
//! the mean of the training part taken off anyway.

use super::origins::Origins;
use super::raw::{RawRecordings, narrow};
use ndarray::{Array2, ArrayView1, Axis};

/// Distance from zero in standard deviations from which on a channel has an origin.
const FAR: f64 = 64.0;
/// Values below are taken for none: squares of smaller ones are beyond single precision.
const LEAST: f64 = 1e-30;

/// Values of one sequence with all their digits.
#[derive(Debug, Default)]
pub(super) struct Wide {
    /// `(T, X)`; `None` where the recordings hold them already.
    pub(super) observations: Option<Array2<f64>>,
    /// `(T, U)`.
    pub(super) controls: Array2<f64>,
    /// `(T, S)`.
    pub(super) states: Option<Array2<f64>>,
}

impl RawRecordings {
    /// Takes the values of all sequences, with the origins that they need. What is wrong with a channel
    /// otherwise: its kind, its name and a sentence.
    pub(super) fn take(&mut self, wide: &[Wide]) -> Result<(), (String, String)> {
        fn columns<'a>(
            wide: &'a [Wide],
            of: impl Fn(&'a Wide) -> Option<&'a Array2<f64>>,
        ) -> Vec<&'a Array2<f64>> {
            wide.iter().filter_map(of).collect()
        }
        let too_small = |what: &str, names: &[String], channel: usize| {
            let problem = format!(
                "holds no value beyond {LEAST:e}, which is near the end of single precision; give it in \
                 another unit"
            );
            (format!("{what} {}", names[channel]), problem)
        };
        let observed = columns(wide, |w| w.observations.as_ref());
        if !observed.is_empty() {
            self.origins.observation =
                origins(&observed, self.observation_names.len(), |_| true)
                    .map_err(|i| too_small("observation", &self.observation_names, i))?;
        }
        let acting = columns(wide, |w| Some(&w.controls));
        self.origins.control = origins(&acting, self.control_names.len(), |_| true)
            .map_err(|i| too_small("control", &self.control_names, i))?;
        let kinds = self.state_kinds();
        let known = columns(wide, |w| w.states.as_ref());
        // An angle less something is another angle.
        let linear = |i: usize| kinds[i] == dvbf_envs::StateKind::Linear;
        self.origins.state = origins(&known, self.state_names.len(), linear)
            .map_err(|i| too_small("state", &self.state_names, i))?;
        for (sequence, values) in self.sequences.iter_mut().zip(wide) {
            if let Some(observations) = &values.observations {
                sequence.observations = less(observations, &self.origins.observation);
            }
            sequence.controls = less(&values.controls, &self.origins.control);
            sequence.states = values.states.as_ref().map(|s| less(s, &self.origins.state));
        }
        Ok(())
    }
}

impl RawRecordings {
    /// The same recordings with other origins of observations and controls.
    pub fn shift(&mut self, origins: &Origins) {
        fn moved(values: &mut Array2<f32>, from: &[f64], to: &[f64]) {
            for ((_, i), value) in values.indexed_iter_mut() {
                let by = Origins::of(from, i) - Origins::of(to, i);
                if by.abs() > 0.0 {
                    *value = narrow(f64::from(*value) + by);
                }
            }
        }
        for sequence in &mut self.sequences {
            let (own, to) = (&self.origins, origins);
            moved(&mut sequence.observations, &own.observation, &to.observation);
            moved(&mut sequence.controls, &own.control, &to.control);
        }
        self.origins.observation.clone_from(&origins.observation);
        self.origins.control.clone_from(&origins.control);
    }

    /// Puts the observed channels into the order of `places`.
    pub fn select_observations(&mut self, places: &[usize]) {
        select(&mut self.observation_names, &mut self.origins.observation, places);
        for sequence in &mut self.sequences {
            sequence.observations = sequence.observations.select(Axis(1), places);
        }
    }

    /// Puts the controls into the order of `places`.
    pub fn select_controls(&mut self, places: &[usize]) {
        select(&mut self.control_names, &mut self.origins.control, places);
        for sequence in &mut self.sequences {
            sequence.controls = sequence.controls.select(Axis(1), places);
        }
    }
}

fn select(names: &mut Vec<String>, origins: &mut Vec<f64>, places: &[usize]) {
    *names = places.iter().map(|&i| names[i].clone()).collect();
    if !origins.is_empty() {
        *origins = places.iter().map(|&i| origins[i]).collect();
    }
}

fn less(values: &Array2<f64>, origins: &[f64]) -> Array2<f32> {
    Array2::from_shape_fn(values.dim(), |(t, i)| narrow(values[[t, i]] - Origins::of(origins, i)))
}

/// The origins of `width` channels, or the channel that single precision cannot hold.
fn origins(
    sequences: &[&Array2<f64>],
    width: usize,
    may: impl Fn(usize) -> bool,
) -> Result<Vec<f64>, usize> {
    let mut out = vec![0.0; width];
    for (channel, origin) in out.iter_mut().enumerate() {
        let columns: Vec<_> = sequences.iter().map(|values| values.column(channel)).collect();
        let extent = Extent::of(&columns);
        if extent.largest > 0.0 && extent.largest < LEAST {
            return Err(channel);
        }
        if may(channel) {
            *origin = extent.origin();
        }
    }
    Ok(if out.iter().any(|o| o.abs() > 0.0) { out } else { Vec::new() })
}

/// Where the values of a channel lie.
#[derive(Debug, Default)]
struct Extent {
    count: f64,
    mean: f64,
    scatter: f64,
    largest: f64,
    infinite: bool,
}

impl Extent {
    fn of(columns: &[ArrayView1<'_, f64>]) -> Self {
        let mut extent = Self::default();
        for &value in columns.iter().flatten().filter(|v| !v.is_nan()) {
            extent.count += 1.0;
            let off = value - extent.mean;
            extent.mean += off / extent.count;
            extent.scatter += off * (value - extent.mean);
            extent.largest = extent.largest.max(value.abs());
            extent.infinite |= value.abs() > f64::from(f32::MAX);
        }
        extent
    }

    /// A round number near the mean where that is far from zero; zero otherwise.
    fn origin(&self) -> f64 {
        let std = (self.scatter / self.count.max(1.0)).sqrt();
        // What changes by the last digits of double precision does not change.
        let is_constant = std <= 4.0 * f64::EPSILON * self.largest;
        if self.infinite || is_constant || self.largest <= FAR * std {
            return 0.0;
        }
        let unit = std.log2().ceil().exp2();
        (self.mean / unit).round() * unit
    }
}
