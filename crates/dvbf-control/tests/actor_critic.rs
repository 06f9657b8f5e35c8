//! `ActorCritic`: the gradient of the whole horizon, its cut, and impossible settings.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "no test uses everything")]
mod common;

use common::pendulum::{Embedded, TORQUE};
use common::training::{draw_starts, network_scale, uniform_states};
use dvbf_control::{
    ActorCritic, ActorCriticSettings, ControlError, ControlLimits, EmpowermentNet, FitSettings,
};
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_ops::Params;
use dvbf_tensor::Noise;
use ndarray::{Array2, ArrayView2};

/// A network for the reward whose penalty and clip are reached by fast states.
fn reward() -> EmpowermentNet<f64> {
    let states = uniform_states::<f64>(500, 9.0, Noise::new(0, 1));
    let estimates: Vec<f64> = states.rows().into_iter().map(|z| z[0] + 0.1 * z[2]).collect();
    let settings = FitSettings {
        hidden: 5,
        updates: 20,
        batch: 32,
        clip: 0.9,
        bound: 1.2,
        penalty: 0.3,
        ..FitSettings::default()
    };
    EmpowermentNet::fit(states.view(), &estimates, &network_scale(), &settings).unwrap()
}

fn training(settings: ActorCriticSettings) -> Result<ActorCritic<f64, Embedded>, ControlError> {
    let limits = ControlLimits::symmetric(&[TORQUE]).unwrap();
    ActorCritic::new(Embedded::default(), reward(), &limits, &network_scale(), settings)
}

/// Small networks, four steps, and a penalty that half of the outputs reach.
fn small(cotangent_cut: f64) -> ActorCriticSettings {
    ActorCriticSettings {
        horizon: 4,
        batch: 6,
        hidden: 6,
        discount: 0.9,
        cotangent_cut,
        saturation_bound: 0.1,
        saturation_penalty: 0.5,
        seed: 3,
        ..ActorCriticSettings::default()
    }
}

/// Parameters of order one: the initial ones hardly control anything.
fn parameters(training: &ActorCritic<f64, Embedded>) -> Vec<f64> {
    let mut draws = vec![0.0; training.actor().count()];
    Noise::new(8, 0).normal(&mut draws);
    draws.iter().map(|d| 0.5 * d).collect()
}

#[test]
fn the_gradient_of_the_whole_horizon_matches_differences() {
    let mut training = training(small(f64::INFINITY)).unwrap();
    let (point, starts) = (parameters(&training), draw_starts::<f64>(6, 1, 1));
    training.set_actor(&point);
    let (objective, gradient, dstarts) = training.gradient(starts.view());
    let (gradient, dstarts) = (gradient.to_vec(), dstarts.to_owned());
    assert!((objective - training.objective(starts.view())).abs() < 1e-15);
    assert!(gradient.iter().filter(|g| g.abs() > 1e-6).count() > gradient.len() / 2);
    let at = |theta: &[f64]| {
        training.set_actor(theta);
        training.objective(starts.view())
    };
    check_coordinates(at, &point, &gradient, Tol::SEQUENCE).unwrap();
    training.set_actor(&point);
    let at = |z: &[f64]| training.objective(ArrayView2::from_shape((6, 3), z).unwrap());
    let dstarts: Vec<f64> = dstarts.iter().copied().collect();
    check_coordinates(at, starts.as_slice().unwrap(), &dstarts, Tol::SEQUENCE).unwrap();
}

/// With a cut that nothing reaches the gradient is the same to the last bit; with one that
/// everything reaches it is another.
#[test]
fn the_cut_bounds_cotangents_and_nothing_else() {
    let starts = draw_starts::<f64>(6, 1, 1);
    let gradient = |cut: f64| {
        let mut training = training(small(cut)).unwrap();
        let point = parameters(&training);
        training.set_actor(&point);
        let (objective, gradient, _) = training.gradient(starts.view());
        (objective, gradient.to_vec())
    };
    let (plain, wide, narrow) = (gradient(f64::INFINITY), gradient(1e6), gradient(1e-3));
    assert_eq!(plain, wide);
    assert_eq!(plain.0.to_bits(), narrow.0.to_bits());
    assert_ne!(plain.1, narrow.1);
}

/// The actor ascends: with the critic's target frozen, updates from the same starts increase `J`.
#[test]
fn updates_increase_the_objective() {
    let settings = ActorCriticSettings {
        target_keep: 1.0,
        discount: 0.5,
        saturation_bound: 2.0,
        horizon: 6,
        ..small(1.0)
    };
    let mut training = training(settings).unwrap();
    let starts = draw_starts::<f64>(6, 1, 1);
    let before = training.objective(starts.view());
    for _ in 0..300 {
        training.update(starts.view()).unwrap();
    }
    assert_eq!(training.updates(), 300);
    let after = training.objective(starts.view());
    assert!(after > before + 0.01, "{before} {after}");
}

