//! The oracle: a filter of the contact with the equations of the sensor and all of their constants.
//!
//! Nobody who has to learn the sensor knows as much. What it does not know is the temperature, which no reading tells
//! apart from the force. It is the iterated extended filter of the [grey box](super::grey_box): where a contact
//! begins its place is not known, the readings are far from linear in it, and an unscented filter without iterations
//! loses the contact.

use super::contact_filter::ContactFilter;
use super::labels::Labels;
use super::method::ForceMethod;
use crate::reference::interval_of;
use dvbf_core::{Estimate, Interval};
use dvbf_envs::Skin;
use ndarray::{Array2, ArrayView2};

/// The oracle of a skin.
#[derive(Clone, Debug)]
pub struct Oracle {
    skin: Skin,
    live: Vec<usize>,
    interval: Interval,
}

impl Oracle {
    /// The oracle of this skin; labels tell how wide its intervals have to be, and nothing else.
    pub fn new(skin: &Skin, labels: &Labels) -> Self {
        let taxels = skin.settings().contact.taxels();
        let live = (0..taxels).filter(|taxel| !skin.dead().contains(taxel)).collect();
        let interval = Interval { constant: 0.0, relative: 0.0 };
        let mut oracle = Self { skin: skin.clone(), live, interval };
        let values: Vec<f64> =
            oracle.estimate(labels.readings.view()).iter().map(|e| e.value).collect();
        let residuals: Vec<f64> =
            labels.force.iter().zip(&values).map(|(force, value)| force - value).collect();
        oracle.interval = interval_of(&residuals, &values);
        oracle
    }

    /// Force and position `(T, 3)` of readings `(T, X)`.
    pub fn loads(&self, readings: ArrayView2<'_, f32>) -> Array2<f64> {
        ContactFilter::new(&self.skin, &self.live).run(readings).loads
    }
}

impl ForceMethod for Oracle {
    fn estimate(&self, readings: ArrayView2<'_, f32>) -> Vec<Estimate> {
        let loads = self.loads(readings);
        loads.column(0).iter().map(|&force| self.interval.around(force)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dvbf_envs::{SkinSettings, record};

    /// Of a skin with all of its faults but the temperature, which nothing tells.
    #[test]
    fn it_knows_force_and_place() {
        let mut settings = SkinSettings::default();
        settings.temperature.coefficient = 0.0;
        let skin = Skin::new(settings).unwrap();
        let labels = Labels::record(&skin, 5.0, 3);
        let oracle = Oracle::new(&skin, &labels);
        let test = record(&skin, 1, 3000, 4);
        let readings = test.observations.slice(ndarray::s![0, .., ..]);
        let (mut force, mut place, mut pressed) = (0.0, 0.0, 0.0_f64);
        let loads = oracle.loads(readings);
        for t in 0..3000 {
            let truth = |i: usize| f64::from(test.states[[0, t, i]]);
            force += (loads[[t, 0]] - truth(0)).powi(2);
            if truth(0) > 1.0 {
                place += (1..3).map(|i| (loads[[t, i]] - truth(i)).powi(2)).sum::<f64>();
                pressed += 1.0;
            }
        }
        let (force, place) = ((force / 3000.0).sqrt(), (place / pressed).sqrt());
        assert!(force < 0.1 && place < 0.1, "{force} N, {place} pitches");
    }
}
