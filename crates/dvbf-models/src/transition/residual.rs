//! Residual network transition (first author's code of 2016, with a learned noise scale).
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | forward | `z' = z + net([z, u]) + eˢ ⊙ w` | |
//! | `dz` | `dz'` and the network's part | cache of [`Mlp`] |
//! | `du` | the network's part | cache of [`Mlp`] |
//! | `dw` | `eˢ ⊙ dz'` | `s` |
//! | `ds` | `Σ_rows dz' ⊙ eˢ ⊙ w` | `dz'`, `w` (cached) |
//!
//! The noise has as many dimensions as the state.

use super::{Transition, TransitionCotangents, TransitionDims, TransitionInput, TransitionRole};
use crate::kind::{Context, KindError, PartConfig, affine};
use crate::linear_start::AffineMap;
use crate::part::{Cache, gradient_of};
use dvbf_ops::{Mlp, MlpCache, Params, Path};
use dvbf_tensor::{Noise, Scalar};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s};
use serde::{Deserialize, Serialize};

/// Settings of a residual transition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResidualConfig {
    /// Hidden units of the network.
    pub hidden: usize,
}

impl Default for ResidualConfig {
    fn default() -> Self {
        Self { hidden: 64 }
    }
}

impl PartConfig<TransitionRole> for ResidualConfig {
    const KIND: &'static str = "residual";

    fn check(&self, context: &Context) -> Result<(), KindError> {
        KindError::check_size("hidden", self.hidden, 1 << 16)?;
        let (z, w) = (context.state, context.noise);
        if z != w {
            let problem = format!(
                "\"residual\" needs as many dimensions of the noise as of the state; model.noise is \
                 {w} and model.state is {z}"
            );
            return Err(KindError::new("kind", problem));
        }
        Ok(())
    }

    fn parameters(&self, context: &Context) -> usize {
        let z = context.state;
        let layers = affine(z + context.control, self.hidden);
        layers.saturating_add(affine(self.hidden, z)).saturating_add(z)
    }

    fn init<S: Scalar>(&self, context: &Context, noise: Noise) -> Box<dyn Transition<S>> {
        Box::new(Residual::random(TransitionDims::from(context), self.hidden, noise))
    }
}

/// Parameters: the network and the logarithm of the noise scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Residual<S> {
    // Invariant: the network maps `Z + U` values to `Z`, and there are `Z` scales.
    net: Mlp<S>,
    log_scale: Array1<S>,
}

/// What [`Residual`]'s backward pass reads.
#[derive(Debug)]
struct ResidualCache<S> {
    net: MlpCache<S>,
    scale: Array1<S>,
    noise: Array2<S>,
    dnext: Array2<S>,
    dinput: Array2<S>,
    rows: usize,
}

impl<S: Scalar> Residual<S> {
    /// The transition of this network and this logarithm of the noise scale.
    ///
    /// # Panics
    /// If the network does not map `Z + U ≥ Z` values to `Z`, with `Z` the number of scales.
    #[track_caller]
    pub fn new(net: Mlp<S>, log_scale: Array1<S>) -> Self {
        let (inputs, outputs) = net.dim();
        assert_eq!(outputs, log_scale.len(), "network outputs against noise scales");
        assert!(inputs >= outputs, "the network sees the state");
        Self { net, log_scale }
    }

    /// A network with one hidden layer of `hidden` units and small output; noise scale 0.1.
    ///
    /// # Panics
    /// If noise and state differ in size.
    #[track_caller]
    pub fn random(dims: TransitionDims, hidden: usize, noise: Noise) -> Self {
        assert_eq!(dims.noise, dims.state, "noise against state");
        let widths = [dims.state + dims.control, hidden, dims.state];
        let net = Mlp::random(&widths, &[2.0_f64.sqrt(), 0.1], noise);
        Self::new(net, Array1::from_elem(dims.state, S::of(0.1_f64.ln())))
    }
}

impl<S: Scalar> Transition<S> for Residual<S> {
    fn dims(&self) -> TransitionDims {
        let (inputs, state) = self.net.dim();
        TransitionDims { state, control: inputs - state, noise: state }
    }

