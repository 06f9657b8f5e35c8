//! Training and prediction of the baselines that learn.

use crate::small::{pendulum, pool, recipe};
use dvbf_core::{Noise, Params};
use dvbf_train::baseline::{
    DeepKalman, DeepKalmanSizes, Recurrent, RecurrentSizes, Vae, VaeSizes, train,
};
use dvbf_train::eval::{Draw, Predictor, infer, predict};
use dvbf_train::pool::Pool;
use dvbf_train::schedule::Ramp;
use dvbf_train::settings::{Span, TrainingSettings};
use dvbf_train::train::TrainError;
use ndarray::s;

const SPAN: Span = Span { filtered: 4, horizon: 9 };

const SIZE: usize = 6;

fn vae(trial: u8) -> Vae<f32> {
    let sizes = VaeSizes { observation: SIZE * SIZE, state: 2, hidden: 9, emission_std: 0.1 };
    Vae::random(&sizes, Noise::new(1, trial.into()))
}

fn deep_kalman(trial: u8) -> DeepKalman<f32> {
    let sizes = DeepKalmanSizes {
        observation: SIZE * SIZE,
        control: 1,
        state: 3,
        emission_state: 3,
        recurrent: 6,
        hidden: 9,
        transition_hidden: 9,
        emission_std: 0.1,
    };
    DeepKalman::random(&sizes, Noise::new(1, trial.into()))
}

fn recurrent(trial: u8) -> Recurrent<f32> {
    let sizes = RecurrentSizes {
        observation: SIZE * SIZE,
        control: 1,
        state: 6,
        hidden: 9,
        emission_std: 0.1,
    };
    Recurrent::random(&sizes, Noise::new(1, trial.into()))
}

