//! Trials of policies on the true pendulum, seen truly or through the filter.

use super::EmpowerError;
use dvbf_control::{PathFilter, Policy, StateFilter};
use dvbf_core::{Features, Noise};
use dvbf_envs::Environment;
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Steps of a trial, and those at its end that have to be upright.
pub(super) const STEPS: usize = 300;
const LAST: usize = 100;
/// What counts as upright, in radians.
const UPRIGHT: f64 = 0.3;
/// Fastest start, in radians a second.
const FASTEST: f64 = 4.0;

/// How a policy fared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Random starts from which it was upright throughout the last 100 steps.
    pub success: usize,
    /// Random starts.
    pub starts: usize,
    /// Steps from hanging at rest until it stays upright; nothing if it does not.
    pub hanging_steps: Option<usize>,
    /// Median of the steps until it stays upright, of the starts that succeed.
    pub median_steps: Option<usize>,
}

/// How a policy is told the state.
#[derive(Debug)]
pub(super) enum Eyes<'a> {
    /// The true angle and velocity, shown as networks see them.
    True(&'a Features),
    /// Frames with the noise of the recordings, through the online filter.
    Pixels(Box<PathFilter>),
}

/// What happens in a trial from frames, step by step.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorder {
    /// True states before the step.
    pub(super) states: Vec<Vec<f64>>,
    /// What the camera saw of them.
    pub(super) frames: Vec<Vec<f32>>,
    /// The torque of the step.
    pub(super) torques: Vec<f64>,
}

/// The true pendulum and where trials start.
pub(super) struct Arena<'a> {
    pub(super) env: &'a dyn Environment,
    pub(super) starts: usize,
    pub(super) seed: u64,
}

/// An angle from upright, between −π and π; the pendulum hangs at zero.
pub(super) fn from_upright(angle: f64) -> f64 {
    angle.rem_euclid(2.0 * PI) - PI
}

impl Arena<'_> {
    /// Runs a policy from hanging at rest and from all random starts.
    pub(super) fn run(
        &self,
        policy: &mut dyn Policy<f32>,
        mut eyes: Eyes<'_>,
    ) -> Result<Trial, EmpowerError> {
        let mut draws = vec![0.0_f64; 2 * self.starts];
        Noise::new(self.seed, 0).uniform(&mut draws);
        let hanging_steps = self.trial(policy, &mut eyes, ([0.0, 0.0], 0), None)?;
        let mut steps = Vec::new();
        for (i, draw) in draws.chunks(2).enumerate() {
            let start = [PI * (2.0 * draw[0] - 1.0), FASTEST * (2.0 * draw[1] - 1.0)];
            steps.extend(self.trial(policy, &mut eyes, (start, i as u64 + 1), None)?);
        }
        steps.sort_unstable();
        let median_steps = (!steps.is_empty()).then(|| steps[steps.len() / 2]);
        Ok(Trial { success: steps.len(), starts: self.starts, hanging_steps, median_steps })
    }

    /// The trial from hanging at rest, recorded; the same as that of [`run`](Self::run).
    pub(super) fn hanging(
        &self,
        policy: &mut dyn Policy<f32>,
        eyes: &mut Eyes<'_>,
        recorder: &mut Recorder,
    ) -> Result<Option<usize>, EmpowerError> {
        self.trial(policy, eyes, ([0.0, 0.0], 0), Some(recorder))
    }

    /// Steps until it stays upright; nothing if it does not stay for the last of them.
    fn trial(
        &self,
        policy: &mut dyn Policy<f32>,
        eyes: &mut Eyes<'_>,
        (start, number): ([f64; 2], u64),
        mut recorder: Option<&mut Recorder>,
    ) -> Result<Option<usize>, EmpowerError> {
        let spec = self.env.spec();
        let mut state = vec![0.0; spec.state.len() + self.env.hidden_size()];
        state[..2].copy_from_slice(&start);
        let mut frame = vec![0.0_f32; spec.observation_size];
        let mut noise = vec![0.0_f32; spec.observation_size];
        let (shown, controls) = policy.sizes();
        let mut belief = Array2::<f32>::zeros((1, shown));
        let mut control = Array2::<f32>::zeros((1, controls));
        policy.reset();
        if let Eyes::Pixels(filter) = eyes {
            filter.reset();
        }
        let mut stays_from = 0;
        for t in 0..STEPS {
            let started = match eyes {
                Eyes::True(features) => {
                    let latent = Array2::from_shape_fn((1, 2), |(_, i)| narrow(state[i]));
                    features.apply(latent.view(), belief.view_mut());
                    true
                }
                Eyes::Pixels(filter) => {
                    self.env.observe(&state, &mut frame);
                    let stream = number * STEPS as u64 + t as u64 + 1;
                    Noise::new(self.seed, stream).normal(&mut noise);
                    for (value, draw) in frame.iter_mut().zip(&noise) {
                        *value += narrow(spec.noise_std) * draw;
                    }
                    let told = control.row(0).to_vec();
                    let to = belief.index_axis_mut(Axis(0), 0).into_slice();
                    let to = to.ok_or_else(|| EmpowerError::internal("a belief has gaps"))?;
                    filter.update(Some(&frame), &told, to)?
                }
            };
            if started {
                policy.act(belief.view(), control.view_mut())?;
            } else {
                control.fill(0.0);
            }
            let torque: Vec<f64> = control.iter().map(|&u| f64::from(u)).collect();
            if let Some(recorder) = &mut recorder {
                recorder.states.push(state.clone());
                recorder.frames.push(frame.clone());
                recorder.torques.push(torque.first().copied().unwrap_or(0.0));
            }
            self.env.advance(&mut state, &torque);
            if from_upright(state[0]).abs() >= UPRIGHT {
                stays_from = t + 1;
            }
        }
        Ok((stays_from <= STEPS - LAST).then_some(stays_from))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "policies are in single precision")]
pub(super) fn narrow(value: f64) -> f32 {
    value as f32
}

/// Uniform torques, or none.
#[derive(Clone, Debug)]
pub(super) struct Random {
    pub(super) half: f32,
    pub(super) shown: usize,
    pub(super) drawn: u64,
}

impl Policy<f32> for Random {
    fn sizes(&self) -> (usize, usize) {
        (self.shown, 1)
    }

    fn act(
        &mut self,
        _: ndarray::ArrayView2<'_, f32>,
        mut controls: ndarray::ArrayViewMut2<'_, f32>,
    ) -> Result<(), dvbf_control::ControlError> {
        for control in &mut controls {
            let mut draw = [0.0_f32];
            Noise::new(77, self.drawn).uniform(&mut draw);
            self.drawn += 1;
            *control = self.half * (2.0 * draw[0] - 1.0);
        }
        Ok(())
    }

    fn reset(&mut self) {}
}
