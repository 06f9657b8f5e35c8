//! The objective of a policy over a horizon in the mean dynamics, and its gradient.
//!
//! Shapes: starts `z₀ (B, Z)`, states `(H + 1) B` rows, everything else `H B` rows, time-major.
//!
//! | | equation |
//! |-|----------|
//! | forward | `hₜ = π(zₜ)`, `uₜ = c + h tanh hₜ`, `z_{t+1} = f(zₜ, uₜ)` |
//! | objective | `J = 1/B Σ_b [(1−γ) Σ_{t<H} (γᵗ r(z_{t+1}) − w Σⱼ (∣hₜⱼ∣ − b)₊²) + γᴴ V̄(z_H)]` |
//! | `dz_{t+1}` | `(1−γ) γᵗ/B · r'(z_{t+1}) + Aᵀ dz_{t+2} + π'ᵀ dh_{t+1}`, plus `γᴴ/B · V̄'` at `t + 1 = H` |
//! | | cut to `[−k/B, k/B]`, elementwise, before it is pulled back through `f` |
//! | `duₜ` | `Bᵀ dz_{t+1}` |
//! | `dhₜ` | `h (1 − tanh² hₜ) duₜ − 2 w (1−γ)/B · sign hₜ (∣hₜ∣ − b)₊` |
//!
//! The cut keeps a single state, from which the future is unstable, from deciding an update.

use super::ActorCriticSettings;
use crate::dynamics::{Cotangents, Inputs, MeanDynamics};
use crate::estimate_net::EstimateFunction;
use crate::limits::ControlLimits;
use crate::net::{StateNet, StateNetCache};
use dvbf_tensor::Scalar;
use ndarray::{Array2, ArrayView2, s};

/// The functions that the objective is made of.
pub(super) struct Parts<'a, S, D> {
    pub(super) dynamics: &'a D,
    pub(super) actor: &'a StateNet<S>,
    pub(super) reward: &'a EstimateFunction<S>,
    pub(super) target: &'a StateNet<S>,
    pub(super) limits: &'a ControlLimits<S>,
}

/// Buffers of forward and backward pass.
pub(super) struct Horizon<S: Scalar, D: MeanDynamics<S>> {
    batch: usize,
    steps: usize,
    discount: f64,
    /// `b`, `w` and `k`.
    saturation: (f64, f64),
    cut: f64,
    workspace: D::Workspace,
    states: Array2<S>,
    controls: Array2<S>,
    raw: Array2<S>,
    rewards: Array2<S>,
    terminal: Array2<S>,
    dterminal: Array2<S>,
    dstates: Array2<S>,
    dcontrols: Array2<S>,
    draw: Array2<S>,
    dvalues: Array2<S>,
    pub(super) actor_cache: StateNetCache<S>,
    reward_cache: StateNetCache<S>,
    pub(super) target_cache: StateNetCache<S>,
}

impl<S: Scalar, D: MeanDynamics<S>> Horizon<S, D> {
    pub(super) fn new(parts: &Parts<'_, S, D>, settings: &ActorCriticSettings) -> Self {
        let (batch, steps) = (settings.batch, settings.horizon);
        let (z, u) = (parts.dynamics.state_size(), parts.dynamics.control_size());
        let zeros = |rows: usize, columns: usize| Array2::zeros((rows, columns));
        Self {
            batch,
            steps,
            discount: settings.discount,
            saturation: (settings.saturation_bound, settings.saturation_penalty),
            cut: settings.cotangent_cut,
            workspace: parts.dynamics.workspace(batch),
            states: zeros((steps + 1) * batch, z),
            controls: zeros(steps * batch, u),
            raw: zeros(steps * batch, u),
            rewards: zeros(steps * batch, 1),
            terminal: zeros(batch, 1),
            dterminal: zeros(batch, 1),
            dstates: zeros((steps + 1) * batch, z),
            dcontrols: zeros(batch, u),
            draw: zeros(batch, u),
            dvalues: zeros(steps * batch, 1),
            actor_cache: parts.actor.cache(steps * batch),
            reward_cache: parts.reward.cache(steps * batch),
            target_cache: parts.target.cache(batch),
        }
    }

    /// Makes the buffers those of another reward.
    pub(super) fn set_reward(&mut self, reward: &EstimateFunction<S>) {
        self.reward_cache = reward.cache(self.steps * self.batch);
    }

