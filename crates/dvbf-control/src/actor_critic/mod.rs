//! A policy that is trained by back-propagation through the mean dynamics, with a critic beyond the
//! horizon.
//!
//! The actor ascends
//!
//! ```text
//! J = (1−γ) Σ_{t<H} γᵗ Ê(z_{t+1}) + γᴴ V̄(z_H)                                           (7)
//! ```
//!
//! with first derivatives of the transition only, for `Ê` is a network ([`EmpowermentNet`]). The
//! critic `V` is fitted to the n-step targets `Tₜ = (1−γ) Ê(z_{t+1}) + γ T_{t+1}`, `T_H = V̄(z_H)`, and
//! `V̄` follows it as a running average. Without a critic, a long horizon ends in a local optimum: a
//! pendulum that spins.

mod horizon;

use crate::channel::Empowerment;
use crate::dynamics::MeanDynamics;
use crate::error::{ControlError, at_least, discount, positive};
use crate::estimate_net::{EmpowermentNet, Regression};
use crate::learner::{Learner, Sense, StepLimits};
use crate::limits::ControlLimits;
use crate::net::{NetSizes, StateNet};
use crate::policy::Actor;
use crate::scale::{StateScale, check_finite};
use dvbf_ops::Params;
use dvbf_tensor::{Noise, Scalar, blend};
use horizon::{Horizon, Parts};
use ndarray::ArrayView2;
use std::fmt;

/// How an actor is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActorCriticSettings {
    /// `H`; 15.
    pub horizon: usize,
    /// `γ`; 0.97.
    pub discount: f64,
    /// `B`, starts of an update; 128.
    pub batch: usize,
    /// Hidden units of both layers of all networks; 64.
    pub hidden: usize,
    /// Learning rate of the actor; 2e-3.
    pub actor_rate: f64,
    /// Learning rate of the critic; 1e-3.
    pub critic_rate: f64,
    /// Norm to which the actor's gradient is cut; 1.
    pub gradient_clip: f64,
    /// `k`: cotangents of a state are cut to `±k/B` at every step; 1. Infinity cuts nothing.
    pub cotangent_cut: f64,
    /// Share of `V̄` that an update keeps; 0.99.
    pub target_keep: f64,
    /// Outputs of the actor, before their tanh, beyond which there is a penalty; 2.
    pub saturation_bound: f64,
    /// Weight of that penalty; 0.02.
    pub saturation_penalty: f64,
    /// Seed of the initial weights.
    pub seed: u64,
}

impl Default for ActorCriticSettings {
    fn default() -> Self {
        Self {
            horizon: 15,
            discount: 0.97,
            batch: 128,
            hidden: 64,
            actor_rate: 2e-3,
            critic_rate: 1e-3,
            gradient_clip: 1.0,
            cotangent_cut: 1.0,
            target_keep: 0.99,
            saturation_bound: 2.0,
            saturation_penalty: 0.02,
            seed: 0,
        }
    }
}

impl ActorCriticSettings {
    fn validate(&self) -> Result<(), ControlError> {
        at_least("horizon", self.horizon, 1, "at least 1")?;
        discount(self.discount)?;
        at_least("batch", self.batch, 1, "at least 1")?;
        at_least("hidden", self.hidden, 1, "at least 1")?;
        positive("actor_rate", self.actor_rate)?;
        positive("critic_rate", self.critic_rate)?;
        positive("gradient_clip", self.gradient_clip)?;
        if self.cotangent_cut < f64::INFINITY {
            positive("cotangent_cut", self.cotangent_cut)?;
        } else if self.cotangent_cut.is_nan() {
            let (key, value) = ("cotangent_cut", self.cotangent_cut);
            return Err(ControlError::Setting { key, value, range: "a positive number" });
        }
        for (key, value, holds, range) in [
            ("target_keep", self.target_keep, (0.0..=1.0).contains(&self.target_keep), "in [0, 1]"),
            ("saturation_bound", self.saturation_bound, self.saturation_bound >= 0.0, "at least 0"),
            (
                "saturation_penalty",
                self.saturation_penalty,
                self.saturation_penalty >= 0.0 && self.saturation_penalty.is_finite(),
                "a finite number of at least 0",
            ),
        ] {
            if !holds {
                return Err(ControlError::Setting { key, value, range });
            }
        }
        Ok(())
    }
}

/// A training of an actor in mean dynamics. Nothing allocates in an update.
pub struct ActorCritic<S: Scalar, D: MeanDynamics<S>> {
    dynamics: D,
    reward: EmpowermentNet<S>,
    settings: ActorCriticSettings,
    actor: Actor<S>,
    actor_learner: Learner<S>,
    critic: StateNet<S>,
    target: StateNet<S>,
    critic_values: Vec<S>,
    critic_fit: Regression<S>,
    targets: Vec<S>,
    horizon: Horizon<S, D>,
    updates: u64,
}

