//! Where all rollouts are: everything that a later step depends on.

use ndarray::{Array2, ArrayView2};

/// A rollout that has not left the training range.
const NEVER: u64 = u64::MAX;

/// The rollouts of a simulator at one time, to which it can [go back](super::Simulator::restore).
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatorSnapshot {
    /// `z (Z, N)`: components lie side by side.
    pub(super) state: Array2<f32>,
    /// `e`, starts and steps so far.
    pub(super) events: Vec<u64>,
    /// Steps since the last start.
    pub(super) steps: Vec<u64>,
    /// Departure of the present state from the training range; zero if nobody knows the range.
    pub(super) departure: Vec<f32>,
    /// Steps after which the rollout first left the range.
    left: Vec<u64>,
}

impl SimulatorSnapshot {
    pub(super) fn new(rollouts: usize, state: usize) -> Self {
        Self {
            state: Array2::zeros((state, rollouts)),
            events: vec![0; rollouts],
            steps: vec![0; rollouts],
            departure: vec![0.0; rollouts],
            left: vec![NEVER; rollouts],
        }
    }

    /// Number of rollouts, `N`.
    pub fn rollouts(&self) -> usize {
        self.events.len()
    }

    /// Latent states, `(N, Z)`, in column-major order.
    pub fn states(&self) -> ArrayView2<'_, f32> {
        self.state.t()
    }

    /// Takes over what `other` holds; nothing allocates.
    #[track_caller]
    pub(super) fn copy_from(&mut self, other: &Self) {
        assert_eq!(self.state.dim(), other.state.dim(), "states of two snapshots, (Z, N)");
        self.state.assign(&other.state);
        self.events.copy_from_slice(&other.events);
        self.steps.copy_from_slice(&other.steps);
        self.departure.copy_from_slice(&other.departure);
        self.left.copy_from_slice(&other.left);
    }

    /// The rollout in row `row` has been started.
    pub(super) fn begin(&mut self, row: usize) {
        self.events[row] += 1;
        self.steps[row] = 0;
        self.left[row] = NEVER;
    }

    /// Remembers which of these rows have left the range now.
    pub(super) fn note(&mut self, rows: std::ops::Range<usize>) {
        for row in rows {
            if self.departure[row] > 0.0 && self.left[row] == NEVER {
                self.left[row] = self.steps[row];
            }
        }
    }

    /// Steps after which the rollout of a row first left the range.
    pub(super) fn left(&self, row: usize) -> Option<u64> {
        Some(self.left[row]).filter(|&step| step != NEVER)
    }
}