    fn start_linear(&mut self, map: &AffineMap, noise: &[f64]) -> bool {
        let (change, offset) = map.change().as_scalars();
        let set = self.net.set_affine(change.view(), offset.view());
        if set {
            self.log_scale.iter_mut().zip(noise).for_each(|(log, std)| *log = S::of(std.ln()));
        }
        set
    }

    fn cache(&self, rows: usize) -> Cache {
        let (inputs, state) = self.net.dim();
        Cache::new(ResidualCache {
            net: self.net.cache(rows),
            scale: Array1::<S>::zeros(state),
            noise: Array2::zeros((rows, state)),
            dnext: Array2::zeros((rows, state)),
            dinput: Array2::zeros((rows, inputs)),
            rows: 0,
        })
    }

    fn prepare(&self, cache: &mut Cache) {
        let cache = cache.get::<ResidualCache<S>>();
        self.net.prepare(&mut cache.net);
        cache.scale.zip_mut_with(&self.log_scale, |scale, &log| *scale = log.exp());
    }

    fn forward(
        &self,
        at: usize,
        input: TransitionInput<'_, S>,
        mut next: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    ) {
        let cache = cache.get::<ResidualCache<S>>();
        let TransitionInput { state, control, noise } = input;
        let (n, z) = state.dim();
        let mut input = cache.net.input(at, n);
        assert_eq!(input.ncols(), z + control.ncols(), "state and control against the network");
        assert_eq!((control.nrows(), noise.dim()), (n, (n, z)), "rows of controls and noise");
        input.slice_mut(s![.., ..z]).assign(&state);
        input.slice_mut(s![.., z..]).assign(&control);
        self.net.forward_written(at, next.view_mut(), &mut cache.net);
        next += &state;
        cache.rows = at + n;
        cache.noise.slice_mut(s![at..at + n, ..]).assign(&noise);
        for (mut next, noise) in next.rows_mut().into_iter().zip(noise.rows()) {
            for ((next, &noise), &scale) in next.iter_mut().zip(noise).zip(&cache.scale) {
                *next += scale * noise;
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
        let cache = cache.get::<ResidualCache<S>>();
        let TransitionCotangents { state: mut dstate, control: dcontrol, noise: mut dnoise } =
            cotangents;
        let (n, z) = dnext.dim();
        assert_eq!((dstate.dim(), dnoise.dim()), ((n, z), (n, z)), "cotangents against dz'");
        let mut dinput = cache.dinput.slice_mut(s![..n, ..]);
        dinput.fill(S::ZERO);
        self.net.backward(at, dnext, dinput.view_mut(), &mut cache.net);
        cache.dnext.slice_mut(s![at..at + n, ..]).assign(&dnext);
        dstate += &dnext;
        dstate += &dinput.slice(s![.., ..z]);
        if let Some(mut dcontrol) = dcontrol {
            dcontrol += &dinput.slice(s![.., z..]);
        }
        for (mut dnoise, dnext) in dnoise.rows_mut().into_iter().zip(dnext.rows()) {
            for ((dnoise, &dnext), &scale) in dnoise.iter_mut().zip(dnext).zip(&cache.scale) {
                *dnoise += scale * dnext;
            }
        }
    }

    fn accumulate(&self, cache: &mut Cache, grads: &mut dyn Transition<S>) {
        let (cache, grads) = (cache.get::<ResidualCache<S>>(), gradient_of::<Self>(grads));
        self.net.accumulate(&mut cache.net, &mut grads.net);
        let rows = s![..cache.rows, ..];
        for (dnext, noise) in cache.dnext.slice(rows).rows().into_iter().zip(cache.noise.rows()) {
            for (i, grad) in grads.log_scale.iter_mut().enumerate() {
                *grad += cache.scale[i] * dnext[i] * noise[i];
            }
        }
    }
}

impl<S: Scalar> Params<S> for Residual<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.net.visit(path.child("net"), f);
        f(path.child("log_scale"), self.log_scale.view().into_dyn());
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.net.visit_mut(path.child("net"), f);
        f(path.child("log_scale"), self.log_scale.view_mut().into_dyn());
    }
}
