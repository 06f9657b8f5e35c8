//! Which sequences an update sees.

use super::{Purpose, stream};

/// The order of the sequences in the epoch at hand.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    epoch: Option<u64>,
    sequences: Vec<usize>,
}

impl Order {
    /// The `batch` of `count` sequences of update `step`: consecutive parts of a permutation that is
    /// drawn anew every epoch.
    pub(super) fn choose(&mut self, seed: u64, step: u64, batch: usize, count: usize) -> &[usize] {
        let batches = (count / batch).max(1) as u64;
        let now = step / batches;
        if self.epoch != Some(now) {
            self.epoch = Some(now);
            self.sequences.clear();
            self.sequences.extend(0..count);
            stream(seed, Purpose::Order, now, 0).shuffle(&mut self.sequences);
        }
        let first = usize::try_from(step % batches).expect("fewer batches than sequences") * batch;
        &self.sequences[first..first + batch]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pins which sequences are seen when, and what every part of a run draws: figures belong to seeds.
    #[test]
    fn value_stability() {
        let mut order = Order::default();
        let mut seen = |step| order.choose(42, step, 3, 7).to_vec();
        // Two updates are an epoch of six of the seven.
        let now: Vec<Vec<usize>> = (0..4).map(&mut seen).collect();
        let draws = [
            Purpose::Order,
            Purpose::Window,
            Purpose::Pixels,
            Purpose::Drop,
            Purpose::Latent,
            Purpose::Evaluation,
            Purpose::Importance,
            Purpose::Physics,
        ]
        .map(|purpose| {
            let mut value = [0.0_f32];
            stream(42, purpose, 5, 1).uniform(&mut value);
            value[0]
        });
        assert_eq!(now, [[2, 0, 1], [6, 3, 5], [5, 3, 4], [1, 0, 2]]);
        let then: [f32; 8] = [
            0.465_520_26,
            0.936_500_3,
            0.563_511_5,
            0.421_425_04,
            0.927_080_9,
            0.858_056_2,
            0.324_764_97,
            0.055_653_036,
        ];
        assert_eq!(draws.map(f32::to_bits), then.map(f32::to_bits), "{draws:?}");
    }
}
