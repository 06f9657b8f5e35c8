//! Open-loop prediction: filter a few frames, then predict without looking.

use super::Predictor;
use super::infer::{CHUNK, Rows, by_sequence};
use super::squared_errors::{OpenLoop, SquaredErrors};
use crate::pool::Pool;
use crate::settings::Span;
use dvbf_data::{Dataset, Sequences};
use ndarray::Array3;
use std::convert::Infallible;

/// Predicted frames `(N, horizon, X)` of all recordings together, after the first `filtered` frames and
/// under the recorded controls.
///
/// # Panics
/// If the recordings are shorter than `filtered + horizon` frames.
pub fn predict<M: Predictor<f32>>(model: &M, data: &Dataset, span: Span) -> Array3<f32> {
    let n = data.lengths.len();
    let rows = Rows::of(data, 0..n, span.frames() - 1);
    by_sequence(model.predict(&rows.beginning(span.filtered)), n)
}

/// The open-loop error of whatever predicts some of the recordings at a time; `predict` gives
/// frames `(N, horizon, X)` after the first `filtered`.
///
/// # Errors
/// If `predict` fails.
///
/// # Panics
/// If the recordings are shorter than `filtered + horizon` frames.
pub fn open_loop<E: Send>(
    data: Sequences<'_>,
    span: Span,
    pool: &Pool,
    predict: impl Fn(&Dataset) -> Result<Array3<f32>, E> + Sync,
) -> Result<OpenLoop, E> {
    let mut errors = SquaredErrors::new(span.horizon);
    let chunk = |range| {
        let truth = data.take(range, span.frames());
        predict(&truth).map(|predicted| (predicted, truth))
    };
    pool.in_order(data.count(), CHUNK, chunk, |part| {
        let (predicted, truth) = part?;
        errors.add(predicted.view(), &truth, span.filtered);
        Ok(())
    })?;
    Ok(errors.mean())
}

/// The model's open-loop error on all recordings.
///
/// # Panics
/// If the recordings are shorter than `filtered + horizon` frames.
pub fn rollout_errors<'a, M: Predictor<f32>>(
    model: &M,
    data: impl Into<Sequences<'a>>,
    span: Span,
    pool: &Pool,
) -> OpenLoop {
    let Ok(errors) =
        open_loop(data.into(), span, pool, |data| Ok::<_, Infallible>(predict(model, data, span)));
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::ModelSettings;
    use dvbf_core::{Dvbf, KindTable, Noise};
    use dvbf_envs::{Pendulum, PendulumSettings, record};
    use ndarray::s;

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
    fn errors_in_chunks_are_those_of_the_whole_to_the_last_bit() {
        let env = pendulum();
        let (held, simulated) = sets(&env);
        let settings = ModelSettings {
            state: 3,
            noise: 3,
            hidden: 9,
            initial_frames: 2,
            initial: KindTable::new("first-frames"),
            recognition: KindTable::new("feedforward"),
            transition: KindTable::new("locally-linear").with("shared", 1),
            emission: KindTable::new("gaussian").with("state", 2),
        };
        let config = settings.resolve(held.observations.dim().2, 1).unwrap();
        let model = Dvbf::random(&config, Noise::new(1, 0)).unwrap();
        let whole = OpenLoop::between(&predict(&model, &held, SPAN), &held, SPAN.filtered);
        assert!(whole.by_frame.iter().flatten().all(|e| e.is_finite() && *e > 0.0), "{whole:?}");
        for threads in [1, 3] {
            let pool = Pool::new(threads).unwrap();
            assert_eq!(rollout_errors(&model, &held, SPAN, &pool), whole);
            assert_eq!(rollout_errors(&model, simulated, SPAN, &pool), whole);
        }
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
    fn frames_that_nobody_saw_are_left_out() {
        let data = gappy();
        let mut predicted = Array3::from_elem((2, 4, 2), 3.0_f32);
        predicted[[1, 2, 0]] = 4.0;
        let errors = OpenLoop::between(&predicted, &data, 2);
        assert_eq!(errors.by_frame, [Some(4.0), None, Some(9.0), Some(4.0)]);
        for (horizon, mean) in [(1, 4.0), (2, 4.0), (3, 6.5), (4, 17.0 / 3.0)] {
            assert!((errors.at(horizon) - mean).abs() < 1e-12, "{horizon}: {}", errors.at(horizon));
        }
        predicted[[0, 0, 0]] = f32::NAN;
        assert!(
            OpenLoop::between(&predicted, &data, 2).at(4).is_nan(),
            "a broken model is noticed"
        );
        assert!(OpenLoop { by_frame: vec![None] }.at(1).is_nan());
    }
}
