//! Regressions on what is expected of a sequence's states, for the parameters of a linear Gaussian
//! model.
//!
//! | regression of | on | residual |
//! |-|-|-|
//! | `z_{t+1}` | `v = [z_t, u_t]` | `e = z_{t+1} − A z_t − B u_t` |
//! | `x_t` | `v = z_t` | `e = x_t − C z_t` |
//!
//! They begin at the present parameters `W`: least squares on the residuals give what is to be
//! added, `Δ = Σ E[e vᵀ] (Σ E[v vᵀ])⁻¹`, and the mean of `E[(e − Δ v)(e − Δ v)ᵀ]` is the noise. So
//! nothing of the size of `z` or `x` cancels, wherever their origin. Parameters that are held fixed
//! are left out of `v`.
//!
//! The sums are kept as a root, `Σ E[(v, e)(v, e)ᵀ] = L Lᵀ` with
//!
//! ```text
//! L = [L_v   0 ]        Δ = M L_v⁻¹
//!     [M    L_e]        Σ E[(e − Δ v)(e − Δ v)ᵀ] = L_e L_eᵀ
//! ```
//!
//! whose columns are expectations `(v̂, ê)` and roots of covariances of `(v, e)` given all
//! observations; a reflection makes them few again (Golub 1965).
//!
//! A step of which nothing was observed says nothing about the emission. Where some channels `o`
//! were observed and others `m` were not, the missing ones are part of what is expected: with
//! `F = R_mo R_oo⁻¹`, `e_m = F e_o + ε`, `ε ~ N(0, R_mm − F R_om)`.

use super::BayesError;
use super::belief::RootBelief;
use super::linear::LinearGaussian;
use super::parameter::Parameter;
use super::root::{Root, beside};
use super::sequence::{Filtered, Sequence};
use super::smoother::SmoothedRoots;
use super::triangle::{Triangle, triangle};
use nalgebra::{DMatrix, DVector};

/// The regression of residuals `e (E)` on the free ones of the inputs `v`.
#[derive(Clone, Debug)]
pub(super) struct Regression {
    pub(super) count: usize,
    /// Indices of the free inputs, `V` of them.
    pub(super) free: Vec<usize>,
    outputs: usize,
    /// `(V + E, any number)`, column after column.
    root: Vec<f64>,
}

impl Regression {
    fn new(free: Vec<usize>, outputs: usize) -> Self {
        Self { count: 0, free, outputs, root: Vec::new() }
    }

    /// Adds `E[(v, e)(v, e)ᵀ]` of which `inputs` and `residuals` are the rows of a root.
    fn add(&mut self, inputs: &DMatrix<f64>, residuals: &DMatrix<f64>) -> Result<(), BayesError> {
        for (input, residual) in inputs.column_iter().zip(residuals.column_iter()) {
            self.root.extend(self.free.iter().map(|&i| input[i]));
            self.root.extend(residual.iter());
        }
        let size = self.free.len() + self.outputs;
        if self.root.len() > 16 * size * size {
            let Triangle { lower, .. } = self.triangle()?;
            self.root = lower.as_slice().to_vec();
        }
        Ok(())
    }

    fn triangle(&self) -> Result<Triangle, BayesError> {
        let (v, e) = (self.free.len(), self.outputs);
        let root = DMatrix::from_column_slice(v + e, self.root.len() / (v + e), &self.root);
        triangle("expected residuals", &root, &[v, e])
    }

    /// `Δ (E, V)`, zero where the inputs do not tell, and the mean of what it leaves over.
    pub(super) fn solve(&self) -> Result<(DMatrix<f64>, DMatrix<f64>), BayesError> {
        let (v, e) = (self.free.len(), self.outputs);
        let Triangle { lower, order, ranks } = self.triangle()?;
        let mut mixed = DMatrix::zeros(e, v);
        mixed.columns_mut(0, ranks[0]).copy_from(&lower.view((v, 0), (e, ranks[0])));
        let inputs = Root::part(&lower, &order, 0..v);
        let change = inputs.whiten_transposed(&mixed.transpose()).transpose();
        let noise = Root::part(&lower, &order, v..v + e).square() / self.count as f64;
        Ok((change, noise))
    }
}

/// What is expected of all sequences.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    /// Of the first states.
    pub(super) starts: Vec<RootBelief>,
    pub(super) transition: Regression,
    pub(super) emission: Regression,
}

impl Moments {
    /// For the parameters that are not `fixed`.
    pub(super) fn new(model: &LinearGaussian, fixed: &[Parameter]) -> Self {
        let dims = model.dims();
        let (z, u, x) = (dims.state, dims.control, dims.observation);
        let free = |parameter, range: std::ops::Range<usize>| {
            range.filter(move |_| !fixed.contains(&parameter))
        };
        let inputs = free(Parameter::Transition, 0..z).chain(free(Parameter::Control, z..z + u));
        Self {
            starts: Vec::new(),
            transition: Regression::new(inputs.collect(), z),
            emission: Regression::new(free(Parameter::Emission, 0..z).collect(), x),
        }
    }

