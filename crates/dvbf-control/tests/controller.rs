//! `Controller`: frames that are missing, refused or too early, and a swing-up through gaps.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "no test uses everything")]
mod common;

use common::pendulum::{Embedded, Physics, TORQUE, embed};
use common::training::held_channel;
use common::trial::wrap;
use dvbf_control::{
    ControlError, ControlLimits, Controller, FrameError, Greedy, HeldGaussian, Inputs,
    MeanDynamics, Policy, StateFilter,
};
use dvbf_tensor::Noise;
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use std::f64::consts::PI;

/// Believes what it sees, and the dynamics where it sees nothing; needs two frames to start and
/// refuses what is not finite.
#[derive(Clone, Debug)]
struct Trusting {
    state: [f64; 3],
    frames: usize,
}

#[derive(Clone, Debug, PartialEq)]
struct Refused;

impl StateFilter<f64> for Trusting {
    type Error = Refused;
    fn state_size(&self) -> usize {
        3
    }
    fn update(
        &mut self,
        observation: Option<&[f64]>,
        control: &[f64],
        state: &mut [f64],
    ) -> Result<bool, Refused> {
        match observation {
            Some(x) if x.iter().all(|v| v.is_finite()) => self.state.copy_from_slice(x),
            Some(_) => return Err(Refused),
            None => {
                let states = ArrayView2::from_shape((1, 3), &self.state).unwrap();
                let controls = ArrayView2::from_shape((1, 1), control).unwrap();
                let mut next = Array2::zeros((1, 3));
                let at = Inputs { states, controls };
                Embedded::default().step(at, next.view_mut(), &mut ());
                self.state.copy_from_slice(next.as_slice().unwrap());
            }
        }
        self.frames += 1;
        state.copy_from_slice(&self.state);
        Ok(self.frames >= 2)
    }
    fn reset(&mut self) {
        *self = new_filter();
    }
}

fn new_filter() -> Trusting {
    Trusting { state: [1.0, 0.0, 0.0], frames: 0 }
}

/// A policy whose control says how often it was asked; fails for fast states.
#[derive(Clone, Debug)]
struct Counting(f64);

impl Policy<f64> for Counting {
    fn sizes(&self) -> (usize, usize) {
        (3, 1)
    }
    fn act(
        &mut self,
        states: ArrayView2<'_, f64>,
        mut controls: ArrayViewMut2<'_, f64>,
    ) -> Result<(), ControlError> {
        self.0 += 1.0;
        controls.fill(self.0);
        if states[[0, 2]] > 50.0 {
            return Err(ControlError::NotFinite { what: "the empowerment", row: 0 });
        }
        Ok(())
    }
    fn reset(&mut self) {
        self.0 = 0.0;
    }
}

#[test]
fn frames_lead_to_controls_whatever_happens_to_them() {
    let limits = ControlLimits::between(&[-1.0], &[3.0]).unwrap();
    let mut controller = Controller::new(new_filter(), Counting(0.0), limits, 2);
    let seen = [0.0, 1.0, 0.5];
    assert_eq!(controller.control(), [1.0]);
    assert_eq!(controller.frame(Some(&seen)).unwrap(), [1.0], "the filter has not started");
    assert!(!controller.started());
    controller.policy_is(0.0);
    assert_eq!(controller.frame(Some(&seen)).unwrap(), [1.0]);
    assert_eq!(controller.frame(Some(&seen)).unwrap(), [2.0]);
    assert_eq!(controller.state(), seen);
    // A frame that is refused changes nothing and can pass as a missing one.
    let error = controller.frame(Some(&[f64::NAN, 0.0, 0.0])).unwrap_err();
    assert_eq!(error, FrameError::Filter(Refused));
    assert_eq!((controller.control(), controller.missing()), (&[2.0][..], 0));
    assert_eq!(controller.frame(None).unwrap(), [3.0]);
    assert_eq!(controller.frame(None).unwrap(), [4.0]);
    assert_eq!(controller.missing(), 2);
    // Patience ends, and comes back with a frame.
    assert_eq!(controller.frame(None).unwrap(), [1.0]);
    assert_eq!(controller.frame(Some(&seen)).unwrap(), [5.0]);
    let error = controller.frame(Some(&[0.0, 1.0, 99.0])).unwrap_err();
    assert!(matches!(error, FrameError::Policy(ControlError::NotFinite { .. })));
    assert_eq!(controller.control(), [1.0], "after a failure the control is the central one");
    // A sensor that fails for good does not leave a control in force.
    assert_eq!(controller.frame(Some(&seen)).unwrap(), [7.0]);
    for expected in [7.0, 7.0, 1.0, 1.0] {
        controller.frame(Some(&[f64::NAN, 0.0, 0.0])).unwrap_err();
        assert_eq!(controller.control(), [expected]);
    }
    controller.reset();
    assert_eq!(controller.frame(Some(&seen)).unwrap(), [1.0], "the filter starts again");
    assert_eq!(controller.frame(Some(&seen)).unwrap(), [1.0], "the policy was reset too");
}

trait Check {
    fn policy_is(&self, count: f64);
}

impl Check for Controller<f64, Trusting, Counting> {
    /// The policy was asked this often.
    fn policy_is(&self, count: f64) {
        assert!(format!("{self:?}").contains(&format!("Counting({count:?})")));
    }
}

/// From hanging at rest, with two frames of five missing.
#[test]
fn the_pendulum_swings_up_through_missing_frames() {
    let channel = held_channel(10).unwrap();
    let pendulum = Embedded::default();
    let estimate = HeldGaussian::new(pendulum, &channel, 9).unwrap();
    let policy = Greedy::new(pendulum, estimate, channel.limits(), 9).unwrap();
    let limits = ControlLimits::symmetric(&[TORQUE]).unwrap();
    let mut controller = Controller::new(new_filter(), policy, limits, 30);
    let mut draws = [0.0_f64; 300];
    Noise::new(2, 0).uniform(&mut draws);
    let (mut state, mut last_down, mut missing) = ([PI, 0.0], 0, 0);
    for (frame, draw) in draws.into_iter().enumerate() {
        let seen = (draw > 0.4 || frame == 0).then(|| embed::<f64>(state));
        missing += usize::from(seen.is_none());
        let torque = controller.frame(seen.as_ref().map(|x| &x[..])).unwrap()[0];
        state = Physics::default().next(state, torque);
        if wrap(state[0]).abs() > 0.3 {
            last_down = frame + 1;
        }
    }
    assert!((90..150).contains(&missing), "{missing}");
    assert!(last_down <= 80, "{last_down}");
}
