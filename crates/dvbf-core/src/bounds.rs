//! The smallest and the largest values that a model was trained on.

#[cfg(feature = "file")]
use crate::units::{Channels, Units};
use serde::{Deserialize, Serialize};

/// The smallest and the largest value of every observed channel and of every control in the training
/// recordings, in their units. Nothing stands for a channel that was never seen.
///
/// With `w = high − low`, but at least one in the units of the model where the two are equal, a value is
/// *plausible* where `low − 2w ≤ x ≤ high + 2w`; see [`Filter`](crate::Filter) for what becomes of others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingBounds {
    /// Extremes of every observed channel (`X`).
    pub observation: Vec<Option<[f64; 2]>>,
    /// Extremes of every control (`U`).
    pub control: Vec<Option<[f64; 2]>>,
}

/// Widths of the training values by which a plausible value may lie beyond them.
#[cfg(feature = "file")]
const MARGIN: f64 = 2.0;

/// The largest plausible magnitude, in the units of the model, of values and states of which no bounds are
/// known: far from everything that networks are trained on, and far from where single precision overflows.
pub(crate) const LARGEST: f32 = 1e6;

/// Plausible values `[low, high]` of channels in the units of a model.
pub(crate) type Limits = Box<[[f32; 2]]>;

/// The limits of `count` channels of which no bounds are known.
pub(crate) fn unknown(count: usize) -> Limits {
    vec![[-LARGEST, LARGEST]; count].into()
}

impl TrainingBounds {
    /// What cannot be bounds of `observation` channels and `control` controls.
    #[cfg(feature = "file")]
    pub(crate) fn check(&self, observation: usize, control: usize) -> Result<(), String> {
        if (self.observation.len(), self.control.len()) != (observation, control) {
            return Err("its bounds do not fit its channels".into());
        }
        let all = self.observation.iter().chain(&self.control).flatten();
        let largest = f64::from(f32::MAX);
        for [low, high] in all {
            if !(low.abs() <= largest && high.abs() <= largest && low <= high) {
                return Err(format!(
                    "its bounds {low} and {high} are no smallest and largest value"
                ));
            }
        }
        Ok(())
    }

    /// Plausible observations and controls in the units of the model.
    #[cfg(feature = "file")]
    pub(crate) fn plausible(&self, units: Option<&Units>) -> (Limits, Limits) {
        let observation = units.map(|units| &units.observation);
        let control = units.map(|units| &units.control);
        (limits(&self.observation, observation), limits(&self.control, control))
    }
}

#[cfg(feature = "file")]
fn limits(bounds: &[Option<[f64; 2]>], units: Option<&Channels>) -> Limits {
    let of = |(j, bounds): (usize, &Option<[f64; 2]>)| {
        let Some(bounds) = bounds else { return [-LARGEST, LARGEST] };
        let (mean, scale) = units.map_or((0.0, 1.0), |u| (u.mean()[j], f64::from(u.scale()[j])));
        let [low, high] = bounds.map(|value| (value - mean) / scale);
        let width = if high > low { high - low } else { 1.0 };
        [narrow(low - MARGIN * width), narrow(high + MARGIN * width)]
    };
    bounds.iter().enumerate().map(of).collect()
}

#[cfg(feature = "file")]
#[expect(clippy::cast_possible_truncation, reason = "models are in single precision")]
fn narrow(value: f64) -> f32 {
    value.clamp(f64::from(-LARGEST), f64::from(LARGEST)) as f32
}

#[cfg(all(test, feature = "file"))]
mod tests {
    use super::*;

    #[test]
    fn plausible_values_are_in_the_units_of_the_model() {
        let bounds = TrainingBounds {
            observation: vec![Some([4.0, 8.0]), Some([5.0, 5.0]), None],
            control: vec![Some([-1e-20, 1e-20])],
        };
        bounds.check(3, 1).unwrap();
        let units = Units {
            observation: Channels::new(vec![6.0, 5.0, 0.0], vec![2.0, 4.0, 1.0]),
            control: Channels::new(vec![0.0], vec![1e-20]),
        };
        let (observation, control) = bounds.plausible(Some(&units));
        assert_eq!(*observation, [[-5.0, 5.0], [-2.0, 2.0], [-LARGEST, LARGEST]]);
        assert_eq!(*control, [[-5.0, 5.0]]);
        let (observation, _) = bounds.plausible(None);
        assert_eq!(observation[..1], [[-4.0, 16.0]]);
        assert!(bounds.check(2, 1).is_err());
        for wrong in [[2.0, 1.0], [f64::NAN, 1.0], [0.0, f64::INFINITY], [-1e300, 0.0]] {
            let wrong = TrainingBounds { control: vec![Some(wrong)], ..bounds.clone() };
            assert!(wrong.check(3, 1).unwrap_err().contains("bounds"));
        }
    }
}
