//! Expectation maximization for linear Gaussian models (Shumway and Stoffer 1982; Ghahramani and
//! Hinton 1996).
//!
//! The E-step filters and smooths every sequence; covariances and gains are computed once for all
//! sequences of the same length of which the same was observed. The M-step is a regression of the
//! residuals that the present parameters leave:
//!
//! | | equation |
//! |-|----------|
//! | `[A B]` | `+= Σ E[e vᵀ] (Σ E[v vᵀ])⁻¹`, `v = [z, u]`, `e = z' − A z − B u` |
//! | `Q` | mean of `E[(z' − A z − B u)(z' − A z − B u)ᵀ]`, with the new `A` and `B` |
//! | `C` | `+= Σ E[e zᵀ] (Σ E[z zᵀ])⁻¹`, `e = x − C z` |
//! | `R` | mean of `E[(x − C z)(x − C z)ᵀ]`, with the new `C` |
//! | `m₀`, `P₀` | mean of `E[z₁]`, of `E[(z₁ − m₀)(z₁ − m₀)ᵀ]` |
//!
//! Whatever is held fixed enters the others with its value. No iteration lowers the likelihood but
//! by rounding. Without constraints the model is determined up to a change of the state's
//! coordinates.

use super::BayesError;
use super::alike::Alike;
use super::belief::Belief;
use super::expectation::expect;
use super::linear::LinearGaussian;
use super::moments::Moments;
use super::parameter::Parameter;
use super::sequence::Sequence;
use nalgebra::DVector;

/// How long to iterate, and on what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EmOptions<'a> {
    /// The largest number of iterations.
    pub iterations: usize,
    /// Iterations end when one raises the log-likelihood by less than this, in nats. They go on
    /// after one that lowers it.
    pub tolerance: f64,
    /// What keeps its value.
    pub fixed: &'a [Parameter],
}

/// What expectation maximization found.
#[derive(Clone, Debug, PartialEq)]
pub struct EmFit {
    /// The model with the highest likelihood of all iterations.
    pub model: LinearGaussian,
    /// Its belief about the first state of a sequence, `N(m₀, P₀)`.
    pub initial: Belief,
    /// Log-likelihood of all sequences before the first iteration and after every one.
    pub log_likelihood: Vec<f64>,
    /// The iteration after which the model was found; zero for the start. It is the last one
    /// unless rounding made the likelihood fall.
    pub best: usize,
    /// Whether the last iteration raised the log-likelihood by at least zero and less than the
    /// tolerance. A fall is no convergence.
    pub converged: bool,
}

impl EmFit {
    /// How many iterations there were.
    pub fn iterations(&self) -> usize {
        self.log_likelihood.len() - 1
    }

    /// The log-likelihood of the model found.
    pub fn best_log_likelihood(&self) -> f64 {
        self.log_likelihood[self.best]
    }
}

/// Fits a model to sequences, which may differ in length, starting from `model` and `initial`.
///
/// A start that does not tell the dimensions of the state apart, such as zero matrices, stays so.
///
/// # Errors
/// If the start is invalid, there is no sequence, the tolerance is NaN, or a sequence does not
/// fit the model (with its number); or if an estimate degenerates, as noise does where fewer
/// steps were observed than there are dimensions.
pub fn expectation_maximization(
    model: &LinearGaussian,
    initial: &Belief,
    sequences: &[Sequence<'_>],
    options: EmOptions<'_>,
) -> Result<EmFit, BayesError> {
    model.validate()?;
    if sequences.is_empty() {
        return Err(BayesError::Empty { what: "sequence" });
    }
    if options.tolerance.is_nan() {
        let (key, range) = ("tolerance", "a number");
        return Err(BayesError::Setting { key, value: options.tolerance, range });
    }
    let mut now = (model.clone(), initial.clone());
    let alike = Alike::new(model, sequences)?;
    let (mut moments, log_likelihood) = expect((model, initial), &alike, options.fixed)?;
    let mut fit = EmFit {
        model: model.clone(),
        initial: initial.clone(),
        log_likelihood: vec![log_likelihood],
        best: 0,
        converged: false,
    };
    let mut last = log_likelihood;
    while !fit.converged && fit.iterations() < options.iterations {
        now = maximize(&moments, now, options.fixed)?;
        let (next, log_likelihood) = expect((&now.0, &now.1), &alike, options.fixed)?;
        moments = next;
        fit.log_likelihood.push(log_likelihood);
        if log_likelihood >= fit.best_log_likelihood() {
            fit.best = fit.iterations();
            (fit.model, fit.initial) = now.clone();
        }
        fit.converged = (0.0..options.tolerance).contains(&(log_likelihood - last));
        last = log_likelihood;
    }
    Ok(fit)
}

/// A model and its belief about the first state.
type Parameters = (LinearGaussian, Belief);

/// The M-step.
fn maximize(
    moments: &Moments,
    (mut model, mut initial): Parameters,
    fixed: &[Parameter],
) -> Result<Parameters, BayesError> {
    let free = |parameter| !fixed.contains(&parameter);
    let z = initial.len();
    let sums = &moments.transition;
    if sums.count > 0 {
        let (change, noise) = sums.solve()?;
        for (change, &input) in change.column_iter().zip(&sums.free) {
            let mut column = if input < z {
                model.transition.column_mut(input)
            } else {
                model.control.column_mut(input - z)
            };
            column += change;
        }
        if free(Parameter::ProcessNoise) {
            model.process_noise = noise;
        }
    }
    let sums = &moments.emission;
    if sums.count > 0 {
        let (change, noise) = sums.solve()?;
        for (change, &input) in change.column_iter().zip(&sums.free) {
            let mut column = model.emission.column_mut(input);
            column += change;
        }
        if free(Parameter::ObservationNoise) {
            model.observation_noise = noise;
        }
    }
    let starts = &moments.starts;
    let count = starts.len() as f64;
    if free(Parameter::InitialMean) {
        // The mean of what lies beyond one of them.
        let first = &starts[0];
        let beyond = starts.iter().map(|start| start - first);
        initial.mean = first + beyond.sum::<DVector<f64>>() / count;
    }
    if free(Parameter::InitialCovariance) {
        let mut sum = moments.start_spread.clone();
        for start in starts {
            let beyond = start - &initial.mean;
            sum += &beyond * beyond.transpose();
        }
        initial.covariance = sum / count;
    }
    model.validate()?;
    let initial = Belief::new(initial.mean, initial.covariance)?;
    Ok((model, initial))
}
