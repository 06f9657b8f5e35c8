//! Shared pieces of the cross-crate tests.

mod data;
mod project;
mod scenario;

/// The examples of the front page, compiled as a project that depends on `dvbf-core` would.
#[doc = include_str!("../../README.md")]
#[derive(Clone, Copy, Debug)]
pub struct FrontPage;

pub use data::{Data, normal};
pub use project::{project, project_target};
pub use scenario::{Masking, Scenario, scenarios};

use dvbf_core::{Bound, Dvbf, GradientOptions, Objective, Params, Path, Scalar, Workspace};
use ndarray::Array2;
use std::ops::Range;

/// What one pass gives: states, terms of the bound, and the gradients of
/// `Σ_b loss_b / (B·T)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pass<S> {
    /// `z (T·B, Z)`.
    pub state: Array2<S>,
    /// `w (T·B, W)`.
    pub noise: Array2<S>,
    /// Terms of every sequence.
    pub bound: Bound<S>,
    /// Gradient of the parameters, flat.
    pub dparams: Vec<S>,
    /// Gradient of the noise, `(T·B, W)`.
    pub dnoise: Array2<S>,
}

/// Runs a pass with a workspace of its own.
pub fn pass<S: Scalar>(model: &Dvbf<S>, data: &Data<S>, objective: Objective<S>) -> Pass<S> {
    let mut work = Workspace::new(model, data.sequences, data.input.nrows());
    pass_in(&mut work, model, data, objective)
}

/// Runs a pass in a workspace that may have been used.
pub fn pass_in<S: Scalar>(
    work: &mut Workspace<S>,
    model: &Dvbf<S>,
    data: &Data<S>,
    objective: Objective<S>,
) -> Pass<S> {
    work.prepare(model);
    let (mut bound, mut grads) = (Bound::zeros(data.sequences), model.zeros_like());
    let mut dnoise = Array2::zeros(data.noise.dim());
    let scale = S::ONE / S::of(data.input.nrows() as f64);
    let options = GradientOptions { objective, scale, state_limit: S::infinity() };
    let batch = data.batch();
    model.gradient_with_noise(&batch, options, work, &mut bound, &mut grads, dnoise.view_mut());
    Pass {
        state: work.state().to_owned(),
        noise: work.noise().to_owned(),
        bound,
        dparams: grads.to_flat(),
        dnoise,
    }
}

/// `Σ_b loss_b / (B·T)`, without a gradient.
pub fn loss<S: Scalar>(model: &Dvbf<S>, data: &Data<S>, objective: Objective<S>) -> S {
    let rows = data.input.nrows();
    let mut work = Workspace::new(model, data.sequences, rows);
    work.prepare(model);
    let mut bound = Bound::zeros(data.sequences);
    model.bound(&data.batch(), objective.prior, &mut work, &mut bound);
    bound.loss(objective) * S::of(data.sequences as f64 / rows as f64)
}

/// Names of all parameter arrays with their places in the flat vector.
pub fn places<S: Scalar>(model: &impl Params<S>) -> Vec<(String, Range<usize>)> {
    let (mut all, mut start) = (Vec::new(), 0);
    model.visit(Path::ROOT, &mut |path, array| {
        all.push((path.to_string(), start..start + array.len()));
        start += array.len();
    });
    all
}

/// The values of `flat` in the arrays whose name begins with `prefix`.
///
/// # Panics
/// If there is no such array.
pub fn part<S: Scalar>(model: &impl Params<S>, flat: &[S], prefix: &str) -> Vec<S> {
    let named = places(model).into_iter().filter(|(name, _)| name.starts_with(prefix));
    let values: Vec<S> = named.flat_map(|(_, place)| flat[place].to_vec()).collect();
    assert!(!values.is_empty(), "{prefix} names no parameters");
    values
}
