//! The path of many states under the control at the center of its limits, with its derivatives.

use super::Channel;
use super::lanes::{Lanes, add_product};
use crate::dynamics::{Inputs, Linearization, MeanDynamics, Sensitivity};
use dvbf_tensor::Scalar;
use ndarray::{Array2, ArrayView2, ShapeBuilder, s};
use std::mem::swap;

/// The states of one step of the path and, once it is taken, its Jacobians.
pub(super) struct RestPath<S: Scalar, D: MeanDynamics<S>> {
    workspace: D::Workspace,
    /// Columns are contiguous: dynamics work on rows in lanes.
    states: Array2<S>,
    next: Array2<S>,
    controls: Array2<S>,
    /// `A` of the step taken last.
    pub(super) state: Lanes<S>,
    n: usize,
}

impl<S: Scalar, D: MeanDynamics<S>> RestPath<S, D> {
    pub(super) fn new(dynamics: &D, channel: &Channel<S>, rows: usize) -> Self {
        let size = dynamics.state_size();
        let center = channel.limits().center();
        Self {
            workspace: dynamics.workspace(rows),
            states: Array2::zeros((rows, size).f()),
            next: Array2::zeros((rows, size).f()),
            controls: Array2::from_shape_fn((rows, center.len()), |(_, j)| center[j]),
            state: Lanes::zeros((size, size), rows),
            n: 0,
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
    pub(super) fn step(&mut self, dynamics: &D, control: &mut Lanes<S>) {
        let rows = s![..self.n, ..];
        let (states, controls) = (self.states.slice(rows), self.controls.slice(rows));
        let out = Linearization {
            next: self.next.slice_mut(rows),
            state: self.state.view_mut(self.n),
            control: control.view_mut(self.n),
        };
        dynamics.linearize(Inputs { states, controls }, out, &mut self.workspace);
        swap(&mut self.states, &mut self.next);
    }
}

/// The path over the steps of a channel, and how its end moves with a control that is held.
pub(crate) struct HeldPath<S: Scalar, D: MeanDynamics<S>> {
    path: RestPath<S, D>,
    steps: usize,
    jacobian: Lanes<S>,
    following: Lanes<S>,
}

impl<S: Scalar, D: MeanDynamics<S>> HeldPath<S, D> {
    pub(crate) fn new(dynamics: &D, channel: &Channel<S>, rows: usize) -> Self {
        let (z, u) = (dynamics.state_size(), dynamics.control_size());
        Self {
            path: RestPath::new(dynamics, channel, rows),
            steps: channel.steps(),
            jacobian: Lanes::zeros((z, u), rows),
            following: Lanes::zeros((z, u), rows),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.path.rows()
    }

    /// Follows the path from these states, at most as many as there are rows: `J₀ = 0`,
    /// `J_{k+1} = A_k J_k + B_k`.
    pub(crate) fn run(&mut self, dynamics: &D, states: ArrayView2<'_, S>) {
        self.path.start(states);
        self.jacobian.fill(S::ZERO);
        for _ in 0..self.steps {
            self.step(dynamics);
        }
    }

    fn step(&mut self, dynamics: &D) {
        let Self { path, jacobian, following, .. } = self;
        let n = path.n;
        let rows = s![..n, ..];
        let at = Inputs { states: path.states.slice(rows), controls: path.controls.slice(rows) };
        let out = Sensitivity {
            before: jacobian.view(n),
            next: path.next.slice_mut(rows),
            after: following.view_mut(n),
        };
        if dynamics.follow(at, out, &mut path.workspace) {
            swap(&mut path.states, &mut path.next);
        } else {
            path.step(dynamics, following);
            add_product(following, &path.state, jacobian, n);
        }
        swap(jacobian, following);
    }

    /// `J` at the end of the path, entry by entry.
    pub(crate) fn jacobian(&self) -> &Lanes<S> {
        &self.jacobian
    }

    /// `J` at the end of the path, and a buffer as large.
    pub(super) fn jacobian_and_scratch(&mut self) -> (&Lanes<S>, &mut Lanes<S>) {
        (&self.jacobian, &mut self.following)
    }

    /// Where the path has come to, `(n, Z)`.
    pub(crate) fn end(&self) -> ArrayView2<'_, S> {
        self.path.states.slice(s![..self.path.n, ..])
    }
}
