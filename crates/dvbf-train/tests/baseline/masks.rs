//! What is masked does not exist: whatever value stands there, NaN included, no result has another bit.

use crate::small::{pendulum, pool, recipe, settings};
use dvbf_core::Noise;
use dvbf_data::Dataset;
use dvbf_train::baseline::{
    DeepKalman, DeepKalmanSizes, PcaKalman, PcaKalmanSettings, PhysicsFilter, Recurrent,
    RecurrentSizes, Vae, VaeSizes, train,
};
use dvbf_train::eval::{
    Autoregression, Baselines, Draw, Generative, Inferred, Kalman, OpenLoop, Predictor, baselines,
    importance_weighted_bound, infer, predict, rollout_errors,
};
use dvbf_train::settings::Span;
use dvbf_train::train::Learner;
use ndarray::{Array3, s};

const SIZE: usize = 6;
const STEPS: usize = 9;
const SPAN: Span = Span { filtered: 4, horizon: 5 };

/// The same recordings twice, with other values where nothing was observed: single channels, whole
/// frames, first frames, and the ends of some sequences.
fn twins(count: usize) -> [Dataset; 2] {
    let plain = pendulum(SIZE, count, STEPS, 1);
    let dim = plain.observations.dim();
    let mut draws = vec![0.0_f32; dim.0 * dim.1 * dim.2];
    Noise::new(8, 0).uniform(&mut draws);
    let mut mask =
        Array3::from_shape_vec(dim, draws).unwrap().mapv(|v| f32::from(u8::from(v > 0.02)));
    mask.slice_mut(s![..;4, 2, ..]).fill(0.0);
    mask.slice_mut(s![1..;4, 0, ..]).fill(0.0);
    let mut lengths = vec![STEPS; count];
    for n in (3..count).step_by(4) {
        lengths[n] = 7;
        mask.slice_mut(s![n, 7.., ..]).fill(0.0);
    }
    // The rest of the sequences is there as a whole.
    mask.slice_mut(s![2..;4, .., ..]).fill(1.0);
    let with = |value: f32| {
        let hidden = |x: f32, m: f32| if m > 0.0 { x } else { value };
        let pairs = plain.observations.iter().zip(&mask).map(|(&x, &m)| hidden(x, m)).collect();
        Dataset {
            observations: Array3::from_shape_vec(dim, pairs).unwrap(),
            mask: Some(mask.clone()),
            lengths: lengths.clone(),
            ..plain.clone()
        }
    };
    [with(0.0), with(f32::NAN)]
}

fn vae() -> Vae<f32> {
    let sizes = VaeSizes { observation: SIZE * SIZE, state: 2, hidden: 9, emission_std: 0.1 };
    Vae::random(&sizes, Noise::new(1, 0))
}

fn deep_kalman() -> DeepKalman<f32> {
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
    DeepKalman::random(&sizes, Noise::new(1, 0))
}

fn recurrent() -> Recurrent<f32> {
    let sizes = RecurrentSizes {
        observation: SIZE * SIZE,
        control: 1,
        state: 6,
        hidden: 9,
        emission_std: 0.1,
    };
    Recurrent::random(&sizes, Noise::new(1, 0))
}

fn bits(inferred: &Inferred) -> (Vec<u32>, Vec<u64>, Vec<u64>) {
    let double = |values: &ndarray::Array1<f64>| values.iter().map(|v| v.to_bits()).collect();
    let states: Vec<u32> = inferred.state.iter().map(|v| v.to_bits()).collect();
    assert!(inferred.state.iter().all(|v| v.is_finite()));
    assert!(inferred.log_lik.iter().all(|v| v.is_finite()));
    (states, double(&inferred.log_lik), double(&inferred.kl))
}

/// Equal errors that are figures.
#[track_caller]
fn same(errors: [OpenLoop; 2]) {
    let [a, b] = errors;
    assert!(a.at(SPAN.horizon).is_finite(), "{a:?}");
    assert_eq!(a, b);
}

fn trained<M: Learner<f32, Facts = ()>>(fresh: fn() -> M) {
    let [a, b] = twins(20).map(|data| {
        let score = |model: &M| {
            let inferred = infer(model, &data, STEPS, Draw::Mean, &pool());
            inferred.kl.sum() - inferred.log_lik.sum()
        };
        let progress = &mut |_, _| true;
        let model = train((4, &recipe(12)), &data, &|_| fresh(), &score, &pool(), progress);
        let model = model.unwrap().unwrap();
        let inferred = infer(&model, &data, STEPS, Draw::Sample(3), &pool());
        (model.to_flat(), bits(&inferred))
    });
    assert!(a.0.iter().all(|v| v.is_finite()));
    assert_ne!(a.0, fresh().to_flat(), "something was learned");
    assert!(a == b, "a masked value changes a training");
}

#[test]
fn training_and_states() {
    trained(vae);
    trained(deep_kalman);
    trained(recurrent);
}

fn weighted(model: &impl Generative<f32>) {
    let bound = |data: &Dataset| importance_weighted_bound(model, data, 5, 0, &pool());
    let [a, b] = twins(20).map(|data| bound(&data));
    assert!(a.is_finite());
    assert_eq!(a.to_bits(), b.to_bits());
}

