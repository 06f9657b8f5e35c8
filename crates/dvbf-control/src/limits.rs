//! What controls are possible: every one lies in an interval.

use crate::error::ControlError;
use dvbf_tensor::Scalar;
use ndarray::Array1;

/// The intervals `[c − h, c + h]` of `U` controls.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlLimits<S> {
    // Invariant: as long as each other, not empty, finite; `half > 0`.
    center: Array1<S>,
    half: Array1<S>,
}

impl<S: Scalar> ControlLimits<S> {
    /// `|u_j| ≤ h_j`.
    ///
    /// # Errors
    /// If there is none, or a limit is not a positive finite number.
    pub fn symmetric(half: &[S]) -> Result<Self, ControlError> {
        let low: Vec<S> = half.iter().map(|&h| -h).collect();
        Self::between(&low, half)
    }

    /// `low_j ≤ u_j ≤ high_j`.
    ///
    /// # Errors
    /// If there is none, the two differ in length, or an interval is empty or not finite.
    pub fn between(low: &[S], high: &[S]) -> Result<Self, ControlError> {
        if low.len() != high.len() {
            let (got, expected) = (low.len(), high.len());
            return Err(ControlError::Length { what: "lower limits of controls", got, expected });
        }
        if low.is_empty() {
            return Err(ControlError::NoControls);
        }
        let two = S::of(2.0);
        let half: Array1<S> = low.iter().zip(high).map(|(&l, &h)| (h - l) / two).collect();
        let center: Array1<S> = low.iter().zip(high).map(|(&l, &h)| l + (h - l) / two).collect();
        for (&half, &center) in half.iter().zip(&center) {
            if !(half > S::ZERO && half.is_finite() && center.is_finite()) {
                let value = half.to_double();
                let range = "a positive finite number";
                return Err(ControlError::Setting { key: "control limit", value, range });
            }
        }
        Ok(Self { center, half })
    }

    /// `U`.
    pub fn size(&self) -> usize {
        self.half.len()
    }

    /// `c (U)`: the control that nothing is asked of, zero for symmetric limits.
    pub fn center(&self) -> &Array1<S> {
        &self.center
    }

    /// `h (U)`.
    pub fn half(&self) -> &Array1<S> {
        &self.half
    }

    /// `c_j + h_j x`, the `j`-th control at place `x` of its interval `[−1, 1]`.
    pub(crate) fn at(&self, j: usize, x: S) -> S {
        x.mul_add(self.half[j], self.center[j])
    }
}
