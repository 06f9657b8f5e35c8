//! A linear autoregressive model with inputs, fitted by least squares: the yardstick that anything
//! learned has to beat where the data are not linear.
//!
//! `x_{t+1} = c + Σ_{i<p} A_i x_{t−i} + Σ_{i<p} B_i u_{t−i}`. What is missing among the regressors
//! counts as its last known value while fitting, and as what the model predicts afterwards. The order
//! `p` is the one that predicts the validation sequences best.

use super::OpenLoop;
use super::components::Components;
use crate::settings::Span;
use dvbf_data::Dataset;
use nalgebra::{Cholesky, DMatrix, DVector};
use ndarray::Array3;

/// Regressors of one component, at most.
const REGRESSORS: usize = 260;
/// Orders that are tried.
const ORDERS: [usize; 6] = [1, 2, 3, 5, 8, 12];
/// Training steps that are used, at most.
const STEPS: usize = 40_000;

/// The fitted model.
#[derive(Clone, Debug)]
pub struct Autoregression {
    components: Components,
    order: usize,
    /// `(regressors, C)`.
    coefficients: DMatrix<f64>,
    /// Root mean square of what one step ahead is left, over channels and steps.
    residual: f64,
}

/// One sequence in components: values with gaps as NaN, and the controls.
struct Track {
    values: Vec<Vec<f64>>,
    controls: Vec<Vec<f64>>,
}

impl Track {
    fn of(data: &Dataset, n: usize, components: &Components) -> Self {
        let length = data.lengths[n];
        let control = |t: usize| {
            data.controls.slice(ndarray::s![n, t, ..]).iter().map(|&u| f64::from(u)).collect()
        };
        Self {
            values: (0..length).map(|t| components.project(data, (n, t))).collect(),
            controls: (0..length).map(control).collect(),
        }
    }
}

impl Autoregression {
    /// The model whose order predicts `validation` best; `None` if there is too little to fit.
    ///
    /// # Panics
    /// If the validation sequences are shorter than `filtered + horizon` steps.
    pub fn fit(train: &Dataset, validation: &Dataset, span: Span) -> Option<Self> {
        let components = Components::of(train, 16);
        let mut tracks = Vec::new();
        let mut steps = 0;
        for n in 0..train.lengths.len() {
            if steps > STEPS {
                break;
            }
            tracks.push(Track::of(train, n, &components));
            steps += train.lengths[n];
        }
        let width = components.count() + train.controls.dim().2;
        let orders = ORDERS.into_iter().filter(|&p| {
            p == 1 || (p <= span.filtered && p * width < REGRESSORS && 3 * p * width < steps)
        });
        let score = |model: &Self| {
            let error = model.errors(validation, span).at(span.horizon);
            if error.is_finite() { error } else { f64::INFINITY }
        };
        orders
            .filter_map(|p| Self::of_order(p, &tracks, components.clone()))
            .map(|model| (score(&model), model))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, model)| model)
    }

    fn of_order(order: usize, tracks: &[Track], components: Components) -> Option<Self> {
        let width = components.count();
        let controls = tracks.first().map_or(0, |t| t.controls[0].len());
        let size = 1 + order * (width + controls);
        let (mut gram, mut cross) = (DMatrix::zeros(size, size), DMatrix::zeros(size, width));
        // Every component has a gram matrix of its own where it alone is missing; few are, and a
        // target that is missing is left out with its whole step.
        let mut count = 0.0;
        let mut squares = 0.0;
        each_step(tracks, order, |regressors, target| {
            gram.ger(1.0, regressors, regressors, 1.0);
            cross.ger(1.0, regressors, target, 1.0);
            squares += target.norm_squared();
            count += 1.0;
        });
        if count < 2.0 {
            return None;
        }
        ridge(&mut gram, 1e-6);
        let coefficients = Cholesky::new(gram.clone())?.solve(&cross);
        let explained = (cross.component_mul(&coefficients)).sum() * 2.0
            - (coefficients.transpose() * &gram * &coefficients).trace();
        let residual = ((squares - explained).max(0.0) / (count * width as f64)).sqrt();
        Some(Self { components, order, coefficients, residual })
    }

    /// The order `p`.
    pub fn order(&self) -> usize {
        self.order
    }

    /// Root mean square error of one step ahead on the training steps.
    pub fn residual(&self) -> f64 {
        self.residual
    }

    /// Predicted frames `(N, horizon, X)` after `filtered` frames.
    ///
    /// # Panics
    /// If the sequences are shorter than `filtered + horizon` steps.
    pub fn predict(&self, data: &Dataset, span: Span) -> Array3<f32> {
        let (count, _, channels) = data.observations.dim();
        let mut out = Array3::zeros((count, span.horizon, channels));
        for n in 0..count {
            let mut track = Track::of(data, n, &self.components);
            track.values[span.filtered..].iter_mut().for_each(|v| v.fill(f64::NAN));
            for t in 0..span.frames() {
                // The first frames have nothing before them to be predicted from.
                let predicted = if t < self.order {
                    last_known(&track.values, t)
                } else {
                    (self.coefficients.tr_mul(&regressors(&track, self.order, t)))
                        .as_slice()
                        .to_vec()
                };
                for (value, predicted) in track.values[t].iter_mut().zip(predicted) {
                    if value.is_nan() {
                        *value = predicted;
                    }
                }
                if t >= span.filtered {
                    let frame = self.components.frame(&track.values[t]);
                    for (x, value) in frame.into_iter().enumerate() {
                        out[[n, t - span.filtered, x]] = dvbf_data::narrow(value);
                    }
                }
            }
        }
        out
    }

    /// Open-loop error on the same frames.
    ///
    /// # Panics
    /// If the sequences are shorter than `filtered + horizon` steps.
    pub fn errors(&self, data: &Dataset, span: Span) -> OpenLoop {
        OpenLoop::between(&self.predict(data, span), data, span.filtered)
    }
}

