//! Filtering of whole sequences.

use super::belief::{Belief, RootBelief};
use super::filter::GaussianFilter;
use super::form::{Form, Innovation};
use super::gaussian_model::GaussianModel;
use super::linearization::{Correction, Linearization};
use super::memory::Memory;
use super::{BayesError, check};
use nalgebra::{DefaultAllocator, Dim};
use ndarray::{ArrayView1, ArrayView2};
use std::borrow::Cow;

/// A recorded sequence of `T` steps.
#[derive(Clone, Copy, Debug)]
pub struct Sequence<'a> {
    /// `x (T, X)`; NaN where a channel is missing.
    pub observations: ArrayView2<'a, f64>,
    /// `u (T, U)`; row `t` acts between `t` and `t + 1`, and the last row is not read.
    pub controls: ArrayView2<'a, f64>,
}

impl Sequence<'_> {
    /// How many steps there are.
    pub(super) fn steps(&self) -> Result<usize, BayesError> {
        let steps = self.observations.nrows();
        if steps == 0 {
            return Err(BayesError::Empty { what: "step" });
        }
        check::length("controls", self.controls.nrows(), steps)?;
        Ok(steps)
    }
}

/// What a filter believed at every step of a sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Filtered {
    /// Beliefs `p(z_t | x₁ … x_{t−1})`, `T` of them.
    pub predicted: Vec<Belief>,
    /// Beliefs `p(z_t | x₁ … x_t)`, `T` of them.
    pub filtered: Vec<Belief>,
    /// What every observation said; `None` where nothing was observed.
    pub corrections: Vec<Option<Correction>>,
    /// The transitions between the steps as the filter used them, `T − 1` of them.
    pub transitions: Vec<Linearization>,
    /// `ln p(x₁ … x_T)` of what was observed and accepted.
    pub log_likelihood: f64,
    /// `filtered` by roots, which the smoother reads.
    pub(super) roots: Vec<RootBelief>,
}

impl<M, Z: Dim, X: Dim, F> GaussianFilter<M, Z, X, F>
where
    M: GaussianModel<Z, X>,
    F: Form<Z, X>,
    DefaultAllocator: Memory<Z, X>,
{
    /// Filters a sequence as [`filter`](Self::filter) does and keeps nothing: `see` is shown every
    /// step, the belief after its observation, and what that said. Gives `ln p(x₁ … x_T)` of what
    /// was observed and accepted.
    ///
    /// # Errors
    /// As [`filter`](Self::filter); the filter then stands at the step that failed.
    pub fn follow(
        &mut self,
        sequence: &Sequence<'_>,
        mut see: impl FnMut(usize, &Belief<Z>, Option<Innovation>),
    ) -> Result<f64, BayesError> {
        let steps = sequence.steps()?;
        let before = self.log_likelihood();
        for t in 0..steps {
            if t > 0 {
                let control = values(sequence.controls.row(t - 1));
                self.predict(&control).map_err(|e| e.at_step(t - 1))?;
            }
            let observation = values(sequence.observations.row(t));
            let said = self.condition(Some(&observation)).map_err(|e| e.at_step(t))?;
            see(t, self.belief(), said);
        }
        Ok(self.log_likelihood() - before)
    }
}

/// A row, copied only if its values do not lie side by side.
fn values(row: ArrayView1<'_, f64>) -> Cow<'_, [f64]> {
    row.to_slice().map_or_else(|| Cow::Owned(row.to_vec()), Cow::Borrowed)
}

impl<M: GaussianModel> GaussianFilter<M> {
    /// Filters a sequence whose first observation belongs to the step where the filter stands;
    /// afterwards it stands at the last. After a failure it stands where it was.
    ///
    /// # Errors
    /// If the sequence is empty or its parts differ in length; or, with its number, the first
    /// step that [`predict`](Self::predict) or [`update`](Self::update) refuses.
    pub fn filter(&mut self, sequence: &Sequence<'_>) -> Result<Filtered, BayesError> {
        let before = self.now.clone();
        self.run(sequence).inspect_err(|_| self.now = before)
    }

    fn run(&mut self, sequence: &Sequence<'_>) -> Result<Filtered, BayesError> {
        let steps = sequence.steps()?;
        let before = self.log_likelihood();
        let mut out = Filtered {
            predicted: Vec::with_capacity(steps),
            filtered: Vec::with_capacity(steps),
            corrections: Vec::with_capacity(steps),
            transitions: Vec::with_capacity(steps - 1),
            log_likelihood: 0.0,
            roots: Vec::with_capacity(steps),
        };
        for t in 0..steps {
            if t > 0 {
                let control = values(sequence.controls.row(t - 1));
                self.predict(&control).map_err(|e| e.at_step(t - 1))?;
                out.transitions.push(self.work.transition.clone());
            }
            out.predicted.push(self.belief().clone());
            let observation = values(sequence.observations.row(t));
            let correction = self.update(Some(&observation)).map_err(|e| e.at_step(t))?;
            out.corrections.push(correction);
            out.filtered.push(self.belief().clone());
            out.roots.push(self.now.form.near());
        }
        out.log_likelihood = self.log_likelihood() - before;
        Ok(out)
    }
}
