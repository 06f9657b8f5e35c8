//! One action held for `K` steps, linearized: the default estimate.
//!
//! Along the path under the central control, with the transition's Jacobians `A` and `B`,
//!
//! ```text
//! J₀ = 0,  J_{k+1} = A_k J_k + B_k
//! E = ½ ln det(I + P/σ² · Jᵀ Σ⁻¹ J),   P = h²/3                                  (1)
//! ```
//!
//! where `h` is half the interval of a control, hence `P` the variance of a uniform one, and
//! `Σ = L Lᵀ` the covariance of visited states. With several controls `P` is a diagonal matrix. The
//! source is Gaussian with this variance and not optimized: with one control it is the capacity of
//! the linear channel under a limit of power.

use super::lanes::{Gram, Lanes, Triangular, half_log_det};
use super::rest::HeldPath;
use super::{Channel, Empowerment, check_batch, check_estimates};
use crate::dynamics::MeanDynamics;
use crate::error::ControlError;
use dvbf_tensor::{Scalar, vectorize};
use ndarray::{ArrayView2, s};
use std::fmt;

/// Equation (1) for batches. Nothing allocates after construction.
pub struct HeldGaussian<S: Scalar, D: MeanDynamics<S>> {
    dynamics: D,
    path: HeldPath<S, D>,
    steps: usize,
    /// `√P / σ` of every control.
    gains: Vec<S>,
    /// `L⁻¹`, row after row.
    inverse: Vec<S>,
    gram: Lanes<S>,
}

impl<S: Scalar, D: MeanDynamics<S>> HeldGaussian<S, D> {
    /// An estimator that works on blocks of at most `rows` rows; larger batches are cut.
    ///
    /// # Errors
    /// If the dynamics have no controls, or there is no row.
    ///
    /// # Panics
    /// If the dynamics have other sizes than the channel.
    #[track_caller]
    pub fn new(dynamics: D, channel: &Channel<S>, rows: usize) -> Result<Self, ControlError> {
        channel.check(&dynamics)?;
        crate::error::at_least("rows", rows, 1, "at least 1")?;
        let (z, u) = (dynamics.state_size(), dynamics.control_size());
        let unit = S::of(3.0).sqrt() * channel.resolution();
        Ok(Self {
            path: HeldPath::new(&dynamics, channel, rows),
            dynamics,
            steps: channel.steps(),
            gains: channel.limits().half().iter().map(|&h| h / unit).collect(),
            inverse: channel.scale().inverse().iter().copied().collect(),
            gram: Lanes::zeros((z.min(u), z.min(u)), rows),
        })
    }

    /// The dynamics that are looked at.
    pub fn dynamics(&self) -> &D {
        &self.dynamics
    }

    /// One block of rows.
    fn block(&mut self, states: ArrayView2<'_, S>, out: &mut [S]) {
        let n = out.len();
        self.path.run(&self.dynamics, states);
        let (jacobian, whitened) = self.path.jacobian_and_scratch();
        vectorize(Triangular { c: whitened, factor: &self.inverse, a: jacobian, n });
        for i in 0..self.dynamics.state_size() {
            for (j, &gain) in self.gains.iter().enumerate() {
                for value in whitened.lane_mut(i, j, n) {
                    *value *= gain;
                }
            }
        }
        vectorize(Gram { g: &mut self.gram, m: whitened, n });
        half_log_det(&mut self.gram, out);
    }
}

impl<S: Scalar, D: MeanDynamics<S>> Empowerment<S> for HeldGaussian<S, D> {
    fn state_size(&self) -> usize {
        self.dynamics.state_size()
    }

    fn evaluate(&mut self, states: ArrayView2<'_, S>, out: &mut [S]) -> Result<(), ControlError> {
        check_batch(self.state_size(), states, out)?;
        let rows = self.path.rows();
        for (index, out) in out.chunks_mut(rows).enumerate() {
            let first = index * rows;
            self.block(states.slice(s![first..first + out.len(), ..]), out);
            check_estimates(first, out)?;
        }
        Ok(())
    }
}

impl<S: Scalar, D: MeanDynamics<S>> fmt::Debug for HeldGaussian<S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.path.rows();
        let mut out = f.debug_struct("HeldGaussian");
        out.field("steps", &self.steps).field("rows", &rows).finish_non_exhaustive()
    }
}
