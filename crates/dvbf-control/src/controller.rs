//! A filter and a policy as one: an observation in, a control out, once a frame.

use crate::error::ControlError;
use crate::limits::ControlLimits;
use crate::policy::Policy;
use dvbf_tensor::Scalar;
use ndarray::Array2;

/// What turns observations into states that a policy understands.
pub trait StateFilter<S: Scalar> {
    /// Why an observation is refused.
    type Error;

    /// `Z`.
    fn state_size(&self) -> usize;

    /// Takes the observation of a frame, `None` if it is missing, and the control that acted since
    /// the frame before, and writes the state that is believed in. Says whether there is one: a
    /// filter may need some frames to start.
    ///
    /// # Errors
    /// If the observation is refused; the filter is then as before the frame.
    fn update(
        &mut self,
        observation: Option<&[S]>,
        control: &[S],
        state: &mut [S],
    ) -> Result<bool, Self::Error>;

    /// The next observation is the first of a sequence.
    fn reset(&mut self);
}

/// Why a frame led to no control.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FrameError<E> {
    /// The filter refused the observation, and nothing has changed. The frame can pass as a missing
    /// one; after more than `patience` refused frames in a row the control is the central one.
    #[error("the filter refused the observation: {0}")]
    Filter(E),
    /// The policy failed. The control is the central one of its limits, and the filter is told so
    /// at the next frame.
    #[error("the policy failed: {0}")]
    Policy(ControlError),
}

/// Holds filter and policy together and remembers the control that acts.
///
/// Until the filter has started, and after more than `patience` missing or refused frames in a row, the
/// control is the central one: a belief that has not been corrected for long is no ground to act on.
/// Nothing allocates after construction, if filter and policy do not.
#[derive(Clone, Debug)]
pub struct Controller<S, F, P> {
    filter: F,
    policy: P,
    limits: ControlLimits<S>,
    patience: usize,
    missing: usize,
    /// Frames refused since the last that was taken, seen or missing.
    refused: usize,
    started: bool,
    state: Array2<S>,
    control: Array2<S>,
}

impl<S: Scalar, F: StateFilter<S>, P: Policy<S>> Controller<S, F, P> {
    /// A controller at the start of a sequence.
    ///
    /// # Panics
    /// If filter, policy and limits disagree about sizes.
    #[track_caller]
    pub fn new(filter: F, policy: P, limits: ControlLimits<S>, patience: usize) -> Self {
        let (state, control) = policy.sizes();
        assert_eq!(filter.state_size(), state, "states of the filter against the policy");
        assert_eq!(limits.size(), control, "limits against the controls of the policy");
        let mut controller = Self {
            filter,
            policy,
            limits,
            patience,
            missing: 0,
            refused: 0,
            started: false,
            state: Array2::zeros((1, state)),
            control: Array2::zeros((1, control)),
        };
        controller.rest();
        controller
    }

    /// The filter.
    pub fn filter(&self) -> &F {
        &self.filter
    }

    /// The state that the last control was chosen for, `Z` values; zeros before there is one.
    ///
    /// # Panics
    /// Never: the state is contiguous.
    pub fn state(&self) -> &[S] {
        self.state.as_slice().expect("a fresh array is contiguous")
    }

    /// The control that acts, `U` values.
    ///
    /// # Panics
    /// Never: the control is contiguous.
    pub fn control(&self) -> &[S] {
        self.control.as_slice().expect("a fresh array is contiguous")
    }

    /// Missing frames since the last that was seen.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// Takes the observation of a frame, `None` if it is missing, and gives the control, `U` values,
    /// that should act until the next frame.
    ///
    /// # Errors
    /// If the filter refuses the observation or the policy fails. Both leave a control in force.
    ///
    /// # Panics
    /// Never: state and control are contiguous.
    pub fn frame(&mut self, observation: Option<&[S]>) -> Result<&[S], FrameError<F::Error>> {
        let contiguous = "a fresh array is contiguous";
        let state = self.state.as_slice_mut().expect(contiguous);
        let control = self.control.as_slice().expect(contiguous);
        let updated = self.filter.update(observation, control, state);
        match updated {
            Ok(started) => (self.started, self.refused) = (started, 0),
            Err(error) => {
                self.refused += 1;
                if self.refused > self.patience {
                    self.rest();
                }
                return Err(FrameError::Filter(error));
            }
        }
        self.missing = if observation.is_some() { 0 } else { self.missing + 1 };
        if !self.started || self.missing > self.patience {
            self.rest();
            return Ok(self.control());
        }
        match self.policy.act(self.state.view(), self.control.view_mut()) {
            Ok(()) => Ok(self.control()),
            Err(error) => {
                self.rest();
                Err(FrameError::Policy(error))
            }
        }
    }

    /// Whether the filter had started at the last frame.
    pub fn started(&self) -> bool {
        self.started
    }

    /// The next frame is the first of a sequence.
    pub fn reset(&mut self) {
        self.filter.reset();
        self.policy.reset();
        self.state.fill(S::ZERO);
        (self.missing, self.refused, self.started) = (0, 0, false);
        self.rest();
    }

    fn rest(&mut self) {
        self.control.row_mut(0).assign(self.limits.center());
    }
}
