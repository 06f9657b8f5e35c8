//! A transition that is a sum of parts on named components of the state: what is known, and what is
//! learned on top of it.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | forward | `z' = F(z, u) + W [z, u] + b + s ⊙ r + σ ⊙ w`, `r = P net([φ(z), u])` | |
//! | `dz` | `(∂F/∂z)ᵀ dz'` and the parts of `W` and of the network | caches of the parts |
//! | `du` | `(∂F/∂u)ᵀ dz'` and the parts of `W` and of the network | caches of the parts |
//! | `dw` | `σ ⊙ dz'` | `σ` |
//! | `d ln σ` | `Σ_rows dz' ⊙ σ ⊙ w` | `dz'`, `w` (cached) |
//!
//! `F` is one step of a differential equation (`F(z, u) = z` without one), `W [z, u] + b` the linear
//! part, which starts at zero, `s` the typical magnitudes of the components, and `r` the remainder: a
//! network whose output starts at exactly zero, of the components that `P` picks. The remainder can be
//! penalized: `penalty · ‖r‖²` is added to the loss of every step of every sequence, so that the known
//! part explains what it can.
//!
//! It can also act as a [force] inside the differential equation, `dz/dt = g(z, u, c) + Pᵀ (s ⊙ r)`, and `F`
//! is one step of that; it is then penalized by `penalty · dt² ‖r‖²` with `r` at the start of the step.
//!
//! Every component has noise of its own, `W = Z`. The linear part, a remainder at the end of a step and the
//! noise are of a step, however long it is; the equation and a force within it follow its length.

mod config;
mod force;
mod known;
mod library;
mod remainder;

pub use config::{
    ConstantSettings, KnownConfig, LinearConfig, NoiseConfig, PerComponent, SumConfig,
};
pub use known::{KnownPart, StepLength};
pub use remainder::{RemainderAction, RemainderConfig};

use super::{Transition, TransitionCotangents, TransitionDims, TransitionInput};
use crate::linear_start::AffineMap;
use crate::part::{Cache, gradient_of};
use dvbf_dynamics::Component;
use dvbf_ops::{Features, Mlp, MlpCache, Params, Path};
use dvbf_tensor::Scalar;
use known::{Known, KnownCache};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s};
use remainder::{Remainder, RemainderCache};

/// Parameters of the parts.
#[derive(Clone, Debug)]
pub struct Sum<S: Scalar> {
    // Invariant: the parts agree about Z and U.
    known: Option<Known<S>>,
    linear: Option<Mlp<S>>,
    remainder: Option<Remainder<S>>,
    log_std: Array1<S>,
    components: Vec<Component>,
    features: Features,
    controls: usize,
}

/// What a step does to a state, part by part: the change `z' − z` of every row.
#[derive(Clone, Debug, PartialEq)]
pub struct Motion<S> {
    /// The change by what is known, `(n, Z)`.
    pub known: Array2<S>,
    /// The change by the linear part, `(n, Z)`.
    pub linear: Array2<S>,
    /// The change by the remainder, `(n, Z)`.
    pub remainder: Array2<S>,
    /// Typical magnitude of every component.
    pub scale: Vec<f64>,
}

#[derive(Debug)]
struct SumCache<S> {
    known: Option<KnownCache<S>>,
    linear: Option<MlpCache<S>>,
    remainder: Option<RemainderCache<S>>,
    std: Array1<S>,
    noise: Array2<S>,
    dnext: Array2<S>,
    /// Output of a part before it is added, and the cotangent of `[z, u]`.
    part: Array2<S>,
    dinput: Array2<S>,
    rows: usize,
    pulled: usize,
}

impl<S: Scalar> Sum<S> {
    /// `Z`.
    fn state(&self) -> usize {
        self.log_std.len()
    }

    /// Standard deviations of the noise of a step, in the units of the components.
    pub fn noise_std(&self) -> Vec<f64> {
        self.log_std.iter().map(|log| log.to_double().exp()).collect()
    }

    /// The remainder, if it acts at the end of a step.
    fn kick(&self) -> Option<&Remainder<S>> {
        let inside = self.known.as_ref().is_some_and(|known| known.force.is_some());
        self.remainder.as_ref().filter(|_| !inside)
    }

    /// Adds the linear part of rows `at..at + n` to `next`.
    fn add_linear(
        linear: &Mlp<S>,
        at: usize,
        input: &TransitionInput<'_, S>,
        next: &mut ArrayViewMut2<'_, S>,
        cache: &mut MlpCache<S>,
        part: &mut Array2<S>,
    ) {
        let (n, z) = input.state.dim();
        let mut joined = cache.input(at, n);
        joined.slice_mut(s![.., ..z]).assign(&input.state);
        joined.slice_mut(s![.., z..]).assign(&input.control);
        let mut part = part.slice_mut(s![..n, ..]);
        linear.forward_written(at, part.view_mut(), cache);
        *next += &part;
    }
}

impl<S: Scalar> Transition<S> for Sum<S> {
    fn dims(&self) -> TransitionDims {
        let state = self.state();
        TransitionDims { state, control: self.controls, noise: state }
    }

