//! Late measurements lead to the belief of the ordered sequence, bit for bit.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_core::{
    DelayedError, DelayedFilter, Filter, FilterError, FilterOptions, ObservationStatus,
};
use dvbf_tests::{Scenario, normal, scenarios};
use ndarray::Array2;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::sync::Arc;
use std::time::Duration;

const DT: f64 = 0.001;
/// Seconds from the epoch of the clock to the first step: a clock that has run for months.
const BOOT: f64 = 1.2e7;

fn filter(scenario: &Scenario) -> Filter {
    let options =
        FilterOptions { samples: 6, seed: 3, gate: Some(0.99), ..FilterOptions::default() };
    Filter::new(Arc::new(scenario.model()), DT, options).unwrap()
}

fn at(step: usize, jitter: f64) -> Duration {
    Duration::from_secs_f64(BOOT + (step as f64 + jitter) * DT)
}

/// A measurement: the step it is of, the sensor that made it, and how late it comes.
#[derive(Clone, Copy, Debug)]
struct Measurement {
    step: usize,
    sensor: usize,
    delay: usize,
    jitter: f64,
}

fn merge(merged: &mut Array2<f32>, m: &Measurement, values: &[f32]) {
    for (known, &value) in merged.row_mut(m.step).iter_mut().zip(values) {
        if !value.is_nan() {
            *known = value;
        }
    }
}

fn measurements(steps: usize, most: usize) -> impl Strategy<Value = Vec<Measurement>> {
    let one = (0..steps, 0..2_usize, 0..=most, -0.3..0.3_f64)
        .prop_map(|(step, sensor, delay, jitter)| Measurement { step, sensor, delay, jitter });
    proptest::collection::vec(one, 0..3 * steps)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn late_measurements_are_in_order_bit_for_bit(
        scenario in scenarios(),
        measured in measurements(25, 6),
        ticks in proptest::collection::vec(prop::bool::weighted(0.8), 25),
        seed in any::<u64>(),
    ) {
        let (x, u) = (scenario.config.observation, scenario.config.control);
        let (steps, history) = (25, 7);
        let values: Array2<f32> = normal(steps, x, seed, 0);
        let controls: Array2<f32> = normal(steps, u, seed, 1);
        // Two sensors that see every other channel each.
        let of = |m: &Measurement| -> Vec<f32> {
            let value = |j: usize| if j % 2 == m.sensor { values[[m.step, j]] } else { f32::NAN };
            (0..x).map(value).collect()
        };
        // Where the loop skips a tick, the control that is given later has acted.
        // Fewer ticks in a row than the history holds are skipped.
        let comes = |t: usize| t.is_multiple_of(history - 1) || ticks[t];
        let next_tick = |t: usize| (t..steps - 1).find(|&t| comes(t)).unwrap_or(steps - 1);

        let mut late = DelayedFilter::new(filter(&scenario), history).unwrap();
        let mut merged = Array2::from_elem((steps, x), f32::NAN);
        let mut waiting: Vec<Measurement> = Vec::new();
        for t in (0..steps).filter(|&t| next_tick(t) == t) {
            // One measurement comes with the tick itself.
            let own = measured.iter().find(|m| m.step == t && m.delay == 0);
            let control = controls.row(t).to_vec();
            late.step_at(at(t, 0.1), own.map(of).as_deref(), &control).unwrap();
            prop_assert_eq!(late.belief().steps, t as u64 + 1);
            if let Some(m) = own {
                merge(&mut merged, m, &of(m));
            }
            waiting.retain(|m| {
                if m.step + m.delay > t {
                    return true;
                }
                match late.update_at(at(m.step, m.jitter), &of(m)) {
                    Ok(_) => {
                        assert!(t - m.step < history);
                        merge(&mut merged, m, &of(m));
                    }
                    Err(DelayedError::TooOld { .. }) => assert!(t - m.step >= history),
                    Err(error) => panic!("{error}"),
                }
                false
            });
            let delayed = |m: &&Measurement| (m.step, m.delay > 0) == (t, true);
            waiting.extend(measured.iter().filter(delayed));
            // Those of steps without a tick of their own.
            let skipped = (0..t).rev().take_while(|&s| next_tick(s) == t);
            waiting.extend(skipped.flat_map(|s| measured.iter().filter(move |m| m.step == s)));
        }

        let mut ordered = filter(&scenario);
        for t in 0..steps {
            let control = controls.row(next_tick(t)).to_vec();
            ordered.step(Some(&merged.row(t).to_vec()), &control, DT).unwrap();
        }
        prop_assert_eq!(ordered.paths(), late.filter().paths());
        prop_assert_eq!(format!("{:?}", ordered.belief()), format!("{:?}", late.belief()));
    }
}

fn drawn() -> Scenario {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let scenario = scenarios().new_tree(&mut runner).unwrap().current();
    let config = dvbf_core::ModelConfig { observation: 2, control: 1, ..scenario.config };
    Scenario { config, ..scenario }
}

