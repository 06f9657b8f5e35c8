//! A delayed filter always comes back too: times that jump, repeat or go back, late measurements, and all harm that
//! frames may come to.

use super::{ENOUGH, all_finite, history, options, trained};
use dvbf_core::{DelayedFilter, Filter};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::time::Duration;

/// Steps that late measurements may be late.
const HISTORY: usize = 6;
/// Calls that a clock which was set anew costs, at most.
const LOST: usize = 3;

/// Steps by which the next time is ahead of the last good one.
fn ahead() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => Just(1),
        1 => Just(0),
        2 => -20..20_i64,
        1 => Just(1_000_000),
        1 => Just(-1_000_000),
    ]
}

/// The time `steps` steps after `time`, not before zero.
fn moved(time: Duration, steps: i64, dt: f64) -> Duration {
    let by = Duration::from_secs_f64(dt * steps.unsigned_abs() as f64);
    if steps < 0 { time.saturating_sub(by) } else { time + by }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 40,
        rng_seed: RngSeed::Fixed(2),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn good_frames_bring_a_delayed_filter_back(
        (model, kind, n) in (0..2_usize, 0..3_usize, 0..8_usize),
        history in history(),
        times in proptest::collection::vec((ahead(), any::<bool>()), 60),
    ) {
        let trained = &trained()[model];
        let filter = trained.filter.with_options(options(kind)).unwrap();
        let (mut fresh, mut calm): (Filter, Filter) = (filter.clone(), filter.clone());
        let (k, dt) = (filter.model().initial_frames(), filter.dt());
        let mut delayed = DelayedFilter::new(filter, HISTORY).unwrap();
        let (mut now, mut t) = (Duration::from_hours(1), 0);
        for (harm, (steps, late)) in history.iter().zip(&times) {
            let (x, u, _) = trained.harmed(n, t, *harm);
            let time = moved(now, *steps, dt);
            let taken = match &x {
                Some(x) if *late => delayed.update_at(time, x),
                _ => delayed.step_at(time, x.as_deref(), &u),
            };
            if let Ok(belief) = taken {
                prop_assert!(all_finite(belief), "{harm:?} at {steps}: {belief:?}");
            }
            let (x, u) = trained.frame(n, t);
            calm.step(Some(&x), &u, dt).unwrap();
            (now, t) = (moved(now, 1, dt), (t + 1).min(60));
        }
        let mut refused = 0;
        for _ in 0..LOST + k + ENOUGH {
            let (x, u) = trained.frame(n, t);
            match delayed.step_at(now, Some(&x), &u) {
                Ok(belief) => prop_assert!(all_finite(belief), "{belief:?}"),
                Err(_) => refused += 1,
            }
            fresh.step(Some(&x), &u, dt).unwrap();
            calm.step(Some(&x), &u, dt).unwrap();
            (now, t) = (moved(now, 1, dt), t + 1);
        }
        prop_assert!(refused < LOST, "{refused} good frames were refused");
        let to = |other: &Filter| trained.distance(delayed.belief(), other.belief());
        let distance = to(&fresh).min(to(&calm));
        prop_assert!(distance < trained.most, "{}, {kind}: {distance} spreads", trained.name);
    }
}
