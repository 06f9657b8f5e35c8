//! The online filter with its sample paths: the distribution that was trained, whatever it is fed.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_core::{
    Belief, Channels, DelayedFilter, Filter, FilterError, FilterOptions, Forecast, Noise,
    ObservationStatus, Rollout, RolloutInput, Units, Workspace,
};
use dvbf_tests::{Data, Masking, Scenario, normal, scenarios};
use ndarray::{Array2, s};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::sync::Arc;

const DT: f64 = 0.02;
const STEPS: usize = 8;

fn options(samples: usize) -> FilterOptions {
    FilterOptions { samples, seed: 7, ..FilterOptions::default() }
}

fn filter(scenario: &Scenario, options: FilterOptions) -> Filter {
    Filter::new(Arc::new(scenario.model()), DT, options).unwrap()
}

/// One recording with whole steps and single channels missing, as the scenario says.
fn recording(scenario: &Scenario) -> Data<f32> {
    let one =
        Scenario { sequences: 1, steps: STEPS, dropped: false, start: false, ..scenario.clone() };
    let data = one.data::<f32>();
    let mut data = Data { input: data.target.clone(), ..data };
    if let Some(mask) = &data.mask {
        // A step of which no channel was seen is a missing one.
        let rows = mask.rows().into_iter();
        data.seen = rows.map(|row| f32::from(u8::from(row.iter().any(|&m| m > 0.0)))).collect();
    }
    data
}

/// Observation and control of step `t`: what is masked is NaN.
fn given(data: &Data<f32>, t: usize) -> (Vec<f32>, Vec<f32>) {
    let control = match t {
        0 => vec![3.0; data.control.ncols()],
        _ => data.control.row(t - 1).to_vec(),
    };
    (data.input.row(t).to_vec(), control)
}

fn run(filter: &mut Filter, data: &Data<f32>, steps: std::ops::Range<usize>) -> Vec<Belief> {
    let take = |t| {
        let (x, u) = given(data, t);
        filter.step(Some(&x), &u, DT).unwrap().clone()
    };
    steps.map(take).collect()
}

/// Beliefs to the last bit, NaN included.
fn bits(beliefs: &[Belief]) -> String {
    format!("{beliefs:?}")
}

