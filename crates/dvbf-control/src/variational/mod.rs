//! A variational lower bound of empowerment, with a learned source and a learned planner.
//!
//! One action is held for `K` steps. The source chooses it, the planner guesses it from the state that
//! it led to (Mohamed and Rezende 2015; Karl et al. 2017, arXiv 1710.05101):
//!
//! ```text
//! y = μ_ω(z) + L_ω(z) ε,   a = c + h tanh y,   z' = F_K(z, a) + σ L ξ
//! E(z) ≥ E[ln q(y | z, z') − ln ω(y | z)]                                             (3)
//! ```
//!
//! with `ω = N(μ_ω, L_ω L_ωᵀ)` and `q = N(μ_q, L_q L_qᵀ)`, both of full covariance over the controls.
//! The densities are those of `y`: the Jacobian of tanh is the same in both and cancels. Source and
//! planner ascend the bound together, through first derivatives of the transition. The planner begins as
//! the posterior of the channel linearized along the central control and learns what that one leaves
//! out; a perceptron that has to find the action to a few hundredths without this is a poor map.
//!
//! A planner that takes the actions of a sequence for independent given the end state loses so much
//! of the information that the map of the pendulum has another maximum: hence held actions.

mod bound;
mod guess;
mod head;

use crate::channel::{Channel, Empowerment, check_batch, check_estimates};
use crate::dynamics::MeanDynamics;
use crate::error::{ControlError, at_least, positive};
use crate::learner::{Learner, Sense, StepLimits, cosine};
use crate::net::{NetSizes, StateNet};
use crate::scale::{StateScale, check_finite};
use bound::{Bound, From, Parts, seen_width};
use dvbf_ops::Params;
use dvbf_tensor::{Noise, Scalar};
use ndarray::{Array2, ArrayView2, s};
use std::fmt;

/// How source and planner are trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VariationalSettings {
    /// Hidden units of both layers of both networks; 96.
    pub hidden: usize,
    /// States of an update; 512.
    pub batch: usize,
    /// Updates of [`Variational::fit`]; 3000.
    pub updates: usize,
    /// Learning rate, which falls to zero along half a cosine; 3e-3.
    pub rate: f64,
    /// Norm to which the gradient of each network is cut; 20.
    pub gradient_clip: f64,
    /// Draws of source and channel that an estimate is the mean of; 64.
    pub samples: usize,
    /// Seed of weights, batches and draws.
    pub seed: u64,
}

impl Default for VariationalSettings {
    fn default() -> Self {
        Self {
            hidden: 96,
            batch: 512,
            updates: 3000,
            rate: 3e-3,
            gradient_clip: 20.0,
            samples: 64,
            seed: 0,
        }
    }
}

impl VariationalSettings {
    fn validate(&self) -> Result<(), ControlError> {
        at_least("hidden", self.hidden, 1, "at least 1")?;
        at_least("batch", self.batch, 1, "at least 1")?;
        at_least("updates", self.updates, 1, "at least 1")?;
        at_least("samples", self.samples, 1, "at least 1")?;
        positive("rate", self.rate)?;
        positive("gradient_clip", self.gradient_clip)
    }
}

/// Standard normal draws for a batch.
#[derive(Clone, Copy, Debug)]
pub struct ChannelNoise<'a, S> {
    /// `ε (B, U)`, of the source.
    pub source: ArrayView2<'a, S>,
    /// `ξ (B, Z)`, of the channel.
    pub end: ArrayView2<'a, S>,
}

/// Equation (3). Nothing allocates after construction.
pub struct Variational<S: Scalar, D: MeanDynamics<S>> {
    dynamics: D,
    channel: Channel<S>,
    settings: VariationalSettings,
    source: StateNet<S>,
    planner: StateNet<S>,
    source_learner: Learner<S>,
    planner_learner: Learner<S>,
    bound: Bound<S, D>,
    states: Array2<S>,
    uniform: Vec<f64>,
    epsilon: Array2<S>,
    xi: Array2<S>,
}

