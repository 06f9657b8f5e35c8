//! Initial state whose components are known quantities: positions, angles, velocities.
//!
//! A network sees every one of the first `k` frames alone and gives what a position looks like: one
//! value for a position on the line, sine and cosine for an angle. Velocities follow from how
//! positions change.
//!
//! Shapes: frames `x_t (B, X)`, encoded frames `e_t (B, E)`, `raw (B, 2W)`, `w₁, z₁ (B, Z)`, `W = Z`.
//!
//! | | equation |
//! |-|----------|
//! | encoded frame | `e_t = A x_t + a + net(x_t)` |
//! | position `j` | `p_t = sⱼ e_t` on the line, `p_t = atan2(e_t[sin], e_t[cos])` of an angle |
//! | change | `d_t = p_{t+1} − p_t` on the line, `d_t = atan2(e_t × e_{t+1}, e_t · e_{t+1})` of an angle |
//! | estimate of a position | `ẑ = p₁ + Σ_t α_t d_t` |
//! | estimate of its velocity | `ẑ = Σ_t β_t d_t / dt_t + s Σ_t γ_t · u_t` |
//! | recognition | `raw = [(ẑ − m) / S, r]` |
//! | state | `z₁ = m + S ⊙ w₁` |
//!
//! with typical magnitudes `s`, and learned `α` (zero at first), `β` (at first the value at the first
//! frame of the straight line through the changes of equally long steps), `γ` (zero at first), `m`, `S` and `r`. Angles are
//! differences of directions, so nothing is wrapped and nothing jumps but where an angle is read.
//!
//! `A` and `a` can be adapted to data: they are then slow features of the observations, one for every
//! position on the line and two for every angle. A pointer that turns draws a ring on its two, so that
//! its angle is read nearly right from the start.
//!
//! Frames beyond the end of a short sequence count as zeros.

mod config;
mod estimate;
mod reading;

pub use config::KnownStateConfig;

use super::{FirstSteps, InitialState};
use crate::part::{Cache, gradient_of};
use crate::statistics::Statistics;
use dvbf_ops::{Linear, Mlp, MlpCache, Params, Path};
use dvbf_tensor::Scalar;
use estimate::{EstimateCotangents, Seen};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, Axis, s};
use reading::{Reading, Step};

/// Parameters of an initial state of known quantities.
#[derive(Clone, Debug)]
pub struct KnownState<S> {
    /// `A`, `a`.
    skip: Linear<S>,
    net: Mlp<S>,
    /// `α` and `β`, `(Z, k − 1)`.
    weights: Array2<S>,
    /// `γ (Z, (k − 1) U)`; only rows of velocities are used.
    by_control: Array2<S>,
    /// `m`.
    center: Array1<S>,
    /// `ln S`.
    log_spread: Array1<S>,
    /// `r`.
    raw_std: Array1<S>,
    readings: Vec<Reading>,
    scale: Vec<f64>,
    step: Step,
    frames: usize,
    refinements: usize,
}

#[derive(Debug)]
struct KnownStateCache<S> {
    skip: MlpCache<S>,
    skip_net: Mlp<S>,
    net: MlpCache<S>,
    /// Encoded frames of all rows, time-major within a batch.
    encoded: Array2<S>,
    part: Array2<S>,
    dencoded: Array2<S>,
    control: Array2<S>,
    /// `(ẑ − m) / S` and `w₁` of all rows.
    mean: Array2<S>,
    noise: Array2<S>,
    spread: Array1<S>,
    weights: Array2<S>,
    by_control: Array2<S>,
    center: Array1<S>,
    log_spread: Array1<S>,
    raw_std: Array1<S>,
    written: usize,
    pulled: usize,
}

impl<S: Scalar> KnownState<S> {
    /// Pulls the cotangent of `raw` of rows `at..at + B` back to what makes the estimates of the first state.
    fn pull_estimates(
        &self,
        at: usize,
        output_cotangent: ArrayView2<'_, S>,
        cache: &mut KnownStateCache<S>,
    ) {
        let (batch, k, z) = (output_cotangent.nrows(), self.frames, self.center.len());
        assert!(at + batch <= cache.written, "rows {at}.. were not written");
        cache.pulled += batch;
        let (place, n, u) = (at * k, batch * k, self.by_control.ncols() / (k - 1).max(1));
        cache.dencoded.slice_mut(s![place..place + n, ..]).fill(S::ZERO);
        for (b, d) in output_cotangent.axis_iter(Axis(0)).enumerate() {
            let control = cache.control.row(at + b);
            let control = control.to_shape((k - 1, u)).expect("whole steps");
            let frames = s![place + b..place + n; batch, ..];
            let seen = Seen { encoded: cache.encoded.slice(frames), control: control.view() };
            let mut out = EstimateCotangents {
                encoded: cache.dencoded.slice_mut(frames),
                weights: &mut cache.weights,
                by_control: &mut cache.by_control,
            };
            for i in 0..z {
                self.pull_estimate(i, d[i] / cache.spread[i], seen, &mut out);
            }
        }
        let dencoded = cache.dencoded.slice(s![place..place + n, ..]);
        cache.skip_net.backward_data(place, dencoded, &mut cache.skip);
        self.net.backward_data(place, dencoded, &mut cache.net);
    }
}

