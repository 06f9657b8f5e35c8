//! Receding-horizon planning by the cross-entropy method (Rubinstein 1999): a yardstick without
//! training.
//!
//! From a state, sequences of `T` controls are drawn from a diagonal Gaussian, clipped to the limits,
//! and scored by `Σ_{t<T} γᵗ E(z_{t+1})`; mean and spread of the best become those of the next draw.
//! The first control of the last mean acts, and the mean, a step on, begins the next plan.

use super::{Policy, check_act};
use crate::channel::Empowerment;
use crate::dynamics::{Inputs, MeanDynamics};
use crate::error::{ControlError, at_least, discount};
use crate::limits::ControlLimits;
use dvbf_tensor::{Noise, Scalar};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, s};
use std::fmt;

/// The spread, in units of half an interval, below which no draw falls.
const LEAST_SPREAD: f64 = 0.02;

/// How plans are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlannerSettings {
    /// `T`; 15.
    pub horizon: usize,
    /// Sequences drawn in an iteration; 64.
    pub samples: usize,
    /// Sequences that the next draw follows; 8.
    pub elites: usize,
    /// Draws for every control; 3.
    pub iterations: usize,
    /// `γ`; 0.97.
    pub discount: f64,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for PlannerSettings {
    fn default() -> Self {
        Self { horizon: 15, samples: 64, elites: 8, iterations: 3, discount: 0.97, seed: 0 }
    }
}

/// Plans anew at every step. Nothing allocates in `act`, if the estimate does not.
pub struct Planner<S: Scalar, D: MeanDynamics<S>, E> {
    dynamics: D,
    workspace: D::Workspace,
    empowerment: E,
    limits: ControlLimits<S>,
    settings: PlannerSettings,
    /// Plans in units of half an interval, `(rows, T·U)`.
    plans: Array2<S>,
    steps: u64,
    spread: Vec<S>,
    draws: Array2<S>,
    states: Array2<S>,
    next: Array2<S>,
    controls: Array2<S>,
    estimates: Vec<S>,
    scores: Vec<S>,
    order: Vec<usize>,
}

impl<S: Scalar, D: MeanDynamics<S>, E: Empowerment<S>> Planner<S, D, E> {
    /// A planner for batches of exactly `rows` rows, each of which has a plan.
    ///
    /// # Errors
    /// If a setting is impossible.
    ///
    /// # Panics
    /// If dynamics, limits and estimate disagree about sizes.
    #[track_caller]
    pub fn new(
        dynamics: D,
        empowerment: E,
        limits: &ControlLimits<S>,
        settings: PlannerSettings,
        rows: usize,
    ) -> Result<Self, ControlError> {
        let (z, u) = (dynamics.state_size(), dynamics.control_size());
        assert_eq!(u, limits.size(), "controls against their limits");
        assert_eq!(z, empowerment.state_size(), "states of the dynamics against the estimate");
        let PlannerSettings { horizon, samples, elites, iterations, .. } = settings;
        at_least("rows", rows, 1, "at least 1")?;
        at_least("horizon", horizon, 1, "at least 1")?;
        at_least("elites", elites, 1, "at least 1")?;
        at_least("samples", samples, elites, "at least the number of elites")?;
        at_least("iterations", iterations, 1, "at least 1")?;
        discount(settings.discount)?;
        Ok(Self {
            workspace: dynamics.workspace(samples),
            plans: Array2::zeros((rows, horizon * u)),
            steps: 0,
            spread: vec![S::ONE; horizon * u],
            draws: Array2::zeros((samples, horizon * u)),
            states: Array2::zeros((samples, z)),
            next: Array2::zeros((samples, z)),
            controls: Array2::zeros((samples, u)),
            estimates: vec![S::ZERO; samples],
            scores: vec![S::ZERO; samples],
            order: (0..samples).collect(),
            limits: limits.clone(),
            settings,
            dynamics,
            empowerment,
        })
    }

    /// Improves the plan of one row.
    fn plan(&mut self, row: usize, state: ArrayView1<'_, S>) -> Result<(), ControlError> {
        self.spread.fill(S::ONE);
        let number = self.steps * self.plans.nrows() as u64 + row as u64;
        for iteration in 0..self.settings.iterations {
            let stream = number * self.settings.iterations as u64 + iteration as u64;
            self.draw(row, Noise::new(self.settings.seed, stream));
            self.score(state)?;
            self.follow(row);
        }
        Ok(())
    }

