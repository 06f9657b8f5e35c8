//! `K` actions, linearized, with the power divided among them as it serves best.
//!
//! Along the path under the central control, the end state answers to the whole sequence through
//! `J = [A_{K−1} … A₁ B₀, …, B_{K−1}]`. With actions in units of half their intervals, `J H`,
//! and `sᵢ²` the eigenvalues of `L⁻¹ J H² Jᵀ L⁻ᵀ`,
//!
//! ```text
//! pᵢ = (μ − σ²/sᵢ²)₊,  Σ pᵢ = K U / 3,   E = Σ ½ ln(1 + sᵢ² pᵢ / σ²)               (2)
//! ```
//!
//! The matrix is not stored: `W_{k+1} = A W_k Aᵀ + B H² Bᵀ` is `J H² Jᵀ`. Actions are bounded and a
//! limit of power is not: beyond about fifteen steps (2) promises more than any bounded source gives.

use super::eigen::symmetric_eigenvalues;
use super::lanes::{Lanes, Triangular, add_outer, add_product};
use super::rest::RestPath;
use super::water::water_filling;
use super::{Channel, Empowerment, check_batch, check_estimates};
use crate::dynamics::MeanDynamics;
use crate::error::ControlError;
use dvbf_tensor::{Scalar, vectorize};
use ndarray::{ArrayView2, s};
use std::fmt;

/// Equation (2) for batches. Nothing allocates after construction.
pub struct SequenceGaussian<S: Scalar, D: MeanDynamics<S>> {
    dynamics: D,
    path: RestPath<S, D>,
    steps: usize,
    half: Vec<S>,
    /// `L⁻¹ / σ`, row after row.
    inverse: Vec<S>,
    control: Lanes<S>,
    /// `W`.
    reach: Lanes<S>,
    product: Lanes<S>,
    matrix: Vec<f64>,
    gains: Vec<f64>,
}

impl<S: Scalar, D: MeanDynamics<S>> SequenceGaussian<S, D> {
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
        let sigma = channel.resolution();
        Ok(Self {
            path: RestPath::new(&dynamics, channel, rows),
            dynamics,
            steps: channel.steps(),
            half: channel.limits().half().to_vec(),
            inverse: channel.scale().inverse().iter().map(|&v| v / sigma).collect(),
            control: Lanes::zeros((z, u), rows),
            reach: Lanes::zeros((z, z), rows),
            product: Lanes::zeros((z, z), rows),
            matrix: vec![0.0; z * z],
            gains: vec![0.0; z],
        })
    }

    /// The dynamics that are looked at.
    pub fn dynamics(&self) -> &D {
        &self.dynamics
    }

    /// `W` of one block of rows, in units of the resolution.
    fn block(&mut self, states: ArrayView2<'_, S>) {
        let (n, z) = (states.nrows(), self.dynamics.state_size());
        self.path.start(states);
        self.reach.fill(S::ZERO);
        for _ in 0..self.steps {
            self.path.step(&self.dynamics, &mut self.control);
            for i in 0..z {
                for (j, &half) in self.half.iter().enumerate() {
                    for value in self.control.lane_mut(i, j, n) {
                        *value *= half;
                    }
                }
            }
            self.product.fill(S::ZERO);
            add_product(&mut self.product, &self.path.state, &self.reach, n);
            self.reach.fill(S::ZERO);
            add_outer(&mut self.reach, &self.product, &self.path.state, n);
            add_outer(&mut self.reach, &self.control, &self.control, n);
        }
        // L⁻¹ W, and L⁻¹ (L⁻¹ W)ᵀ of it by way of the product's transpose.
        vectorize(Triangular { c: &mut self.product, factor: &self.inverse, a: &self.reach, n });
        for i in 0..z {
            for j in 0..z {
                self.reach.lane_mut(i, j, n).copy_from_slice(self.product.lane(j, i, n));
            }
        }
        vectorize(Triangular { c: &mut self.product, factor: &self.inverse, a: &self.reach, n });
    }

    /// The capacity of row `row` of `n` of the block.
    fn capacity(&mut self, row: usize, n: usize) -> S {
        let z = self.gains.len();
        for i in 0..z {
            for j in 0..z {
                self.matrix[i * z + j] = self.product.lane(i, j, n)[row].to_double();
            }
        }
        symmetric_eigenvalues(&mut self.matrix, &mut self.gains);
        let power = (self.steps * self.half.len()) as f64 / 3.0;
        S::of(water_filling(&mut self.gains, power).capacity)
    }
}

impl<S: Scalar, D: MeanDynamics<S>> Empowerment<S> for SequenceGaussian<S, D> {
    fn state_size(&self) -> usize {
        self.dynamics.state_size()
    }

    fn evaluate(&mut self, states: ArrayView2<'_, S>, out: &mut [S]) -> Result<(), ControlError> {
        check_batch(self.state_size(), states, out)?;
        let rows = self.path.rows();
        for (index, out) in out.chunks_mut(rows).enumerate() {
            let (first, n) = (index * rows, out.len());
            self.block(states.slice(s![first..first + n, ..]));
            for (row, out) in out.iter_mut().enumerate() {
                *out = self.capacity(row, n);
            }
            check_estimates(first, out)?;
        }
        Ok(())
    }
}

impl<S: Scalar, D: MeanDynamics<S>> fmt::Debug for SequenceGaussian<S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.path.rows();
        let mut out = f.debug_struct("SequenceGaussian");
        out.field("steps", &self.steps).field("rows", &rows).finish_non_exhaustive()
    }
}
