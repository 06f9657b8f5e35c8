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
use super::linear::LinearGaussian;
use super::parameter::Parameter;
use super::products::times_rows;
use super::root::{Root, beside};
use super::spread::Spread;
use super::triangle::{Triangle, triangle};
use nalgebra::{DMatrix, DVector};
use std::collections::HashMap;

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
    /// Means of the first states.
    pub(super) starts: Vec<DVector<f64>>,
    /// Sum of the covariances of the first states.
    pub(super) start_spread: DMatrix<f64>,
    pub(super) transition: Regression,
    pub(super) emission: Regression,
    /// By observed channels.
    filled: HashMap<Vec<usize>, Filled>,
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
            start_spread: DMatrix::zeros(z, z),
            transition: Regression::new(inputs.collect(), z),
            emission: Regression::new(free(Parameter::Emission, 0..z).collect(), x),
            filled: HashMap::new(),
        }
    }

    /// Adds what `count` sequences that are alike have in common: the covariances of their states,
    /// smoothed under `model`.
    pub(super) fn add_spread(
        &mut self,
        model: &LinearGaussian,
        spread: &Spread,
        observed: &[Vec<usize>],
        count: usize,
    ) -> Result<(), BayesError> {
        let weight = (count as f64).sqrt();
        let (z, u) = (model.dims().state, model.dims().control);
        self.start_spread += spread.smoothed[0].square() * count as f64;
        for (t, way) in spread.backward.iter().enumerate() {
            // A root of the covariance of z_t and z_{t+1}.
            let next = &spread.smoothed[t + 1];
            let here = way.spread(next) * weight;
            let mut residuals = -(&model.transition * &here);
            let mut ahead = residuals.columns_mut(0, z);
            ahead += next.factor() * weight;
            self.transition.add(&here.resize_vertically(z + u, 0.0), &residuals)?;
        }
        for (root, channels) in spread.smoothed.iter().zip(observed) {
            if channels.is_empty() {
                continue;
            }
            let root = root.factor() * weight;
            let Filled { map, rest } = self.filled(model, channels)?;
            let residuals = map * -(model.emission.select_rows(channels) * &root);
            let residuals = beside(&residuals, &(rest * weight));
            let inputs = root.resize_horizontally(residuals.ncols(), 0.0);
            self.emission.add(&inputs, &residuals)?;
        }
        Ok(())
    }

    /// Adds the means of states, which are in rows, one sequence in each, and of those after them.
    pub(super) fn add_transition(
        &mut self,
        from: &DMatrix<f64>,
        controls: &DMatrix<f64>,
        to: &DMatrix<f64>,
        model: &LinearGaussian,
    ) -> Result<(), BayesError> {
        let residuals = to - model.move_rows(from, controls);
        self.transition.count += from.nrows();
        self.transition.add(&beside(from, controls).transpose(), &residuals.transpose())
    }

    /// Adds the means of states and what was observed of them in `channels`, one sequence in each
    /// row.
    pub(super) fn add_observation(
        &mut self,
        states: &DMatrix<f64>,
        observations: &DMatrix<f64>,
        channels: &[usize],
        model: &LinearGaussian,
    ) -> Result<(), BayesError> {
        let emission = model.emission.select_rows(channels);
        let seen = observations.select_columns(channels) - times_rows(states, &emission);
        let residuals = &self.filled(model, channels)?.map * seen.transpose();
        self.emission.count += states.nrows();
        self.emission.add(&states.transpose(), &residuals)
    }

    /// What observed channels say of all.
    fn filled(
        &mut self,
        model: &LinearGaussian,
        channels: &[usize],
    ) -> Result<&Filled, BayesError> {
        if !self.filled.contains_key(channels) {
            let filled = Filled::new(&model.observation_noise, channels)?;
            self.filled.insert(channels.to_vec(), filled);
        }
        Ok(&self.filled[channels])
    }
}

/// The noise of all channels given that of the observed ones: `e = M e_o + ε`.
#[derive(Clone, Debug)]
struct Filled {
    /// `M (X, O)`: ones for the observed channels, `F` for the missing ones.
    map: DMatrix<f64>,
    /// A root of the covariance of `ε (X, X − O)`.
    rest: DMatrix<f64>,
}

impl Filled {
    fn new(noise: &DMatrix<f64>, observed: &[usize]) -> Result<Self, BayesError> {
        let x = noise.nrows();
        let missing: Vec<usize> = (0..x).filter(|i| !observed.contains(i)).collect();
        let (o, m) = (observed.len(), missing.len());
        let mut map = DMatrix::zeros(x, o);
        let mut rest = DMatrix::zeros(x, m);
        for (column, &channel) in observed.iter().enumerate() {
            map[(channel, column)] = 1.0;
        }
        if m > 0 {
            let (fill, root) = given(noise, observed, &missing)?;
            for (row, &channel) in missing.iter().enumerate() {
                map.row_mut(channel).copy_from(&fill.row(row));
                rest.row_mut(channel).copy_from(&root.row(row));
            }
        }
        Ok(Self { map, rest })
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