/// Adds the `share` of every diagonal element to itself: the same in all units. What was never
/// anything but zero gets a one, which makes its coefficient zero.
pub(super) fn ridge(gram: &mut DMatrix<f64>, share: f64) {
    for i in 0..gram.nrows() {
        let own = gram[(i, i)];
        gram[(i, i)] += if own > 0.0 { share * own } else { 1.0 };
    }
}

/// The value before step `t`, zero at the beginning.
fn last_known(values: &[Vec<f64>], t: usize) -> Vec<f64> {
    if t == 0 { vec![0.0; values[0].len()] } else { values[t - 1].clone() }
}

/// `[1, x_{t−1}, u_{t−1}, x_{t−2}, u_{t−2}, …]`, from which `x_t` is predicted.
fn regressors(track: &Track, order: usize, t: usize) -> DVector<f64> {
    let past =
        (1..=order).flat_map(|i| track.values[t - i].iter().chain(&track.controls[t - i]).copied());
    let all: Vec<f64> = std::iter::once(1.0).chain(past).collect();
    DVector::from_vec(all)
}

/// Hands out regressors and target of every step whose target is known.
fn each_step(tracks: &[Track], order: usize, mut each: impl FnMut(&DVector<f64>, &DVector<f64>)) {
    for track in tracks {
        let mut filled = track.values.clone();
        for t in 0..filled.len() {
            let before = last_known(&filled, t);
            for (value, before) in filled[t].iter_mut().zip(before) {
                if value.is_nan() {
                    *value = before;
                }
            }
        }
        let filled = Track { values: filled, controls: track.controls.clone() };
        for t in order..track.values.len() {
            if track.values[t].iter().all(|v| !v.is_nan()) {
                let target = DVector::from_column_slice(&track.values[t]);
                each(&regressors(&filled, order, t), &target);
            }
        }
    }
}