fn predicted(model: &impl Predictor<f32>) {
    let frames = |data: &Dataset| predict(model, data, SPAN);
    let [a, b] = twins(20).map(|data| frames(&data));
    assert!(a.iter().all(|x| x.is_finite()));
    assert_eq!(a, b);
    same(twins(20).map(|data| rollout_errors(model, &data, SPAN, &pool())));
}

#[test]
fn bounds_and_predictions() {
    weighted(&vae());
    weighted(&deep_kalman());
    predicted(&deep_kalman());
    predicted(&recurrent());
}

/// A mask of ones is no mask.
#[test]
fn what_was_seen_throughout_needs_no_mask() {
    let plain = pendulum(SIZE, 20, STEPS, 1);
    let mask = plain.observations.mapv(|_| 1.0);
    let masked = Dataset { mask: Some(mask), ..plain.clone() };
    let state = |data: &Dataset| {
        let draw = Draw::Sample(3);
        let vae = infer(&vae(), data, STEPS, draw, &pool());
        let smooth = infer(&deep_kalman(), data, STEPS, draw, &pool());
        let hidden = infer(&recurrent(), data, STEPS, draw, &pool());
        [vae, smooth, hidden]
    };
    for (plain, masked) in state(&plain).iter().zip(&state(&masked)) {
        let ((states, _, kl), (masked_states, _, masked_kl)) = (bits(plain), bits(masked));
        assert!(states == masked_states && kl == masked_kl);
        // Sums over channels have another order.
        for (a, b) in plain.log_lik.iter().zip(&masked.log_lik) {
            assert!((a - b).abs() < 1e-5 * a.abs(), "{a} and {b}");
        }
    }
}

/// Of a frame that nobody saw the auto-encoder knows what it knew before: nothing.
#[test]
fn a_frame_that_nobody_saw_costs_an_auto_encoder_nothing() {
    let data = pendulum(SIZE, 20, STEPS, 1);
    let mask = data.observations.mapv(|_| 0.0);
    let data = Dataset { mask: Some(mask), ..data };
    let inferred = infer(&vae(), &data, STEPS, Draw::Sample(3), &pool());
    assert!(inferred.kl.iter().chain(&inferred.log_lik).all(|v| *v == 0.0));
    assert!(importance_weighted_bound(&vae(), &data, 5, 0, &pool()).abs() < 1e-9);
}

#[test]
fn principal_components_with_a_kalman_filter() {
    let settings = PcaKalmanSettings { components: 4, state: 3, iterations: 3, floor: 0.05 };
    let [a, b] = twins(60).map(|data| {
        let model = PcaKalman::fit(&data, settings).unwrap();
        let inferred = bits(&model.infer(&data, 0, &pool()).unwrap());
        let errors =
            OpenLoop::between(&model.predict(&data, SPAN, &pool()).unwrap(), &data, SPAN.filtered);
        (model, inferred, errors)
    });
    assert!(a.1 == b.1 && a.0 == b.0);
    same([a.2, b.2]);
    let mut nothing = pendulum(SIZE, 20, STEPS, 1);
    let mut mask = nothing.observations.mapv(|_| 1.0);
    mask.slice_mut(s![.., .., 0]).fill(0.0);
    nothing.mask = Some(mask);
    let error = PcaKalman::fit(&nothing, settings).unwrap_err().to_string();
    assert!(error.contains("no run of four frames"), "{error}");
}

#[test]
fn the_filter_with_the_true_equations() {
    let filter = PhysicsFilter::new(&settings(SIZE)).unwrap().unwrap();
    let [a, b] = twins(20).map(|data| {
        let states = filter.infer(&data, 0, &pool()).unwrap();
        let errors =
            OpenLoop::between(&filter.predict(&data, SPAN, &pool()).unwrap(), &data, SPAN.filtered);
        (states, errors)
    });
    assert!(a.0.iter().all(|v| v.is_finite()));
    assert_eq!(a.0, b.0);
    same([a.1, b.1]);
}

/// Linear models of a few channels, and of so many that components take their place.
#[test]
fn yardsticks() {
    for channels in [5, 18, SIZE * SIZE] {
        let cut = |data: Dataset| Dataset {
            lengths: vec![STEPS; data.lengths.len()],
            observations: data
                .observations
                .slice(s![.., .., 14..(14 + channels).min(36)])
                .to_owned(),
            mask: data.mask.map(|m| m.slice(s![.., .., 14..(14 + channels).min(36)]).to_owned()),
            ..data
        };
        let [a, b] = twins(16).map(cut);
        let linear =
            |data: &Dataset| Autoregression::fit(data, data, SPAN).unwrap().errors(data, SPAN);
        same([linear(&a), linear(&b)]);
        let kalman =
            |data: &Dataset| Kalman::fit(data, data, SPAN).unwrap().errors(data, SPAN).unwrap();
        same([kalman(&a), kalman(&b)]);
        let plain = |data: &Dataset| baselines(None, data, data, SPAN, &pool());
        let [Baselines { persistence, mean_image, .. }, other] = [plain(&a), plain(&b)];
        same([persistence, other.persistence]);
        same([mean_image, other.mean_image]);
    }
}