impl<S: Scalar, D: MeanDynamics<S>> Variational<S, D> {
    /// Random networks that see states in units of `scale`.
    ///
    /// # Errors
    /// If a setting is impossible, or the dynamics have no controls.
    ///
    /// # Panics
    /// If the sizes disagree.
    #[track_caller]
    pub fn new(
        dynamics: D,
        channel: &Channel<S>,
        scale: &StateScale<S>,
        settings: VariationalSettings,
    ) -> Result<Self, ControlError> {
        settings.validate()?;
        channel.check(&dynamics)?;
        let (z, u, batch) = (dynamics.state_size(), dynamics.control_size(), settings.batch);
        assert_eq!(z, scale.size(), "states of the dynamics against the scale");
        let sizes = NetSizes { hidden: settings.hidden, outputs: head::width(u) };
        let noise = Noise::new(settings.seed, 0);
        let source = StateNet::random(scale.clone(), sizes, 0.1, noise.part(0));
        let planner =
            StateNet::random(StateScale::identity(seen_width((z, u))), sizes, 0.1, noise.part(1));
        let parts = Parts { dynamics: &dynamics, channel, source: &source, planner: &planner };
        Ok(Self {
            bound: Bound::new(&parts, batch),
            source_learner: Learner::new("the source", &source),
            planner_learner: Learner::new("the planner", &planner),
            states: Array2::zeros((batch, z)),
            uniform: vec![0.0; batch],
            epsilon: Array2::zeros((batch, u)),
            xi: Array2::zeros((batch, z)),
            channel: channel.clone(),
            dynamics,
            settings,
            source,
            planner,
        })
    }

    /// Parameters of source and planner, in this order, each in the order of visits.
    pub fn parameters(&self) -> Vec<S> {
        let mut all = self.source.to_flat();
        all.extend(self.planner.to_flat());
        all
    }

    /// Replaces all parameters.
    ///
    /// # Panics
    /// If there are more or fewer.
    #[track_caller]
    pub fn set_parameters(&mut self, parameters: &[S]) {
        let (source, planner) = (self.source.count(), self.planner.count());
        assert_eq!(parameters.len(), source + planner, "parameters of source and planner");
        self.source.set_flat(&parameters[..source]);
        self.planner.set_flat(&parameters[source..]);
        self.source.prepare(&mut self.bound.source_cache);
        self.planner.prepare(&mut self.bound.planner_cache);
    }

    /// Writes the bound of every row of `states (N, Z)` for one draw of the noise, `N ≤ batch`.
    ///
    /// # Panics
    /// If the shapes disagree or there are more rows than a batch has.
    #[track_caller]
    pub fn draw(&mut self, states: ArrayView2<'_, S>, noise: ChannelNoise<'_, S>, out: &mut [S]) {
        let Self { dynamics, channel, source, planner, .. } = self;
        let parts = Parts { dynamics: &*dynamics, channel, source, planner };
        self.bound.forward(&parts, (states, From::Elsewhere), noise, out);
    }

    /// Writes the bounds of a batch for one draw, and gives the gradient of their mean with respect
    /// to the parameters of source and planner, each in the order of visits.
    ///
    /// # Panics
    /// As [`draw`](Self::draw).
    #[track_caller]
    pub fn gradient(
        &mut self,
        states: ArrayView2<'_, S>,
        noise: ChannelNoise<'_, S>,
        out: &mut [S],
    ) -> (&[S], &[S]) {
        self.pass(states, noise, out);
        let bound = &mut self.bound;
        (
            self.source_learner.gradient(&self.source, &mut bound.source_cache),
            self.planner_learner.gradient(&self.planner, &mut bound.planner_cache),
        )
    }

    fn pass(&mut self, states: ArrayView2<'_, S>, noise: ChannelNoise<'_, S>, out: &mut [S]) {
        let Self { dynamics, channel, source, planner, .. } = self;
        let parts = Parts { dynamics: &*dynamics, channel, source, planner };
        self.bound.forward(&parts, (states, From::Elsewhere), noise, out);
        self.bound.backward(&parts, noise);
    }

    /// One update of both networks; gives the mean bound before it.
    ///
    /// # Errors
    /// If a state or a gradient is not finite.
    ///
    /// # Panics
    /// As [`draw`](Self::draw).
    #[track_caller]
    pub fn update(
        &mut self,
        states: ArrayView2<'_, S>,
        noise: ChannelNoise<'_, S>,
        rate: f64,
    ) -> Result<S, ControlError> {
        check_finite("the state", states)?;
        let mut values = std::mem::take(&mut self.bound.values);
        let values_of = &mut values[..states.nrows()];
        self.pass(states, noise, values_of);
        let mean = values_of.iter().copied().sum::<S>() / S::of(states.nrows() as f64);
        self.bound.values = values;
        let limits = StepLimits { clip: self.settings.gradient_clip, rate };
        let (bound, up) = (&mut self.bound, Sense::Maximize);
        self.source_learner.step(&mut self.source, &mut bound.source_cache, up, limits)?;
        self.planner_learner.step(&mut self.planner, &mut bound.planner_cache, up, limits)?;
        Ok(mean)
    }

