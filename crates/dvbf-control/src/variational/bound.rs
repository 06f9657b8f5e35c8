//! One draw of the bound (3) for a batch, and its gradient.
//!
//! Shapes: states `(B, Z)`, controls `(B, U)`, the path `(K + 1) B` rows. With the end state that the
//! central control leads to, `z° = F_K(z, c)`, the deviation in units of the resolution is
//! `e = L⁻¹ (F_K(z, a) − z°)/σ + ξ`, and the planner sees the scaled state, `e/10`, `arsinh e` and the
//! [guess](super::guess) `ŷ` of the linearized channel; its outputs `o` are added to that guess,
//! `μ_q = ŷ + o_μ`, `ln L_q,ii = ln L̂ᵢᵢ + o_ii` and `L_q,ij = L̂ᵢⱼ + o_ij`.
//!
//! | | equation |
//! |-|----------|
//! | forward | `y = μ_ω + L_ω ε`, `r = L_q⁻¹ (y − μ_q)`, `v = ½ (U − rᵀr) + ln det L_ω − ln det L_q` |
//! | planner | `g = L_q⁻ᵀ r`, `dμ_q = g`, `dL_q = g rᵀ`, `d ln L_q,ii` less one |
//! | guess | `dŷ = dμ_q`, what comes through `L̂` and through the planner's input; `de += M Λ⁻¹ (D dŷ)` |
//! | end state | `dz_K = L⁻ᵀ de / σ`, pulled back `K` times, which gives `da` |
//! | source | `dy = −g + h (1 − tanh² y) da`, `dμ_ω = dy`, `dL_ω = dy εᵀ`, `d ln L_ω,ii` plus one |
//!
//! The source's entropy stands in its closed form, `U/2` instead of `½ εᵀε`, with the same mean and gradient.

use super::ChannelNoise;
use super::guess::Guess;
use super::head::{Head, Pull, index, width};
use crate::channel::{Channel, HeldPath};
use crate::dynamics::{Cotangents, Inputs, MeanDynamics};
use crate::net::{StateNet, StateNetCache};
use dvbf_tensor::Scalar;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, s};

/// By what deviations are divided for the planner, beside their arsinh.
const WIDE: f64 = 10.0;

pub(super) struct Parts<'a, S, D> {
    pub(super) dynamics: &'a D,
    pub(super) channel: &'a Channel<S>,
    pub(super) source: &'a StateNet<S>,
    pub(super) planner: &'a StateNet<S>,
}

pub(super) struct Bound<S: Scalar, D: MeanDynamics<S>> {
    rows: usize,
    n: usize,
    workspace: D::Workspace,
    path: Array2<S>,
    held: HeldPath<S, D>,
    guess: Guess<S>,
    deviations: Array2<S>,
    actions: Array2<S>,
    latent: Array2<S>,
    residuals: Array2<S>,
    /// `g`.
    solved: Array2<S>,
    sources: Array2<S>,
    planners: Array2<S>,
    dsources: Array2<S>,
    dplanners: Array2<S>,
    seen: Array2<S>,
    dseen: Array2<S>,
    dstates: Array2<S>,
    dcontrols: Array2<S>,
    /// Scratch of the caller, as long as a batch.
    pub(super) values: Vec<S>,
    pub(super) source_cache: StateNetCache<S>,
    pub(super) planner_cache: StateNetCache<S>,
}

fn slice<'a, S>(row: &'a ArrayView1<'_, S>) -> &'a [S] {
    row.as_slice().expect("rows are contiguous")
}

fn slice_mut<'a, S>(row: &'a mut ArrayViewMut1<'_, S>) -> &'a mut [S] {
    row.as_slice_mut().expect("rows are contiguous")
}

/// Whether states are those of the pass before, whose path under the central control is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    SameStates,
    Elsewhere,
}

/// Inputs of the planner for `(Z, U)`.
pub(super) fn seen_width((z, u): (usize, usize)) -> usize {
    3 * z + u
}

impl<S: Scalar, D: MeanDynamics<S>> Bound<S, D> {
    pub(super) fn new(parts: &Parts<'_, S, D>, rows: usize) -> Self {
        let (z, u) = (parts.dynamics.state_size(), parts.dynamics.control_size());
        let steps = parts.channel.steps();
        let zeros = |columns: usize| Array2::zeros((rows, columns));
        Self {
            rows,
            n: 0,
            workspace: parts.dynamics.workspace(rows),
            path: Array2::zeros(((steps + 1) * rows, z)),
            held: HeldPath::new(parts.dynamics, parts.channel, rows),
            guess: Guess::new((z, u), rows),
            deviations: zeros(z),
            actions: zeros(u),
            latent: zeros(u),
            residuals: zeros(u),
            solved: zeros(u),
            sources: zeros(width(u)),
            planners: zeros(width(u)),
            dsources: zeros(width(u)),
            dplanners: zeros(width(u)),
            seen: zeros(seen_width((z, u))),
            dseen: zeros(seen_width((z, u))),
            dstates: Array2::zeros((2 * rows, z)),
            dcontrols: zeros(u),
            values: vec![S::ZERO; rows],
            source_cache: parts.source.cache(rows),
            planner_cache: parts.planner.cache(rows),
        }
    }