impl<S: Scalar> InitialState<S> for KnownState<S> {
    fn frames(&self) -> usize {
        self.frames
    }

    fn refinements(&self) -> usize {
        self.refinements
    }

    fn scale_recognition(&mut self, factor: S) {
        self.net.scale_weights(factor);
    }

    fn features(&self) -> Vec<usize> {
        self.readings.iter().filter_map(Reading::features).collect()
    }

    fn adapt(&mut self, statistics: &Statistics) {
        let (columns, x) = self.skip.dim();
        let count = columns.min(statistics.axes.ncols());
        assert_eq!(statistics.axes.nrows(), x, "axes against channels");
        for column in 0..count {
            let axis = statistics.axes.column(column);
            let offset: f64 = axis.iter().zip(&statistics.mean).map(|(a, m)| a * m).sum();
            let mut weight = self.skip.weight_mut();
            weight.row_mut(column).zip_mut_with(&axis, |to, a| *to = S::of(*a));
            self.skip.bias_mut()[column] = S::of(-offset);
        }
    }

    fn cache(&self, rows: usize) -> Cache {
        let (k, z) = (self.frames, self.center.len());
        let (columns, _) = self.skip.dim();
        let skip_net = Mlp::new(vec![self.skip.clone()]);
        Cache::new(KnownStateCache::<S> {
            skip: skip_net.cache(rows * k),
            skip_net,
            net: self.net.cache(rows * k),
            encoded: Array2::zeros((rows * k, columns)),
            part: Array2::zeros((rows * k, columns)),
            dencoded: Array2::zeros((rows * k, columns)),
            control: Array2::zeros((rows, self.by_control.ncols())),
            mean: Array2::zeros((rows, z)),
            noise: Array2::zeros((rows, z)),
            spread: Array1::zeros(z),
            weights: Array2::zeros(self.weights.dim()),
            by_control: Array2::zeros(self.by_control.dim()),
            center: Array1::zeros(z),
            log_spread: Array1::zeros(z),
            raw_std: Array1::zeros(z),
            written: 0,
            pulled: 0,
        })
    }

    fn prepare(&self, cache: &mut Cache) {
        let cache = cache.get::<KnownStateCache<S>>();
        cache.skip_net.layers_mut()[0].clone_from(&self.skip);
        cache.skip_net.prepare_data(&mut cache.skip);
        self.net.prepare_data(&mut cache.net);
        cache.spread.zip_mut_with(&self.log_spread, |to, &log| *to = log.exp());
    }

    fn recognize(
        &self,
        at: usize,
        first: FirstSteps<'_, S>,
        mut raw: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    ) {
        let cache = cache.get::<KnownStateCache<S>>();
        let FirstSteps { observed, control } = first;
        let (batch, k, z) = (raw.nrows(), self.frames, self.center.len());
        assert_eq!(raw.ncols(), 2 * z, "raw against 2W");
        assert_eq!(observed.nrows() % batch.max(1), 0, "observations are whole steps");
        if at == 0 {
            (cache.written, cache.pulled) = (0, 0);
            for sums in [&mut cache.weights, &mut cache.by_control] {
                sums.fill(S::ZERO);
            }
            for sums in [&mut cache.center, &mut cache.log_spread, &mut cache.raw_std] {
                sums.fill(S::ZERO);
            }
        }
        assert_eq!(at, cache.written, "blocks of rows follow without gaps");
        cache.written = at + batch;
        let steps = (observed.nrows() / batch.max(1)).min(k);
        let (u, place, n) = (control.ncols(), at * k, batch * k);
        for (mlp, inputs) in [(&cache.skip_net, &mut cache.skip), (&self.net, &mut cache.net)] {
            let mut input = inputs.input(place, n);
            input.fill(S::ZERO);
            let rows = s![..steps * batch, ..];
            input.slice_mut(rows).assign(&observed.slice(rows));
            let mut part = cache.part.slice_mut(s![place..place + n, ..]);
            mlp.forward_written(place, part.view_mut(), inputs);
            let mut encoded = cache.encoded.slice_mut(s![place..place + n, ..]);
            if std::ptr::eq(mlp, &raw const self.net) {
                encoded += &part;
            } else {
                encoded.assign(&part);
            }
        }
        for b in 0..batch {
            let mut kept = cache.control.row_mut(at + b);
            kept.fill(S::ZERO);
            for t in 0..steps.saturating_sub(1) {
                kept.slice_mut(s![t * u..(t + 1) * u]).assign(&control.row(t * batch + b));
            }
            let control = cache.control.row(at + b);
            let control = control.to_shape((k - 1, u)).expect("whole steps");
            let encoded = cache.encoded.slice(s![place + b..place + n; batch, ..]);
            let seen = Seen { encoded, control: control.view() };
            for i in 0..z {
                let estimate = self.estimate(i, seen);
                let mean = (estimate - self.center[i]) / cache.spread[i];
                cache.mean[[at + b, i]] = mean;
                raw[[b, i]] = mean;
                raw[[b, z + i]] = self.raw_std[i];
            }
        }
    }

