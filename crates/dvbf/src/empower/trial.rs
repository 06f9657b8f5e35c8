//! Trials of policies on the true system, seen truly or through the filter.

use super::EmpowerError;
use super::subject::{FixedStart, LAST, STEPS, Subject};
use dvbf_control::{PathFilter, Policy, StateFilter};
use dvbf_core::Noise;
use dvbf_envs::Environment;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use serde::{Deserialize, Serialize};

/// How a policy fared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Random starts from which it was where success is throughout the last 100 steps.
    pub success: usize,
    /// Random starts.
    pub starts: usize,
    /// Steps from the fixed start until it stays there.
    #[serde(flatten)]
    pub fixed_start: FixedStart,
    /// Median of the steps until it stays there, of the starts that succeed.
    pub median_steps: Option<usize>,
}

/// How a policy is told the state.
#[derive(Debug)]
pub(super) enum Eyes {
    /// The true state.
    True,
    /// Frames with the noise of the recordings, through the online filter.
    Pixels(Box<PathFilter>),
}

/// What happens in a trial, step by step.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorder {
    /// True states before the step.
    pub(super) states: Vec<Vec<f64>>,
    /// What the camera saw of them.
    pub(super) frames: Vec<Vec<f32>>,
    /// The controls of the step.
    pub(super) controls: Vec<Vec<f64>>,
}

/// The true system and where trials start.
pub(super) struct Arena<'a, S> {
    pub(super) subject: &'a S,
    pub(super) env: &'a dyn Environment,
    pub(super) starts: usize,
    pub(super) seed: u64,
}

impl<S: Subject> Arena<'_, S> {
    /// Runs a policy from the fixed start and from all random ones.
    pub(super) fn run(
        &self,
        policy: &mut dyn Policy<f32>,
        eyes: &mut Eyes,
    ) -> Result<Trial, EmpowerError> {
        let fixed = self.run_fixed_start(policy, eyes, None)?;
        let size = self.env.spec().state.len();
        let mut draws = vec![0.0_f64; size * self.starts];
        Noise::new(self.seed, 0).uniform(&mut draws);
        let mut steps = Vec::new();
        for (draws, number) in draws.chunks(size).zip(1..) {
            let mut start = vec![0.0; size];
            self.subject.random_start(draws, &mut start);
            steps.extend(self.trial(policy, eyes, (&start, number), None)?);
        }
        steps.sort_unstable();
        let median_steps = (!steps.is_empty()).then(|| steps[steps.len() / 2]);
        let fixed_start = self.subject.steps_of_fixed_start(fixed);
        Ok(Trial { success: steps.len(), starts: self.starts, fixed_start, median_steps })
    }

    /// The trial from the fixed start; with a recorder the same as without.
    pub(super) fn run_fixed_start(
        &self,
        policy: &mut dyn Policy<f32>,
        eyes: &mut Eyes,
        recorder: Option<&mut Recorder>,
    ) -> Result<Option<usize>, EmpowerError> {
        let mut start = vec![0.0; self.env.spec().state.len()];
        self.subject.fixed_start(&mut start);
        self.trial(policy, eyes, (&start, 0), recorder)
    }

    /// Steps until it stays where success is; nothing if it is not there for the last of them.
    fn trial(
        &self,
        policy: &mut dyn Policy<f32>,
        eyes: &mut Eyes,
        (start, number): (&[f64], u64),
        mut recorder: Option<&mut Recorder>,
    ) -> Result<Option<usize>, EmpowerError> {
        let spec = self.env.spec();
        let visible = start.len();
        let mut state = vec![0.0; visible + self.env.hidden_size()];
        state[..visible].copy_from_slice(start);
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
                Eyes::True => {
                    let truth = Array2::from_shape_fn((1, visible), |(_, i)| narrow(state[i]));
                    self.subject.show(truth.view(), belief.view_mut());
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
            let acting: Vec<f64> = control.iter().map(|&u| f64::from(u)).collect();
            if let Some(recorder) = &mut recorder {
                recorder.states.push(state.clone());
                recorder.frames.push(frame.clone());
                recorder.controls.push(acting.clone());
            }
            self.env.advance(&mut state, &acting);
            if !self.subject.reached(&state) {
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

/// Uniform controls between `−half` and `half`.
#[derive(Clone, Debug)]
pub(super) struct Random {
    half: Vec<f32>,
    shown: usize,
    drawn: u64,
}

impl Random {
    /// For states of `shown` columns.
    pub(super) fn new(half: Vec<f32>, shown: usize) -> Self {
        Self { half, shown, drawn: 0 }
    }
}

impl Policy<f32> for Random {
    fn sizes(&self) -> (usize, usize) {
        (self.shown, self.half.len())
    }

    fn act(
        &mut self,
        _: ArrayView2<'_, f32>,
        mut controls: ArrayViewMut2<'_, f32>,
    ) -> Result<(), dvbf_control::ControlError> {
        let mut draws = vec![0.0_f32; self.half.len()];
        for mut row in controls.rows_mut() {
            Noise::new(77, self.drawn).uniform(&mut draws);
            self.drawn += 1;
            for ((control, &half), &draw) in row.iter_mut().zip(&self.half).zip(&draws) {
                *control = half * (2.0 * draw - 1.0);
            }
        }
        Ok(())
    }

    fn reset(&mut self) {}
}
