//! Open-loop prediction: filter a few frames, then predict without looking.

use super::infer::{Draw, infer, time_major};
use super::{Autoregression, Kalman};
use crate::data::{Dataset, Splits};
use crate::pool::Pool;
use crate::train::{Purpose, stream};
use dvbf_core::{Dvbf, Rollout, Transition};
use dvbf_envs::{Environment, rollout};
use ndarray::{Array1, Array2, Array3, Axis, s};
use rayon::prelude::*;

/// Mean squared error per channel, one value a predicted frame, averaged over sequences.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenLoop {
    /// The error of predicted frame 1, 2, …; none of a frame of which nothing was observed.
    pub by_frame: Vec<Option<f64>>,
}

impl OpenLoop {
    /// Mean error of those of the first `horizon` predicted frames of which something was observed;
    /// NaN if nothing was.
    pub fn at(&self, horizon: usize) -> f64 {
        let first = self.by_frame.iter().take(horizon).flatten();
        let (sum, count) = first.fold((0.0, 0.0), |(sum, count), error| (sum + error, count + 1.0));
        sum / count
    }

    /// Errors of predicted frames `(N, horizon, X)` that follow the first `filtered` frames, over what
    /// was observed.
    ///
    /// # Panics
    /// If `truth` has fewer sequences or frames.
    pub fn between(predicted: &Array3<f32>, truth: &Dataset, filtered: usize) -> Self {
        let (count, horizon, channels) = predicted.dim();
        let frames = s![..count, filtered..filtered + horizon, ..];
        let mask = truth.mask.as_ref().map(|mask| mask.slice(frames));
        let truth = truth.observations.slice(frames);
        let by_frame = (0..horizon)
            .map(|t| {
                let pairs = predicted.index_axis(Axis(1), t);
                let truth = truth.index_axis(Axis(1), t);
                let error = |p: &f32, x: &f32| f64::from(p - x).powi(2);
                let Some(mask) = &mask else {
                    let sum: f64 = pairs.iter().zip(truth).map(|(p, x)| error(p, x)).sum();
                    return Some(sum / (count * channels).max(1) as f64);
                };
                let mask = mask.index_axis(Axis(1), t);
                let seen = pairs.iter().zip(truth).zip(mask).filter(|(_, m)| **m > 0.0);
                let (sum, n) =
                    seen.fold((0.0, 0.0), |(sum, n), ((p, x), _)| (sum + error(p, x), n + 1.0));
                (n > 0.0).then(|| sum / n)
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
    /// A linear autoregressive model with inputs, if it was asked for.
    pub linear: Option<OpenLoop>,
    /// Principal components and a Kalman filter, if they were asked for.
    pub kalman: Option<OpenLoop>,
}

impl Baselines {
    /// The same with linear models fitted to the training sequences, whose order is chosen on the
    /// validation sequences.
    ///
    /// # Panics
    /// If the long sequences are shorter than `filtered + horizon` frames.
    #[must_use]
    pub fn with_linear(self, splits: &Splits, window: (usize, usize), pool: &Pool) -> Self {
        let (train, held, test) = (&splits.train, &splits.validation_long, &splits.test_long);
        let (linear, kalman) = pool.join(
            || Autoregression::fit(train, held, window).map(|model| model.errors(test, window)),
            || Kalman::fit(train, held, window).and_then(|model| model.errors(test, window)),
        );
        Self { linear, kalman, ..self }
    }
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
    let mean = mean_frame(train);
    // Of a channel that was not seen yet, the mean is the last that is known.
    let last = Array3::from_shape_fn((count, 1, channels), |(n, _, x)| {
        let seen = (0..filtered).rev().find(|&t| data.is_observed((n, t, x)));
        seen.map_or(mean[x], |t| data.observations[[n, t, x]])
    });
    let persistence = last.broadcast(shape).expect("one frame for all").to_owned();
    let mean_image = mean.broadcast(shape).expect("one image for all").to_owned();

    Baselines {
        persistence: OpenLoop::between(&persistence, data, filtered),
        mean_image: OpenLoop::between(&mean_image, data, filtered),
        physics: env.map(|env| physics(env, data, (filtered, horizon))),
        linear: None,
        kalman: None,
    }
}

/// Mean of every channel over all frames where it was observed.
fn mean_frame(data: &Dataset) -> Array1<f32> {
    let Some(mask) = &data.mask else {
        let mean = data.observations.mean_axis(Axis(0)).and_then(|m| m.mean_axis(Axis(0)));
        return mean.expect("there are training frames");
    };
    let sum = |values: &Array3<f32>| values.sum_axis(Axis(0)).sum_axis(Axis(0));
    sum(&data.observations) / sum(mask).mapv(|n| n.max(1.0))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Two filtered and four predicted frames of two sequences, all one; of the predicted ones the
    /// second was not seen at all, and of the third one value.
    fn gappy() -> Dataset {
        let mut mask = Array3::from_elem((2, 6, 2), 1.0);
        mask.slice_mut(s![.., 3, ..]).fill(0.0);
        mask.slice_mut(s![.., 4, ..]).fill(0.0);
        mask[[1, 4, 0]] = 1.0;
        let x = &mask * 1.0;
        Dataset { mask: Some(mask), ..Dataset::observed(x, Array3::zeros((2, 6, 1))) }
    }

    #[test]
    fn frames_that_nobody_saw_are_left_out() {
        let data = gappy();
        let mut predicted = Array3::from_elem((2, 4, 2), 3.0_f32);
        predicted[[1, 2, 0]] = 4.0;
        let errors = OpenLoop::between(&predicted, &data, 2);
        assert_eq!(errors.by_frame, [Some(4.0), None, Some(9.0), Some(4.0)]);
        for (horizon, mean) in [(1, 4.0), (2, 4.0), (3, 6.5), (4, 17.0 / 3.0)] {
            assert!((errors.at(horizon) - mean).abs() < 1e-12, "{horizon}: {}", errors.at(horizon));
        }
        // The last value and the mean are right where there is something to be right about, also
        // of a channel that was never seen before.
        let mut late = data.clone();
        late.mask.as_mut().unwrap().slice_mut(s![0, ..2, 0]).fill(0.0);
        late.observations.slice_mut(s![0, ..2, 0]).fill(0.0);
        let baselines = baselines(None, &late, &late, (2, 4));
        for errors in [baselines.persistence, baselines.mean_image] {
            assert_eq!(errors.by_frame, [Some(0.0), None, Some(0.0), Some(0.0)]);
        }
        predicted[[0, 0, 0]] = f32::NAN;
        assert!(
            OpenLoop::between(&predicted, &data, 2).at(4).is_nan(),
            "a broken model is noticed"
        );
        assert!(OpenLoop { by_frame: vec![None] }.at(1).is_nan());
    }
}
