//! Expectation maximization for linear Gaussian models (Shumway and Stoffer 1982; Ghahramani and
//! Hinton 1996).
//!
//! The E-step filters and smooths every sequence; the M-step is a regression on the expected sums
//! `Σ E[y vᵀ]`, `Σ E[v vᵀ]`:
//!
//! | | equation |
//! |-|----------|
//! | `[A B]` | `Σ E[z' vᵀ] (Σ E[v vᵀ])⁻¹`, `v = [z, u]` |
//! | `Q` | mean of `E[(z' − A z − B u)(z' − A z − B u)ᵀ]` |
//! | `C` | `Σ E[x zᵀ] (Σ E[z zᵀ])⁻¹` |
//! | `R` | mean of `E[(x − C z)(x − C z)ᵀ]` |
//! | `m₀`, `P₀` | mean of `E[z₁]`, of `E[(z₁ − m₀)(z₁ − m₀)ᵀ]` |
//!
//! Whatever is held fixed enters the others with its value. No iteration lowers the likelihood.
//! Without constraints the model is determined up to a change of the state's coordinates.

use super::BayesError;
use super::belief::Belief;
use super::filter::GaussianFilter;
use super::linear::LinearGaussian;
use super::moments::{Moments, Regression};
use super::root::Root;
use super::sequence::Sequence;
use nalgebra::{DMatrix, DVector};

/// A parameter of a linear Gaussian model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// `A`.
    Transition,
    /// `B`.
    Control,
    /// `Q`.
    ProcessNoise,
    /// `C`.
    Emission,
    /// `R`.
    ObservationNoise,
    /// `m₀`.
    InitialMean,
    /// `P₀`.
    InitialCovariance,
}

/// How long to iterate, and on what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EmOptions<'a> {
    /// The largest number of iterations.
    pub iterations: usize,
    /// Iterations end when one raises the log-likelihood by less than this, in nats.
    pub tolerance: f64,
    /// What keeps its value.
    pub fixed: &'a [Parameter],
}

/// What expectation maximization found.
#[derive(Clone, Debug, PartialEq)]
pub struct EmFit {
    /// The model.
    pub model: LinearGaussian,
    /// The belief about the first state of a sequence, `N(m₀, P₀)`.
    pub initial: Belief,
    /// Log-likelihood of all sequences before the first iteration and after every one; the last
    /// is that of the model found.
    pub log_likelihood: Vec<f64>,
    /// Whether the last iteration raised the log-likelihood by less than the tolerance.
    pub converged: bool,
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
    let (mut moments, log_likelihood) = expect(model, initial, sequences)?;
    let mut fit = EmFit {
        model: model.clone(),
        initial: initial.clone(),
        log_likelihood: vec![log_likelihood],
        converged: false,
    };
    let mut last = log_likelihood;
    while !fit.converged && fit.log_likelihood.len() <= options.iterations {
        maximize(&moments, &mut fit, options.fixed)?;
        let (next, log_likelihood) = expect(&fit.model, &fit.initial, sequences)?;
        moments = next;
        fit.log_likelihood.push(log_likelihood);
        fit.converged = log_likelihood - last < options.tolerance;
        last = log_likelihood;
    }
    Ok(fit)
}

/// The E-step: expected sums and log-likelihood.
fn expect(
    model: &LinearGaussian,
    initial: &Belief,
    sequences: &[Sequence<'_>],
) -> Result<(Moments, f64), BayesError> {
    let mut moments = Moments::zeros(model);
    let mut log_likelihood = 0.0;
    for (index, sequence) in sequences.iter().enumerate() {
        let mut one = || {
            let filtered = GaussianFilter::new(model, initial.clone())?.filter(sequence)?;
            moments.add(model, sequence, &filtered, &filtered.smooth()?)?;
            log_likelihood += filtered.log_likelihood;
            Ok(())
        };
        one().map_err(|error: BayesError| error.in_sequence(index))?;
    }
    Ok((moments, log_likelihood))
}

/// The M-step.
fn maximize(moments: &Moments, fit: &mut EmFit, fixed: &[Parameter]) -> Result<(), BayesError> {
    let free = |parameter| !fixed.contains(&parameter);
    let EmFit { model, initial, .. } = fit;
    let z = initial.len();
    let sums = &moments.transition;
    if sums.count > 0 {
        let mut map = DMatrix::zeros(z, sums.cross.ncols());
        map.columns_mut(0, z).copy_from(&model.transition);
        map.columns_mut(z, model.control.ncols()).copy_from(&model.control);
        let columns: Vec<usize> = (0..map.ncols())
            .filter(|&i| free(if i < z { Parameter::Transition } else { Parameter::Control }))
            .collect();
        regress(sums, &mut map, &columns)?;
        model.transition.copy_from(&map.columns(0, z));
        model.control.copy_from(&map.columns(z, map.ncols() - z));
        if free(Parameter::ProcessNoise) {
            model.process_noise = sums.residual(&map);
        }
    }
    let sums = &moments.emission;
    if sums.count > 0 {
        if free(Parameter::Emission) {
            regress(sums, &mut model.emission, &(0..z).collect::<Vec<_>>())?;
        }
        if free(Parameter::ObservationNoise) {
            model.observation_noise = sums.residual(&model.emission);
        }
    }
    let scale = 1.0 / moments.starts as f64;
    let mean = &moments.start_mean * scale;
    if free(Parameter::InitialMean) {
        initial.mean = mean.clone();
    }
    if free(Parameter::InitialCovariance) {
        let scatter = &moments.start_outer * scale - &mean * mean.transpose();
        let shift: DVector<f64> = mean - &initial.mean;
        initial.covariance = scatter + &shift * shift.transpose();
    }
    model.validate()?;
    *initial = Belief::new(initial.mean.clone(), initial.covariance.clone())?;
    Ok(())
}

/// Sets the free `columns` of `map` to their least squares values, given the others.
fn regress(sums: &Regression, map: &mut DMatrix<f64>, columns: &[usize]) -> Result<(), BayesError> {
    if columns.is_empty() {
        return Ok(());
    }
    let mut held = map.clone();
    for &i in columns {
        held.column_mut(i).fill(0.0);
    }
    let left = (&sums.cross - held * &sums.inner).select_columns(columns);
    let inner = sums.inner.select_rows(columns).select_columns(columns);
    let solved = Root::new("expected inputs", &inner)?.solve(&left.transpose());
    for (row, &i) in columns.iter().enumerate() {
        map.set_column(i, &solved.row(row).transpose());
    }
    Ok(())
}
