//! Empowerment by enumeration: every action sequence of a list is simulated with the mean dynamics,
//! and Blahut and Arimoto's algorithm finds the best source over them.

use super::discrete::{Capacity, DiscreteChannel};
use crate::channel::Channel;
use crate::dynamics::{Inputs, MeanDynamics};
use crate::error::{ControlError, at_least, positive};
use crate::limits::ControlLimits;
use dvbf_tensor::Scalar;
use ndarray::{Array2, Array3, ArrayView1, ArrayView2, s};
use std::collections::BTreeSet;

/// The most sequences of a list.
const SEQUENCES: usize = 1 << 20;

/// Action sequences of equal length, `(N, K, U)`.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionSequences<S>(Array3<S>);

impl<S: Scalar> ActionSequences<S> {
    /// One action held for `steps` steps, every control at `levels` equidistant places of its
    /// interval, the ends included.
    ///
    /// # Errors
    /// If there are fewer than two levels, no step, or more than 2²⁰ sequences.
    pub fn held(
        limits: &ControlLimits<S>,
        steps: usize,
        levels: usize,
    ) -> Result<Self, ControlError> {
        Self::segmented(limits, steps, 1, levels)
    }

    /// Sequences that are constant in each of `segments` parts of `steps` steps, in all combinations
    /// of levels.
    ///
    /// # Errors
    /// As [`held`](Self::held), and if there are no segments or more than steps.
    pub fn segmented(
        limits: &ControlLimits<S>,
        steps: usize,
        segments: usize,
        levels: usize,
    ) -> Result<Self, ControlError> {
        at_least("levels", levels, 2, "at least 2")?;
        at_least("segments", segments, 1, "at least 1")?;
        at_least("steps", steps, segments, "at least the number of segments")?;
        let size = limits.size();
        let places = u32::try_from(segments * size).unwrap_or(u32::MAX);
        let Some(count) = levels.checked_pow(places).filter(|&count| count <= SEQUENCES) else {
            let value = (levels as f64).powf(f64::from(places));
            return Err(ControlError::Setting {
                key: "action sequences",
                value,
                range: "at most 2^20",
            });
        };
        let place = |level: usize| S::of(2.0 * level as f64 / (levels - 1) as f64 - 1.0);
        Ok(Self(Array3::from_shape_fn((count, steps, size), |(n, k, j)| {
            // The digits of n in the base of the levels, one for each segment and control.
            let digit = k * segments / steps * size + j;
            let digit = u32::try_from(digit).unwrap_or(u32::MAX);
            limits.at(j, place(n / levels.pow(digit) % levels))
        })))
    }

    /// Number of sequences.
    pub fn count(&self) -> usize {
        self.0.dim().0
    }
}

/// How finely the oracle looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Oracle {
    /// End states within a cell of this edge, in units of the resolution, count as one; 0.5.
    pub cell: f64,
    /// Spacing of the outputs in units of the resolution; 0.5.
    pub spacing: f64,
    /// Difference of the bounds at which to stop, in nats; 0.01.
    pub tolerance: f64,
    /// Iterations after which to stop in any case; 1000.
    pub iterations: usize,
}

impl Default for Oracle {
    fn default() -> Self {
        Self { cell: 0.5, spacing: 0.5, tolerance: 0.01, iterations: 1000 }
    }
}

impl Oracle {
    /// The capacity of `channel` from `state (Z)` over the given action sequences.
    ///
    /// # Errors
    /// If a setting is impossible, an end state is not finite, or the sequences spread over more
    /// cells than can be looked at.
    ///
    /// # Panics
    /// If the sizes or the number of steps disagree.
    #[track_caller]
    pub fn capacity<S: Scalar, D: MeanDynamics<S>>(
        &self,
        dynamics: &D,
        channel: &Channel<S>,
        state: ArrayView1<'_, S>,
        actions: &ActionSequences<S>,
    ) -> Result<Capacity, ControlError> {
        channel.check(dynamics)?;
        positive("cell", self.cell)?;
        let (count, steps, _) = actions.0.dim();
        assert_eq!(steps, channel.steps(), "steps of the actions against those of the channel");
        let mut states = Array2::from_shape_fn((count, state.len()), |(_, i)| state[i]);
        let mut next = states.clone();
        let mut workspace = dynamics.workspace(count);
        for k in 0..steps {
            let at = Inputs { states: states.view(), controls: actions.0.slice(s![.., k, ..]) };
            dynamics.step(at, next.view_mut(), &mut workspace);
            std::mem::swap(&mut states, &mut next);
        }
        channel.scale().normalize(states.view(), next.view_mut());
        let sigma = channel.resolution().to_double();
        let ends = next.mapv(|n| n.to_double() / sigma);
        let merged = self.merge(ends.view())?;
        let discrete = DiscreteChannel::gaussian(merged.view(), self.spacing)?;
        Ok(discrete.capacity(self.tolerance, self.iterations))
    }

    /// The centers of the cells in which the points lie.
    #[expect(clippy::cast_possible_truncation, reason = "cells are numbered by whole numbers")]
    fn merge(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, ControlError> {
        crate::scale::check_finite("the end state", points)?;
        let cells: BTreeSet<Vec<i64>> = points
            .rows()
            .into_iter()
            .map(|row| row.iter().map(|x| (x / self.cell).round() as i64).collect())
            .collect();
        let shape = (cells.len(), points.ncols());
        let centers = cells.into_iter().flatten().map(|cell| cell as f64 * self.cell).collect();
        Ok(Array2::from_shape_vec(shape, centers).expect("every cell has all coordinates"))
    }
}
