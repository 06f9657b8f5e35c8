//! What makes a sensor this one: the spread of its taxels, and those that are dead.

use super::settings::SkinSettings;
use crate::recording::stream;
use rand::Rng;
use rand::seq::index;
use rand_distr::StandardNormal;

/// Where the two kinds of draws begin, so that neither depends on the other.
const SPREAD_STREAM: u64 = 0;
const DEAD_STREAM: u64 = 1;

/// What a sensor's seed draws.
#[derive(Clone, Debug)]
pub(super) struct Sensor {
    /// Factors of the sensitivity, one per taxel.
    pub(super) factors: Vec<f64>,
    /// Dead taxels, in increasing order.
    pub(super) dead: Vec<usize>,
}

impl Sensor {
    /// The sensor of the settings' seed. Taxels keep their factors when the spread is scaled.
    pub(super) fn draw(settings: &SkinSettings) -> Self {
        let seed = u64::from(settings.sensor_seed);
        let taxels = settings.contact.taxels();
        let mut rng = stream(seed, SPREAD_STREAM);
        let spread = settings.conductance.spread;
        let factors =
            (0..taxels).map(|_| (spread * rng.sample::<f64, _>(StandardNormal)).exp()).collect();
        let mut rng = stream(seed, DEAD_STREAM);
        let mut dead = index::sample(&mut rng, taxels, settings.readout.dead).into_vec();
        dead.sort_unstable();
        Self { factors, dead }
    }
}
