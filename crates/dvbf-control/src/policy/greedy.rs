//! One step of foresight: `u = argmax E(f(z, u))` over a grid of controls.  (5)

use super::{Policy, check_act};
use crate::channel::Empowerment;
use crate::dynamics::{Inputs, MeanDynamics};
use crate::error::{ControlError, at_least};
use crate::limits::ControlLimits;
use dvbf_tensor::Scalar;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};
use std::fmt;

/// The most controls that are compared.
const CONTROLS: usize = 1 << 16;

/// Equation (5). Nothing allocates after construction, if the estimate does not.
pub struct Greedy<S: Scalar, D: MeanDynamics<S>, E> {
    dynamics: D,
    workspace: D::Workspace,
    empowerment: E,
    /// `(A, U)`.
    controls: Array2<S>,
    repeated: Array2<S>,
    next: Array2<S>,
    estimates: Vec<S>,
}

impl<S: Scalar, D: MeanDynamics<S>, E: Empowerment<S>> Greedy<S, D, E> {
    /// A policy that compares `levels` equidistant values of every control, the ends included, in
    /// all combinations.
    ///
    /// # Errors
    /// If there are fewer than two levels, or more than 2¹⁶ combinations.
    ///
    /// # Panics
    /// If dynamics, limits and estimate disagree about sizes.
    #[track_caller]
    pub fn new(
        dynamics: D,
        empowerment: E,
        limits: &ControlLimits<S>,
        levels: usize,
    ) -> Result<Self, ControlError> {
        let (z, u) = (dynamics.state_size(), dynamics.control_size());
        assert_eq!(u, limits.size(), "controls against their limits");
        assert_eq!(z, empowerment.state_size(), "states of the dynamics against the estimate");
        at_least("levels", levels, 2, "at least 2")?;
        let places = u32::try_from(u).unwrap_or(u32::MAX);
        let Some(count) = levels.checked_pow(places).filter(|&count| count <= CONTROLS) else {
            let value = (levels as f64).powf(f64::from(places));
            let range = "at most 2^16; take fewer levels";
            return Err(ControlError::Setting { key: "combinations of controls", value, range });
        };
        let mut controls = Array2::zeros((count, u));
        for (n, mut row) in controls.rows_mut().into_iter().enumerate() {
            let mut rest = n;
            for (j, value) in row.iter_mut().enumerate() {
                let place = 2.0 * (rest % levels) as f64 / (levels - 1) as f64 - 1.0;
                *value = limits.at(j, S::of(place));
                rest /= levels;
            }
        }
        Ok(Self {
            workspace: dynamics.workspace(count),
            repeated: Array2::zeros((count, z)),
            next: Array2::zeros((count, z)),
            estimates: vec![S::ZERO; count],
            dynamics,
            empowerment,
            controls,
        })
    }

    /// The controls that are compared, `(A, U)`.
    pub fn choices(&self) -> ArrayView2<'_, S> {
        self.controls.view()
    }
}

impl<S: Scalar, D: MeanDynamics<S>, E: Empowerment<S>> Policy<S> for Greedy<S, D, E> {
    fn sizes(&self) -> (usize, usize) {
        (self.dynamics.state_size(), self.dynamics.control_size())
    }

    /// The first of equals is taken, so that no choice depends on rounding in the order of sums.
    fn act(
        &mut self,
        states: ArrayView2<'_, S>,
        mut controls: ArrayViewMut2<'_, S>,
    ) -> Result<(), ControlError> {
        check_act(self.sizes(), states, &controls)?;
        for (n, state) in states.rows().into_iter().enumerate() {
            self.repeated.assign(&state);
            let at = Inputs { states: self.repeated.view(), controls: self.controls.view() };
            self.dynamics.step(at, self.next.view_mut(), &mut self.workspace);
            let evaluated = self.empowerment.evaluate(self.next.view(), &mut self.estimates);
            // The rows of the estimate are choices; the caller knows the row of the state.
            evaluated.map_err(|error| match error {
                ControlError::NotFinite { what, .. } => ControlError::NotFinite { what, row: n },
                error => error,
            })?;
            let mut best = 0;
            for (choice, estimate) in self.estimates.iter().enumerate() {
                if *estimate > self.estimates[best] {
                    best = choice;
                }
            }
            controls.slice_mut(s![n, ..]).assign(&self.controls.row(best));
        }
        Ok(())
    }

    fn reset(&mut self) {}
}

impl<S: Scalar, D: MeanDynamics<S>, E> fmt::Debug for Greedy<S, D, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Greedy").field("choices", &self.controls.nrows()).finish_non_exhaustive()
    }
}
