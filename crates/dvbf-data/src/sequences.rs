//! A set of sequences that is looked at a few at a time, so that it need not be in memory.

use super::Dataset;
use dvbf_envs::{Environment, record_numbered};
use std::borrow::Cow;

/// A set of sequences: in memory, or simulated whenever some of them are looked at. Either way a
/// sequence of one number is always the same.
#[derive(Clone, Copy, Debug)]
pub enum Sequences<'a> {
    /// They are in memory.
    Held(&'a Dataset),
    /// They are simulated.
    Simulated {
        /// The system.
        env: &'a dyn Environment,
        /// Number of sequences.
        count: usize,
        /// Steps of every sequence.
        steps: usize,
        /// What their starts, controls and noise are drawn from.
        seed: u64,
    },
}

impl<'a> Sequences<'a> {
    /// Number of sequences.
    pub fn count(self) -> usize {
        match self {
            Self::Held(data) => data.lengths.len(),
            Self::Simulated { count, .. } => count,
        }
    }

    /// Steps of every sequence.
    pub fn steps(self) -> usize {
        match self {
            Self::Held(data) => data.observations.dim().1,
            Self::Simulated { steps, .. } => steps,
        }
    }

    /// The first `steps` steps of the sequences of these numbers, in the order of the numbers.
    ///
    /// # Panics
    /// If there is no such sequence, or the sequences have fewer steps.
    #[track_caller]
    pub fn take(
        self,
        numbers: impl IntoIterator<Item = usize, IntoIter: ExactSizeIterator>,
        steps: usize,
    ) -> Dataset {
        let (count, all) = (self.count(), self.steps());
        assert!(steps <= all, "{steps} steps of sequences of {all}");
        let numbers =
            numbers.into_iter().inspect(|n| assert!(*n < count, "sequence {n} of {count}"));
        match self {
            Self::Held(data) => data.select(&numbers.collect::<Vec<_>>(), steps),
            Self::Simulated { env, seed, .. } => record_numbered(env, numbers, steps, seed).into(),
        }
    }

    /// All sequences, with their first `steps` steps or more: those in memory are handed out as they
    /// are, and of others no more is simulated.
    ///
    /// # Panics
    /// If the sequences have fewer steps.
    #[track_caller]
    pub fn beginnings(self, steps: usize) -> Cow<'a, Dataset> {
        match self {
            Self::Held(data) => {
                assert!(steps <= self.steps(), "{steps} steps of sequences of {}", self.steps());
                Cow::Borrowed(data)
            }
            Self::Simulated { count, .. } => Cow::Owned(self.take(0..count, steps)),
        }
    }

    /// All sequences with all their steps.
    pub fn all(self) -> Cow<'a, Dataset> {
        self.beginnings(self.steps())
    }

    /// The first `count` sequences with all their steps, or all if there are fewer.
    pub fn first(self, count: usize) -> Cow<'a, Dataset> {
        if count < self.count() {
            Cow::Owned(self.take(0..count, self.steps()))
        } else {
            self.all()
        }
    }
}

impl<'a> From<&'a Dataset> for Sequences<'a> {
    fn from(data: &'a Dataset) -> Self {
        Self::Held(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dvbf_envs::{Pendulum, PendulumSettings, record};
    use ndarray::s;

    fn pendulum() -> Pendulum {
        Pendulum::new(PendulumSettings::default()).unwrap()
    }

    #[test]
    fn what_is_simulated_is_what_would_be_held() {
        let env = pendulum();
        let whole: Dataset = record(&env, 7, 9, 5).into();
        let simulated = Sequences::Simulated { env: &env, count: 7, steps: 9, seed: 5 };
        let held = Sequences::from(&whole);
        assert_eq!((simulated.count(), simulated.steps()), (held.count(), held.steps()));
        assert_eq!(*simulated.all(), whole);
        for (numbers, steps) in [(vec![4, 0, 4], 9), (vec![6], 3), (vec![], 2)] {
            assert_eq!(simulated.take(numbers.clone(), steps), held.take(numbers, steps));
        }
        let beginnings = simulated.beginnings(4);
        assert_eq!(beginnings.observations, whole.observations.slice(s![.., ..4, ..]));
        assert_eq!(*held.beginnings(4), whole, "nothing is copied");
        for count in [0, 3, 7, 8] {
            assert_eq!(simulated.first(count), held.first(count));
            assert_eq!(simulated.first(count).lengths.len(), count.min(7));
        }
    }

    #[test]
    fn a_part_keeps_masks_lengths_and_units() {
        let mut whole: Dataset = record(&pendulum(), 4, 6, 1).into();
        let mut mask = whole.observations.mapv(|_| 1.0);
        mask.slice_mut(s![2, 3.., ..]).fill(0.0);
        whole.mask = Some(mask.clone());
        whole.lengths = vec![6, 6, 3, 6];
        whole.names = vec!["pixel".into()];
        let part = Sequences::from(&whole).take([2, 1], 5);
        assert_eq!(part.lengths, [3, 5]);
        assert_eq!(part.mask.as_ref().unwrap().slice(s![0, .., ..]), mask.slice(s![2, ..5, ..]));
        assert_eq!(part.states.slice(s![1, .., ..]), whole.states.slice(s![1, ..5, ..]));
        assert_eq!((&part.names, part.dt.to_bits()), (&whole.names, whole.dt.to_bits()));
    }

    #[test]
    #[should_panic(expected = "sequence 7 of 7")]
    fn there_are_no_sequences_past_the_last() {
        let env = pendulum();
        let _ = Sequences::Simulated { env: &env, count: 7, steps: 9, seed: 5 }.take([0, 7], 2);
    }
}