    /// Trains with batches from `states (N, Z)`, as many updates as the settings say.
    ///
    /// # Errors
    /// If there is no state, or a state or a gradient is not finite.
    ///
    /// # Panics
    /// If the states are of another size.
    #[track_caller]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rows")]
    pub fn fit(&mut self, states: ArrayView2<'_, S>) -> Result<(), ControlError> {
        at_least("states", states.nrows(), 1, "at least 1")?;
        let (updates, seed) = (self.settings.updates, self.settings.seed);
        for update in 0..updates {
            let noise = Noise::new(seed, 1 + update as u64);
            noise.part(0).uniform(&mut self.uniform);
            for (mut to, u) in self.states.rows_mut().into_iter().zip(&self.uniform) {
                to.assign(&states.row((u * states.nrows() as f64) as usize));
            }
            let drawn = std::mem::take(&mut self.states);
            let rate = cosine(self.settings.rate, update, updates);
            let done = self.with_noise(noise, |own, noise| own.update(drawn.view(), noise, rate));
            self.states = drawn;
            done?;
        }
        Ok(())
    }

    /// Calls `body` with fresh draws for a batch.
    fn with_noise<T>(
        &mut self,
        noise: Noise,
        body: impl FnOnce(&mut Self, ChannelNoise<'_, S>) -> T,
    ) -> T {
        let (mut epsilon, mut xi) =
            (std::mem::take(&mut self.epsilon), std::mem::take(&mut self.xi));
        let contiguous = "a fresh array is contiguous";
        noise.part(1).normal(epsilon.as_slice_mut().expect(contiguous));
        noise.part(2).normal(xi.as_slice_mut().expect(contiguous));
        let out = body(self, ChannelNoise { source: epsilon.view(), end: xi.view() });
        (self.epsilon, self.xi) = (epsilon, xi);
        out
    }
}

impl<S: Scalar, D: MeanDynamics<S>> Empowerment<S> for Variational<S, D> {
    fn state_size(&self) -> usize {
        self.dynamics.state_size()
    }

    /// The mean over draws that are the same for all states and every call: what differs between two states
    /// then is not the noise.
    fn evaluate(&mut self, states: ArrayView2<'_, S>, out: &mut [S]) -> Result<(), ControlError> {
        check_batch(self.state_size(), states, out)?;
        let (batch, samples) = (self.settings.batch, self.settings.samples);
        let Self { dynamics, channel, source, planner, bound, epsilon, xi, .. } = self;
        let parts = Parts { dynamics: &*dynamics, channel, source, planner };
        let mut values = std::mem::take(&mut bound.values);
        for (index, out) in out.chunks_mut(batch).enumerate() {
            let n = out.len();
            let states = states.slice(s![index * batch..index * batch + n, ..]);
            out.fill(S::ZERO);
            for sample in 0..samples {
                // Beyond the streams of the updates.
                let noise = Noise::new(self.settings.seed, (1 << 40) + sample as u64);
                draw_for_all(noise.part(1), epsilon);
                draw_for_all(noise.part(2), xi);
                let rows = s![..n, ..];
                let noise = ChannelNoise { source: epsilon.slice(rows), end: xi.slice(rows) };
                let from = if sample == 0 { From::Elsewhere } else { From::SameStates };
                bound.forward(&parts, (states, from), noise, &mut values[..n]);
                for (out, &value) in out.iter_mut().zip(&values) {
                    *out += value;
                }
            }
        }
        bound.values = values;
        let share = S::of(1.0 / samples as f64);
        for estimate in out.iter_mut() {
            *estimate *= share;
        }
        check_estimates(0, out)
    }
}

/// Fills every row with the same draws.
fn draw_for_all<S: Scalar>(noise: Noise, rows: &mut Array2<S>) {
    let columns = rows.ncols();
    let values = rows.as_slice_mut().expect("a fresh array is contiguous");
    noise.normal(&mut values[..columns]);
    for start in (columns..values.len()).step_by(columns) {
        values.copy_within(..columns, start);
    }
}

impl<S: Scalar, D: MeanDynamics<S>> fmt::Debug for Variational<S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variational").field("settings", &self.settings).finish_non_exhaustive()
    }
}