impl<S: Scalar, D: MeanDynamics<S>> ActorCritic<S, D> {
    /// A training with random networks that see states in units of `scale`.
    ///
    /// # Errors
    /// If a setting is impossible, or the dynamics have no controls.
    ///
    /// # Panics
    /// If the sizes disagree.
    #[track_caller]
    pub fn new(
        dynamics: D,
        reward: EmpowermentNet<S>,
        limits: &ControlLimits<S>,
        scale: &StateScale<S>,
        settings: ActorCriticSettings,
    ) -> Result<Self, ControlError> {
        settings.validate()?;
        if dynamics.control_size() == 0 {
            return Err(ControlError::NoControls);
        }
        assert_eq!(dynamics.state_size(), scale.size(), "states of the dynamics against the scale");
        assert_eq!(dynamics.control_size(), limits.size(), "controls against their limits");
        let noise = Noise::new(settings.seed, 0);
        let net = |outputs: usize, last: f64, part: u8| {
            let sizes = NetSizes { hidden: settings.hidden, outputs };
            StateNet::random(scale.clone(), sizes, last, noise.part(part))
        };
        // Nearly no control at first, so that no tanh is saturated.
        let actor = net(limits.size(), 0.1, 0);
        let critic = net(1, 1.0, 1);
        let target = critic.clone();
        let rows = settings.horizon * settings.batch;
        let parts = Parts {
            dynamics: &dynamics,
            actor: &actor,
            reward: &reward.function,
            target: &target,
            limits,
        };
        Ok(Self {
            horizon: Horizon::new(&parts, &settings),
            actor_learner: Learner::new("the actor", &actor),
            actor: Actor::new(actor, limits.clone(), settings.batch),
            critic_values: critic.to_flat(),
            critic_fit: Regression::new("the critic", &critic, rows),
            targets: vec![S::ZERO; rows],
            critic,
            target,
            updates: 0,
            dynamics,
            reward,
            settings,
        })
    }

    /// The policy as it is trained so far.
    pub fn actor(&self) -> &Actor<S> {
        &self.actor
    }

    /// Updates done.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Goes on with another reward: an estimate that has learned better what it says of the states
    /// that the actor seeks.
    ///
    /// # Panics
    /// If it is of other states.
    #[track_caller]
    pub fn set_reward(&mut self, reward: EmpowermentNet<S>) {
        let size = self.dynamics.state_size();
        assert_eq!(reward.state_size(), size, "the reward against the dynamics");
        self.horizon.set_reward(&reward.function);
        self.reward = reward;
    }

    /// Goes on from other parameters of the actor, in the order of visits.
    ///
    /// # Panics
    /// If there are more or fewer.
    #[track_caller]
    pub fn set_actor(&mut self, parameters: &[S]) {
        self.actor.set_flat(parameters);
        self.actor.net.prepare(&mut self.horizon.actor_cache);
    }

    /// `J` from `starts (B, Z)`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn objective(&mut self, starts: ArrayView2<'_, S>) -> S {
        let expected = (self.settings.batch, self.dynamics.state_size());
        assert_eq!(starts.dim(), expected, "starts against batch and state");
        self.pass(starts, false)
    }

    /// `J`, its gradient with respect to the actor's parameters in the order of visits, and with
    /// respect to the starts.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn gradient(&mut self, starts: ArrayView2<'_, S>) -> (S, &[S], ArrayView2<'_, S>) {
        let expected = (self.settings.batch, self.dynamics.state_size());
        assert_eq!(starts.dim(), expected, "starts against batch and state");
        let objective = self.pass(starts, true);
        let gradient = self.actor_learner.gradient(&self.actor.net, &mut self.horizon.actor_cache);
        (objective, gradient, self.horizon.dstarts())
    }

    /// One update of actor, critic and target from `starts (B, Z)`; gives `J` before it.
    ///
    /// Starts should cover what the policy has to do: some near where it should stay, some from where
    /// it is difficult to get there, some from everywhere.
    ///
    /// # Errors
    /// If a start or a gradient is not finite.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn update(&mut self, starts: ArrayView2<'_, S>) -> Result<S, ControlError> {
        self.check_starts(starts)?;
        let objective = self.pass(starts, true);
        let limits =
            StepLimits { clip: self.settings.gradient_clip, rate: self.settings.actor_rate };
        let cache = &mut self.horizon.actor_cache;
        self.actor_learner.step(&mut self.actor.net, cache, Sense::Maximize, limits)?;
        self.actor.refresh();
        self.fit_critic()?;
        Ok(objective)
    }

    #[track_caller]
    fn check_starts(&self, starts: ArrayView2<'_, S>) -> Result<(), ControlError> {
        let expected = (self.settings.batch, self.dynamics.state_size());
        assert_eq!(starts.dim(), expected, "starts against batch and state");
        check_finite("the start", starts)
    }

    fn fit_critic(&mut self) -> Result<(), ControlError> {
        self.horizon.targets(&mut self.targets);
        let (states, rate) = (self.horizon.visited(), self.settings.critic_rate);
        self.critic_fit.update_on(&mut self.critic, states, &self.targets, rate)?;
        self.follow();
        self.updates += 1;
        Ok(())
    }

    fn pass(&mut self, starts: ArrayView2<'_, S>, backward: bool) -> S {
        let parts = Parts {
            dynamics: &self.dynamics,
            actor: &self.actor.net,
            reward: &self.reward.function,
            target: &self.target,
            limits: &self.actor.limits,
        };
        let objective = self.horizon.forward(&parts, starts);
        if backward {
            self.horizon.backward(&parts);
        }
        objective
    }

    /// `V̄ ← k V̄ + (1 − k) V`.
    fn follow(&mut self) {
        let (values, keep) = (&mut self.critic_values, S::of(self.settings.target_keep));
        self.critic.each_slice(&mut |start, slice| {
            values[start..start + slice.len()].copy_from_slice(slice);
        });
        self.target.each_slice_mut(&mut |start, slice| {
            blend(keep, &values[start..start + slice.len()], slice);
        });
        self.target.prepare(&mut self.horizon.target_cache);
    }
}

impl<S: Scalar, D: MeanDynamics<S>> fmt::Debug for ActorCritic<S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("ActorCritic");
        out.field("settings", &self.settings).field("updates", &self.updates);
        out.finish_non_exhaustive()
    }
}
