//! What open-loop predictions are compared with: predictors that learned nothing, linear models, and
//! the true equations.

use super::infer::CHUNK;
use super::squared_errors::SquaredErrors;
use super::{LinearModels, OpenLoop};
use crate::pool::Pool;
use crate::settings::{EvaluationSettings, Span};
use crate::train::{Purpose, stream};
use dvbf_data::{Dataset, Sequences, Set, Splits, Supply};
use dvbf_envs::{Environment, rollout};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, Zip, s};
use std::convert::Infallible;
use std::ops::Range;

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
    /// The baselines on the long test sequences, over as many frames as the settings predict: with
    /// linear models if the recordings come from files, with the true equations if they are known.
    pub fn of(settings: &EvaluationSettings, supply: &Supply, pool: &Pool) -> Self {
        let span = settings.longest_span();
        let [train, test] = [Set::Train, Set::TestLong].map(|set| supply.sequences(set));
        let plain = baselines(supply.environment(), train, test, span, pool);
        match supply.recorded() {
            Some(splits) => plain.with_linear(splits, span, pool),
            None => plain,
        }
    }

    /// The same with linear models fitted to the training sequences, whose order is chosen on the
    /// validation sequences.
    ///
    /// # Panics
    /// If the long sequences are shorter than `filtered + horizon` frames.
    #[must_use]
    pub fn with_linear(self, splits: &Splits, span: Span, pool: &Pool) -> Self {
        let (train, held, test) = (&splits.train, &splits.validation_long, &splits.test_long);
        let errors = LinearModels::fit(train, held, span, pool).errors(test, span, pool);
        Self { linear: errors.autoregression, kalman: errors.kalman, ..self }
    }
}

/// Errors of the baselines on the same frames.
///
/// # Panics
/// If the recordings are shorter than `filtered + horizon` frames or of another system than `env`.
pub fn baselines<'a>(
    env: Option<&dyn Environment>,
    train: impl Into<Sequences<'a>>,
    data: impl Into<Sequences<'a>>,
    span: Span,
    pool: &Pool,
) -> Baselines {
    let Span { filtered, horizon } = span;
    let data = data.into();
    let mean = mean_frame(train.into(), pool);
    let starts = env.map(|env| (env, start_errors(env, data.count())));
    let chunk = |range: Range<usize>| {
        let truth = data.take(range.clone(), span.frames());
        let last = last_frame(&truth, filtered, &mean);
        let simulated = starts
            .as_ref()
            .map(|(env, errors)| physics(*env, &truth, errors.slice(s![range, ..]), span));
        (truth, last, simulated)
    };
    let [mut persistence, mut mean_image, mut physics] =
        std::array::from_fn(|_| SquaredErrors::new(horizon));
    let Ok(()) = pool.in_order(data.count(), CHUNK, chunk, |(truth, last, simulated)| {
        let shape = (truth.lengths.len(), horizon, mean.len());
        let for_all = "one frame for all";
        persistence.add(last.broadcast(shape).expect(for_all), &truth, filtered);
        mean_image.add(mean.broadcast(shape).expect(for_all), &truth, filtered);
        if let Some(simulated) = simulated {
            physics.add(simulated.slice(s![.., 1.., ..]), &truth, filtered);
        }
        Ok::<_, Infallible>(())
    });
    Baselines {
        persistence: persistence.mean(),
        mean_image: mean_image.mean(),
        physics: env.map(|_| physics.mean()),
        linear: None,
        kalman: None,
    }
}

/// The last of the first `filtered` frames where each channel was observed, `(N, 1, X)`; of a channel
/// that was not seen yet, the mean is the last that is known.
fn last_frame(data: &Dataset, filtered: usize, mean: &Array1<f32>) -> Array3<f32> {
    let (count, _, channels) = data.observations.dim();
    Array3::from_shape_fn((count, 1, channels), |(n, _, x)| {
        let seen = (0..filtered).rev().find(|&t| data.is_observed((n, t, x)));
        seen.map_or(mean[x], |t| data.observations[[n, t, x]])
    })
}

/// Mean of every channel over all frames where it was observed.
fn mean_frame(data: Sequences<'_>, pool: &Pool) -> Array1<f32> {
    let steps = data.steps();
    // Over sequences, `(T, X)`.
    let (mut sum, mut seen) = (None::<Array2<f32>>, None::<Array2<f32>>);
    let add = |to: &mut Option<Array2<f32>>, values: &Array3<f32>| {
        for frames in values.outer_iter() {
            *to.get_or_insert_with(|| Array2::zeros(frames.dim())) += &frames;
        }
    };
    let shown = |part: &Dataset| match &part.mask {
        None => part.observations.clone(),
        // Whatever stands where nothing was observed.
        Some(mask) => Zip::from(&part.observations)
            .and(mask)
            .map_collect(|&x, &m| if m > 0.0 { x } else { 0.0 }),
    };
    let Ok(()) = pool.in_order(
        data.count(),
        CHUNK,
        |range| data.take(range, steps),
        |part| {
            add(&mut sum, &shown(&part));
            part.mask.iter().for_each(|mask| add(&mut seen, mask));
            Ok::<_, Infallible>(())
        },
    );
    let some = "there are training frames";
    let sum = sum.expect(some);
    match seen {
        None => (sum / data.count() as f32).mean_axis(Axis(0)).expect(some),
        Some(seen) => sum.sum_axis(Axis(0)) / seen.sum_axis(Axis(0)).mapv(|n| n.max(1.0)),
    }
}

