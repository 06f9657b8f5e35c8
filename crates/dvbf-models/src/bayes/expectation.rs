//! The E-step of expectation maximization: what is expected of the states of all sequences.
//!
//! Sequences that are alike share covariances and gains ([`Spread`]). Their means go through filter
//! and smoother together, one sequence in a row, by products with the matrices of a step.

use super::BayesError;
use super::alike::{Alike, Group};
use super::belief::Belief;
use super::check;
use super::form::Innovation;
use super::linear::LinearGaussian;
use super::moments::Moments;
use super::parameter::Parameter;
use super::products::times_rows;
use super::root::not_nan;
use super::root_form::Gain;
use super::spread::Spread;
use nalgebra::{DMatrix, DVector};

/// Sequences whose means stay in the cache together.
const BLOCK: usize = 64;

/// Expected regressions, and the log-likelihood of all sequences.
pub(super) fn expect(
    (model, initial): (&LinearGaussian, &Belief),
    alike: &Alike<'_, '_>,
    fixed: &[Parameter],
) -> Result<(Moments, f64), BayesError> {
    let mut moments = Moments::new(model, fixed);
    let mut log_likelihood = vec![0.0; alike.len()];
    for Group { members, observed } in &alike.groups {
        let mut shared = || {
            let spread = Spread::new(model, initial, observed)?;
            moments.add_spread(model, &spread, observed, members.len())?;
            Ok(spread)
        };
        let spread = shared().map_err(|error: BayesError| error.in_sequence(members[0]))?;
        for members in members.chunks(BLOCK) {
            let block = Block { model, alike, members };
            let filtered = block.filter(initial, &spread, &mut log_likelihood)?;
            let smoothed = block.smooth(filtered, &spread)?;
            for (t, mean) in smoothed.iter().enumerate() {
                if let Some(next) = smoothed.get(t + 1) {
                    moments.add_transition(mean, &alike.controls(members, t), next, model)?;
                }
                if !observed[t].is_empty() {
                    let observations = alike.observations(members, t);
                    moments.add_observation(mean, &observations, &observed[t], model)?;
                }
            }
            moments.starts.extend(smoothed[0].row_iter().map(|mean| mean.transpose()));
        }
    }
    Ok((moments, log_likelihood.iter().sum()))
}

/// Some sequences that are alike.
struct Block<'a, 's, 'v> {
    model: &'a LinearGaussian,
    alike: &'a Alike<'s, 'v>,
    members: &'a [usize],
}

/// Means of all steps before and after their observation; matrices of one sequence in a row.
struct Filtered {
    predicted: Vec<DMatrix<f64>>,
    filtered: Vec<DMatrix<f64>>,
}

impl Block<'_, '_, '_> {
    /// Adds to the log-likelihood of every sequence.
    fn filter(
        &self,
        initial: &Belief,
        spread: &Spread,
        log_likelihood: &mut [f64],
    ) -> Result<Filtered, BayesError> {
        let steps = spread.gains.len();
        let mut mean = DMatrix::from_fn(self.members.len(), initial.len(), |_, j| initial.mean[j]);
        let mut out =
            Filtered { predicted: Vec::with_capacity(steps), filtered: Vec::with_capacity(steps) };
        for (t, gain) in spread.gains.iter().enumerate() {
            if t > 0 {
                let controls = self.alike.controls(self.members, t - 1);
                mean = self.model.move_rows(&mean, &controls);
                self.check(&mean, t - 1)?;
            }
            out.predicted.push(mean.clone());
            if let Some(gain) = gain {
                self.condition(&mut mean, t, gain, log_likelihood);
                self.check(&mean, t)?;
            }
            out.filtered.push(mean.clone());
        }
        Ok(out)
    }

    /// Conditions the means on the observations of step `t`.
    fn condition(
        &self,
        mean: &mut DMatrix<f64>,
        t: usize,
        gain: &Gain,
        log_likelihood: &mut [f64],
    ) {
        let mut residual = self.alike.observations(self.members, t);
        let channels = residual.row(0).iter().filter(|value| !value.is_nan()).count();
        residual -= times_rows(mean, &self.model.emission);
        residual.iter_mut().filter(|value| value.is_nan()).for_each(|value| *value = 0.0);
        let white = gain.innovation.whiten_rows(&residual);
        let determinant = gain.innovation.log_determinant();
        let mut one = DVector::zeros(white.ncols());
        for (&member, white) in self.members.iter().zip(white.row_iter()) {
            one.iter_mut().zip(white.iter()).for_each(|(to, &from)| *to = from);
            let said = Innovation::new(not_nan(one.norm_squared()), determinant, true);
            log_likelihood[member] += said.of(channels).log_likelihood;
        }
        *mean += times_rows(&white, &gain.gain);
    }

    /// Means given all observations.
    fn smooth(&self, means: Filtered, spread: &Spread) -> Result<Vec<DMatrix<f64>>, BayesError> {
        let Filtered { predicted, filtered: mut smoothed } = means;
        for (t, way) in spread.backward.iter().enumerate().rev() {
            let beyond = &smoothed[t + 1] - &predicted[t + 1];
            smoothed[t] += times_rows(&beyond, &way.gain);
            self.check(&smoothed[t], t)?;
        }
        Ok(smoothed)
    }

    /// Whether all means are finite.
    fn check(&self, mean: &DMatrix<f64>, step: usize) -> Result<(), BayesError> {
        if check::finite("mean", mean.as_slice()).is_ok() {
            return Ok(());
        }
        for (&member, mean) in self.members.iter().zip(mean.row_iter()) {
            check::vector("mean", &mean.transpose(), mean.len())
                .map_err(|error| error.at_step(step).in_sequence(member))?;
        }
        Ok(())
    }
}
