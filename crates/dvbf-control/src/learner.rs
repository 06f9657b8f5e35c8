//! The optimizer of one network: Adam on a gradient that is clipped to a norm.

use crate::error::ControlError;
use crate::net::{StateNet, StateNetCache};
use dvbf_ops::{Adam, Params, global_norm};
use dvbf_tensor::Scalar;

/// Which way a step goes along the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sense {
    Minimize,
    Maximize,
}

/// How far a step goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepLimits {
    /// The largest norm of the gradient.
    pub(crate) clip: f64,
    /// The learning rate.
    pub(crate) rate: f64,
}

/// Gradient and moments of a network.
#[derive(Clone, Debug)]
pub(crate) struct Learner<S> {
    what: &'static str,
    grads: StateNet<S>,
    flat: Vec<S>,
    adam: Adam<S>,
    updates: u64,
}

impl<S: Scalar> Learner<S> {
    pub(crate) fn new(what: &'static str, net: &StateNet<S>) -> Self {
        let count = net.count();
        let flat = vec![S::ZERO; count];
        Self { what, grads: net.zeros_like(), flat, adam: Adam::new(count), updates: 0 }
    }

    /// The gradient of the rows in `cache`, in the order of visits.
    pub(crate) fn gradient(&mut self, net: &StateNet<S>, cache: &mut StateNetCache<S>) -> &[S] {
        self.grads.set_zero();
        net.accumulate(cache, &mut self.grads);
        let flat = &mut self.flat;
        self.grads.each_slice(&mut |start, slice| {
            flat[start..start + slice.len()].copy_from_slice(slice);
        });
        &self.flat
    }

    /// Moves the parameters along the gradient of the rows in `cache`, whose norm is cut to
    /// `limits.clip`, and prepares the cache for them.
    pub(crate) fn step(
        &mut self,
        net: &mut StateNet<S>,
        cache: &mut StateNetCache<S>,
        sense: Sense,
        limits: StepLimits,
    ) -> Result<(), ControlError> {
        let StepLimits { clip, rate } = limits;
        let norm = global_norm(self.gradient(net, cache)).to_double();
        if !norm.is_finite() {
            return Err(ControlError::Diverged { what: self.what, updates: self.updates });
        }
        let scale = if norm > clip { clip / norm } else { 1.0 };
        let scale = match sense {
            Sense::Minimize => scale,
            Sense::Maximize => -scale,
        };
        self.adam.update(net, &self.flat, S::of(scale), rate);
        self.updates += 1;
        net.prepare(cache);
        Ok(())
    }
}

/// A rate that falls along half a cosine from `rate` to zero.
pub(crate) fn cosine(rate: f64, update: usize, updates: usize) -> f64 {
    0.5 * rate * (1.0 + (std::f64::consts::PI * update as f64 / updates as f64).cos())
}