    /// Writes the values of one draw.
    #[track_caller]
    pub(super) fn forward(
        &mut self,
        parts: &Parts<'_, S, D>,
        (states, from): (ArrayView2<'_, S>, From),
        noise: ChannelNoise<'_, S>,
        out: &mut [S],
    ) {
        let (n, z) = states.dim();
        assert!(n <= self.rows, "{n} states against a batch of {}", self.rows);
        assert_eq!(z, parts.dynamics.state_size(), "columns of states against the dynamics");
        assert_eq!(noise.source.dim(), (n, self.actions.ncols()), "noise of the source");
        assert_eq!(noise.end.dim(), (n, z), "noise of the channel");
        assert_eq!(out.len(), n, "values against states");
        self.n = n;
        self.act(parts, states, noise.source);
        if from == From::Elsewhere {
            self.rest(parts, states);
        }
        self.travel(parts, states);
        self.look(parts, noise.end);
        let all = s![..n, ..];
        let planners = self.planners.slice_mut(all);
        parts.planner.forward(0, self.seen.slice(all), planners, &mut self.planner_cache);
        let (size, first) = (self.actions.ncols(), 3 * z);
        for (row, out) in out.iter_mut().enumerate() {
            for i in 0..size {
                self.planners[[row, i]] += self.seen[[row, first + i]];
                for j in 0..=i {
                    self.planners[[row, index(size, i, j)]] += self.guess.factor(row, (i, j));
                }
            }
            let (source, planner) = (self.sources.row(row), self.planners.row(row));
            let source = Head { outputs: slice(&source), size };
            let planner = Head { outputs: slice(&planner), size };
            let (latent, mut residual) = (self.latent.row(row), self.residuals.row_mut(row));
            planner.residual(slice(&latent), slice_mut(&mut residual));
            let squares = residual.iter().map(|&r| r * r).sum::<S>();
            *out =
                S::of(0.5) * (S::of(size as f64) - squares) + source.log_det() - planner.log_det();
        }
    }

    /// `y` and the actions.
    fn act(
        &mut self,
        parts: &Parts<'_, S, D>,
        states: ArrayView2<'_, S>,
        epsilon: ArrayView2<'_, S>,
    ) {
        let sources = self.sources.slice_mut(s![..self.n, ..]);
        parts.source.forward(0, states, sources, &mut self.source_cache);
        let size = self.actions.ncols();
        for row in 0..self.n {
            let outputs = self.sources.row(row);
            let head = Head { outputs: slice(&outputs), size };
            let mut latent = self.latent.row_mut(row);
            head.sample(slice(&epsilon.row(row)), slice_mut(&mut latent));
            for j in 0..size {
                self.actions[[row, j]] = parts.channel.limits().at(j, latent[j].tanh());
            }
        }
    }

    /// The path under the central control with its linearization, whatever the actions.
    fn rest(&mut self, parts: &Parts<'_, S, D>, states: ArrayView2<'_, S>) {
        self.held.run(parts.dynamics, states);
        self.guess.linearize(self.held.jacobian(), parts.channel, self.n);
    }

    /// The path under the actions.
    fn travel(&mut self, parts: &Parts<'_, S, D>, states: ArrayView2<'_, S>) {
        let (n, rows) = (self.n, self.rows);
        let all = s![..n, ..];
        self.path.slice_mut(all).assign(&states);
        for k in 0..parts.channel.steps() {
            let (before, mut after) = self.path.view_mut().split_at(Axis(0), (k + 1) * rows);
            let states = before.slice(s![k * rows..k * rows + n, ..]);
            let at = Inputs { states, controls: self.actions.slice(all) };
            parts.dynamics.step(at, after.slice_mut(all), &mut self.workspace);
        }
    }

    /// What the planner sees.
    fn look(&mut self, parts: &Parts<'_, S, D>, xi: ArrayView2<'_, S>) {
        let (z, sigma) = (parts.dynamics.state_size(), parts.channel.resolution());
        let inverse = parts.channel.scale().inverse();
        let ends = self.path.slice(s![parts.channel.steps() * self.rows.., ..]);
        let (scaled, rest) = (self.source_cache.scaled(), self.held.end());
        for row in 0..self.n {
            for i in 0..z {
                let mut deviation = S::ZERO;
                for j in 0..=i {
                    deviation += inverse[[i, j]] * (ends[[row, j]] - rest[[row, j]]);
                }
                let e = deviation / sigma + xi[[row, i]];
                self.seen[[row, i]] = scaled[[row, i]];
                self.seen[[row, z + i]] = e / S::of(WIDE);
                self.seen[[row, 2 * z + i]] = e.asinh();
                self.deviations[[row, i]] = e;
            }
            for j in 0..self.actions.ncols() {
                self.seen[[row, 3 * z + j]] = self.guess.of(row, j, self.deviations.row(row));
            }
        }
    }

    /// Pulls the mean of the values of the last forward pass back; the rows stay in the caches.
    pub(super) fn backward(&mut self, parts: &Parts<'_, S, D>, noise: ChannelNoise<'_, S>) {
        let (n, size) = (self.n, self.actions.ncols());
        let (all, weight) = (s![..n, ..], S::of(1.0 / n as f64));
        for row in 0..n {
            let outputs = self.planners.row(row);
            let head = Head { outputs: slice(&outputs), size };
            let (residual, mut g) = (self.residuals.row(row), self.solved.row_mut(row));
            g.assign(&residual);
            head.solve_transposed(slice_mut(&mut g));
            let mut out = self.dplanners.row_mut(row);
            let pull = Pull { diagonal: -S::ONE, weight };
            head.cotangents(slice(&g.view()), slice(&residual), pull, slice_mut(&mut out));
        }
        self.dseen.slice_mut(all).fill(S::ZERO);
        let (dplanners, dseen) = (self.dplanners.slice(all), self.dseen.slice_mut(all));
        parts.planner.backward(0, dplanners, dseen, &mut self.planner_cache);
        self.pull_path(parts);
        for row in 0..n {
            let outputs = self.sources.row(row);
            let head = Head { outputs: slice(&outputs), size };
            // What came through the planner's input has the weight of a row already.
            for j in 0..size {
                let tanh = self.latent[[row, j]].tanh();
                let through = parts.channel.limits().half()[j] * (S::ONE - tanh * tanh);
                let direct = self.solved[[row, j]] * weight;
                self.dcontrols[[row, j]] = through * self.dcontrols[[row, j]] - direct;
            }
            let (dy, epsilon) = (self.dcontrols.row(row), noise.source.row(row));
            let mut out = self.dsources.row_mut(row);
            let pull = Pull { diagonal: weight, weight: S::ONE };
            head.cotangents(slice(&dy), slice(&epsilon), pull, slice_mut(&mut out));
        }
        parts.source.backward_data(0, self.dsources.slice(all), &mut self.source_cache);
    }

    /// From what the planner saw to the actions.
    fn pull_path(&mut self, parts: &Parts<'_, S, D>) {
        let (n, rows, z) = (self.n, self.rows, parts.dynamics.state_size());
        let (all, inverse) = (s![..n, ..], parts.channel.scale().inverse());
        self.dstates.fill(S::ZERO);
        self.dcontrols.fill(S::ZERO);
        for row in 0..n {
            let (mut dseen, dplanner) = (self.dseen.row_mut(row), self.dplanners.row(row));
            let (size, dplanner) = (self.actions.ncols(), slice(&dplanner));
            for (i, dguess) in dseen.slice_mut(s![3 * z..]).iter_mut().enumerate() {
                let dfactor = &dplanner[index(size, i, 0)..=index(size, i, i)];
                *dguess += dplanner[i] + self.guess.pull_factor(row, i, dfactor);
            }
            for i in 0..z {
                let e = self.deviations[[row, i]];
                let slope = (S::ONE + e * e).sqrt();
                let de = dseen[z + i] / S::of(WIDE)
                    + dseen[2 * z + i] / slope
                    + self.guess.pull(row, i, dseen.slice(s![3 * z..]));
                for j in 0..=i {
                    self.dstates[[row, j]] += inverse[[i, j]] * de / parts.channel.resolution();
                }
            }
        }
        let (mut now, mut before) = self.dstates.view_mut().split_at(Axis(0), rows);
        for k in (0..parts.channel.steps()).rev() {
            let at = Inputs {
                states: self.path.slice(s![k * rows..k * rows + n, ..]),
                controls: self.actions.slice(all),
            };
            before.fill(S::ZERO);
            let out = Cotangents {
                states: before.slice_mut(all),
                controls: self.dcontrols.slice_mut(all),
            };
            parts.dynamics.pull_back(at, now.slice(all), out, &mut self.workspace);
            std::mem::swap(&mut now, &mut before);
        }
    }
}
