//! How well the data tell the constants of a differential equation.
//!
//! Every sequence is followed by the equation from a start of its own, `z_{t+1} = F(z_t, u_t; c)`, and
//! frames are `x_t = μ(z_t + h(z_t)) + noise`. The first states and a small change `h` of what the
//! emission draws are unknown too, because networks can make up for them:
//!
//! `hᵢ(z) = Σ_{j≤3} a_j sin(j zᵢ) + b_j cos(j zᵢ)` of an angle, `sᵢ Σ_{j≤3} a_j (zᵢ / sᵢ)^j` of a place.
//!
//! With `θ = (c, h)`, the Gauss–Newton curvature `Hₙ` of a sequence in `(z₁, θ)` and its gradient `gₙ`, the
//! first state is eliminated, `H = Σₙ H_θθ − H_θz H_zz⁻¹ H_zθ` and `sₙ = g_θ − H_θz H_zz⁻¹ g_z`, and the
//! covariance of an estimate is `N / (N − p) · H⁻¹ (Σₙ sₙ sₙᵀ) H⁻¹`, the sandwich of White 1982, which holds for
//! a wrong model too, corrected for `N` sequences and `p` constants. A constant that moves nothing, such as the gain
//! of a control that is always zero, is not told and left out. First states are those that fit their sequences best, found by Levenberg and Marquardt's
//! steps from where the model reads them. `H⁻¹ Σₙ sₙ` is how far the constants would go in one step if
//! nothing held them: a bias of the training, as far as the data tell it.

mod part;

use super::infer::{CHUNK, Draw, infer};
use crate::pool::Pool;
use dvbf_core::{Dvbf, Params, Path};
use dvbf_data::{Dataset, Sequences};
use nalgebra::{DMatrix, DVector};
use ndarray::s;
use part::{Part, Reduced};
use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::ops::Range;

/// Sequences that are looked at, at most.
const SEQUENCES: usize = 300;
/// Curvature of a prior on the coefficients of `h` with a standard deviation of one.
const PRIOR: f64 = 1.0;

/// What the data tell of the learned numbers behind the constants.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Information {
    /// Standard deviations.
    pub(super) std: Vec<f64>,
    /// How far one step of Gauss and Newton would carry each.
    pub(super) shift: Vec<f64>,
    /// Sequences beyond the numbers that are learned.
    freedom: f64,
}

impl Information {
    /// Half the widths of 95 % intervals: the quantile of Student's distribution times the deviation, and how
    /// far the data would still carry the estimate. Infinite where nothing is told.
    pub(super) fn half_widths(&self) -> Vec<f64> {
        let student = StudentsT::new(0.0, 1.0, self.freedom.max(1.0));
        let quantile = student.map_or(f64::INFINITY, |student| student.inverse_cdf(0.975));
        self.std.iter().zip(&self.shift).map(|(std, shift)| quantile * std + shift.abs()).collect()
    }
}

/// The information of the first `steps` steps of training sequences; nothing if there are no learned
/// constants, or the loss is not curved upwards.
pub(super) fn information(
    model: &Dvbf<f32>,
    data: &Dataset,
    steps: usize,
    pool: &Pool,
) -> Option<Information> {
    let place = constants(model)?;
    let data_len = data.lengths.len();
    let data = Sequences::from(data).first(SEQUENCES);
    let (n, steps) = (data.lengths.len(), steps.min(data.observations.dim().1));
    let read = infer(model, &data, steps, Draw::Mean, pool).state;
    let starts: Vec<usize> = (0..n).step_by(CHUNK).collect();
    let parts: Vec<Vec<Reduced>> = pool.install(|| {
        let part = |&first: &usize| {
            let range = first..(first + CHUNK).min(n);
            let start = read.slice(s![range.clone(), 0, ..]).to_owned();
            Part::new(model, &data, range, steps).reduced(start, &place)
        };
        starts.par_iter().map(part).collect()
    });
    let all: Vec<Reduced> = parts.into_iter().flatten().collect();
    // The whole set tells more than the sequences that were looked at.
    told(&all, place.len(), n as f64 / data_len as f64)
}

