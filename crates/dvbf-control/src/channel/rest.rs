//! The path of many states under the control at the center of its limits, with both Jacobians.

use super::Channel;
use super::lanes::Lanes;
use crate::dynamics::{Inputs, Linearization, MeanDynamics};
use dvbf_tensor::Scalar;
use ndarray::{Array2, ArrayView2, s};
use std::mem::swap;

/// The states of one step of the path and, once it is taken, its Jacobians.
pub(super) struct RestPath<S: Scalar, D: MeanDynamics<S>> {
    pub(super) dynamics: D,
    workspace: D::Workspace,
    states: Array2<S>,
    next: Array2<S>,
    controls: Array2<S>,
    /// `A` of the step taken last.
    pub(super) state: Lanes<S>,
    n: usize,
}

impl<S: Scalar, D: MeanDynamics<S>> RestPath<S, D> {
    pub(super) fn new(dynamics: D, channel: &Channel<S>, rows: usize) -> Self {
        let size = dynamics.state_size();
        let center = channel.limits().center();
        Self {
            workspace: dynamics.workspace(rows),
            states: Array2::zeros((rows, size)),
            next: Array2::zeros((rows, size)),
            controls: Array2::from_shape_fn((rows, center.len()), |(_, j)| center[j]),
            state: Lanes::zeros((size, size), rows),
            n: 0,
            dynamics,
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.states.nrows()
    }

    /// Begins at these states, at most as many as there are rows.
    pub(super) fn start(&mut self, states: ArrayView2<'_, S>) {
        self.n = states.nrows();
        self.states.slice_mut(s![..self.n, ..]).assign(&states);
    }

    /// Takes a step, keeps `A` and writes `B` into `control`.
    pub(super) fn step(&mut self, control: &mut Lanes<S>) {
        let rows = s![..self.n, ..];
        let (states, controls) = (self.states.slice(rows), self.controls.slice(rows));
        let out = Linearization {
            next: self.next.slice_mut(rows),
            state: self.state.view_mut(self.n),
            control: control.view_mut(self.n),
        };
        self.dynamics.linearize(Inputs { states, controls }, out, &mut self.workspace);
        swap(&mut self.states, &mut self.next);
    }
}
