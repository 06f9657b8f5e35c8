//! Quantiles of the time that steps took.

use std::time::Duration;

/// Times of all steps; nothing allocates while they are added.
pub(crate) struct Latency {
    times: Vec<Duration>,
}

impl Latency {
    pub(crate) fn new(steps: usize) -> Self {
        Self { times: Vec::with_capacity(steps) }
    }

    pub(crate) fn add(&mut self, time: Duration) {
        self.times.push(time);
    }

    /// The time that this share of the steps did not exceed.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let mut sorted = self.times.clone();
        sorted.sort_unstable();
        let place = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(place.max(1) - 1).copied().unwrap_or_default()
    }
}
