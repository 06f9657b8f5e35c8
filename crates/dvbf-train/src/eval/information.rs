//! How well the data tell the constants of a differential equation.
//!
//! With the loss `L = Σₙ lₙ` of `N` sequences, its gradient `gₙ` and curvature `H = Σₙ ∂gₙ/∂r` with
//! respect to the learned numbers `r` behind the constants, the covariance of their estimate is
//! `H⁻¹ (Σₙ gₙ gₙᵀ) H⁻¹`, the sandwich of White 1982, which holds for a wrong model too. Everything
//! else of the model stays as it is, so what networks could make up for is not in it.

use super::infer::time_major;
use crate::pool::Pool;
use dvbf_core::{Batch, Bound, Dvbf, GradientOptions, Objective, Params, Path, Workspace};
use dvbf_data::Dataset;
use nalgebra::{DMatrix, DVector};
use ndarray::{Array1, Array2};
use rayon::prelude::*;
use std::ops::Range;

/// Sequences that are looked at, at most.
const SEQUENCES: usize = 300;
/// Step of the differences of gradients, in units of the learned numbers.
const STEP: f32 = 1e-2;

/// Standard deviations of the learned numbers behind the constants of `model`, from the first `steps`
/// steps of training sequences; nothing if there are none, or the loss is not curved upwards.
pub(super) fn deviations(
    model: &Dvbf<f32>,
    data: &Dataset,
    steps: usize,
    pool: &Pool,
) -> Option<Vec<f64>> {
    let place = constants(model)?;
    let p = place.len();
    let n = data.lengths.len().min(SEQUENCES);
    let gradients = |model: &Dvbf<f32>| -> Vec<DVector<f64>> {
        pool.install(|| {
            (0..n).into_par_iter().map(|i| gradient(model, data, (i, steps), &place)).collect()
        })
    };
    let sum = |all: &[DVector<f64>]| all.iter().fold(DVector::zeros(p), |sum, g| sum + g);
    let mut curvature = DMatrix::zeros(p, p);
    let flat = model.to_flat();
    for j in 0..p {
        let moved = |step: f32| {
            let mut values = flat.clone();
            values[place.start + j] += step;
            let mut moved = model.clone();
            moved.set_flat(&values);
            sum(&gradients(&moved))
        };
        curvature.set_column(j, &((moved(STEP) - moved(-STEP)) / (2.0 * f64::from(STEP))));
    }
    let curvature = (&curvature + curvature.transpose()) / 2.0;
    let inverse = curvature.cholesky()?.inverse();
    let here = gradients(model);
    let middle = sum(&here) / n as f64;
    let scores = here.iter().fold(DMatrix::zeros(p, p), |sum, g| {
        let g = g - &middle;
        sum + &g * g.transpose()
    });
    let covariance = &inverse * scores * &inverse;
    // The whole set tells more than the sequences that were looked at.
    let share = n as f64 / data.lengths.len() as f64;
    Some(covariance.diagonal().iter().map(|v| (v * share).sqrt()).collect())
}

/// Where the learned numbers behind the constants are in the flat vector.
fn constants(model: &Dvbf<f32>) -> Option<Range<usize>> {
    let (mut start, mut found) = (0, None);
    model.visit(Path::ROOT, &mut |path, array| {
        if path.to_string() == "transition.constants" && !array.is_empty() {
            found = Some(start..start + array.len());
        }
        start += array.len();
    });
    found
}

/// The gradient of the loss of one sequence, along its mean path.
fn gradient(
    model: &Dvbf<f32>,
    data: &Dataset,
    (sequence, steps): (usize, usize),
    place: &Range<usize>,
) -> DVector<f64> {
    let steps = steps.min(data.observations.dim().1);
    let range = sequence..sequence + 1;
    let observed = time_major(&data.observations, range.clone(), steps);
    let control = time_major(&data.controls, range.clone(), steps);
    let mask = data.mask.as_ref().map(|mask| time_major(mask, range, steps));
    let seen: Array1<f32> = super::infer::seen(mask.as_ref(), steps);
    let noise = Array2::zeros((steps, model.transition().dims().noise));
    let batch = Batch {
        sequences: 1,
        input: observed.view(),
        start: None,
        target: observed.view(),
        mask: mask.as_ref().map(|mask| mask.view()),
        seen: seen.view(),
        control: control.view(),
        noise: noise.view(),
    };
    let mut work = Workspace::new(model, 1, steps);
    work.prepare(model);
    let (mut bound, mut grads) = (Bound::zeros(1), model.zeros_like());
    let options =
        GradientOptions { objective: Objective::BOUND, scale: 1.0, state_limit: f32::INFINITY };
    model.gradient(&batch, options, &mut work, &mut bound, &mut grads);
    let flat = grads.to_flat();
    DVector::from_iterator(place.len(), flat[place.clone()].iter().map(|&g| f64::from(g)))
}
