//! A piece with its regressors: coefficients of a form, and what they say of steps that were left out.

use super::folds::folds;
use super::piece::{Labelled, MapKind};
use super::ridge::Sums;
use dvbf_core::{Interval, Memory, ReadoutInput, Reference, StaticMap};
use ndarray::Array2;
use std::ops::Range;

/// How often the static part is fitted again beside the memory.
const ROUNDS: usize = 3;
/// How far beyond the labels an estimate may go, as a share of their range.
const MARGIN: f64 = 0.1;
/// Steps that sums are made of, about: of longer pieces every so many are taken, for neighbors say the same.
const ROWS: usize = 6000;

/// A form that is tried.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub(super) map: MapKind,
    pub(super) share: f64,
    pub(super) memory: Memory,
    pub(super) remembered: f64,
}

/// Coefficients of a form.
#[derive(Debug)]
pub(super) struct Parts {
    offset: f64,
    weights: Vec<f64>,
    memory: Vec<f64>,
}

/// A piece with its regressors.
pub(super) struct Prepared<'a> {
    labelled: Labelled<'a>,
    mean: Vec<f64>,
    scale: Vec<f64>,
    map: MapKind,
    /// `(T, R)`.
    regressors: Array2<f64>,
    pub(super) folds: Vec<Range<usize>>,
    /// Steps of which one is part of the sums.
    every: usize,
    /// Of all steps but those of a fold, and at last of all.
    sums: Vec<Sums>,
}

impl<'a> Prepared<'a> {
    #[track_caller]
    pub(super) fn of(labelled: Labelled<'a>, map: MapKind) -> Self {
        let Labelled { inputs, target, .. } = labelled;
        let (steps, width) = inputs.dim();
        assert_eq!(steps, target.len(), "inputs against targets");
        let count = steps.max(1) as f64;
        let mean: Vec<f64> = inputs.columns().into_iter().map(|c| c.sum() / count).collect();
        let scale: Vec<f64> = inputs
            .columns()
            .into_iter()
            .zip(&mean)
            .map(|(c, m)| (c.iter().map(|v| (v - m).powi(2)).sum::<f64>() / count).sqrt())
            .map(|s| if s > 1e-9 { s } else { 1.0 })
            .collect();
        let (mean, scale) = match map {
            MapKind::Shared(_) => pooled(&mean, &scale),
            _ => (mean, scale),
        };
        let terms = match map {
            MapKind::Additive(degree) | MapKind::Shared(degree) => degree * width,
            MapKind::Products(2) => width + width * (width + 1) / 2,
            MapKind::Products(_) => {
                width + width * (width + 1) / 2 + width * (width + 1) * (width + 2) / 6
            }
        };
        let mut regressors = Array2::zeros((steps, terms));
        for (input, mut row) in inputs.rows().into_iter().zip(regressors.rows_mut()) {
            let n: Vec<f64> =
                input.iter().zip(&mean).zip(&scale).map(|((v, m), s)| (v - m) / s).collect();
            let products: Vec<f64> = match map {
                MapKind::Additive(degree) | MapKind::Shared(degree) => (1..=degree)
                    .flat_map(|k| n.iter().map(move |n| n.powi(i32::try_from(k).unwrap_or(1))))
                    .collect(),
                MapKind::Products(degree) => {
                    let pairs = || (0..width).flat_map(|i| (i..width).map(move |j| (i, j)));
                    let triples = pairs().flat_map(|(i, j)| (j..width).map(move |k| (i, j, k)));
                    let triples =
                        triples.filter(|_| degree > 2).map(|(i, j, k)| n[i] * n[j] * n[k]);
                    let pairs = pairs().map(|(i, j)| n[i] * n[j]);
                    n.iter().copied().chain(pairs).chain(triples).collect()
                }
            };
            row.iter_mut().zip(products).for_each(|(to, from)| *to = from);
        }
        let folds = folds(steps);
        let every = steps.div_ceil(ROWS).max(1);
        let of = |range: Range<usize>| {
            let known = range.filter(|&t| t % every == 0 && target[t].is_finite());
            let row = |t: usize| regressors.row(t).to_slice().expect("rows are contiguous");
            Sums::of(terms, known.map(|t| (row(t), target[t])))
        };
        let all = of(0..steps);
        let without = folds.iter().map(|fold| all.without(&of(fold.clone())));
        let sums = without.chain([all.clone()]).collect();
        Self { labelled, mean, scale, map, regressors, folds, every, sums }
    }

    /// Residuals of steps that were left out, and estimates of them.
    pub(super) fn left_out(&self, form: &Form) -> Option<(Vec<f64>, Vec<f64>)> {
        let (mut residuals, mut values) = (Vec::new(), Vec::new());
        for (place, fold) in self.folds.iter().enumerate() {
            let parts = self.train(form, place)?;
            let estimates = self.run(&parts, form, fold.end);
            for t in fold.clone() {
                if self.labelled.target[t].is_finite() {
                    residuals.push(self.labelled.target[t] - estimates[t]);
                    values.push(estimates[t]);
                }
            }
        }
        Some((residuals, values))
    }

