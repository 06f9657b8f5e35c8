//! Expected sums of products that the parameters of a linear Gaussian model are estimated from.
//!
//! Expectations are given all observations of a sequence. With `v = [z_t, u_t]`:
//!
//! | of | sums |
//! |-|-|
//! | starts | `E[z₁]`, `E[z₁ z₁ᵀ]` |
//! | transitions | `E[z_{t+1} z_{t+1}ᵀ]`, `E[z_{t+1} vᵀ]`, `E[v vᵀ]` |
//! | observed steps | `E[x xᵀ]`, `E[x zᵀ]`, `E[z zᵀ]` |
//!
//! A step of which nothing was observed says nothing about the emission. Where some channels `o`
//! were observed and others `m` were not, the missing ones are part of what is expected: with
//! `F = R_mo R_oo⁻¹`, `x_m = C_m z + F (x_o − C_o z) + e`, `e ~ N(0, R_mm − F R_om)`.

use super::BayesError;
use super::belief::Belief;
use super::linear::LinearGaussian;
use super::root::Root;
use super::sequence::{Filtered, Sequence};
use super::smoother::Smoothed;
use nalgebra::{DMatrix, DVector};

/// The sums for the regression `y = W v + e`.
#[derive(Clone, Debug)]
pub(super) struct Regression {
    pub(super) count: usize,
    /// `Σ E[y yᵀ]`.
    pub(super) outer: DMatrix<f64>,
    /// `Σ E[y vᵀ]`.
    pub(super) cross: DMatrix<f64>,
    /// `Σ E[v vᵀ]`.
    pub(super) inner: DMatrix<f64>,
}

impl Regression {
    fn zeros(outputs: usize, inputs: usize) -> Self {
        Self {
            count: 0,
            outer: DMatrix::zeros(outputs, outputs),
            cross: DMatrix::zeros(outputs, inputs),
            inner: DMatrix::zeros(inputs, inputs),
        }
    }

    /// Mean of `E[(y − W v)(y − W v)ᵀ]`.
    pub(super) fn residual(&self, w: &DMatrix<f64>) -> DMatrix<f64> {
        let mixed = &self.cross * w.transpose();
        let sum = &self.outer - &mixed - mixed.transpose() + w * &self.inner * w.transpose();
        let t = sum.transpose();
        (sum + t) * (0.5 / self.count as f64)
    }
}

/// The sums over all sequences.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    pub(super) starts: usize,
    pub(super) start_mean: DVector<f64>,
    pub(super) start_outer: DMatrix<f64>,
    pub(super) transition: Regression,
    pub(super) emission: Regression,
}

/// `E[z zᵀ]`.
fn outer(belief: &Belief) -> DMatrix<f64> {
    &belief.covariance + &belief.mean * belief.mean.transpose()
}

impl Moments {
    pub(super) fn zeros(model: &LinearGaussian) -> Self {
        let dims = model.dims();
        let (z, u, x) = (dims.state, dims.control, dims.observation);
        Self {
            starts: 0,
            start_mean: DVector::zeros(z),
            start_outer: DMatrix::zeros(z, z),
            transition: Regression::zeros(z, z + u),
            emission: Regression::zeros(x, z),
        }
    }

    /// Adds a sequence, filtered and smoothed under `model`.
    pub(super) fn add(
        &mut self,
        model: &LinearGaussian,
        sequence: &Sequence<'_>,
        filtered: &Filtered,
        smoothed: &Smoothed,
    ) -> Result<(), BayesError> {
        let beliefs = &smoothed.beliefs;
        self.starts += 1;
        self.start_mean += &beliefs[0].mean;
        self.start_outer += outer(&beliefs[0]);
        for (t, lag_one) in smoothed.lag_one.iter().enumerate() {
            let control = DVector::from_iterator(
                sequence.controls.ncols(),
                sequence.controls.row(t).iter().copied(),
            );
            self.add_transition(&beliefs[t], &beliefs[t + 1], lag_one, &control);
        }
        for (t, correction) in filtered.corrections.iter().enumerate() {
            if let Some(correction) = correction {
                let observation = sequence.observations.row(t).to_vec();
                self.add_observation(model, &beliefs[t], &observation, &correction.channels)?;
            }
        }
        Ok(())
    }

    fn add_transition(
        &mut self,
        from: &Belief,
        to: &Belief,
        lag_one: &DMatrix<f64>,
        control: &DVector<f64>,
    ) {
        let (z, u) = (from.len(), control.len());
        let sums = &mut self.transition;
        sums.count += 1;
        sums.outer += outer(to);
        let mut cross = sums.cross.columns_mut(0, z);
        cross += lag_one + &to.mean * from.mean.transpose();
        let mut cross = sums.cross.columns_mut(z, u);
        cross += &to.mean * control.transpose();
        let mut states = sums.inner.view_mut((0, 0), (z, z));
        states += outer(from);
        let mixed = control * from.mean.transpose();
        let mut below = sums.inner.view_mut((z, 0), (u, z));
        below += &mixed;
        let mut right = sums.inner.view_mut((0, z), (z, u));
        right += mixed.transpose();
        let mut controls = sums.inner.view_mut((z, z), (u, u));
        controls += control * control.transpose();
    }

    fn add_observation(
        &mut self,
        model: &LinearGaussian,
        belief: &Belief,
        observation: &[f64],
        channels: &[usize],
    ) -> Result<(), BayesError> {
        let (x, z) = (observation.len(), belief.len());
        let states = outer(belief);
        // x = J z + g + e, with J and e zero in the observed channels.
        let mut constant = DVector::from_column_slice(observation);
        let (mut map, mut rest) = (DMatrix::zeros(x, z), DMatrix::zeros(x, x));
        let missing: Vec<usize> = (0..x).filter(|i| !channels.contains(i)).collect();
        if !missing.is_empty() {
            let noise = &model.observation_noise;
            let observed_rows = noise.select_rows(channels);
            let seen = observed_rows.select_columns(channels);
            let mixed = observed_rows.select_columns(&missing);
            let fill = Root::new("observation noise", &seen)?.solve(&mixed).transpose();
            let values = constant.select_rows(channels);
            let filled = &fill * values;
            let slope =
                model.emission.select_rows(&missing) - &fill * model.emission.select_rows(channels);
            let left = noise.select_rows(&missing).select_columns(&missing) - &fill * mixed;
            for (a, &i) in missing.iter().enumerate() {
                constant[i] = filled[a];
                map.set_row(i, &slope.row(a));
                for (b, &j) in missing.iter().enumerate() {
                    rest[(i, j)] = left[(a, b)];
                }
            }
        }
        let sums = &mut self.emission;
        sums.count += 1;
        let mean = &map * &belief.mean;
        let mixed = &mean * constant.transpose();
        sums.outer += &map * &states * map.transpose()
            + &mixed
            + mixed.transpose()
            + &constant * constant.transpose()
            + rest;
        sums.cross += &map * &states + constant * belief.mean.transpose();
        sums.inner += states;
        Ok(())
    }
}
