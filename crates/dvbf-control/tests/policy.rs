//! Policies on the true pendulum, short of what the example `swing_up` does at length.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "no test uses everything")]
mod common;

use common::pendulum::{Embedded, TORQUE};
use common::training::{actor_critic, draw_starts, empowerment_net, fit_settings, held_channel};
use common::trial::{Blurred, MinimumTime, Outcome, Random, run, starts};
use dvbf_control::{
    ActorCriticSettings, ControlError, ControlLimits, FitSettings, Greedy, HeldGaussian, Planner,
    PlannerSettings, Policy,
};
use ndarray::{Array2, array};

fn greedy() -> Greedy<f64, Embedded, HeldGaussian<f64, Embedded>> {
    let (pendulum, channel) = (Embedded::default(), held_channel(10).unwrap());
    let estimate = HeldGaussian::new(pendulum, &channel, 16).unwrap();
    Greedy::new(pendulum, estimate, channel.limits(), 9).unwrap()
}

fn steps(outcome: &Outcome) -> usize {
    outcome.hanging.unwrap_or(usize::MAX)
}

#[test]
fn the_references_frame_the_task() {
    let best = run::<f64>(&mut MinimumTime::solve(), &starts()).unwrap();
    assert!((60..=70).contains(&steps(&best)) && best.successes == 100, "{best:?}");
    for torque in [TORQUE, 0.0] {
        let idle = run::<f64>(&mut Random::new(torque), &starts()).unwrap();
        assert!(idle.hanging.is_none() && idle.successes <= 2, "torque {torque}: {idle:?}");
    }
}

#[test]
fn greedy_control_succeeds_from_everywhere() {
    let outcome = run(&mut greedy(), &starts()).unwrap();
    assert_eq!(outcome.successes, 100, "{outcome:?}");
    assert!(steps(&outcome) <= 70, "{outcome:?}");
}

/// The policy is as good as the state that it is told.
#[test]
fn errors_of_the_state_ruin_greedy_control() {
    let small = run(&mut Blurred::new(greedy(), 0.02), &starts()[..21]).unwrap();
    let large = run(&mut Blurred::new(greedy(), 0.1), &starts()[..21]).unwrap();
    assert!(small.successes >= 19 && large.successes <= 4, "{small:?} {large:?}");
}

/// One seed, smaller batches than the default, and as many updates as it takes, of which there may
/// be 6000.
#[test]
fn an_actor_is_trained_in_the_dynamics() {
    let fit = FitSettings { updates: 1000, batch: 256, ..fit_settings(0) };
    let settings = ActorCriticSettings {
        batch: 32,
        horizon: 12,
        discount: 0.95,
        ..ActorCriticSettings::default()
    };
    let net = empowerment_net::<f32>(10, fit).unwrap();
    let mut training = actor_critic(net, settings).unwrap();
    let mut outcome = None;
    for update in 1..=6000 {
        training.update(draw_starts(32, 0, update).view()).unwrap();
        if update % 250 == 0 {
            let now = run(&mut training.actor().clone(), &starts()).unwrap();
            let done = now.successes == 100 && now.hanging.is_some();
            outcome = Some(now);
            if done {
                break;
            }
        }
    }
    let outcome = outcome.unwrap();
    assert!(outcome.successes == 100 && steps(&outcome) <= 100, "{outcome:?}");
}

/// The same seed gives the same plans; a reset planner begins again.
#[test]
fn planning_swings_up_and_is_a_function_of_its_seed() {
    let (pendulum, channel) = (Embedded::default(), held_channel(10).unwrap());
    let planner = |seed, rows| {
        let estimate = HeldGaussian::new(pendulum, &channel, 64).unwrap();
        let settings = PlannerSettings {
            seed,
            horizon: 12,
            samples: 24,
            elites: 5,
            iterations: 2,
            ..PlannerSettings::default()
        };
        Planner::new(pendulum, estimate, channel.limits(), settings, rows).unwrap()
    };
    let mut first = planner(0, 1);
    let outcome = run(&mut first, &starts()[..1]).unwrap();
    assert!(steps(&outcome) <= 90, "{outcome:?}");
    assert_eq!(run(&mut first, &starts()[..1]).unwrap(), outcome);
    let states = array![[-1.0, 0.0, 0.1], [1.0, 0.1, 0.0]];
    let act = |policy: &mut dyn Policy<f64>| {
        let mut controls = Array2::zeros((2, 1));
        policy.act(states.view(), controls.view_mut()).unwrap();
        controls
    };
    assert_eq!(act(&mut planner(3, 2)), act(&mut planner(3, 2)));
    assert_ne!(act(&mut planner(3, 2)), act(&mut planner(4, 2)));
}

#[test]
fn impossible_settings_and_states_are_errors() {
    let (pendulum, channel) = (Embedded::default(), held_channel::<f64>(10).unwrap());
    let estimate = || HeldGaussian::new(pendulum, &channel, 16).unwrap();
    let error = Greedy::new(pendulum, estimate(), channel.limits(), 1).unwrap_err();
    assert_eq!(error.to_string(), "levels is 1; it must be at least 2");
    let error = Greedy::new(pendulum, estimate(), channel.limits(), 100_000).unwrap_err();
    assert!(error.to_string().contains("2^16"), "{error}");
    let default = PlannerSettings::default();
    for (key, settings) in [
        ("horizon", PlannerSettings { horizon: 0, ..default }),
        ("samples", PlannerSettings { samples: 7, ..default }),
        ("elites", PlannerSettings { elites: 0, ..default }),
        ("iterations", PlannerSettings { iterations: 0, ..default }),
        ("discount", PlannerSettings { discount: 1.0, ..default }),
    ] {
        let made = Planner::new(pendulum, estimate(), channel.limits(), settings, 1);
        let error = made.unwrap_err();
        assert!(
            matches!(error, ControlError::Setting { key: k, .. } if k == key),
            "{key}: {error}"
        );
    }
    assert!(Planner::new(pendulum, estimate(), channel.limits(), default, 0).is_err());
    let states = array![[1.0, 0.0, 0.0], [1.0, 0.0, f64::NAN]];
    let error = greedy().act(states.view(), Array2::zeros((2, 1)).view_mut()).unwrap_err();
    assert_eq!(error, ControlError::NotFinite { what: "the state", row: 1 });
}

/// The interval of a control need not be around zero.
#[test]
fn the_grid_of_greedy_control_fills_the_limits() {
    let channel = held_channel::<f64>(10).unwrap();
    let estimate = HeldGaussian::new(Embedded::default(), &channel, 16).unwrap();
    let limits = ControlLimits::between(&[-1.0], &[2.0]).unwrap();
    let policy = Greedy::new(Embedded::default(), estimate, &limits, 4).unwrap();
    let distance = &policy.choices() - &array![[-1.0], [0.0], [1.0], [2.0]];
    assert!(distance.iter().all(|d| d.abs() < 1e-12), "{}", policy.choices());
}