    /// Draws sequences around the plan; the first is the plan itself.
    fn draw(&mut self, row: usize, noise: Noise) {
        noise.normal(self.draws.as_slice_mut().expect("a fresh array is contiguous"));
        for (n, mut draw) in self.draws.rows_mut().into_iter().enumerate() {
            for ((x, &mean), &spread) in draw.iter_mut().zip(self.plans.row(row)).zip(&self.spread)
            {
                let value = if n == 0 { mean } else { x.mul_add(spread, mean) };
                *x = value.max(-S::ONE).min(S::ONE);
            }
        }
    }

    fn score(&mut self, state: ArrayView1<'_, S>) -> Result<(), ControlError> {
        let size = self.limits.size();
        self.states.assign(&state);
        self.scores.fill(S::ZERO);
        let mut weight = S::ONE;
        for t in 0..self.settings.horizon {
            for (mut u, draw) in self.controls.rows_mut().into_iter().zip(self.draws.rows()) {
                for (j, u) in u.iter_mut().enumerate() {
                    *u = self.limits.at(j, draw[t * size + j]);
                }
            }
            let at = Inputs { states: self.states.view(), controls: self.controls.view() };
            self.dynamics.step(at, self.next.view_mut(), &mut self.workspace);
            std::mem::swap(&mut self.states, &mut self.next);
            self.empowerment.evaluate(self.states.view(), &mut self.estimates)?;
            for (score, &estimate) in self.scores.iter_mut().zip(&self.estimates) {
                *score = weight.mul_add(estimate, *score);
            }
            weight *= S::of(self.settings.discount);
        }
        Ok(())
    }

    /// Mean and spread of the elites.
    fn follow(&mut self, row: usize) {
        let scores = &self.scores;
        let by_score = |a: &usize, b: &usize| {
            let order = scores[*b].to_double().total_cmp(&scores[*a].to_double());
            order.then(a.cmp(b))
        };
        self.order.sort_unstable_by(by_score);
        let elites = &self.order[..self.settings.elites];
        let count = S::of(elites.len() as f64);
        let mut plan = self.plans.row_mut(row);
        for (i, (mean, spread)) in plan.iter_mut().zip(&mut self.spread).enumerate() {
            let draws = self.draws.column(i);
            *mean = elites.iter().map(|&n| draws[n]).sum::<S>() / count;
            let deviation = |&n: &usize| (draws[n] - *mean) * (draws[n] - *mean);
            let variance = elites.iter().map(deviation).sum::<S>() / count;
            *spread = variance.sqrt().max(S::of(LEAST_SPREAD));
        }
    }

    /// Hands out the first control and moves the plan a step on, its end held.
    fn advance(&mut self, row: usize, mut controls: ArrayViewMut1<'_, S>) {
        let size = self.limits.size();
        let mut plan = self.plans.row_mut(row);
        for (j, u) in controls.iter_mut().enumerate() {
            *u = self.limits.at(j, plan[j]);
        }
        for i in size..plan.len() {
            plan[i - size] = plan[i];
        }
    }
}

impl<S: Scalar, D: MeanDynamics<S>, E: Empowerment<S>> Policy<S> for Planner<S, D, E> {
    fn sizes(&self) -> (usize, usize) {
        (self.dynamics.state_size(), self.dynamics.control_size())
    }

    fn act(
        &mut self,
        states: ArrayView2<'_, S>,
        mut controls: ArrayViewMut2<'_, S>,
    ) -> Result<(), ControlError> {
        check_act(self.sizes(), states, &controls)?;
        assert_eq!(states.nrows(), self.plans.nrows(), "rows of states against plans");
        for (row, state) in states.rows().into_iter().enumerate() {
            self.plan(row, state).map_err(|error| match error {
                ControlError::NotFinite { what, .. } => ControlError::NotFinite { what, row },
                error => error,
            })?;
            self.advance(row, controls.slice_mut(s![row, ..]));
        }
        self.steps += 1;
        Ok(())
    }

    fn reset(&mut self) {
        self.plans.fill(S::ZERO);
        self.steps = 0;
    }
}

impl<S: Scalar, D: MeanDynamics<S>, E> fmt::Debug for Planner<S, D, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Planner").field("settings", &self.settings).finish_non_exhaustive()
    }
}
