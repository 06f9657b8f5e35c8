//! The empowerment that can be had in the long run: fitted value iteration.
//!
//! A map of empowerment is level where nothing is near, and a policy that climbs it by single steps
//! sticks in every dent of a learned one. The discounted value has a slope wherever there is a way:
//!
//! ```text
//! V(z) = max_u Q(z, u),    Q(z, u) = (1−γ) r(z') + γ V(z'),    z' = f(z, u)                  (8)
//! ```
//!
//! `V` is a network on clipped scaled states that is regressed on the right-hand side at visited states,
//! with a running average `V̄` of it on the right, cut at the largest reward, and the maximum over a grid
//! of controls. Next states and rewards are computed once. [`Foresight`] is `Q` as an estimate, so that a greedy policy takes
//! the maximum.

use crate::channel::{Empowerment, check_batch, check_estimates};
use crate::error::{ControlError, at_least, discount, positive};
use crate::estimate_net::Regression;
use crate::learner::cosine;
use crate::net::{NetSizes, StateNet, StateNetCache};
use crate::scale::{StateScale, check_finite};
use dvbf_ops::Params;
use dvbf_tensor::{Noise, Scalar, blend};
use ndarray::{Array2, ArrayView2, ArrayView3, s};

/// How a value is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueSettings {
    /// `γ`; 0.985.
    pub discount: f64,
    /// Hidden units of both layers; 64.
    pub hidden: usize,
    /// Updates of Adam; 4000.
    pub updates: usize,
    /// States of an update; 256.
    pub batch: usize,
    /// Learning rate, which falls to zero along half a cosine; 3e-3.
    pub rate: f64,
    /// Share of `V̄` that an update keeps; 0.97.
    pub keep: f64,
    /// Standard deviations at which inputs are clipped; 3.5.
    pub clip: f64,
    /// Seed of weights and batches.
    pub seed: u64,
}

impl Default for ValueSettings {
    fn default() -> Self {
        Self {
            discount: 0.985,
            hidden: 64,
            updates: 4000,
            batch: 256,
            rate: 3e-3,
            keep: 0.97,
            clip: 3.5,
            seed: 0,
        }
    }
}

impl ValueSettings {
    fn validate(&self) -> Result<(), ControlError> {
        discount(self.discount)?;
        at_least("hidden", self.hidden, 1, "at least 1")?;
        at_least("updates", self.updates, 1, "at least 1")?;
        at_least("batch", self.batch, 1, "at least 1")?;
        positive("rate", self.rate)?;
        positive("clip", self.clip)?;
        if (0.0..1.0).contains(&self.keep) {
            return Ok(());
        }
        Err(ControlError::Setting { key: "keep", value: self.keep, range: "in [0, 1)" })
    }
}

/// What is known of one step from visited states.
#[derive(Clone, Copy, Debug)]
pub struct Outcomes<'a, S> {
    /// `z (N, Z)`.
    pub states: ArrayView2<'a, S>,
    /// `f(z, u) (N, A, Z)` for `A` controls.
    pub next: ArrayView3<'a, S>,
    /// `r(f(z, u)) (N, A)`.
    pub rewards: ArrayView2<'a, S>,
}

/// `V` of equation (8).
#[derive(Clone, Debug)]
pub struct ValueNet<S> {
    net: StateNet<S>,
    mean: S,
    std: S,
    /// The largest reward, which no value exceeds.
    most: S,
    discount: S,
    rows: usize,
    cache: StateNetCache<S>,
    output: Array2<S>,
}

impl<S: Scalar> ValueNet<S> {
    /// Fits a network that sees states in units of `scale`.
    ///
    /// # Errors
    /// If a setting is impossible, there is no state or no control, a value is not finite, or the fit
    /// diverges.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn fit(
        outcomes: Outcomes<'_, S>,
        scale: &StateScale<S>,
        settings: &ValueSettings,
    ) -> Result<Self, ControlError> {
        settings.validate()?;
        let Outcomes { states, next, rewards } = outcomes;
        let (count, choices) = rewards.dim();
        assert_eq!(states.dim(), (count, scale.size()), "states against rewards and the scale");
        assert_eq!(next.dim(), (count, choices, scale.size()), "next states against rewards");
        at_least("states", count, 1, "at least 1")?;
        at_least("controls", choices, 1, "at least 1")?;
        check_finite("the state", states)?;
        check_finite("the reward", rewards)?;
        let most = rewards.fold(S::neg_infinity(), |most, &r| most.max(r));
        // Values lie between the rewards, and the network gives them in their units.
        let number = S::of((count * choices) as f64);
        let mean = rewards.sum() / number;
        let variance = rewards.fold(S::ZERO, |sum, &r| sum + (r - mean) * (r - mean)) / number;
        let std = variance.sqrt().max(S::of(1e-6));
        let sizes = NetSizes { hidden: settings.hidden, outputs: 1 };
        let net = StateNet::random(scale.clone(), sizes, 1.0, Noise::new(settings.seed, 0));
        let mut net = net.with_clip(S::of(settings.clip));
        let rows = settings.batch * choices;
        let mut target = Self {
            cache: net.cache(rows),
            output: Array2::zeros((rows, 1)),
            net: net.clone(),
            mean,
            std,
            most,
            discount: S::of(settings.discount),
            rows,
        };
        let mut fit = Iteration::new(&net, settings.batch, (choices, scale.size()));
        for update in 0..settings.updates {
            fit.draw(outcomes, Noise::new(settings.seed, 1 + update as u64));
            fit.look_ahead(&mut target);
            let rate = cosine(settings.rate, update, settings.updates);
            fit.regression.update_on(&mut net, fit.states.view(), &fit.targets, rate)?;
            fit.follow(&net, &mut target, S::of(settings.keep));
        }
        Ok(target)
    }

    /// Writes the output of the network for at most as many states as there are rows.
    fn standardized(&mut self, states: ArrayView2<'_, S>) -> ArrayView2<'_, S> {
        let rows = s![..states.nrows(), ..];
        self.net.forward(0, states, self.output.slice_mut(rows), &mut self.cache);
        self.output.slice(rows)
    }
}