    fn solve(&self, sums: &Sums, share: f64) -> Option<(f64, Vec<f64>)> {
        match self.map {
            MapKind::Shared(_) => sums.solve_shared(self.mean.len(), share),
            _ => sums.solve(share),
        }
    }

    /// Coefficients from all steps but those of a fold.
    pub(super) fn train(&self, form: &Form, fold: usize) -> Option<Parts> {
        let target = self.labelled.target;
        let left = self.folds.get(fold).cloned().unwrap_or_default();
        let steps: Vec<usize> =
            (0..target.len()).step_by(self.every).filter(|t| !left.contains(t)).collect();
        let steps: Vec<usize> = steps.into_iter().filter(|&t| target[t].is_finite()).collect();
        let row = |t: usize| self.regressors.row(t).to_slice().expect("rows are contiguous");
        let (offset, weights) = self.solve(&self.sums[fold], form.share)?;
        let mut parts = Parts { offset, weights, memory: vec![0.0, 1.0] };
        if form.memory.is_empty() {
            return Some(parts);
        }
        for round in 0..ROUNDS {
            let shown = self.remember(&parts, form, target.len());
            let width = 1 + form.memory.len();
            let line = |t: usize| &shown[t * width..(t + 1) * width];
            let (constant, weights) = Sums::of(width, steps.iter().map(|&t| (line(t), target[t])))
                .solve_beside_first(form.remembered)?;
            parts.memory = [vec![constant], weights].concat();
            if round + 1 < ROUNDS {
                // The static part of what the memory does not explain.
                let own = parts.memory[1].max(0.2);
                let rest = |t: usize| {
                    let line = line(t).iter().skip(1).zip(&parts.memory[2..]);
                    (target[t] - parts.memory[0] - line.map(|(m, w)| m * w).sum::<f64>()) / own
                };
                let rows = steps.iter().map(|&t| (row(t), rest(t)));
                (parts.offset, parts.weights) =
                    self.solve(&self.sums[fold].retargeted(rows), form.share)?;
            }
        }
        Some(parts)
    }

    /// `[y, e …, Σ p …]` of the first `steps` steps.
    fn remember(&self, parts: &Parts, form: &Form, steps: usize) -> Vec<f64> {
        let width = 1 + form.memory.len();
        let none = Interval { constant: 0.0, relative: 0.0 };
        let plain = Parts {
            offset: parts.offset,
            weights: parts.weights.clone(),
            memory: vec![0.0; 1 + width],
        };
        let reference = self.reference(plain, form, ("", ReadoutInput::State), none);
        let mut state = reference.start(self.labelled.dt);
        let mut out = Vec::with_capacity(steps * width);
        for row in self.labelled.inputs.rows().into_iter().take(steps) {
            reference.step(&mut state, row.iter().copied());
            let (own, remembered) = state.shown();
            out.push(reference.offset + own.iter().sum::<f64>());
            out.extend_from_slice(remembered);
        }
        out
    }

    /// The range of the labels and a tenth of it to both sides.
    fn limits(&self) -> [f64; 2] {
        let known = self.labelled.target.iter().copied().filter(|f| f.is_finite());
        let (low, high) =
            known.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), f| (l.min(f), h.max(f)));
        let more = MARGIN * (high - low);
        [low - more, high + more]
    }

    fn run(&self, parts: &Parts, form: &Form, steps: usize) -> Vec<f64> {
        let [low, high] = self.limits();
        if form.memory.is_empty() {
            let rows = self.regressors.rows().into_iter().take(steps);
            let dot = |row: ndarray::ArrayView1<'_, f64>| {
                row.iter().zip(&parts.weights).map(|(r, w)| r * w).sum::<f64>()
            };
            return rows.map(|row| (parts.offset + dot(row)).clamp(low, high)).collect();
        }
        let width = 1 + form.memory.len();
        self.remember(parts, form, steps)
            .chunks_exact(width)
            .map(|line| {
                let weighted = line.iter().zip(&parts.memory[1..]).map(|(m, w)| m * w);
                (parts.memory[0] + weighted.sum::<f64>()).clamp(low, high)
            })
            .collect()
    }

    pub(super) fn reference(
        &self,
        parts: Parts,
        form: &Form,
        (name, input): (&str, ReadoutInput),
        interval: Interval,
    ) -> Reference {
        let weights = parts.weights;
        Reference {
            name: name.into(),
            input,
            mean: self.mean.clone(),
            scale: self.scale.clone(),
            map: match self.map {
                MapKind::Additive(degree) | MapKind::Shared(degree) => {
                    StaticMap::Additive { degree, weights }
                }
                MapKind::Products(degree) => StaticMap::Products { degree, weights },
            },
            offset: parts.offset,
            limits: self.limits(),
            memory: form.memory.clone(),
            weights: parts.memory,
            interval,
        }
    }
}

/// No mean, and one scale for all inputs.
fn pooled(mean: &[f64], scale: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let squares = mean.iter().zip(scale).map(|(m, s)| m * m + s * s);
    let size = (squares.sum::<f64>() / mean.len().max(1) as f64).sqrt();
    (vec![0.0; mean.len()], vec![size; mean.len()])
}