#[test]
fn what_is_too_old_too_far_or_wrong_is_said_and_changes_nothing() {
    let scenario = drawn();
    let mut late = DelayedFilter::new(filter(&scenario), 5).unwrap();
    let x = [0.3, -0.1];
    assert_eq!(late.update_at(at(0, 0.0), &x).unwrap_err(), DelayedError::NotBegun);
    assert_eq!(late.present(), None);
    for t in 0..20 {
        late.step_at(at(t, 0.0), Some(&x), &[0.5]).unwrap();
    }
    let before = format!("{:?}", late.belief());
    let present = late.present().unwrap();
    assert!(present.abs_diff(at(19, 0.0)) < Duration::from_micros(1), "{present:?}");

    let error = late.update_at(at(14, 0.4), &x).unwrap_err();
    let DelayedError::TooOld { oldest, .. } = error else { panic!("{error}") };
    assert!(oldest.abs_diff(at(15, 0.0)) < Duration::from_micros(1), "{error}");
    assert!(matches!(late.update_at(Duration::ZERO, &x), Err(DelayedError::TooOld { .. })));
    assert!(matches!(late.update_at(at(20, 0.0), &x), Err(DelayedError::Ahead { .. })));
    let error = late.step_at(at(25, 0.0), Some(&x), &[0.5]).unwrap_err();
    assert!(matches!(error, DelayedError::TooFar { steps: 6, history: 5, .. }), "{error}");
    let far = Duration::from_secs(u64::MAX);
    assert!(matches!(late.step_at(far, None, &[0.5]), Err(DelayedError::TooFar { .. })));
    for wrong in [&[0.1][..], &[f32::INFINITY, 0.0]] {
        assert!(matches!(late.update_at(at(18, 0.0), wrong), Err(DelayedError::Filter(_))));
        let step = late.step_at(at(20, 0.0), Some(wrong), &[0.5]);
        assert!(matches!(step, Err(DelayedError::Filter(_))));
    }
    assert!(late.step_at(at(20, 0.0), None, &[]).is_err());
    assert_eq!(format!("{:?}", late.belief()), before);
    // A jitter's second tick of the same step adds what it saw and takes no step.
    late.step_at(at(19, 0.3), None, &[0.9]).unwrap();
    assert_eq!(format!("{:?}", late.belief()), before);
    late.update_at(at(15, -0.4), &x).unwrap();
    assert_eq!(format!("{:?}", late.belief()), before, "the same once more");
    late.reset();
    assert_eq!((late.present(), late.belief().steps), (None, 0));
    for history in [0, 2_000_000] {
        let refused = DelayedFilter::new(filter(&scenario), history);
        assert!(matches!(refused, Err(FilterError::Setting { key: "history", .. })));
    }
}

/// A measurement that leads out of the numbers is missing, whenever it comes.
#[test]
fn a_late_measurement_that_is_absurd_changes_nothing() {
    let scenario = drawn();
    let plain = Filter::new(Arc::new(scenario.model()), DT, FilterOptions::MEAN_PATH).unwrap();
    let mut late = DelayedFilter::new(plain, 5).unwrap();
    for t in 0..20 {
        let seen: Option<&[f32]> = (t != 17).then_some(&[0.3, -0.1]);
        late.step_at(at(t, 0.0), seen, &[0.5]).unwrap();
    }
    let before = format!("{:?}", late.belief());
    let wild = [f32::MAX, f32::MAX];
    late.update_at(at(17, 0.0), &wild).unwrap();
    assert_eq!(format!("{:?}", late.belief()), before);
    let belief = late.step_at(at(20, 0.0), Some(&wild), &[0.5]).unwrap();
    assert_eq!(belief.status, ObservationStatus::Gated);
    assert_eq!((late.filter().health().gated, late.filter().health().steps), (2, 21));
}

/// A clock that is set anew, forward or back, stops the filter for two frames.
#[test]
fn a_clock_that_jumps_is_followed() {
    let scenario = drawn();
    let x = [0.3, -0.1];
    for jump in [30_000, 7] {
        let mut late = DelayedFilter::new(filter(&scenario), 5).unwrap();
        for t in 10_000..10_020 {
            late.step_at(at(t, 0.0), Some(&x), &[0.5]).unwrap();
        }
        let before = format!("{:?}", late.belief());
        for t in jump..jump + 2 {
            late.step_at(at(t, 0.0), Some(&x), &[0.5]).unwrap_err();
            assert_eq!(format!("{:?}", late.belief()), before);
        }
        // One that is right ends the doubt about the clock.
        late.step_at(at(10_020, 0.0), Some(&x), &[0.5]).unwrap();
        for t in jump + 2..jump + 4 {
            late.step_at(at(t, 0.0), Some(&x), &[0.5]).unwrap_err();
        }
        let belief = late.step_at(at(jump + 4, 0.0), Some(&x), &[0.5]).unwrap();
        assert_eq!(belief.steps, 1);
        assert_eq!(late.filter().health().refused, 5);
        let begins = late.present().unwrap().abs_diff(at(jump + 4, 0.0));
        assert!(begins < Duration::from_nanos(2), "{begins:?}");
        // Times that have nothing to do with one another say nothing.
        for far in [50_000, 90_000, 70_000, 110_000] {
            late.step_at(at(far, 0.0), Some(&x), &[0.5]).unwrap_err();
        }
    }
}