/// Buffers of the updates.
struct Iteration<S> {
    states: Array2<S>,
    next: Array2<S>,
    rewards: Vec<S>,
    targets: Vec<S>,
    uniform: Vec<f64>,
    parameters: Vec<S>,
    choices: usize,
    regression: Regression<S>,
}

impl<S: Scalar> Iteration<S> {
    fn new(net: &StateNet<S>, batch: usize, (choices, size): (usize, usize)) -> Self {
        Self {
            states: Array2::zeros((batch, size)),
            next: Array2::zeros((batch * choices, size)),
            rewards: vec![S::ZERO; batch * choices],
            targets: vec![S::ZERO; batch],
            uniform: vec![0.0; batch],
            parameters: net.to_flat(),
            choices,
            regression: Regression::new("the value", net, batch),
        }
    }

    /// Draws states with replacement.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rows")]
    fn draw(&mut self, outcomes: Outcomes<'_, S>, noise: Noise) {
        noise.uniform(&mut self.uniform);
        for (to, u) in self.uniform.iter().enumerate() {
            let row = (u * outcomes.states.nrows() as f64) as usize;
            self.states.row_mut(to).assign(&outcomes.states.row(row));
            let choices = to * self.choices..(to + 1) * self.choices;
            let next = outcomes.next.index_axis(ndarray::Axis(0), row);
            self.next.slice_mut(s![choices.clone(), ..]).assign(&next);
            for (to, &reward) in self.rewards[choices].iter_mut().zip(outcomes.rewards.row(row)) {
                *to = reward;
            }
        }
    }

    /// Writes the right-hand side of (8), in the units of the network.
    fn look_ahead(&mut self, target: &mut ValueNet<S>) {
        let (mean, std, discount) = (target.mean, target.std, target.discount);
        let most = (target.most - mean) / std;
        let values = target.standardized(self.next.view());
        let rows = self
            .rewards
            .chunks(self.choices)
            .zip(values.axis_chunks_iter(ndarray::Axis(0), self.choices));
        for (to, (rewards, values)) in self.targets.iter_mut().zip(rows) {
            *to = S::neg_infinity();
            for (&reward, &value) in rewards.iter().zip(values) {
                let reward = (reward - mean) / std;
                *to = to.max((S::ONE - discount) * reward + discount * value.min(most));
            }
        }
    }

    /// `V̄ ← k V̄ + (1 − k) V`.
    fn follow(&mut self, net: &StateNet<S>, target: &mut ValueNet<S>, keep: S) {
        let values = &mut self.parameters;
        net.each_slice(&mut |start, slice| {
            values[start..start + slice.len()].copy_from_slice(slice);
        });
        target.net.each_slice_mut(&mut |start, slice| {
            blend(keep, &values[start..start + slice.len()], slice);
        });
        target.net.prepare(&mut target.cache);
    }
}

impl<S: Scalar> Empowerment<S> for ValueNet<S> {
    fn state_size(&self) -> usize {
        self.net.scale().size()
    }

    fn evaluate(&mut self, states: ArrayView2<'_, S>, out: &mut [S]) -> Result<(), ControlError> {
        check_batch(self.state_size(), states, out)?;
        let (rows, mean, std, most) = (self.rows, self.mean, self.std, self.most);
        for (index, out) in out.chunks_mut(rows).enumerate() {
            let states = states.slice(s![index * rows..index * rows + out.len(), ..]);
            for (out, &value) in out.iter_mut().zip(self.standardized(states)) {
                *out = std.mul_add(value, mean).min(most);
            }
        }
        check_estimates(0, out)
    }
}

/// `(1−γ) E(z) + γ V(z)`: what a greedy policy compares at the next states of (8).
#[derive(Clone, Debug)]
pub struct Foresight<S, E> {
    empowerment: E,
    value: ValueNet<S>,
    values: Vec<S>,
}

impl<S: Scalar, E: Empowerment<S>> Foresight<S, E> {
    /// Puts the value of an estimate behind it.
    ///
    /// # Panics
    /// If the two are of different states.
    #[track_caller]
    pub fn new(empowerment: E, value: ValueNet<S>) -> Self {
        assert_eq!(empowerment.state_size(), value.state_size(), "estimate against its value");
        Self { values: Vec::with_capacity(value.rows), empowerment, value }
    }
}

impl<S: Scalar, E: Empowerment<S>> Empowerment<S> for Foresight<S, E> {
    fn state_size(&self) -> usize {
        self.value.state_size()
    }

    /// Allocates only for more states than ever before and than a batch of the fit had choices.
    fn evaluate(&mut self, states: ArrayView2<'_, S>, out: &mut [S]) -> Result<(), ControlError> {
        self.values.resize(out.len(), S::ZERO);
        self.value.evaluate(states, &mut self.values)?;
        self.empowerment.evaluate(states, out)?;
        let discount = self.value.discount;
        for (out, &value) in out.iter_mut().zip(&self.values) {
            *out = (S::ONE - discount) * *out + discount * value;
        }
        Ok(())
    }
}
