//! Open-loop prediction: filter a few frames, then predict without looking.

use super::infer::{Draw, infer, time_major};
use crate::data::Dataset;
use crate::pool::Pool;
use crate::train::{Purpose, stream};
use dvbf_core::{Dvbf, Rollout, Transition};
use dvbf_envs::{Environment, rollout};
use ndarray::{Array2, Array3, Axis, s};
use rayon::prelude::*;

/// Mean squared error per channel, one value a predicted frame, averaged over sequences.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenLoop {
    /// The error of predicted frame 1, 2, ….
    pub by_frame: Vec<f64>,
}

impl OpenLoop {
    /// Mean error of the first `horizon` predicted frames.
    pub fn at(&self, horizon: usize) -> f64 {
        let first = &self.by_frame[..horizon.min(self.by_frame.len())];
        first.iter().sum::<f64>() / first.len().max(1) as f64
    }

    /// Errors of predicted frames `(N, horizon, X)` that follow the first `filtered` frames.
    ///
    /// # Panics
    /// If `truth` has fewer sequences or frames.
    pub fn between(predicted: &Array3<f32>, truth: &Dataset, filtered: usize) -> Self {
        let (count, horizon, _) = predicted.dim();
        let truth = truth.observations.slice(s![..count, filtered..filtered + horizon, ..]);
        let by_frame = (0..horizon)
            .map(|t| {
                let pairs = predicted.index_axis(Axis(1), t);
                let truth = truth.index_axis(Axis(1), t);
                let sum: f64 = pairs.iter().zip(truth).map(|(p, x)| f64::from(p - x).powi(2)).sum();
                sum / pairs.len().max(1) as f64
            })
            .collect();
        Self { by_frame }
    }
}

/// Predicted frames `(N, horizon, X)` of the first `count` recordings: the mean path of the filter
/// over `filtered` frames, then the transition with zero noise under the recorded controls.
///
/// # Panics
/// If the recordings are shorter than `filtered + horizon` frames.
pub fn predict(
    model: &Dvbf<f32>,
    data: &Dataset,
    (filtered, horizon): (usize, usize),
    count: usize,
    pool: &Pool,
) -> Array3<f32> {
    const CHUNK: usize = 25;
    let dims = model.transition().dims();
    let start = infer(model, data, filtered, Draw::Mean, pool).state;
    let starts: Vec<usize> = (0..count).step_by(CHUNK).collect();
    let parts: Vec<Array3<f32>> = pool.install(|| {
        starts
            .par_iter()
            .map(|&first| {
                let range = first..(first + CHUNK).min(count);
                let n = range.len();
                let z = start.slice(s![range.clone(), filtered - 1, ..]).to_owned();
                let u = time_major(&data.controls, range, filtered + horizon - 1);
                let u = u.slice(s![(filtered - 1) * n.., ..]);
                let mut run = Rollout::new(model, n);
                let w = Array2::zeros((horizon * n, dims.noise));
                let states = run.states(model, z.view(), u, w.view());
                let mut mean = Array2::zeros((horizon * n, model.observation()));
                run.observe(model, states.view(), mean.view_mut());
                let frames = mean
                    .into_shape_with_order((horizon, n, model.observation()))
                    .expect("rows are steps of sequences");
                frames.permuted_axes([1, 0, 2]).as_standard_layout().into_owned()
            })
            .collect()
    });
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    ndarray::concatenate(Axis(0), &views).expect("chunks have equal shapes")
}

/// The model's open-loop error on all recordings.
///
/// # Panics
/// If the recordings are shorter than `filtered + horizon` frames.
pub fn rollout_errors(
    model: &Dvbf<f32>,
    data: &Dataset,
    (filtered, horizon): (usize, usize),
    pool: &Pool,
) -> OpenLoop {
    let predicted = predict(model, data, (filtered, horizon), data.observations.dim().0, pool);
    OpenLoop::between(&predicted, data, filtered)
}

/// Errors of predictors that learned nothing, or that know the equations.
#[derive(Clone, Debug, PartialEq)]
pub struct Baselines {
    /// The last filtered frame, repeated.
    pub persistence: OpenLoop,
    /// The mean training image.
    pub mean_image: OpenLoop,
    /// The true equations from a [slightly wrong](dvbf_envs::StateVariable::error) state, if they
    /// are known.
    pub physics: Option<OpenLoop>,
}

/// Errors of the baselines on the same frames.
///
/// # Panics
/// If the recordings are shorter than `filtered + horizon` frames or of another system than `env`.
pub fn baselines(
    env: Option<&dyn Environment>,
    train: &Dataset,
    data: &Dataset,
    (filtered, horizon): (usize, usize),
) -> Baselines {
    let (count, _, channels) = data.observations.dim();
    let shape = (count, horizon, channels);
    let last = data.observations.slice(s![.., filtered - 1..filtered, ..]);
    let persistence = last.broadcast(shape).expect("one frame for all").to_owned();
    let mean = train
        .observations
        .mean_axis(Axis(0))
        .and_then(|m| m.mean_axis(Axis(0)))
        .expect("there are training frames");
    let mean_image = mean.broadcast(shape).expect("one image for all").to_owned();

    Baselines {
        persistence: OpenLoop::between(&persistence, data, filtered),
        mean_image: OpenLoop::between(&mean_image, data, filtered),
        physics: env.map(|env| physics(env, data, (filtered, horizon))),
    }
}

/// Error of the true equations from a slightly wrong state.
fn physics(env: &dyn Environment, data: &Dataset, (filtered, horizon): (usize, usize)) -> OpenLoop {
    let variables = env.spec().state;
    let count = data.observations.dim().0;
    let mut noise = Array2::<f64>::zeros((count, variables.len()));
    let values = noise.as_slice_mut().expect("a fresh array is contiguous");
    stream(0, Purpose::Physics, 0, 0).normal(values);
    let mut initial = data.states.slice(s![.., filtered - 1, ..]).mapv(f64::from);
    for (mut state, noise) in initial.rows_mut().into_iter().zip(noise.rows()) {
        for ((value, noise), variable) in state.iter_mut().zip(noise).zip(&variables) {
            *value += variable.error * noise;
        }
    }
    let controls = data.controls.slice(s![.., filtered - 1..filtered + horizon, ..]);
    let simulated = rollout(env, initial.view(), controls);
    let frames = simulated.observations.slice(s![.., 1.., ..]).to_owned();
    OpenLoop::between(&frames, data, filtered)
}
