//! A perceptron that has learned an estimate of empowerment.
//!
//! Closed forms contain first derivatives of the transition, so that their gradient would contain
//! second ones. A regression of the estimate on states has a gradient of its own and is cheaper:
//!
//! ```text
//! Ê(z) = m + s · net(clip(n, −c, c)) − w Σᵢ (|nᵢ| − b)₊²,    n the scaled state               (6)
//! ```
//!
//! A network knows nothing beyond the states that it was fitted to. So its input is clipped at
//! `c`, and states beyond `b` standard deviations cost something, with a gradient that points back.

use crate::channel::{Empowerment, check_batch, check_estimates};
use crate::error::{ControlError, at_least, positive};
use crate::learner::{Learner, Sense, StepLimits, cosine};
use crate::net::{NetSizes, StateNet, StateNetCache};
use crate::scale::StateScale;
use dvbf_tensor::{Noise, Scalar};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};

/// How a regression is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitSettings {
    /// Hidden units of both layers; 64.
    pub hidden: usize,
    /// Updates of Adam; 3000.
    pub updates: usize,
    /// States of an update; 512.
    pub batch: usize,
    /// Learning rate, which falls to zero along half a cosine; 5e-3.
    pub rate: f64,
    /// Seed of weights and batches.
    pub seed: u64,
    /// `c`; 3.
    pub clip: f64,
    /// `b`; 3.
    pub bound: f64,
    /// `w`, in nats; 0.3.
    pub penalty: f64,
}

impl Default for FitSettings {
    fn default() -> Self {
        Self {
            hidden: 64,
            updates: 3000,
            batch: 512,
            rate: 5e-3,
            seed: 0,
            clip: 3.0,
            bound: 3.0,
            penalty: 0.3,
        }
    }
}

impl FitSettings {
    fn validate(&self) -> Result<(), ControlError> {
        at_least("hidden", self.hidden, 1, "at least 1")?;
        at_least("updates", self.updates, 1, "at least 1")?;
        at_least("batch", self.batch, 1, "at least 1")?;
        positive("rate", self.rate)?;
        positive("clip", self.clip)?;
        positive("bound", self.bound)?;
        if self.penalty >= 0.0 && self.penalty.is_finite() {
            return Ok(());
        }
        let (key, value) = ("penalty", self.penalty);
        Err(ControlError::Setting { key, value, range: "a finite number of at least 0" })
    }
}

/// Equation (6).
#[derive(Clone, Debug)]
pub struct EmpowermentNet<S> {
    pub(crate) function: EstimateFunction<S>,
    /// Rows of one block of [`Empowerment::evaluate`].
    rows: usize,
    cache: StateNetCache<S>,
    output: Array2<S>,
}

/// Equation (6) without the buffers of an evaluation.
#[derive(Clone, Debug)]
pub(crate) struct EstimateFunction<S> {
    net: StateNet<S>,
    mean: S,
    std: S,
    bound: S,
    penalty: S,
}

impl<S: Scalar> EmpowermentNet<S> {
    /// Fits a network to the `estimates (N)` of `states (N, Z)`, which it sees in units of `scale`.
    ///
    /// # Errors
    /// If a setting is impossible, there is no state, a value is not finite, or the fit diverges.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn fit(
        states: ArrayView2<'_, S>,
        estimates: &[S],
        scale: &StateScale<S>,
        settings: &FitSettings,
    ) -> Result<Self, ControlError> {
        settings.validate()?;
        check_batch(scale.size(), states, estimates)?;
        check_estimates(0, estimates)?;
        at_least("states", states.nrows(), 1, "at least 1")?;
        let count = S::of(estimates.len() as f64);
        let mean = estimates.iter().copied().sum::<S>() / count;
        let variance = estimates.iter().map(|&e| (e - mean) * (e - mean)).sum::<S>() / count;
        let noise = Noise::new(settings.seed, 0);
        let sizes = NetSizes { hidden: settings.hidden, outputs: 1 };
        let net = StateNet::random(scale.clone(), sizes, 1.0, noise);
        let mut net = net.with_clip(S::of(settings.clip));
        // Where all estimates are equal, the network has nothing to add to their mean.
        let std = variance.sqrt().max(S::of(1e-6));
        let mut fit = Regression::new("the empowerment network", &net, settings.batch);
        for update in 0..settings.updates {
            let noise = Noise::new(settings.seed, 1 + update as u64);
            fit.draw(states, noise, |row| (estimates[row] - mean) / std);
            fit.update(&mut net, cosine(settings.rate, update, settings.updates))?;
        }
        let rows = settings.batch;
        let (cache, output) = (net.cache(rows), Array2::zeros((rows, 1)));
        let (bound, penalty) = (S::of(settings.bound), S::of(settings.penalty));
        let function = EstimateFunction { net, mean, std, bound, penalty };
        Ok(Self { function, rows, cache, output })
    }
}