/// What sequences say of the first `p` of the numbers in their curvatures; variances are multiplied by
/// `share`.
fn told(all: &[Reduced], p: usize, share: f64) -> Option<Information> {
    let size = all.first()?.score.len();
    let mut curvature = DMatrix::zeros(size, size);
    let mut sum = DVector::zeros(size);
    for reduced in all {
        curvature += &reduced.curvature;
        sum += &reduced.score;
    }
    for i in p..size {
        curvature[(i, i)] += PRIOR;
    }
    let moves: Vec<usize> = (0..size).filter(|&i| i >= p || curvature[(i, i)] > 0.0).collect();
    let (told, count) = (moves.iter().filter(|&&i| i < p).count(), all.len() as f64);
    let pick = |i: usize, j: usize| curvature[(moves[i], moves[j])];
    let inverse = DMatrix::from_fn(moves.len(), moves.len(), pick).cholesky()?.inverse();
    let middle = &sum / count;
    let scores = all.iter().fold(DMatrix::zeros(moves.len(), moves.len()), |scores, reduced| {
        let own = (&reduced.score - &middle).select_rows(&moves);
        scores + &own * own.transpose()
    });
    let freedom = count - told as f64;
    let covariance = &inverse * scores * &inverse * (share * count / freedom.max(1.0));
    let carried = &inverse * sum.select_rows(&moves);
    let (mut std, mut shift) = (vec![f64::INFINITY; p], vec![0.0; p]);
    for (place, &i) in moves.iter().enumerate().take(told) {
        (std[i], shift[i]) = (covariance[(place, place)].sqrt(), carried[place]);
        if !(std[i].is_finite() && shift[i].is_finite()) {
            return None;
        }
    }
    Some(Information { std, shift, freedom })
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

#[cfg(test)]
mod tests {
    use super::*;
    use dvbf_core::{KindTable, ModelConfig, Noise, Rollout, RolloutInput};
    use dvbf_data::narrow;
    use ndarray::{Array2, Array3, Axis, concatenate};

    const SEQUENCES: usize = 60;
    const STEPS: usize = 15;
    const NOISE: f32 = 0.05;

    /// A pendulum that is drawn on twelve channels by waves of its angle, with noise of 0.05.
    fn model() -> Dvbf<f32> {
        let known = serde_json::json!({ "dynamics": "damped-pendulum", "constants": {
            "gravity_over_length": { "start": 9.0 }, "damping_over_mass": { "start": 0.2 } } });
        let config = ModelConfig {
            dt: Some(0.1),
            initial_frames: 3,
            hidden: 4,
            initial: KindTable::new("known-state"),
            transition: KindTable::new("sum").with("known", known),
            emission: KindTable::new("harmonics").with("state", 1).with("order", 4),
            ..ModelConfig::new(12, 1, 2)
        };
        let mut model = Dvbf::random(&config, Noise::new(1, 0)).unwrap();
        let (mut flat, mut at) = (model.to_flat(), 0);
        model.visit(Path::ROOT, &mut |path, array| {
            if path.to_string().starts_with("emission.0") {
                Noise::new(1, 1).normal(&mut flat[at..at + array.len()]);
            }
            at += array.len();
        });
        model.set_flat(&flat);
        model
    }

    /// First states, and what is recorded of the model itself from there, with noise of `seed`.
    fn recorded(model: &Dvbf<f32>, seed: u64) -> (Array2<f32>, Dataset) {
        let rows = (STEPS - 1) * SEQUENCES;
        let mut start = Array2::zeros((SEQUENCES, 2));
        Noise::new(seed, 0).normal(start.as_slice_mut().unwrap());
        start *= 1.5;
        let mut control = Array2::zeros((STEPS * SEQUENCES, 1));
        Noise::new(seed, 1).normal(control.as_slice_mut().unwrap());
        let mut rollout = Rollout::new(model, SEQUENCES);
        let noise = Array2::zeros((rows, 2));
        let input = RolloutInput {
            start: start.view(),
            control: control.slice(s![..rows, ..]),
            noise: noise.view(),
        };
        let states = concatenate![Axis(0), start, rollout.states(model, input)];
        let mut seen = Array2::zeros((STEPS * SEQUENCES, 12));
        let mut noise = seen.clone();
        rollout.observe(model, states.view(), seen.view_mut());
        Noise::new(seed, 2).normal(noise.as_slice_mut().unwrap());
        seen += &(noise * NOISE);
        let by_sequence = |rows: &Array2<f32>| {
            Array3::from_shape_fn((SEQUENCES, STEPS, rows.ncols()), |(n, t, x)| {
                rows[[t * SEQUENCES + n, x]]
            })
        };
        let data = Dataset::observed(by_sequence(&seen), by_sequence(&control));
        (start, data)
    }

    /// What the recordings say of the numbers behind the constants of `model`.
    fn said(model: &Dvbf<f32>, start: &Array2<f32>, data: &Dataset) -> Information {
        let place = constants(model).unwrap();
        let all = Part::new(model, data, 0..SEQUENCES, STEPS).reduced(start.clone(), &place);
        told(&all, place.len(), 1.0).unwrap()
    }

    /// Constants that are wrong are carried back to those behind the recordings, from first states that are
    /// wrong too.
    #[test]
    fn one_step_leads_back_to_the_truth() {
        let truth = model();
        let (start, data) = recorded(&truth, 5);
        let here = said(&truth, &start, &data);
        for (shift, std) in here.shift.iter().zip(&here.std) {
            assert!(shift.abs() < 4.0 * std, "{here:?}");
        }
        let place = constants(&truth).unwrap();
        for i in 0..2 {
            let (mut wrong, mut flat) = (truth.clone(), truth.to_flat());
            let off = 8.0 * narrow(here.std[i]);
            flat[place.start + i] += off;
            wrong.set_flat(&flat);
            let found = said(&wrong, &start.mapv(|z| z + 0.02), &data);
            let left = f64::from(off) + found.shift[i] - here.shift[i];
            assert!(left.abs() < 0.2 * f64::from(off), "constant {i}: {found:?}, {here:?}");
        }
    }

    /// A constant that moves nothing is not told, and those beside it are.
    #[test]
    fn a_control_that_is_always_zero_tells_nothing_of_its_gain() {
        let truth = model();
        let (start, mut data) = recorded(&truth, 5);
        data.controls.fill(0.0);
        let found = said(&truth, &start, &data);
        let halves = found.half_widths();
        let names: Vec<String> =
            truth.transition().known().unwrap().constants.into_iter().map(|c| c.name).collect();
        for (name, half) in names.iter().zip(halves) {
            assert_eq!(half.is_finite(), name != "control_gain", "{name}: {half}");
        }
    }

    /// Over recordings with other noise, estimates are spread as the deviations say.
    #[test]
    fn deviations_are_those_of_repeated_recordings() {
        let truth = model();
        let runs: Vec<Information> = (0..40)
            .map(|seed| {
                let (start, data) = recorded(&truth, 100 + seed);
                said(&truth, &start, &data)
            })
            .collect();
        for i in 0..2 {
            let spread = runs.iter().map(|run| run.shift[i].powi(2)).sum::<f64>() / 40.0;
            let stated = runs.iter().map(|run| run.std[i].powi(2)).sum::<f64>() / 40.0;
            let ratio = (spread / stated).sqrt();
            assert!((0.7..1.4).contains(&ratio), "constant {i}: {ratio}");
        }
    }
}
