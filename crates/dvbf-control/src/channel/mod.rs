//! The channel from controls to the state `K` steps on, and estimates of what it can carry.
//!
//! Empowerment is the capacity of a channel, `E(z) = max_ω I(a; z' | z)`, in nats, with
//!
//! ```text
//! z' = F_K(z, a) + σ L ξ,    ξ ~ N(0, I)
//! ```
//!
//! `F_K` being `K` steps of the mean transition under the actions `a`, and `L Lᵀ` the covariance of
//! visited states ([`StateScale`]). The noise is a **fixed resolution at the end state**, not the
//! process noise accumulated on the way: what cannot be told apart does not count as a choice.
//! Accumulated noise flattens the map of a pendulum until upright is no maximum any more.

mod eigen;
mod held;
mod lanes;
mod rest;
mod sequence;
mod water;

pub use held::HeldGaussian;
pub(crate) use lanes::Lanes;
pub(crate) use rest::HeldPath;
pub use sequence::SequenceGaussian;
pub use water::{WaterFilling, water_filling};

use crate::dynamics::MeanDynamics;
use crate::error::{ControlError, at_least, positive};
use crate::limits::ControlLimits;
use crate::scale::{StateScale, check_finite};
use dvbf_tensor::Scalar;
use ndarray::ArrayView2;

/// What defines a channel, apart from the dynamics: `K`, `σ`, the controls and the unit of states.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel<S> {
    // Invariant: `steps ≥ 2`, `resolution` positive and finite.
    steps: usize,
    resolution: S,
    limits: ControlLimits<S>,
    scale: StateScale<S>,
}

impl<S: Scalar> Channel<S> {
    /// The channel over `steps` steps with the resolution `σ` in units of `scale`.
    ///
    /// # Errors
    /// If there are fewer than two steps, for one hardly varies with the state, or the resolution is
    /// not a positive finite number: without noise every channel carries infinitely much.
    pub fn new(
        steps: usize,
        resolution: f64,
        limits: ControlLimits<S>,
        scale: StateScale<S>,
    ) -> Result<Self, ControlError> {
        at_least("steps", steps, 2, "at least 2")?;
        positive("resolution", resolution)?;
        Ok(Self { steps, resolution: S::of(resolution), limits, scale })
    }

    /// `K`.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// `σ`.
    pub fn resolution(&self) -> S {
        self.resolution
    }

    /// What controls are possible.
    pub fn limits(&self) -> &ControlLimits<S> {
        &self.limits
    }

    /// The unit of states.
    pub fn scale(&self) -> &StateScale<S> {
        &self.scale
    }

    /// Panics if the dynamics have other sizes.
    ///
    /// # Errors
    /// If they have no controls.
    #[track_caller]
    pub(crate) fn check<D: MeanDynamics<S>>(&self, dynamics: &D) -> Result<(), ControlError> {
        if dynamics.control_size() == 0 {
            return Err(ControlError::NoControls);
        }
        assert_eq!(dynamics.state_size(), self.scale.size(), "states against the channel's scale");
        assert_eq!(dynamics.control_size(), self.limits.size(), "controls against their limits");
        Ok(())
    }
}

/// An estimate of `E(z)`.
pub trait Empowerment<S: Scalar> {
    /// `Z`.
    fn state_size(&self) -> usize;

    /// Writes `E(z)` in nats for every row of `states (N, Z)`.
    ///
    /// # Errors
    /// If a state or an estimate is not finite; `out` is unspecified then.
    ///
    /// # Panics
    /// If the shapes disagree.
    fn evaluate(&mut self, states: ArrayView2<'_, S>, out: &mut [S]) -> Result<(), ControlError>;
}

impl<S: Scalar, E: Empowerment<S> + ?Sized> Empowerment<S> for Box<E> {
    fn state_size(&self) -> usize {
        (**self).state_size()
    }
    fn evaluate(&mut self, states: ArrayView2<'_, S>, out: &mut [S]) -> Result<(), ControlError> {
        (**self).evaluate(states, out)
    }
}

/// What every estimator asks of a batch before it begins.
#[track_caller]
pub(crate) fn check_batch<S: Scalar>(
    size: usize,
    states: ArrayView2<'_, S>,
    out: &[S],
) -> Result<(), ControlError> {
    assert_eq!(states.dim(), (out.len(), size), "states against estimates and the dynamics");
    check_finite("the state", states)
}

/// What every estimator asks of its estimates; `first` is the row of the first.
pub(crate) fn check_estimates<S: Scalar>(first: usize, out: &[S]) -> Result<(), ControlError> {
    match out.iter().position(|e| !e.is_finite()) {
        Some(row) => Err(ControlError::NotFinite { what: "the empowerment", row: first + row }),
        None => Ok(()),
    }
}