    fn components(&self) -> Vec<Component> {
        self.components.clone()
    }

    fn start_linear(&mut self, map: &AffineMap, noise: &[f64]) -> bool {
        let (None, Some(linear)) = (&self.known, &mut self.linear) else { return false };
        let (change, offset) = map.change().as_scalars();
        let set = linear.set_affine(change.view(), offset.view());
        if set {
            self.log_std.iter_mut().zip(noise).for_each(|(log, std)| *log = S::of(std.ln()));
        }
        set
    }

    fn start_remainder(&mut self, map: &AffineMap) -> bool {
        let (weight, offset) = map.as_scalars();
        let remainder = self.remainder.as_mut();
        remainder.is_some_and(|remainder| remainder.set_affine(weight.view(), offset.view()))
    }

    fn cache(&self, rows: usize) -> Cache {
        let z = self.state();
        Cache::new(SumCache::<S> {
            known: self.known.as_ref().map(|known| known.cache(rows)),
            linear: self.linear.as_ref().map(|linear| linear.cache(rows)),
            remainder: self.kick().map(|remainder| remainder.cache(rows)),
            std: Array1::zeros(z),
            noise: Array2::zeros((rows, z)),
            dnext: Array2::zeros((rows, z)),
            part: Array2::zeros((rows, z)),
            dinput: Array2::zeros((rows, z + self.controls)),
            rows: 0,
            pulled: 0,
        })
    }

    fn prepare(&self, cache: &mut Cache) {
        let cache = cache.get::<SumCache<S>>();
        if let (Some(known), Some(cache)) = (&self.known, &mut cache.known) {
            known.prepare(self.remainder.as_ref(), cache);
        }
        if let (Some(linear), Some(cache)) = (&self.linear, &mut cache.linear) {
            linear.prepare(cache);
        }
        if let (Some(remainder), Some(cache)) = (&self.remainder, &mut cache.remainder) {
            remainder.prepare(cache);
        }
        cache.std.zip_mut_with(&self.log_std, |std, &log| *std = log.exp());
    }

    fn forward(
        &self,
        at: usize,
        input: TransitionInput<'_, S>,
        mut next: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    ) {
        let cache = cache.get::<SumCache<S>>();
        let (n, z) = (input.state.nrows(), self.state());
        assert_eq!((input.state.dim(), next.dim()), ((n, z), (n, z)), "states against (n, Z)");
        assert_eq!(input.control.dim(), (n, self.controls), "controls against (n, U)");
        assert_eq!(input.noise.dim(), (n, z), "noise against (n, Z)");
        if at == 0 {
            (cache.rows, cache.pulled) = (0, 0);
        }
        assert_eq!(at, cache.rows, "blocks of rows follow without gaps");
        cache.rows = at + n;
        match (&self.known, &mut cache.known) {
            (Some(known), Some(cache)) => known.forward(at, &input, next.view_mut(), cache),
            _ => next.assign(&input.state),
        }
        if let (Some(linear), Some(own)) = (&self.linear, &mut cache.linear) {
            Self::add_linear(linear, at, &input, &mut next, own, &mut cache.part);
        }
        if let (Some(remainder), Some(own)) = (&self.remainder, &mut cache.remainder) {
            remainder.forward(at, &input, &self.features, own);
            remainder.add(at, &mut next, own);
        }
        cache.noise.slice_mut(s![at..at + n, ..]).assign(&input.noise);
        for (mut next, noise) in next.rows_mut().into_iter().zip(input.noise.rows()) {
            for ((next, &noise), &std) in next.iter_mut().zip(noise).zip(&cache.std) {
                *next += std * noise;
            }
        }
    }

    fn backward(
        &self,
        at: usize,
        dnext: ArrayView2<'_, S>,
        cotangents: TransitionCotangents<'_, S>,
        cache: &mut Cache,
    ) {
        let cache = cache.get::<SumCache<S>>();
        let TransitionCotangents { state: mut dstate, control: mut dcontrol, noise: mut dnoise } =
            cotangents;
        let (n, z) = dnext.dim();
        assert_eq!((dstate.dim(), dnoise.dim()), ((n, z), (n, z)), "cotangents against dz'");
        assert!(at + n <= cache.rows, "rows {at}.. were not written");
        cache.pulled += n;
        cache.dnext.slice_mut(s![at..at + n, ..]).assign(&dnext);
        for (mut dnoise, dnext) in dnoise.rows_mut().into_iter().zip(dnext.rows()) {
            for ((dnoise, &dnext), &std) in dnoise.iter_mut().zip(dnext).zip(&cache.std) {
                *dnoise += std * dnext;
            }
        }
        match (&self.known, &mut cache.known) {
            (Some(known), Some(own)) => {
                known.pull_back(at, dnext, &mut dstate, dcontrol.as_mut(), own);
            }
            _ => dstate += &dnext,
        }
        if let (Some(linear), Some(own)) = (&self.linear, &mut cache.linear) {
            let mut dinput = cache.dinput.slice_mut(s![..n, ..]);
            dinput.fill(S::ZERO);
            linear.backward(at, dnext, dinput.view_mut(), own);
            dstate += &dinput.slice(s![.., ..z]);
            if let Some(dcontrol) = &mut dcontrol {
                *dcontrol += &dinput.slice(s![.., z..]);
            }
        }
        if let (Some(remainder), Some(own)) = (&self.remainder, &mut cache.remainder) {
            remainder.pull_back(at, dnext, &self.features, (&mut dstate, dcontrol.as_mut()), own);
        }
    }