impl<S: Scalar> EstimateFunction<S> {
    /// Buffers for [`values`](Self::values) and [`pull`](Self::pull) on at most `rows` rows.
    pub(crate) fn cache(&self, rows: usize) -> StateNetCache<S> {
        self.net.cache(rows)
    }

    /// Writes `Ê (N, 1)`.
    pub(crate) fn values(
        &self,
        states: ArrayView2<'_, S>,
        mut out: ArrayViewMut2<'_, S>,
        cache: &mut StateNetCache<S>,
    ) {
        self.net.forward(0, states, out.view_mut(), cache);
        for (mut out, n) in out.rows_mut().into_iter().zip(cache.scaled().rows()) {
            let beyond: S = n.iter().map(|&n| square((n.abs() - self.bound).max(S::ZERO))).sum();
            out[0] = self.std.mul_add(out[0], self.mean) - self.penalty * beyond;
        }
    }

    /// Adds the pull-back of `dvalues (N, 1)`, which is used up, to `dz (N, Z)`.
    pub(crate) fn pull(
        &self,
        mut dvalues: ArrayViewMut2<'_, S>,
        mut dz: ArrayViewMut2<'_, S>,
        cache: &mut StateNetCache<S>,
    ) {
        let slope = S::of(-2.0) * self.penalty;
        let inverse = self.net.scale().inverse();
        let scaled = cache.scaled();
        let rows = dz.rows_mut().into_iter().zip(dvalues.rows()).zip(scaled.rows());
        for ((mut dz, dvalue), n) in rows {
            for i in 0..n.len() {
                let beyond = (n[i].abs() - self.bound).max(S::ZERO);
                if beyond > S::ZERO {
                    let dn = slope * beyond * n[i].signum() * dvalue[0];
                    for j in 0..=i {
                        dz[j] += inverse[[i, j]] * dn;
                    }
                }
            }
        }
        dvalues.map_inplace(|d| *d *= self.std);
        self.net.backward(0, dvalues.view(), dz, cache);
    }
}

fn square<S: Scalar>(x: S) -> S {
    x * x
}

impl<S: Scalar> Empowerment<S> for EmpowermentNet<S> {
    fn state_size(&self) -> usize {
        self.function.net.scale().size()
    }

    fn evaluate(&mut self, states: ArrayView2<'_, S>, out: &mut [S]) -> Result<(), ControlError> {
        check_batch(self.state_size(), states, out)?;
        for (index, out) in out.chunks_mut(self.rows).enumerate() {
            let first = index * self.rows;
            let states = states.slice(s![first..first + out.len(), ..]);
            let output = self.output.slice_mut(s![..out.len(), ..]);
            self.function.values(states, output, &mut self.cache);
            for (out, value) in out.iter_mut().zip(&self.output) {
                *out = *value;
            }
        }
        check_estimates(0, out)
    }
}

/// Least squares of a network with one output.
#[derive(Clone, Debug)]
pub(crate) struct Regression<S> {
    states: Array2<S>,
    targets: Vec<S>,
    uniform: Vec<f64>,
    output: Array2<S>,
    cache: StateNetCache<S>,
    learner: Learner<S>,
}

impl<S: Scalar> Regression<S> {
    pub(crate) fn new(what: &'static str, net: &StateNet<S>, rows: usize) -> Self {
        Self {
            states: Array2::zeros((rows, net.scale().size())),
            targets: vec![S::ZERO; rows],
            uniform: vec![0.0; rows],
            output: Array2::zeros((rows, 1)),
            cache: net.cache(rows),
            learner: Learner::new(what, net),
        }
    }

    /// Draws rows with replacement.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rows")]
    fn draw(&mut self, states: ArrayView2<'_, S>, noise: Noise, target: impl Fn(usize) -> S) {
        noise.uniform(&mut self.uniform);
        for ((mut to, t), u) in
            self.states.rows_mut().into_iter().zip(&mut self.targets).zip(&self.uniform)
        {
            let row = (u * states.nrows() as f64) as usize;
            to.assign(&states.row(row));
            *t = target(row);
        }
    }

    fn update(&mut self, net: &mut StateNet<S>, rate: f64) -> Result<(), ControlError> {
        let states = std::mem::take(&mut self.states);
        let targets = std::mem::take(&mut self.targets);
        let done = self.update_on(net, states.view(), &targets, rate);
        (self.states, self.targets) = (states, targets);
        done
    }

    /// One update on all of the given rows, as many as there are in the buffers.
    pub(crate) fn update_on(
        &mut self,
        net: &mut StateNet<S>,
        states: ArrayView2<'_, S>,
        targets: &[S],
        rate: f64,
    ) -> Result<(), ControlError> {
        let weight = S::of(2.0 / targets.len() as f64);
        net.forward(0, states, self.output.view_mut(), &mut self.cache);
        for (y, &target) in self.output.iter_mut().zip(targets) {
            *y = weight * (*y - target);
        }
        net.backward_data(0, self.output.view(), &mut self.cache);
        let limits = StepLimits { clip: f64::INFINITY, rate };
        self.learner.step(net, &mut self.cache, Sense::Minimize, limits)
    }
}