#[test]
fn filters_can_be_moved_and_shared_between_threads() {
    fn check<T: Send + Sync>() {}
    check::<Filter>();
    check::<DelayedFilter>();
    check::<Belief>();
    check::<Forecast>();
    check::<FilterError>();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// The paths are what a batch of as many sequences infers with the same noise.
    #[test]
    fn sample_paths_are_the_batch_bit_for_bit(scenario in scenarios()) {
        const PATHS: usize = 5;
        let data = recording(&scenario);
        let repeated = data.select(&[0; PATHS]);
        let width = scenario.config.noise;
        let mut noise = Array2::<f32>::zeros((STEPS * PATHS, width));
        for (t, block) in noise.as_slice_mut().unwrap().chunks_mut(PATHS * width).enumerate() {
            Noise::new(7, t as u64).normal(block);
        }
        let repeated = Data { noise, ..repeated };
        let model = scenario.model::<f32>();
        let mut work = Workspace::new(&model, PATHS, STEPS * PATHS);
        work.prepare(&model);
        model.infer(&repeated.batch(), &mut work);

        let mut filter = filter(&scenario, options(PATHS));
        let mut alone = filter.with_options(FilterOptions::MEAN_PATH).unwrap();
        for t in 0..STEPS {
            let (x, u) = given(&data, t);
            let belief = filter.step(Some(&x), &u, DT).unwrap().clone();
            let path = alone.step(Some(&x), &u, DT).unwrap();
            prop_assert_eq!(&belief.state, &path.state, "the mean path");
            prop_assert_eq!(&belief.noise_mean, &path.noise_mean);
            prop_assert_eq!(belief.status, path.status);
            if t + 1 >= scenario.config.initial_frames {
                let expected = work.state().slice_move(s![t * PATHS..(t + 1) * PATHS, ..]);
                prop_assert_eq!(filter.paths(), expected);
                let spread = belief.spread.unwrap();
                let mean = expected.column(0).sum() / PATHS as f32;
                prop_assert!((spread.mean[0] - mean).abs() < 1e-4 * (1.0 + mean.abs()));
            }
        }
    }

    /// A filter that resumes from a snapshot, of itself or of another one, goes on to the same bits.
    #[test]
    fn a_snapshot_is_all_that_later_steps_need(scenario in scenarios(), at in 0..STEPS) {
        let data = recording(&scenario);
        let mut first = filter(&scenario, options(5));
        let whole = run(&mut first, &data, 0..at);
        let taken = first.snapshot();
        let rest = run(&mut first, &data, at..STEPS);
        let mut second = filter(&scenario, options(5));
        second.resume(&taken);
        if at < scenario.config.initial_frames {
            prop_assert_eq!(second.belief().steps, 0, "there was nothing to go on from");
        } else {
            prop_assert_eq!(&second.belief().state, &whole[at - 1].state);
            prop_assert_eq!(bits(&run(&mut second, &data, at..STEPS)), bits(&rest));
        }
    }

    /// What comes after a step leaves its belief unchanged, bit for bit.
    #[test]
    fn beliefs_depend_on_the_past_only(scenario in scenarios(), now in 1..STEPS, seed in 0..99_u64) {
        let data = recording(&scenario);
        let mut other = data.clone();
        let fresh = normal::<f32>(STEPS, data.input.ncols(), seed, 50);
        other.input.slice_mut(s![now.., ..]).assign(&fresh.slice(s![now.., ..]));
        let fresh = normal::<f32>(STEPS, data.control.ncols(), seed, 51);
        other.control.slice_mut(s![now - 1.., ..]).assign(&fresh.slice(s![now - 1.., ..]));
        let options = FilterOptions { gate: Some(0.9), ..options(6) };
        let (mut a, mut b) = (filter(&scenario, options), filter(&scenario, options));
        let (a, b) = (run(&mut a, &data, 0..STEPS), run(&mut b, &other, 0..STEPS));
        prop_assert_eq!(bits(&a[..now]), bits(&b[..now]));
    }

    /// A gated observation is a missing one, and the belief says which of the two it was.
    #[test]
    fn what_the_gate_excludes_is_missing(scenario in scenarios()) {
        let scenario = Scenario { masking: Masking::None, ..scenario };
        let data = recording(&scenario);
        let first = scenario.config.initial_frames;
        let gated = FilterOptions { gate: Some(0.999), ..options(8) };
        let (mut a, mut b) = (filter(&scenario, gated), filter(&scenario, gated));
        run(&mut a, &data, 0..first);
        run(&mut b, &data, 0..first);
        let (x, u) = given(&data, first);
        let wild = vec![1e4; x.len()];
        let gated = a.step(Some(&wild), &u, DT).unwrap().clone();
        let missing = b.step(None, &u, DT).unwrap().clone();
        prop_assert_eq!(gated.status, ObservationStatus::Gated);
        prop_assert_eq!(missing.status, ObservationStatus::Missing);
        prop_assert_eq!(a.paths(), b.paths());
        prop_assert_eq!(&gated.state, &missing.state);
        let (gated, missing) = (gated.spread.unwrap(), missing.spread.unwrap());
        prop_assert_eq!((gated.mean, gated.std), (missing.mean, missing.std));
        prop_assert!(gated.score.unwrap().nis > 100.0 && missing.score.is_none());
    }

    /// Whatever a filter is fed, it does not panic: it takes a step and stays finite, or says why
    /// not and goes on as if nothing had been asked.
    #[test]
    fn nothing_makes_a_filter_panic(
        scenario in scenarios(),
        samples in prop_oneof![Just(0_usize), Just(5), Just(40)],
        calls in proptest::collection::vec(wild_call(), 1..30),
    ) {
        let gate = (samples == 40).then_some(0.5);
        let options = FilterOptions { samples, seed: 1, gate, ..FilterOptions::default() };
        let mut filter = filter(&scenario, options);
        let (x, u) = (scenario.config.observation, scenario.config.control);
        // The same filter, which never gets what was refused.
        let mut calm = filter.with_options(options).unwrap();
        for Wild { observation, control, lengths, dt } in calls {
            let cut = |values: &[f32], length: usize, more: usize| -> Vec<f32> {
                values.iter().copied().cycle().take((length + more).saturating_sub(3)).collect()
            };
            let observation = observation.map(|values| cut(&values, x, lengths.0));
            let control = cut(&control, u, lengths.1);
            match filter.step(observation.as_deref(), &control, dt) {
                Ok(belief) => {
                    prop_assert!(belief.state.iter().all(|v| v.is_finite()));
                    let belief = belief.clone();
                    let same = calm.step(observation.as_deref(), &control, dt).unwrap();
                    prop_assert_eq!(bits(&[belief]), bits(std::slice::from_ref(same)));
                }
                Err(error) => prop_assert!(!error.to_string().contains('\n')),
            }
            let controls = Array2::from_elem((3, u), control.first().copied().unwrap_or(0.5));
            let _ = filter.predict(controls.view());
            let _ = filter.sample(controls.view(), 3);
            let _ = filter.observe(&control);
            prop_assert_eq!(bits(std::slice::from_ref(filter.belief())), bits(std::slice::from_ref(calm.belief())));
            prop_assert_eq!(filter.paths(), calm.paths());
        }
    }

    /// A forecast goes on from the paths, is a function of the present, and leaves it as it is.
    #[test]
    fn forecasts_leave_the_filter_as_it_is(scenario in scenarios()) {
        let data = recording(&scenario);
        let mut filter = filter(&scenario, options(16));
        let controls = normal::<f32>(5, scenario.config.control, 3, 4);
        if scenario.config.initial_frames > 1 {
            let error = filter.predict(controls.view()).unwrap_err();
            prop_assert!(matches!(error, FilterError::NotStarted { .. }), "{error}");
        }
        run(&mut filter, &data, 0..6);
        let before = (filter.belief().clone(), filter.paths().to_owned());
        let forecast = filter.predict(controls.view()).unwrap();
        let again = filter.predict(controls.slice(s![..3, ..])).unwrap();
        prop_assert_eq!(forecast.observation_std.slice(s![..3, ..]), again.observation_std);
        prop_assert_eq!(bits(std::slice::from_ref(&before.0)), bits(std::slice::from_ref(filter.belief())));
        prop_assert_eq!(before.1, filter.paths());

        // The mean path is that of the simulator without noise.
        let (model, noise) = (filter.model(), Array2::zeros((5, scenario.config.noise)));
        let mut run = Rollout::new(model, 1);
        let start = before.0.state.view().insert_axis(ndarray::Axis(0));
        let input = RolloutInput { start, control: controls.view(), noise: noise.view() };
        let states = run.states(model, input);
        prop_assert_eq!(&forecast.path, &states);
        let mut shown = Array2::zeros((5, scenario.config.observation));
        run.observe(model, states.view(), shown.view_mut());
        let (mean, std) = filter.observe(&states.row(4).to_vec()).unwrap();
        prop_assert_eq!(mean, shown.row(4));
        // The sensor's noise is part of every prediction.
        let pairs = forecast.observation_std.rows().into_iter().flat_map(|row| {
            row.into_iter().copied().zip(std.iter().copied()).collect::<Vec<_>>()
        });
        for (predicted, sensor) in pairs {
            prop_assert!(predicted >= sensor * 0.9999);
        }
        let sampled = filter.sample(controls.view(), 5).unwrap();
        prop_assert_eq!(&sampled, &filter.sample(controls.view(), 5).unwrap());
        prop_assert_ne!(&sampled, &filter.sample(controls.view(), 6).unwrap());
    }

    /// Units of recordings change numbers by what they say, and nothing else.
    #[test]
    fn units_are_those_of_the_recordings(scenario in scenarios()) {
        let data = recording(&scenario);
        let (x, u) = (scenario.config.observation, scenario.config.control);
        // Powers of two and no offset, so that conversion is exact.
        let observation = Channels::new(vec![0.0; x], vec![4.0; x]);
        let control = Channels::new(vec![0.0; u], vec![0.5; u]);
        let units = Some(Units { observation, control });
        let mut plain = filter(&scenario, options(6));
        let mut scaled = filter(&scenario, options(6)).with_units(units);
        let other = Data { input: &data.input * 4.0, control: &data.control * 0.5, ..data.clone() };
        let (a, b) = (run(&mut plain, &data, 0..STEPS), run(&mut scaled, &other, 0..STEPS));
        for (a, b) in a.iter().zip(&b) {
            prop_assert_eq!(&a.state, &b.state);
            let (a, b) = (a.spread.as_ref().unwrap(), b.spread.as_ref().unwrap());
            prop_assert_eq!(&a.std, &b.std);
            if a.predicted_std[0].is_finite() {
                prop_assert_eq!(&(&a.predicted_mean * 4.0), &b.predicted_mean);
                prop_assert_eq!(&(&a.predicted_std * 4.0), &b.predicted_std);
            }
            if let (Some(a), Some(b)) = (a.score, b.score) {
                prop_assert_eq!((a.freedom, a.nis), (b.freedom, b.nis));
                let shift = a.freedom as f64 * 4.0_f64.ln();
                prop_assert!((a.log_likelihood - shift - b.log_likelihood).abs() < 1e-9);
            }
        }
    }
}