    /// Adds a sequence, filtered and smoothed under `model`.
    pub(super) fn add(
        &mut self,
        model: &LinearGaussian,
        sequence: &Sequence<'_>,
        filtered: &Filtered,
        smoothed: &SmoothedRoots,
    ) -> Result<(), BayesError> {
        let beliefs = &smoothed.beliefs;
        self.starts.push(beliefs[0].clone());
        for t in 0..smoothed.backward.len() {
            let control = DVector::from_iterator(
                sequence.controls.ncols(),
                sequence.controls.row(t).iter().copied(),
            );
            self.add_transition(model, smoothed, t, &control)?;
        }
        for (t, correction) in filtered.corrections.iter().enumerate() {
            if let Some(correction) = correction {
                let observation = sequence.observations.row(t).to_vec();
                self.add_observation(model, &beliefs[t], &observation, &correction.channels)?;
            }
        }
        Ok(())
    }

    /// Adds the transition from step `t` to the next.
    fn add_transition(
        &mut self,
        model: &LinearGaussian,
        smoothed: &SmoothedRoots,
        t: usize,
        control: &DVector<f64>,
    ) -> Result<(), BayesError> {
        let (from, to) = (&smoothed.beliefs[t], &smoothed.beliefs[t + 1]);
        let backward = &smoothed.backward[t];
        let (z, u) = (from.mean.len(), control.len());
        // A root of the covariance of z_t and z_{t+1}.
        let here = beside(&(&backward.gain * to.root()), &backward.rest);
        let ahead = beside(to.root(), &DMatrix::zeros(z, z));
        let mut inputs = DMatrix::zeros(z + u, 1 + 2 * z);
        inputs.view_mut((0, 0), (z, 1)).copy_from(&from.mean);
        inputs.view_mut((z, 0), (u, 1)).copy_from(control);
        inputs.view_mut((0, 1), (z, 2 * z)).copy_from(&here);
        let expected = &model.transition * &from.mean + &model.control * control;
        let mut residuals = DMatrix::zeros(z, 1 + 2 * z);
        residuals.column_mut(0).copy_from(&(&to.mean - expected));
        residuals.columns_mut(1, 2 * z).copy_from(&(ahead - &model.transition * here));
        self.transition.count += 1;
        self.transition.add(&inputs, &residuals)
    }

    fn add_observation(
        &mut self,
        model: &LinearGaussian,
        belief: &RootBelief,
        observation: &[f64],
        channels: &[usize],
    ) -> Result<(), BayesError> {
        let (x, z) = (observation.len(), belief.mean.len());
        let emission = model.emission.select_rows(channels);
        let observed = DVector::from_column_slice(observation).select_rows(channels);
        let mut seen = DMatrix::zeros(channels.len(), 1 + z);
        seen.column_mut(0).copy_from(&(observed - &emission * &belief.mean));
        seen.columns_mut(1, z).copy_from(&(-emission * belief.root()));
        let mut inputs = DMatrix::zeros(z, 1 + z);
        inputs.column_mut(0).copy_from(&belief.mean);
        inputs.columns_mut(1, z).copy_from(belief.root());
        self.emission.count += 1;
        if channels.len() == x {
            return self.emission.add(&inputs, &seen);
        }
        let missing: Vec<usize> = (0..x).filter(|i| !channels.contains(i)).collect();
        let (fill, rest) = given(&model.observation_noise, channels, &missing)?;
        let filled = fill * &seen;
        let mut residuals = DMatrix::zeros(x, 1 + z + missing.len());
        for (row, &channel) in channels.iter().enumerate() {
            residuals.view_mut((channel, 0), (1, 1 + z)).copy_from(&seen.row(row));
        }
        for (row, &channel) in missing.iter().enumerate() {
            residuals.view_mut((channel, 0), (1, 1 + z)).copy_from(&filled.row(row));
            residuals.view_mut((channel, 1 + z), (1, missing.len())).copy_from(&rest.row(row));
        }
        let inputs = beside(&inputs, &DMatrix::zeros(z, missing.len()));
        self.emission.add(&inputs, &residuals)
    }
}

/// `F` and a root of `R_mm − F R_om`.
fn given(
    noise: &DMatrix<f64>,
    observed: &[usize],
    missing: &[usize],
) -> Result<(DMatrix<f64>, DMatrix<f64>), BayesError> {
    let (o, m) = (observed.len(), missing.len());
    let channels: Vec<usize> = observed.iter().chain(missing).copied().collect();
    let root = Root::new("observation noise", noise)?.factor().select_rows(&channels);
    let Triangle { lower, order, ranks } = triangle("observation noise", &root, &[o, m])?;
    let mut mixed = DMatrix::zeros(m, o);
    mixed.columns_mut(0, ranks[0]).copy_from(&lower.view((o, 0), (m, ranks[0])));
    let seen = Root::part(&lower, &order, 0..o);
    let fill = seen.whiten_transposed(&mixed.transpose()).transpose();
    Ok((fill, Root::part(&lower, &order, o..o + m).factor().clone()))
}