#[test]
fn the_number_of_threads_changes_no_bit_and_progress_hears_of_every_update() {
    let data = pendulum(SIZE, 20, 8, 1);
    let run = |threads: usize| {
        let (mut heard, pool) = (Vec::new(), Pool::new(threads).unwrap());
        let score = |model: &DeepKalman<f32>| {
            let inferred = infer(model, &data, 8, Draw::Mean, &pool);
            inferred.kl.sum() - inferred.log_lik.sum()
        };
        let mut progress = |made, of| {
            heard.push((made, of));
            true
        };
        let model =
            train((4, &recipe(20)), &data, &deep_kalman, &score, &pool, &mut progress).unwrap();
        assert_eq!(heard, (1..=23).map(|made| (made, 23)).collect::<Vec<_>>());
        model.unwrap().to_flat()
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_ne!(one, deep_kalman(0).to_flat());
}

#[test]
fn a_stopped_training_gives_nothing() {
    let data = pendulum(SIZE, 20, 8, 1);
    let stop = train((4, &recipe(20)), &data, &vae, &|_| 0.0, &pool(), &mut |made, _| made < 9);
    assert!(stop.unwrap().is_none());
}

#[test]
fn the_best_initialization_and_the_best_moment_are_kept() {
    let data = pendulum(SIZE, 20, 8, 1);
    // The judge likes the second initialization, and of its moments the first evaluation.
    let (second, calls) = (vae(1), std::cell::Cell::new(0));
    let near = |model: &Vae<f32>| {
        calls.set(calls.get() + 1);
        let distance = |other: &Vae<f32>| {
            let pairs = model.to_flat().into_iter().zip(other.to_flat());
            f64::from(pairs.map(|(a, b)| (a - b).powi(2)).sum::<f32>())
        };
        distance(&second)
    };
    let all = |updates| {
        train((4, &recipe(updates)), &data, &vae, &near, &pool(), &mut |_, _| true)
            .unwrap()
            .unwrap()
    };
    let (short, long) = (near(&all(10)), near(&all(60)));
    assert!(long <= 3.0 * short, "{long} far beyond {short}");
    assert!(near(&vae(0)) > 10.0 * short);
    assert!(calls.get() > 4);
}

#[test]
fn training_raises_the_bound() {
    let data = pendulum(SIZE, 60, 8, 1);
    let bound = |model: &Vae<f32>| {
        let inferred = infer(model, &data, 8, Draw::Sample(0), &pool());
        inferred.log_lik.sum() - inferred.kl.sum()
    };
    let score = |model: &Vae<f32>| -bound(model);
    let trained = train((4, &recipe(150)), &data, &vae, &score, &pool(), &mut |_, _| true);
    let (before, after) = (bound(&vae(0)), bound(&trained.unwrap().unwrap()));
    assert!(after > before + 60.0 * 20.0, "{before} to {after}");
}

/// What was not shown cannot matter, what was done must.
fn check_prediction<M: Predictor<f32>>(model: &M) {
    let mut data = pendulum(SIZE, 30, 14, 2);
    let before = predict(model, &data, SPAN);
    assert_eq!(before.dim(), (30, 9, SIZE * SIZE));
    assert!(before.iter().all(|x| x.is_finite()));
    let seen = data.observations.clone();
    data.observations.slice_mut(s![.., 4.., ..]).fill(f32::NAN);
    assert_eq!(predict(model, &data, SPAN), before, "a later frame matters");
    data.observations.assign(&seen);
    data.observations.slice_mut(s![.., 1, ..]).mapv_inplace(|x| 1.0 - x);
    assert_ne!(predict(model, &data, SPAN), before, "an earlier frame does not");
    data.observations.assign(&seen);
    // The control at frame 7 acts from frame 8 on.
    data.controls.slice_mut(s![.., 7, ..]).mapv_inplace(|u| u + 1.0);
    let after = predict(model, &data, SPAN);
    let at = |frames: &ndarray::Array3<f32>, t: usize| frames.slice(s![.., t, ..]).to_owned();
    assert_eq!(at(&after, 3), at(&before, 3), "frame 7");
    assert_ne!(at(&after, 4), at(&before, 4), "frame 8");
    // A longer prediction begins as a shorter one.
    data.observations.assign(&seen);
    data.controls.slice_mut(s![.., 7, ..]).mapv_inplace(|u| u - 1.0);
    let short = predict(model, &data, Span { horizon: 3, ..SPAN });
    let beginning = predict(model, &data, SPAN).slice(s![.., ..3, ..]).to_owned();
    assert_eq!(short, beginning);
}

#[test]
fn predictions_do_not_look_ahead_and_obey_controls() {
    check_prediction(&deep_kalman(3));
    check_prediction(&recurrent(3));
}

/// The hidden state is a filter; the deep Kalman filter is a smoother and says so.
#[test]
fn what_the_states_have_seen() {
    let mut data = pendulum(SIZE, 10, 8, 2);
    let hidden = |data: &_| infer(&recurrent(0), data, 8, Draw::Mean, &pool()).state;
    let smooth = |data: &_| infer(&deep_kalman(0), data, 8, Draw::Mean, &pool()).state;
    let (filtered, smoothed) = (hidden(&data), smooth(&data));
    data.observations.slice_mut(s![.., 5.., ..]).mapv_inplace(|x| 1.0 - x);
    let early = s![.., ..5, ..];
    assert_eq!(hidden(&data).slice(early), filtered.slice(early));
    assert_ne!(hidden(&data), filtered);
    assert_ne!(smooth(&data).slice(s![.., ..1, ..]), smoothed.slice(s![.., ..1, ..]));
}

/// What a baseline does not have is refused, not left out.
#[test]
fn settings_that_a_baseline_cannot_have_are_refused() {
    let data = pendulum(SIZE, 20, 8, 1);
    let refused = |settings: TrainingSettings| {
        let result = train((0, &settings), &data, &vae, &|_| 0.0, &pool(), &mut |_, _| true);
        match result.unwrap_err() {
            TrainError::Setting(error) => error.key,
            other => panic!("{other}"),
        }
    };
    let plain = recipe(3);
    let temper = Ramp { from: 0.5, ..Ramp::constant(1.0) };
    assert_eq!(refused(TrainingSettings { temper, ..plain.clone() }), "training.temper");
    let decayed = TrainingSettings { weight_decay: 0.1, ..plain.clone() };
    assert_eq!(refused(decayed), "training.weight_decay");
    let dreaming = TrainingSettings { dream: 1.0, ..plain.clone() };
    assert_eq!(refused(dreaming), "training.dream");
    assert_eq!(
        refused(TrainingSettings { state_clip: 2.0, ..plain.clone() }),
        "training.state_clip"
    );
    let start_noise = Ramp::constant(0.1);
    assert_eq!(refused(TrainingSettings { start_noise, ..plain }), "training.start_noise");
}
