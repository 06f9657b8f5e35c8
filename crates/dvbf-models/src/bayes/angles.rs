//! Angles as components of states and observations.
//!
//! The difference of two angles is the shorter way from one to the other, so that `3.1` and `−3.1`
//! are `0.083` apart. The filters ask a [`StateSpace`] for its differences: for residuals, for
//! derivatives by differences, for means over sigma points and particles. A model with other
//! differences, such as those of rotations in space, implements them itself.

use super::linearization::Dims;
use super::state_space::{Jacobians, StateSpace};
use nalgebra::{DMatrix, DVector};
use std::f64::consts::{PI, TAU};

/// `angle`, in radians, moved by whole turns into `(−π, π]`; NaN if it is not finite.
pub fn wrap_angle(angle: f64) -> f64 {
    let wrapped = angle - TAU * (angle / TAU).round();
    if wrapped <= -PI {
        wrapped + TAU
    } else if wrapped > PI {
        wrapped - TAU
    } else {
        wrapped
    }
}

/// A model in which some components of the state and of the observation are angles in radians.
///
/// Means of beliefs are not wrapped: an angle goes on beyond `π` unless the transition wraps it.
///
/// ```
/// use dvbf_models::bayes::{
///     Angles, Belief, ClosureModel, DMatrix, DVector, Dims, Extended, GaussianFilter,
///     NumericJacobians,
/// };
///
/// // A compass on a ship that turns slowly.
/// let compass = ClosureModel {
///     dims: Dims { state: 1, control: 0, observation: 1 },
///     transition: |z: &DVector<f64>, _: &[f64]| z.clone(),
///     emission: |z: &DVector<f64>| z.clone(),
///     process_noise: DMatrix::from_element(1, 1, 1e-4),
///     observation_noise: DMatrix::from_element(1, 1, 0.01),
/// };
/// let compass = Angles::new(compass, &[0], &[0]);
/// let start = Belief::independent(&[3.1], &[0.01])?;
/// let mut filter = GaussianFilter::new(Extended(NumericJacobians::new(compass)), start)?;
/// let correction = filter.update(Some(&[-3.1]))?;
/// assert!(correction.is_some_and(|c| c.nis < 1.0));
/// assert!((filter.belief().mean[0] - std::f64::consts::PI).abs() < 1e-3);
/// # Ok::<(), dvbf_models::bayes::BayesError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Angles<M> {
    model: M,
    state: Vec<usize>,
    observation: Vec<usize>,
}

impl<M: StateSpace> Angles<M> {
    /// The model in which these components of the state and these channels of the observation are
    /// angles.
    ///
    /// # Panics
    /// If there is no such component or channel.
    #[track_caller]
    pub fn new(model: M, state: &[usize], observation: &[usize]) -> Self {
        let dims = model.dims();
        for (what, indices, size) in
            [("state", state, dims.state), ("observation", observation, dims.observation)]
        {
            for &i in indices {
                assert!(i < size, "angle {i} of {size} values of the {what}");
            }
        }
        Self { model, state: state.to_vec(), observation: observation.to_vec() }
    }

    /// The model.
    pub fn model(&self) -> &M {
        &self.model
    }
}

fn wrap(mut difference: DVector<f64>, angles: &[usize]) -> DVector<f64> {
    for &i in angles {
        difference[i] = wrap_angle(difference[i]);
    }
    difference
}

impl<M: StateSpace> StateSpace for Angles<M> {
    fn dims(&self) -> Dims {
        self.model.dims()
    }

    fn transition(&self, step: usize, state: &DVector<f64>, control: &[f64]) -> DVector<f64> {
        self.model.transition(step, state, control)
    }

    fn process_noise(&self, step: usize) -> DMatrix<f64> {
        self.model.process_noise(step)
    }

    fn emission(&self, step: usize, state: &DVector<f64>) -> DVector<f64> {
        self.model.emission(step, state)
    }

    fn observation_noise(&self, step: usize) -> DMatrix<f64> {
        self.model.observation_noise(step)
    }

    fn state_difference(&self, a: &DVector<f64>, b: &DVector<f64>) -> DVector<f64> {
        wrap(self.model.state_difference(a, b), &self.state)
    }

    fn observation_difference(&self, a: &DVector<f64>, b: &DVector<f64>) -> DVector<f64> {
        wrap(self.model.observation_difference(a, b), &self.observation)
    }
}

impl<M: Jacobians> Jacobians for Angles<M> {
    fn transition_jacobian(
        &self,
        step: usize,
        state: &DVector<f64>,
        control: &[f64],
    ) -> DMatrix<f64> {
        self.model.transition_jacobian(step, state, control)
    }

    fn emission_jacobian(&self, step: usize, state: &DVector<f64>) -> DMatrix<f64> {
        self.model.emission_jacobian(step, state)
    }
}
