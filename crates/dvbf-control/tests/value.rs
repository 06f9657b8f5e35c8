//! `ValueNet` and `Foresight`: a way from a small hill to a high one, the value at the goal, and impossible settings.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_control::{
    ControlError, ControlLimits, Cotangents, Empowerment, Foresight, Greedy, Inputs, Linearization,
    MeanDynamics, Outcomes, Policy, StateScale, ValueNet, ValueSettings,
};
use ndarray::{Array2, Array3, ArrayView2, ArrayViewMut2, array};

/// `z' = z + 0.1 u`, kept between −1 and 1.
#[derive(Clone, Debug)]
struct Line;

impl MeanDynamics<f64> for Line {
    type Workspace = ();
    fn state_size(&self) -> usize {
        1
    }
    fn control_size(&self) -> usize {
        1
    }
    fn workspace(&self, _: usize) {}
    fn step(&self, at: Inputs<'_, f64>, mut next: ArrayViewMut2<'_, f64>, (): &mut ()) {
        next.assign(&(&at.states + &(&at.controls * 0.1)).mapv(|z| z.clamp(-1.0, 1.0)));
    }
    fn linearize(&self, _: Inputs<'_, f64>, _: Linearization<'_, f64>, (): &mut ()) {
        unreachable!("nothing is differentiated")
    }
    fn pull_back(
        &self,
        _: Inputs<'_, f64>,
        _: ArrayView2<'_, f64>,
        _: Cotangents<'_, f64>,
        (): &mut (),
    ) {
        unreachable!("nothing is differentiated")
    }
}

/// A small hill, `r(−0.5) = 0.3`, then nothing, and from 0.2 on a high one, `r(1) = 1`.
fn reward(z: f64) -> f64 {
    if z < 0.2 { (0.3 - 2.0 * (z + 0.5).abs()).max(0.0) } else { (z - 0.2) / 0.8 }
}

#[derive(Clone, Debug)]
struct Hills;

impl Empowerment<f64> for Hills {
    fn state_size(&self) -> usize {
        1
    }
    fn evaluate(
        &mut self,
        states: ArrayView2<'_, f64>,
        out: &mut [f64],
    ) -> Result<(), ControlError> {
        for (out, z) in out.iter_mut().zip(states) {
            *out = reward(*z);
        }
        Ok(())
    }
}

fn scale() -> StateScale<f64> {
    StateScale::diagonal(&[0.0], &[0.58]).unwrap()
}

/// A hundred states and three controls.
fn fit(settings: &ValueSettings) -> Result<ValueNet<f64>, ControlError> {
    let states = Array2::from_shape_fn((101, 1), |(n, _)| -1.0 + n as f64 / 50.0);
    let next = Array3::from_shape_fn((101, 3, 1), |(n, a, _)| {
        (states[[n, 0]] + 0.1 * (a as f64 - 1.0)).clamp(-1.0, 1.0)
    });
    let rewards = Array2::from_shape_fn((101, 3), |(n, a)| reward(next[[n, a, 0]]));
    let outcomes = Outcomes { states: states.view(), next: next.view(), rewards: rewards.view() };
    ValueNet::fit(outcomes, &scale(), settings)
}

fn settings() -> ValueSettings {
    ValueSettings {
        discount: 0.95,
        hidden: 32,
        updates: 2000,
        batch: 64,
        ..ValueSettings::default()
    }
}

/// Where a policy has come to after 40 steps from −0.6.
fn end(policy: &mut dyn Policy<f64>) -> f64 {
    let (mut state, mut control) = (array![[-0.6]], array![[0.0]]);
    for _ in 0..40 {
        policy.act(state.view(), control.view_mut()).unwrap();
        let mut next = Array2::zeros((1, 1));
        let at = Inputs { states: state.view(), controls: control.view() };
        Line.step(at, next.view_mut(), &mut ());
        state = next;
    }
    state[[0, 0]]
}

#[test]
fn foresight_leaves_a_hill_that_single_steps_stick_on() {
    let limits = ControlLimits::symmetric(&[1.0]).unwrap();
    let short = end(&mut Greedy::new(Line, Hills, &limits, 3).unwrap());
    assert!((short + 0.5).abs() < 0.11, "{short}");
    let mut value = fit(&settings()).unwrap();
    let far = Foresight::new(Hills, value.clone());
    let far = end(&mut Greedy::new(Line, far, &limits, 3).unwrap());
    assert!(far > 0.85, "{far}");
    // At the goal the value is the reward; n steps away at most γⁿ of it and what lies on the way.
    let mut values = [0.0; 3];
    value.evaluate(array![[1.0], [0.0], [-0.6]].view(), &mut values).unwrap();
    assert!((values[0] - 1.0).abs() < 0.05, "{values:?}");
    let exact = |start: f64, steps: i32| {
        let way = (1..=steps)
            .map(|t| 0.05 * 0.95_f64.powi(t - 1) * reward((start + 0.1 * f64::from(t)).min(1.0)));
        way.sum::<f64>() + 0.95_f64.powi(steps)
    };
    assert!((values[1] - exact(0.0, 10)).abs() < 0.06, "{values:?} {}", exact(0.0, 10));
    assert!((values[2] - exact(-0.6, 16)).abs() < 0.08, "{values:?} {}", exact(-0.6, 16));
}

#[test]
fn impossible_settings_are_errors() {
    let default = ValueSettings { updates: 2, ..settings() };
    for (key, settings) in [
        ("discount", ValueSettings { discount: 1.0, ..default }),
        ("hidden", ValueSettings { hidden: 0, ..default }),
        ("updates", ValueSettings { updates: 0, ..default }),
        ("batch", ValueSettings { batch: 0, ..default }),
        ("rate", ValueSettings { rate: 0.0, ..default }),
        ("clip", ValueSettings { clip: f64::NAN, ..default }),
        ("keep", ValueSettings { keep: 1.0, ..default }),
    ] {
        let error = fit(&settings).unwrap_err();
        assert!(
            matches!(error, ControlError::Setting { key: k, .. } if k == key),
            "{key}: {error}"
        );
    }
    let (state, next) = (array![[0.0], [f64::NAN]], Array3::zeros((2, 1, 1)));
    let rewards = Array2::zeros((2, 1));
    let outcomes = Outcomes { states: state.view(), next: next.view(), rewards: rewards.view() };
    let error = ValueNet::fit(outcomes, &scale(), &default).unwrap_err();
    assert_eq!(error, ControlError::NotFinite { what: "the state", row: 1 });
}