/// Arguments of a call, most of them wrong in some way.
#[derive(Clone, Debug)]
struct Wild {
    observation: Option<Vec<f32>>,
    control: Vec<f32>,
    /// Three more than the right lengths are off by.
    lengths: (usize, usize),
    dt: f64,
}

fn wild_call() -> impl Strategy<Value = Wild> {
    let value = || {
        prop_oneof![
            12 => -2.0_f32..2.0,
            1 => Just(f32::NAN),
            1 => prop_oneof![Just(f32::INFINITY), Just(f32::NEG_INFINITY)],
            1 => prop_oneof![Just(f32::MAX), Just(-1e30), Just(1e-40)],
        ]
    };
    let values = move || proptest::collection::vec(value(), 6);
    let calm = || proptest::collection::vec(-2.0_f32..2.0, 6);
    let length = || prop_oneof![8 => Just(3_usize), 1 => 0..6_usize];
    let dt = prop_oneof![8 => Just(DT), 1 => any::<f64>()];
    let observation = proptest::option::weighted(0.8, prop_oneof![values(), calm()]);
    (observation, prop_oneof![values(), calm(), calm()], (length(), length()), dt)
        .prop_map(|(observation, control, lengths, dt)| Wild { observation, control, lengths, dt })
}

#[test]
fn settings_that_no_filter_can_have_are_named() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let drawn = scenarios().new_tree(&mut runner).unwrap().current();
    let model = Arc::new(drawn.model::<f32>());
    let refused = |options, dt| {
        let error = Filter::new(Arc::clone(&model), dt, options).unwrap_err();
        error.to_string()
    };
    let good = FilterOptions::default();
    for gate in [0.0, 1.0, -1.0, f64::NAN] {
        assert!(refused(FilterOptions { gate: Some(gate), ..good }, DT).contains("gate is"));
    }
    let alone = FilterOptions { gate: Some(0.9), ..FilterOptions::MEAN_PATH };
    assert!(refused(alone, DT).contains("samples is 0"));
    assert!(refused(FilterOptions { samples: 1, ..good }, DT).contains("samples is 1"));
    for dt in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(refused(good, dt).contains("dt is"));
    }
    let mut filter = Filter::new(Arc::clone(&model), DT, good).unwrap();
    let (x, u) = (vec![0.0; model.observation()], vec![0.0; drawn.config.control]);
    let error = filter.step(Some(&x), &u, 0.04).unwrap_err().to_string();
    assert!(error.contains("0.04 s") && error.contains("0.02 s"), "{error}");
    assert!(filter.step(Some(&x), &u, DT * 1.0005).is_ok(), "a clock's jitter");
}