/// By how much the true equations start wrong, `(N, S)`.
fn start_errors(env: &dyn Environment, count: usize) -> Array2<f64> {
    let variables = env.spec().state;
    let mut errors = Array2::<f64>::zeros((count, variables.len()));
    let values = errors.as_slice_mut().expect("a fresh array is contiguous");
    stream(0, Purpose::Physics, 0, 0).normal(values);
    for (mut column, variable) in errors.columns_mut().into_iter().zip(&variables) {
        column *= variable.error;
    }
    errors
}

/// Frames `(N, 1 + horizon, X)` of the true equations from slightly wrong states, the last filtered
/// one first.
fn physics(
    env: &dyn Environment,
    data: &Dataset,
    errors: ArrayView2<'_, f64>,
    Span { filtered, horizon }: Span,
) -> Array3<f32> {
    let mut initial = data.states.slice(s![.., filtered - 1, ..]).mapv(f64::from);
    initial += &errors;
    let controls = data.controls.slice(s![.., filtered - 1..filtered + horizon, ..]);
    rollout(env, initial.view(), controls).observations
}

#[cfg(test)]
mod tests {
    use super::*;
    use dvbf_envs::{Pendulum, PendulumSettings, record};

    const SPAN: Span = Span { filtered: 3, horizon: 5 };

    fn pendulum() -> Pendulum {
        Pendulum::new(PendulumSettings::default()).unwrap()
    }

    /// More sequences than fit one chunk, in memory and as they are simulated.
    fn sets(env: &Pendulum) -> (Dataset, Sequences<'_>) {
        let (count, steps, seed) = (2 * CHUNK + 7, 9, 3);
        (record(env, count, steps, seed).into(), Sequences::Simulated { env, count, steps, seed })
    }

    #[test]
    fn baselines_do_not_depend_on_where_the_sequences_are() {
        let env = pendulum();
        let (held, simulated) = sets(&env);
        let pool = Pool::new(2).unwrap();
        let whole = baselines(Some(&env), &held, &held, SPAN, &pool);
        assert_eq!(baselines(Some(&env), simulated, simulated, SPAN, &pool), whole);
        let physics = whole.physics.unwrap();
        assert!(physics.at(5) < whole.persistence.at(5), "{physics:?}");
    }

    #[test]
    fn the_mean_frame_is_that_of_what_was_observed() {
        let (env, pool) = (pendulum(), Pool::new(2).unwrap());
        let (mut held, _) = sets(&env);
        let whole = held.observations.mean_axis(Axis(0)).unwrap().mean_axis(Axis(0)).unwrap();
        assert_eq!(mean_frame(Sequences::from(&held), &pool), whole);

        // Only two frames show the first channel.
        let mut mask = held.observations.mapv(|_| 1.0);
        mask.slice_mut(s![.., .., 0]).fill(0.0);
        held.observations.slice_mut(s![.., .., 0]).fill(0.0);
        for (at, value) in [((4, 1, 0), 0.5), ((30, 2, 0), 1.5)] {
            (mask[at], held.observations[at]) = (1.0, value);
        }
        held.mask = Some(mask);
        let masked = mean_frame(Sequences::from(&held), &pool);
        assert!((masked[0] - 1.0).abs() < 1e-6, "{}", masked[0]);
        assert!((&masked - &whole).iter().skip(1).all(|d| d.abs() < 1e-5));
    }

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
    fn the_last_value_and_the_mean_are_right_where_there_is_something_to_be_right_about() {
        let data = gappy();
        // One channel was never seen before.
        let mut late = data.clone();
        late.mask.as_mut().unwrap().slice_mut(s![0, ..2, 0]).fill(0.0);
        late.observations.slice_mut(s![0, ..2, 0]).fill(0.0);
        let baselines =
            baselines(None, &late, &late, Span { filtered: 2, horizon: 4 }, &Pool::new(1).unwrap());
        for errors in [baselines.persistence, baselines.mean_image] {
            assert_eq!(errors.by_frame, [Some(0.0), None, Some(0.0), Some(0.0)]);
        }
    }
}
