//! Some sequences, each followed by the equation from a start of its own.

use crate::eval::infer::time_major;
use dvbf_core::dynamics::ComponentKind;
use dvbf_core::{Dvbf, Params, Rollout, RolloutInput};
use dvbf_data::{Dataset, narrow};
use nalgebra::{DMatrix, DVector};
use ndarray::{Array2, Array3, Axis, concatenate, s};
use std::ops::Range;

/// Step of the differences with respect to learned numbers, and to states in typical magnitudes.
const STEP: f32 = 1e-2;
/// Steps towards the best first states.
const REFINEMENTS: usize = 8;
/// Highest multiple or power of `h`.
const ORDER: i32 = 3;

/// Curvature and gradient of a sequence in constants and coefficients, its first state eliminated.
pub(super) struct Reduced {
    pub(super) curvature: DMatrix<f64>,
    pub(super) score: DVector<f64>,
}

/// Some sequences, time-major.
pub(super) struct Part<'a> {
    model: &'a Dvbf<f32>,
    sequences: usize,
    steps: usize,
    observed: Array2<f32>,
    mask: Option<Array2<f32>>,
    control: Array2<f32>,
    /// Steps of every sequence.
    lengths: Vec<usize>,
    /// Differences of a component of the state.
    scale: Vec<f32>,
}

/// What the frames say of the states of a rollout, row by row.
struct Fit {
    /// `(∂μ/∂z)ᵀ Σ⁻¹ (∂μ/∂z)`, `(R, Z, Z)`.
    curvature: Array3<f64>,
    /// `(∂μ/∂z)ᵀ Σ⁻¹ (x − μ)`, `(R, Z)`.
    pull: Array2<f64>,
    /// Half the weighted squares of every sequence.
    cost: Vec<f64>,
}

impl Fit {
    /// Takes over what another fit says of sequence `b` of `sequences`.
    fn take(&mut self, other: &Self, b: usize, sequences: usize) {
        let rows = s![b..; sequences, ..];
        self.pull.slice_mut(rows).assign(&other.pull.slice(rows));
        let rows = s![b..; sequences, .., ..];
        self.curvature.slice_mut(rows).assign(&other.curvature.slice(rows));
        self.cost[b] = other.cost[b];
    }
}

impl<'a> Part<'a> {
    pub(super) fn new(
        model: &'a Dvbf<f32>,
        data: &Dataset,
        range: Range<usize>,
        steps: usize,
    ) -> Self {
        let components = model.transition().components();
        Self {
            model,
            sequences: range.len(),
            steps,
            observed: time_major(&data.observations, range.clone(), steps),
            mask: data.mask.as_ref().map(|mask| time_major(mask, range.clone(), steps)),
            control: time_major(&data.controls, range.clone(), steps),
            lengths: data.lengths[range].to_vec(),
            scale: components.iter().map(|c| STEP * narrow(c.scale)).collect(),
        }
    }

    /// States of all steps, `(T·B, Z)`.
    fn states(&self, model: &Dvbf<f32>, start: &Array2<f32>) -> Array2<f32> {
        let rows = (self.steps - 1) * self.sequences;
        let noise = Array2::zeros((rows, model.transition().dims().noise));
        let mut rollout = Rollout::new(model, self.sequences);
        let later = rollout.states(
            model,
            RolloutInput {
                start: start.view(),
                control: self.control.slice(s![..rows, ..]),
                noise: noise.view(),
            },
        );
        concatenate![Axis(0), *start, later]
    }

    fn fit(&self, states: &Array2<f32>) -> Fit {
        let emission = self.model.emission();
        let (rows, z) = states.dim();
        let channels = emission.observation();
        let mut scratch = emission.scratch();
        emission.prepare(&mut scratch);
        let mut mean = Array2::zeros((rows, channels));
        emission.mean(states.view(), mean.view_mut(), &mut scratch);
        let mut jacobian = Array3::zeros((rows, channels, z));
        emission.mean_jacobian(states.view(), jacobian.view_mut(), &mut scratch);
        let log_std = emission.log_std();
        let mut fit = Fit {
            curvature: Array3::zeros((rows, z, z)),
            pull: Array2::zeros((rows, z)),
            cost: vec![0.0; self.sequences],
        };
        for row in 0..rows {
            let sequence = row % self.sequences;
            if row / self.sequences >= self.lengths[sequence] {
                continue;
            }
            for channel in 0..channels {
                if self.mask.as_ref().is_some_and(|mask| mask[[row, channel]] <= 0.0) {
                    continue;
                }
                let std = f64::from(log_std[channel.min(log_std.len() - 1)]).exp();
                let weight = 1.0 / (std * std);
                let left = f64::from(self.observed[[row, channel]] - mean[[row, channel]]);
                fit.cost[sequence] += 0.5 * weight * left * left;
                let slopes = jacobian.slice(s![row, channel, ..]);
                for (i, &a) in slopes.iter().enumerate() {
                    let a = weight * f64::from(a);
                    fit.pull[[row, i]] += a * left;
                    for (j, &b) in slopes.iter().enumerate() {
                        fit.curvature[[row, i, j]] += a * f64::from(b);
                    }
                }
            }
        }
        fit
    }

    /// `∂z_t/∂z₁ (T·B, Z, Z)`, the last axis being `z₁`.
    fn by_start(&self, start: &Array2<f32>) -> Array3<f64> {
        let z = start.ncols();
        let mut out = Array3::zeros((self.steps * self.sequences, z, z));
        for i in 0..z {
            let moved = |by: f32| {
                let mut start = start.clone();
                start.column_mut(i).mapv_inplace(|z| z + by);
                self.states(self.model, &start)
            };
            let step = self.scale[i];
            let difference = moved(step) - moved(-step);
            let to = difference.mapv(|d| f64::from(d) / (2.0 * f64::from(step)));
            out.slice_mut(s![.., .., i]).assign(&to);
        }
        out
    }