    fn accumulate(&self, cache: &mut Cache, grads: &mut dyn Transition<S>) {
        let (cache, grads) = (cache.get::<SumCache<S>>(), gradient_of::<Self>(grads));
        assert_eq!(cache.pulled, cache.rows, "rows pulled back against rows written");
        cache.pulled = 0;
        if let (Some(known), Some(cache), Some(grads)) =
            (&self.known, &mut cache.known, &mut grads.known)
        {
            known.accumulate(cache, grads);
        }
        if let (Some(known), Some(cache), Some(grads)) =
            (&self.known, &mut cache.known, &mut grads.remainder)
        {
            known.accumulate_force(cache, grads);
        }
        if let (Some(linear), Some(cache), Some(grads)) =
            (&self.linear, &mut cache.linear, &mut grads.linear)
        {
            linear.accumulate(cache, grads);
        }
        if let (Some(remainder), Some(cache), Some(grads)) =
            (&self.remainder, &mut cache.remainder, &mut grads.remainder)
        {
            remainder.accumulate(cache, grads);
        }
        let rows = s![..cache.rows, ..];
        for (dnext, noise) in cache.dnext.slice(rows).rows().into_iter().zip(cache.noise.rows()) {
            for (i, grad) in grads.log_std.iter_mut().enumerate() {
                *grad += cache.std[i] * dnext[i] * noise[i];
            }
        }
    }

    fn set_penalty_scale(&self, scale: S, cache: &mut Cache) {
        let cache = cache.get::<SumCache<S>>();
        if let Some(remainder) = &mut cache.remainder {
            remainder.set_penalty_scale(scale);
        }
        if let (Some(known), Some(cache)) = (&self.known, &mut cache.known) {
            known.set_penalty(self.remainder.as_ref(), scale, cache);
        }
    }

    fn penalty(&self, cache: &mut Cache) -> S {
        let cache = cache.get::<SumCache<S>>();
        match (&self.remainder, &cache.remainder) {
            (Some(remainder), Some(own)) => remainder.penalty(cache.rows, own),
            _ => match (&self.known, &mut cache.known) {
                (Some(known), Some(own)) => known.penalty(cache.rows, own),
                _ => S::ZERO,
            },
        }
    }

    fn known(&self) -> Option<KnownPart> {
        self.known.as_ref().map(Known::describe)
    }

    fn set_constants(&mut self, values: &[f64]) {
        if let Some(known) = &mut self.known {
            known.set_values(values);
        }
    }

    fn motion(&self, input: TransitionInput<'_, S>, cache: &mut Cache) -> Option<Motion<S>> {
        let cache = cache.get::<SumCache<S>>();
        let zeros = || Array2::<S>::zeros(input.state.dim());
        let (mut known, mut linear, mut remainder) = (zeros(), zeros(), zeros());
        if let (Some(part), Some(own)) = (&self.known, &mut cache.known) {
            part.forward(0, &input, remainder.view_mut(), own);
            part.forward_alone(0, &input, known.view_mut(), own);
            remainder -= &known;
            known -= &input.state;
        }
        if let (Some(part), Some(own)) = (&self.linear, &mut cache.linear) {
            let mut to = linear.view_mut();
            Self::add_linear(part, 0, &input, &mut to, own, &mut cache.part);
        }
        if let (Some(part), Some(own)) = (&self.remainder, &mut cache.remainder) {
            part.forward(0, &input, &self.features, own);
            part.add(0, &mut remainder.view_mut(), own);
        }
        // What was written here is no pass that can be pulled back.
        (cache.rows, cache.pulled) = (0, 0);
        let scale = self.components.iter().map(|component| component.scale).collect();
        Some(Motion { known, linear, remainder, scale })
    }
}

impl<S: Scalar> Params<S> for Sum<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        if let Some(known) = &self.known {
            known.visit(path, f);
        }
        if let Some(linear) = &self.linear {
            linear.visit(path.child("linear"), f);
        }
        if let Some(remainder) = &self.remainder {
            remainder.visit(path.child("remainder"), f);
        }
        f(path.child("log_std"), self.log_std.view().into_dyn());
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        if let Some(known) = &mut self.known {
            known.visit_mut(path, f);
        }
        if let Some(linear) = &mut self.linear {
            linear.visit_mut(path.child("linear"), f);
        }
        if let Some(remainder) = &mut self.remainder {
            remainder.visit_mut(path.child("remainder"), f);
        }
        f(path.child("log_std"), self.log_std.view_mut().into_dyn());
    }
}
