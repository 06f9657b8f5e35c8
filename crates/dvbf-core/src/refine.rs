//! The first state, refined: what a network read of the first frames, brought to where transition and
//! emission fit these frames best.
//!
//! The cost of `w₁` is `J(w₁) = ½ ‖w₁‖² + ½ Σ_{t≤k} ‖(x_t − μ(z_t)) / σ‖²` over observed channels, with
//! `z₁ = g(w₁)` and `z_{t+1} = f(z_t, u_t, 0)`: the joint density of first state and frames along the mean
//! path. Steps are those of Levenberg and Marquardt (Marquardt 1963),
//! `(A + λ diag A) δ = −∇J` with `A = I + Σ_t D_tᵀ D_t / σ²`, `D_t = ∂μ(z_t)/∂w₁` by central differences of
//! the rollout; a step that does not lower the cost is not taken, and `λ` grows. The standard deviations of
//! `q(w₁)` stay as they were read.
//!
//! A gradient is that of what was read, so that the network goes on learning from recordings; inference,
//! bound and online filter use what was found.

use crate::model::Dvbf;
use dvbf_models::{Cache, TransitionInput};
use dvbf_tensor::Scalar;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};

/// Step of the differences, in standard deviations of the prior.
const STEP: f64 = 5e-3;
/// Largest change of an element of `w₁` in one step.
const LIMIT: f64 = 0.3;

/// The first frames, time-major: row `t·B + b` is frame `t` of sequence `b`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FirstFramesSeen<'a, S> {
    /// `x (≥ k·B, X)`; frames that are not there are not fitted.
    pub(crate) observed: ArrayView2<'a, S>,
    /// One where a channel was observed; everything was without a mask.
    pub(crate) mask: Option<ArrayView2<'a, S>>,
    /// `u (≥ k·B, U)`.
    pub(crate) control: ArrayView2<'a, S>,
}

/// `A`, `−∇J` and `J` of one sequence.
#[derive(Clone, Debug)]
struct Normal {
    curvature: Vec<f64>,
    descent: Vec<f64>,
    cost: f64,
}

impl Normal {
    fn zeros(size: usize) -> Self {
        Self { curvature: vec![0.0; size * size], descent: vec![0.0; size], cost: 0.0 }
    }
}

/// Buffers for a fixed number of sequences. Rows are those of the sequences themselves, then moved by plus
/// and minus a step in each element of `w₁`.
#[derive(Debug)]
pub(crate) struct Refinement<S: Scalar> {
    initial: Cache,
    transition: Cache,
    emission: Cache,
    /// `w₁`, `z_t`, `z_{t+1}`, `u_t` and `μ(z_t)` of all rows, and no noise.
    noise: Array2<S>,
    state: Array2<S>,
    next: Array2<S>,
    control: Array2<S>,
    mean: Array2<S>,
    none: Array2<S>,
    /// The best so far, and what is tried, `(B, W)`.
    best: Array2<S>,
    tried: Array2<S>,
    at_best: Vec<Normal>,
    at_tried: Vec<Normal>,
    damping: Vec<f64>,
    work: Normal,
    slopes: Vec<f64>,
    prepared: bool,
}

impl<S: Scalar> Refinement<S> {
    /// Buffers for at most `sequences` sequences.
    pub(crate) fn new(model: &Dvbf<S>, sequences: usize) -> Self {
        let dims = model.transition.dims();
        let (w, rows) = (dims.noise, sequences * (1 + 2 * dims.noise));
        let normals = || vec![Normal::zeros(w); sequences];
        Self {
            initial: model.initial.cache(rows),
            transition: model.transition.cache(rows),
            emission: model.emission.scratch(),
            noise: Array2::zeros((rows, w)),
            state: Array2::zeros((rows, dims.state)),
            next: Array2::zeros((rows, dims.state)),
            control: Array2::zeros((rows, dims.control)),
            mean: Array2::zeros((rows, model.observation())),
            none: Array2::zeros((rows, w)),
            best: Array2::zeros((sequences, w)),
            tried: Array2::zeros((sequences, w)),
            at_best: normals(),
            at_tried: normals(),
            damping: vec![0.0; sequences],
            work: Normal::zeros(w),
            slopes: vec![0.0; w],
            prepared: false,
        }
    }

    /// The parameters are packed before the next refinement.
    pub(crate) fn forget(&mut self) {
        self.prepared = false;
    }

    /// Refines the means of `q(w₁)`, the first `W` columns of `raw (B, 2W)`.
    pub(crate) fn refine(
        &mut self,
        model: &Dvbf<S>,
        seen: FirstFramesSeen<'_, S>,
        mut raw: ArrayViewMut2<'_, S>,
    ) {
        if !self.prepared {
            model.initial.prepare(&mut self.initial);
            model.transition.prepare(&mut self.transition);
            model.emission.prepare(&mut self.emission);
            self.prepared = true;
        }
        let (n, w) = (raw.nrows(), self.noise.ncols());
        let means = s![..n, ..w];
        self.tried.slice_mut(means).assign(&raw.slice(means));
        self.evaluate(model, seen, n);
        self.best.assign(&self.tried);
        std::mem::swap(&mut self.at_best, &mut self.at_tried);
        self.damping.fill(1e-3);
        for _ in 0..model.initial.refinements() {
            for b in 0..n {
                self.step(b);
            }
            self.evaluate(model, seen, n);
            for b in 0..n {
                if self.at_tried[b].cost < self.at_best[b].cost {
                    self.best.row_mut(b).assign(&self.tried.row(b));
                    std::mem::swap(&mut self.at_best[b], &mut self.at_tried[b]);
                    self.damping[b] *= 0.1;
                } else {
                    self.damping[b] *= 10.0;
                }
            }
        }
        raw.slice_mut(means).assign(&self.best.slice(means));
    }

