//! Filtering of whole sequences.

use super::belief::{Belief, RootBelief};
use super::filter::GaussianFilter;
use super::gaussian_model::GaussianModel;
use super::linearization::{Correction, Linearization};
use super::{BayesError, check};
use ndarray::ArrayView2;

/// A recorded sequence of `T` steps.
#[derive(Clone, Copy, Debug)]
pub struct Sequence<'a> {
    /// `x (T, X)`; NaN where a channel is missing.
    pub observations: ArrayView2<'a, f64>,
    /// `u (T, U)`; row `t` acts between `t` and `t + 1`, and the last row is not read.
    pub controls: ArrayView2<'a, f64>,
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
        let steps = sequence.observations.nrows();
        if steps == 0 {
            return Err(BayesError::Empty { what: "step" });
        }
        check::length("controls", sequence.controls.nrows(), steps)?;
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
                let control = sequence.controls.row(t - 1).to_vec();
                self.predict(&control).map_err(|e| e.at_step(t - 1))?;
                out.transitions.push(self.work.transition.clone());
            }
            out.predicted.push(self.belief().clone());
            let observation = sequence.observations.row(t).to_vec();
            let correction = self.update(Some(&observation)).map_err(|e| e.at_step(t))?;
            out.corrections.push(correction);
            out.filtered.push(self.belief().clone());
            out.roots.push(self.now.form.near());
        }
        out.log_likelihood = self.log_likelihood() - before;
        Ok(out)
    }
}