    /// `∂z_t/∂r (T·B, Z, p)` for the learned numbers at these places.
    fn by_constants(&self, start: &Array2<f32>, place: &Range<usize>) -> Array3<f64> {
        let (z, flat) = (start.ncols(), self.model.to_flat());
        let mut out = Array3::zeros((self.steps * self.sequences, z, place.len()));
        for i in 0..place.len() {
            let moved = |by: f32| {
                let (mut values, mut model) = (flat.clone(), self.model.clone());
                values[place.start + i] += by;
                model.set_flat(&values);
                self.states(&model, start)
            };
            let difference = moved(STEP) - moved(-STEP);
            let to = difference.mapv(|d| f64::from(d) / (2.0 * f64::from(STEP)));
            out.slice_mut(s![.., .., i]).assign(&to);
        }
        out
    }

    /// `∂h/∂(a, b)` at the states, `(T·B, Z, J)`.
    fn by_drawing(&self, states: &Array2<f32>) -> Array3<f64> {
        let components = self.model.transition().components();
        let (rows, z) = states.dim();
        let mut columns: Vec<(usize, Vec<f64>)> = Vec::new();
        for (i, component) in components.iter().enumerate().filter(|(_, c)| !c.velocity) {
            let own = states.column(i).mapv(f64::from);
            for order in 1..=ORDER {
                match component.kind {
                    ComponentKind::Angle | ComponentKind::CountedAngle => {
                        let phase = own.mapv(|z| z * f64::from(order));
                        columns.push((i, phase.iter().map(|p| p.sin()).collect()));
                        columns.push((i, phase.iter().map(|p| p.cos()).collect()));
                    }
                    ComponentKind::Linear => {
                        let power = |z: &f64| component.scale * (z / component.scale).powi(order);
                        columns.push((i, own.iter().map(power).collect()));
                    }
                }
            }
        }
        let mut out = Array3::zeros((rows, z, columns.len()));
        for (j, (i, column)) in columns.into_iter().enumerate() {
            for (row, value) in column.into_iter().enumerate() {
                out[[row, i, j]] = value;
            }
        }
        out
    }

    /// Curvature and gradient of sequence `b` along sensitivities `(T·B, Z, Q)`.
    fn normal(&self, b: usize, fit: &Fit, by: &Array3<f64>) -> (DMatrix<f64>, DVector<f64>) {
        let (_, z, q) = by.dim();
        let (mut curvature, mut gradient) = (DMatrix::zeros(q, q), DVector::zeros(q));
        for t in 0..self.steps {
            let row = t * self.sequences + b;
            let along = DMatrix::from_fn(z, q, |i, j| by[[row, i, j]]);
            let own = DMatrix::from_fn(z, z, |i, j| fit.curvature[[row, i, j]]);
            let pull = DVector::from_fn(z, |i, _| fit.pull[[row, i]]);
            curvature += along.transpose() * own * &along;
            gradient += along.transpose() * pull;
        }
        (curvature, gradient)
    }

    /// The first states that fit best.
    fn refined(&self, mut start: Array2<f32>) -> Array2<f32> {
        let z = start.ncols();
        let mut damping = vec![1e-3; self.sequences];
        let mut fit = self.fit(&self.states(self.model, &start));
        for _ in 0..REFINEMENTS {
            let by = self.by_start(&start);
            let mut tried = start.clone();
            for (b, damping) in damping.iter().enumerate() {
                let (mut curvature, gradient) = self.normal(b, &fit, &by);
                for i in 0..z {
                    curvature[(i, i)] += damping * curvature[(i, i)] + 1e-9;
                }
                if let Some(factor) = curvature.cholesky() {
                    let step = factor.solve(&gradient);
                    for i in 0..z {
                        tried[[b, i]] += narrow(step[i]);
                    }
                }
            }
            let new = self.fit(&self.states(self.model, &tried));
            for (b, damping) in damping.iter_mut().enumerate() {
                if new.cost[b] < fit.cost[b] {
                    start.row_mut(b).assign(&tried.row(b));
                    fit.take(&new, b, self.sequences);
                    *damping *= 0.3;
                } else {
                    *damping *= 10.0;
                }
            }
        }
        start
    }

    /// What every sequence says of constants and drawing.
    pub(super) fn reduced(&self, start: Array2<f32>, place: &Range<usize>) -> Vec<Reduced> {
        let start = self.refined(start);
        let states = self.states(self.model, &start);
        let fit = self.fit(&states);
        let by = concatenate![
            Axis(2),
            self.by_start(&start),
            self.by_constants(&start, place),
            self.by_drawing(&states)
        ];
        let z = start.ncols();
        (0..self.sequences)
            .map(|b| {
                let (mut curvature, gradient) = self.normal(b, &fit, &by);
                let rest = gradient.len() - z;
                for i in 0..z {
                    curvature[(i, i)] += 1e-9;
                }
                let own = curvature.view((0, 0), (z, z)).into_owned();
                let cross = curvature.view((z, 0), (rest, z)).into_owned();
                let all = curvature.view((z, z), (rest, rest)).into_owned();
                let (first, score) = (gradient.rows(0, z), gradient.rows(z, rest));
                match own.cholesky() {
                    Some(factor) => Reduced {
                        curvature: all - &cross * factor.solve(&cross.transpose()),
                        score: score - &cross * factor.solve(&first.into_owned()),
                    },
                    None => Reduced {
                        curvature: DMatrix::zeros(rest, rest),
                        score: DVector::zeros(rest),
                    },
                }
            })
            .collect()
    }
}