    /// Writes what is tried next for sequence `b`.
    fn step(&mut self, b: usize) {
        let (own, work, w) = (&self.at_best[b], &mut self.work, self.slopes.len());
        work.curvature.copy_from_slice(&own.curvature);
        work.descent.copy_from_slice(&own.descent);
        for i in 0..w {
            work.curvature[i * w + i] *= 1.0 + self.damping[b];
        }
        let solved = solve(&mut work.curvature, &mut work.descent);
        for (i, step) in work.descent.iter().enumerate() {
            let step = if solved { step.clamp(-LIMIT, LIMIT) } else { 0.0 };
            self.tried[[b, i]] = self.best[[b, i]] + S::of(step);
        }
    }

    /// Cost, curvature and descent of the first `n` sequences at what is tried.
    fn evaluate(&mut self, model: &Dvbf<S>, seen: FirstFramesSeen<'_, S>, n: usize) {
        let w = self.noise.ncols();
        let rows = n * (1 + 2 * w);
        let all = s![..rows, ..];
        for variant in 0..=2 * w {
            let mut to = self.noise.slice_mut(s![variant * n..(variant + 1) * n, ..]);
            to.assign(&self.tried.slice(s![..n, ..]));
            if variant > 0 {
                let by = if variant % 2 == 1 { STEP } else { -STEP };
                to.column_mut((variant - 1) / 2).map_inplace(|w| *w += S::of(by));
            }
        }
        for (b, normal) in self.at_tried.iter_mut().enumerate().take(n) {
            normal.curvature.fill(0.0);
            normal.cost = 0.0;
            for i in 0..w {
                let own = self.tried[[b, i]].to_double();
                normal.curvature[i * w + i] = 1.0;
                normal.descent[i] = -own;
                normal.cost += own * own / 2.0;
            }
        }
        let noise = self.noise.slice(all);
        model.initial.start(0, noise, self.state.slice_mut(all), &mut self.initial);
        let frames = (seen.observed.nrows() / n).min(model.initial.frames());
        for t in 0..frames {
            let mean = self.mean.slice_mut(all);
            model.emission.mean(self.state.slice(all), mean, &mut self.emission);
            self.add_frame(model, seen, (t, n));
            if t + 1 < frames {
                let now = seen.control.slice(s![t * n..(t + 1) * n, ..]);
                for variant in 0..=2 * w {
                    let rows = s![variant * n..(variant + 1) * n, ..];
                    self.control.slice_mut(rows).assign(&now);
                }
                let input = TransitionInput {
                    state: self.state.slice(all),
                    control: self.control.slice(all),
                    noise: self.none.slice(all),
                };
                let next = self.next.slice_mut(all);
                model.transition.carry(input, next, &mut self.transition);
                std::mem::swap(&mut self.state, &mut self.next);
            }
        }
    }

    /// Adds what frame `t` of `n` sequences says.
    fn add_frame(&mut self, model: &Dvbf<S>, seen: FirstFramesSeen<'_, S>, (t, n): (usize, usize)) {
        let (w, log_std) = (self.noise.ncols(), model.emission.log_std());
        let channels = self.mean.ncols();
        for b in 0..n {
            let (row, normal) = (t * n + b, &mut self.at_tried[b]);
            for channel in 0..channels {
                if seen.mask.is_some_and(|mask| mask[[row, channel]] <= S::ZERO) {
                    continue;
                }
                let precision = (-log_std[channel.min(log_std.len() - 1)].to_double()).exp();
                let mean = self.mean[[b, channel]].to_double();
                let left = (seen.observed[[row, channel]].to_double() - mean) * precision;
                normal.cost += left * left / 2.0;
                for i in 0..w {
                    let at = |variant: usize| self.mean[[variant * n + b, channel]].to_double();
                    let difference = at(2 * i + 1) - at(2 * i + 2);
                    self.slopes[i] = difference * precision / (2.0 * STEP);
                    normal.descent[i] += self.slopes[i] * left;
                    for j in 0..=i {
                        normal.curvature[i * w + j] += self.slopes[i] * self.slopes[j];
                    }
                }
            }
        }
    }
}

/// Replaces `b` by `A⁻¹ b`, given the lower triangle of a symmetric `A`, which is replaced by its Cholesky
/// factor; false if it is not positive definite.
fn solve(a: &mut [f64], b: &mut [f64]) -> bool {
    let n = b.len();
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| a[i * n + k] * a[j * n + k]).sum();
            let left = a[i * n + j] - sum;
            if i != j {
                a[i * n + j] = left / a[j * n + j];
            } else if left > 0.0 {
                a[i * n + i] = left.sqrt();
            } else {
                return false;
            }
        }
    }
    for i in 0..n {
        let sum: f64 = (0..i).map(|k| a[i * n + k] * b[k]).sum();
        b[i] = (b[i] - sum) / a[i * n + i];
    }
    for i in (0..n).rev() {
        let sum: f64 = (i + 1..n).map(|k| a[k * n + i] * b[k]).sum();
        b[i] = (b[i] - sum) / a[i * n + i];
    }
    true
}