/// Another reward is in effect at once, as if the training had begun with it.
#[test]
fn a_reward_can_be_replaced() {
    let states = uniform_states::<f64>(500, 9.0, Noise::new(0, 2));
    let estimates: Vec<f64> = states.rows().into_iter().map(|z| 1.0 - z[0]).collect();
    let fit = FitSettings { hidden: 7, updates: 20, batch: 32, ..FitSettings::default() };
    let other = EmpowermentNet::fit(states.view(), &estimates, &network_scale(), &fit).unwrap();
    let starts = draw_starts::<f64>(6, 1, 1);
    let mut replaced = training(small(1.0)).unwrap();
    let before = replaced.gradient(starts.view()).0;
    replaced.set_reward(other.clone());
    let limits = ControlLimits::symmetric(&[TORQUE]).unwrap();
    let mut begun =
        ActorCritic::new(Embedded::default(), other, &limits, &network_scale(), small(1.0))
            .unwrap();
    let (objective, gradient, _) = begun.gradient(starts.view());
    let found = replaced.gradient(starts.view());
    assert_eq!((found.0.to_bits(), found.1), (objective.to_bits(), gradient));
    assert!((before - objective).abs() > 1e-3, "{before} {objective}");
}

#[test]
fn impossible_settings_and_starts_are_errors() {
    let default = ActorCriticSettings::default();
    for (key, settings) in [
        ("horizon", ActorCriticSettings { horizon: 0, ..default }),
        ("batch", ActorCriticSettings { batch: 0, ..default }),
        ("hidden", ActorCriticSettings { hidden: 0, ..default }),
        ("discount", ActorCriticSettings { discount: 1.0, ..default }),
        ("discount", ActorCriticSettings { discount: f64::NAN, ..default }),
        ("actor_rate", ActorCriticSettings { actor_rate: 0.0, ..default }),
        ("critic_rate", ActorCriticSettings { critic_rate: f64::INFINITY, ..default }),
        ("gradient_clip", ActorCriticSettings { gradient_clip: -1.0, ..default }),
        ("cotangent_cut", ActorCriticSettings { cotangent_cut: 0.0, ..default }),
        ("cotangent_cut", ActorCriticSettings { cotangent_cut: f64::NAN, ..default }),
        ("target_keep", ActorCriticSettings { target_keep: 1.1, ..default }),
        ("saturation_bound", ActorCriticSettings { saturation_bound: f64::NAN, ..default }),
        ("saturation_penalty", ActorCriticSettings { saturation_penalty: -0.1, ..default }),
    ] {
        let error = training(settings).unwrap_err();
        assert!(
            matches!(error, ControlError::Setting { key: k, .. } if k == key),
            "{key}: {error}"
        );
    }
    let mut training = training(small(1.0)).unwrap();
    let mut starts: Array2<f64> = draw_starts(6, 1, 1);
    starts[[4, 2]] = f64::INFINITY;
    let error = training.update(starts.view()).unwrap_err();
    assert_eq!(error, ControlError::NotFinite { what: "the start", row: 4 });
    assert_eq!(training.updates(), 0);
}

#[test]
fn impossible_fits_are_errors() {
    let states = uniform_states::<f64>(10, 9.0, Noise::new(0, 1));
    let default = FitSettings { updates: 2, batch: 4, hidden: 3, ..FitSettings::default() };
    let fit = |estimates: &[f64], settings: &FitSettings| {
        EmpowermentNet::fit(states.view(), estimates, &network_scale(), settings).map(|_| ())
    };
    for (key, settings) in [
        ("hidden", FitSettings { hidden: 0, ..default }),
        ("updates", FitSettings { updates: 0, ..default }),
        ("batch", FitSettings { batch: 0, ..default }),
        ("rate", FitSettings { rate: f64::NAN, ..default }),
        ("clip", FitSettings { clip: 0.0, ..default }),
        ("bound", FitSettings { bound: -1.0, ..default }),
        ("penalty", FitSettings { penalty: f64::INFINITY, ..default }),
    ] {
        let error = fit(&[0.0; 10], &settings).unwrap_err();
        assert!(
            matches!(error, ControlError::Setting { key: k, .. } if k == key),
            "{key}: {error}"
        );
    }
    let mut estimates = [0.0; 10];
    estimates[3] = f64::NAN;
    let error = fit(&estimates, &default).unwrap_err();
    assert_eq!(error, ControlError::NotFinite { what: "the empowerment", row: 3 });
    // A constant is learned as its mean.
    fit(&[1.5; 10], &default).unwrap();
}
