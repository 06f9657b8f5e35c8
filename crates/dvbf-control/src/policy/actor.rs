//! A network as a policy: `u = c + h tanh(net(n))`, `n` the scaled state.

use super::{Policy, check_act};
use crate::error::ControlError;
use crate::limits::ControlLimits;
use crate::net::{StateNet, StateNetCache};
use dvbf_ops::{Params, Path};
use dvbf_tensor::Scalar;
use ndarray::{ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s};

/// A policy that [`ActorCritic`](crate::ActorCritic) has trained.
#[derive(Clone, Debug)]
pub struct Actor<S> {
    pub(crate) net: StateNet<S>,
    pub(crate) limits: ControlLimits<S>,
    cache: StateNetCache<S>,
    rows: usize,
}

impl<S: Scalar> Actor<S> {
    /// A policy that acts on blocks of `rows` rows.
    pub(crate) fn new(net: StateNet<S>, limits: ControlLimits<S>, rows: usize) -> Self {
        let cache = net.cache(rows);
        Self { net, limits, cache, rows }
    }

    /// Brings the cache in line with changed parameters of the network.
    pub(crate) fn refresh(&mut self) {
        self.net.prepare(&mut self.cache);
    }
}

impl<S: Scalar> Policy<S> for Actor<S> {
    fn sizes(&self) -> (usize, usize) {
        (self.net.scale().size(), self.net.outputs())
    }

    fn act(
        &mut self,
        states: ArrayView2<'_, S>,
        mut controls: ArrayViewMut2<'_, S>,
    ) -> Result<(), ControlError> {
        check_act(self.sizes(), states, &controls)?;
        for first in (0..states.nrows()).step_by(self.rows) {
            let rows = s![first..states.nrows().min(first + self.rows), ..];
            let out = controls.slice_mut(rows);
            self.net.forward(0, states.slice(rows), out, &mut self.cache);
        }
        for mut row in controls.rows_mut() {
            for (j, u) in row.iter_mut().enumerate() {
                *u = self.limits.at(j, u.tanh());
            }
        }
        crate::scale::check_finite("the control", controls.view())
    }

    fn reset(&mut self) {}
}

/// Changed parameters are in effect when [`visit_mut`](Params::visit_mut) returns.
impl<S: Scalar> Params<S> for Actor<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.net.visit(path, f);
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.net.visit_mut(path, f);
        self.refresh();
    }
}