    /// All states but the last, `(H B, Z)`.
    pub(super) fn visited(&self) -> ArrayView2<'_, S> {
        self.states.slice(s![..self.steps * self.batch, ..])
    }

    /// `dz₀ (B, Z)` of the last backward pass.
    pub(super) fn dstarts(&self) -> ArrayView2<'_, S> {
        self.dstates.slice(s![..self.batch, ..])
    }

    /// `J`.
    pub(super) fn forward(&mut self, parts: &Parts<'_, S, D>, starts: ArrayView2<'_, S>) -> S {
        let batch = self.batch;
        self.states.slice_mut(s![..batch, ..]).assign(&starts);
        for t in 0..self.steps {
            let rows = s![t * batch..(t + 1) * batch, ..];
            let (before, mut after) =
                self.states.view_mut().split_at(ndarray::Axis(0), (t + 1) * batch);
            let states = before.slice(rows);
            let mut raw = self.raw.slice_mut(rows);
            parts.actor.forward(t * batch, states, raw.view_mut(), &mut self.actor_cache);
            let mut controls = self.controls.slice_mut(rows);
            for (mut u, raw) in controls.rows_mut().into_iter().zip(raw.rows()) {
                for (j, (u, raw)) in u.iter_mut().zip(raw).enumerate() {
                    *u = parts.limits.at(j, raw.tanh());
                }
            }
            let at = Inputs { states, controls: controls.view() };
            parts.dynamics.step(at, after.slice_mut(s![..batch, ..]), &mut self.workspace);
        }
        let ends = self.states.slice(s![batch.., ..]);
        parts.reward.values(ends, self.rewards.view_mut(), &mut self.reward_cache);
        let last = self.states.slice(s![self.steps * batch.., ..]);
        parts.target.forward(0, last, self.terminal.view_mut(), &mut self.target_cache);
        self.objective()
    }

    fn objective(&self) -> S {
        let (mut sum, mut weight) = (0.0, 1.0 - self.discount);
        for rewards in self.rewards.as_slice().unwrap_or(&[]).chunks(self.batch) {
            sum += weight * rewards.iter().map(|r| r.to_double()).sum::<f64>();
            weight *= self.discount;
        }
        sum += self.terminal_weight() * self.terminal.iter().map(|v| v.to_double()).sum::<f64>();
        let (bound, penalty) = self.saturation;
        let beyond = |h: &S| (h.to_double().abs() - bound).max(0.0).powi(2);
        sum -= (1.0 - self.discount) * penalty * self.raw.iter().map(beyond).sum::<f64>();
        S::of(sum / self.batch as f64)
    }

    /// `γᴴ`.
    fn terminal_weight(&self) -> f64 {
        (0..self.steps).fold(1.0, |weight, _| weight * self.discount)
    }

    /// Writes the n-step targets of the values of all states but the last:
    /// `Tₜ = (1−γ) r(z_{t+1}) + γ T_{t+1}`, `T_H = V̄(z_H)`.
    pub(super) fn targets(&self, out: &mut [S]) {
        let (batch, discount) = (self.batch, S::of(self.discount));
        for t in (0..self.steps).rev() {
            for b in 0..batch {
                let row = t * batch + b;
                let next =
                    if t + 1 == self.steps { self.terminal[[b, 0]] } else { out[row + batch] };
                out[row] = (S::ONE - discount) * self.rewards[[row, 0]] + discount * next;
            }
        }
    }

    /// Pulls `J` of the last forward pass back; the actor's rows stay in its cache.
    pub(super) fn backward(&mut self, parts: &Parts<'_, S, D>) {
        let (batch, share) = (self.batch, 1.0 / self.batch as f64);
        self.dstates.fill(S::ZERO);
        let mut weight = (1.0 - self.discount) * share;
        for mut rows in self.dvalues.axis_chunks_iter_mut(ndarray::Axis(0), batch) {
            rows.fill(S::of(weight));
            weight *= self.discount;
        }
        let ends = self.dstates.slice_mut(s![batch.., ..]);
        parts.reward.pull(self.dvalues.view_mut(), ends, &mut self.reward_cache);
        let weight = S::of(self.terminal_weight() * share);
        self.dterminal.fill(weight);
        let last = self.dstates.slice_mut(s![self.steps * batch.., ..]);
        parts.target.backward(0, self.dterminal.view(), last, &mut self.target_cache);
        for t in (0..self.steps).rev() {
            self.backward_step(parts, t);
        }
    }

    fn backward_step(&mut self, parts: &Parts<'_, S, D>, t: usize) {
        let (batch, share) = (self.batch, 1.0 / self.batch as f64);
        let rows = s![t * batch..(t + 1) * batch, ..];
        let (mut before, mut after) =
            self.dstates.view_mut().split_at(ndarray::Axis(0), (t + 1) * batch);
        let mut dnext = after.slice_mut(s![..batch, ..]);
        let cut = S::of(self.cut * share);
        // A NaN stays, and is found in the gradient.
        dnext.map_inplace(|d| *d = d.clamp(-cut, cut));
        self.dcontrols.fill(S::ZERO);
        let at = Inputs { states: self.states.slice(rows), controls: self.controls.slice(rows) };
        let mut dstates = before.slice_mut(rows);
        let out = Cotangents { states: dstates.view_mut(), controls: self.dcontrols.view_mut() };
        parts.dynamics.pull_back(at, dnext.view(), out, &mut self.workspace);
        let (bound, penalty) = self.saturation;
        let (bound, slope) = (S::of(bound), S::of(2.0 * penalty * (1.0 - self.discount) * share));
        let raws = self.raw.slice(rows);
        let dus = self.dcontrols.rows().into_iter().zip(raws.rows());
        for (mut dh, (du, raw)) in self.draw.rows_mut().into_iter().zip(dus) {
            for (j, dh) in dh.iter_mut().enumerate() {
                let tanh = raw[j].tanh();
                let beyond = (raw[j].abs() - bound).max(S::ZERO) * raw[j].signum();
                let through = parts.limits.half()[j] * (S::ONE - tanh * tanh) * du[j];
                *dh = through - slope * beyond;
            }
        }
        parts.actor.backward(t * batch, self.draw.view(), dstates, &mut self.actor_cache);
    }
}