    fn start(
        &self,
        at: usize,
        noise: ArrayView2<'_, S>,
        mut state: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    ) {
        let cache = cache.get::<KnownStateCache<S>>();
        assert_eq!(noise.dim(), state.dim(), "w₁ against z₁");
        cache.noise.slice_mut(s![at..at + noise.nrows(), ..]).assign(&noise);
        for (mut state, noise) in state.rows_mut().into_iter().zip(noise.rows()) {
            for i in 0..self.center.len() {
                state[i] = self.center[i] + cache.spread[i] * noise[i];
            }
        }
    }

    fn backward_start(
        &self,
        at: usize,
        dstate: ArrayView2<'_, S>,
        mut dnoise: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    ) {
        let cache = cache.get::<KnownStateCache<S>>();
        let noise = cache.noise.slice(s![at..at + dstate.nrows(), ..]);
        let rows = dnoise.rows_mut().into_iter().zip(dstate.rows()).zip(noise.rows());
        for ((mut dnoise, dstate), noise) in rows {
            for i in 0..self.center.len() {
                dnoise[i] += cache.spread[i] * dstate[i];
                cache.center[i] += dstate[i];
                cache.log_spread[i] += dstate[i] * cache.spread[i] * noise[i];
            }
        }
    }

    fn backward_recognize(
        &self,
        at: usize,
        output_cotangent: ArrayView2<'_, S>,
        cache: &mut Cache,
    ) {
        let cache = cache.get::<KnownStateCache<S>>();
        self.pull_estimates(at, output_cotangent, cache);
        let z = self.center.len();
        for (b, d) in output_cotangent.axis_iter(Axis(0)).enumerate() {
            for i in 0..z {
                cache.raw_std[i] += d[z + i];
                cache.center[i] -= d[i] / cache.spread[i];
                cache.log_spread[i] -= d[i] * cache.mean[[at + b, i]];
            }
        }
    }

    fn backward_dream(&self, at: usize, output_cotangent: ArrayView2<'_, S>, cache: &mut Cache) {
        self.pull_estimates(at, output_cotangent, cache.get());
    }

    fn nearest(&self, mean: ArrayView2<'_, S>, mut noise: ArrayViewMut2<'_, S>) {
        assert_eq!(mean.dim(), noise.dim(), "means against w₁");
        for (i, reading) in self.readings.iter().enumerate() {
            if let Reading::Angle(_) = reading {
                let turn = S::of(std::f64::consts::TAU) / self.log_spread[i].exp();
                noise.column_mut(i).zip_mut_with(&mean.column(i), |w, &mean| {
                    *w += turn * ((mean - *w) / turn).round();
                });
            }
        }
    }

    fn accumulate(&self, cache: &mut Cache, grads: &mut dyn InitialState<S>) {
        let (cache, grads) = (cache.get::<KnownStateCache<S>>(), gradient_of::<Self>(grads));
        assert_eq!(cache.pulled, cache.written, "rows pulled back against rows written");
        cache.pulled = 0;
        let mut skip = Mlp::new(vec![grads.skip.clone()]);
        cache.skip_net.accumulate(&mut cache.skip, &mut skip);
        grads.skip.clone_from(&skip.layers()[0]);
        self.net.accumulate(&mut cache.net, &mut grads.net);
        grads.weights += &cache.weights;
        grads.by_control += &cache.by_control;
        grads.center += &cache.center;
        grads.log_spread += &cache.log_spread;
        grads.raw_std += &cache.raw_std;
        for sums in [&mut cache.weights, &mut cache.by_control] {
            sums.fill(S::ZERO);
        }
        for sums in [&mut cache.center, &mut cache.log_spread, &mut cache.raw_std] {
            sums.fill(S::ZERO);
        }
    }
}

impl<S: Scalar> Params<S> for KnownState<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.skip.visit(path.child("skip"), f);
        self.net.visit(path.child("net"), f);
        f(path.child("weights"), self.weights.view().into_dyn());
        f(path.child("by_control"), self.by_control.view().into_dyn());
        f(path.child("center"), self.center.view().into_dyn());
        f(path.child("log_spread"), self.log_spread.view().into_dyn());
        f(path.child("raw_std"), self.raw_std.view().into_dyn());
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.skip.visit_mut(path.child("skip"), f);
        self.net.visit_mut(path.child("net"), f);
        f(path.child("weights"), self.weights.view_mut().into_dyn());
        f(path.child("by_control"), self.by_control.view_mut().into_dyn());
        f(path.child("center"), self.center.view_mut().into_dyn());
        f(path.child("log_spread"), self.log_spread.view_mut().into_dyn());
        f(path.child("raw_std"), self.raw_std.view_mut().into_dyn());
    }
}
