//! Locally linear transition, eqs 11 to 13 of Karl et al. 2017.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | mixing | `α = softmax(net([z, u]))` | |
//! | forward | `z' = Σᵢ αᵢ (Aᵢ z + Bᵢ u + Cᵢ w)` | |
//! | `dz` | `Āᵀ dz'` and the mixing network's part | caches of [`Mixture`] and [`Mlp`] |
//! | `dw` | `C̄ᵀ dz'` | |
//!
//! The mixing network is affine (first author's code of 2016) or has one hidden layer.

use super::{Transition, TransitionDims};
use dvbf_ops::{Mixture, MixtureCache, Mlp, MlpCache, Params, Path, softmax_backward};
use dvbf_tensor::{Noise, Scalar, softmax_rows};
use ndarray::{Array2, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s};

/// Parameters: the mixing network and the base matrices.
#[derive(Clone, Debug, PartialEq)]
pub struct LocallyLinear<S> {
    // Invariant: the network maps `Z + U` values to `M` logits.
    mixing: Mlp<S>,
    maps: Mixture<S>,
}

/// What [`LocallyLinear`]'s backward pass reads.
#[derive(Debug)]
pub struct LocallyLinearCache<S> {
    mixing: MlpCache<S>,
    maps: MixtureCache<S>,
    alpha: Array2<S>,
    dalpha: Array2<S>,
    dinput: Array2<S>,
}

impl<S: Scalar> LocallyLinear<S> {
    /// The transition of this mixing network and these base matrices.
    ///
    /// # Panics
    /// If the network does not map `Z + U` values to `M` logits.
    #[track_caller]
    pub fn new(mixing: Mlp<S>, maps: Mixture<S>) -> Self {
        let (m, z, u, _) = maps.dim();
        assert_eq!(mixing.dim(), (z + u, m), "mixing network against (Z + U, M)");
        Self { mixing, maps }
    }

    /// Base matrices near the identity that share the own dynamics of the last `shared` components of
    /// the state (see [`Mixture`]); a mixing network with `hidden` units, affine if zero.
    ///
    /// # Panics
    /// If there are more shared components than the state has.
    #[track_caller]
    pub fn random(
        dims: TransitionDims,
        bases: usize,
        shared: usize,
        hidden: usize,
        noise: Noise,
    ) -> Self {
        let inputs = dims.state + dims.control;
        let mixing = if hidden == 0 {
            Mlp::random(&[inputs, bases], &[1.0], noise.part(0))
        } else {
            Mlp::random(&[inputs, hidden, bases], &[2.0_f64.sqrt(), 1.0], noise.part(0))
        };
        let sizes = (bases, dims.state, dims.control, dims.noise);
        let maps = Mixture::random(sizes, [0.05, 0.1, 0.02], 0.3, noise.part(1));
        Self::new(mixing, maps.with_shared_state(shared))
    }

    /// The base matrices.
    pub fn maps(&self) -> &Mixture<S> {
        &self.maps
    }

    /// The base matrices, to be changed.
    pub fn maps_mut(&mut self) -> &mut Mixture<S> {
        &mut self.maps
    }
}

impl<S: Scalar> Transition<S> for LocallyLinear<S> {
    type Cache = LocallyLinearCache<S>;

    fn dims(&self) -> TransitionDims {
        let (_, state, control, noise) = self.maps.dim();
        TransitionDims { state, control, noise }
    }

    fn cache(&self, rows: usize) -> Self::Cache {
        let (m, z, u, _) = self.maps.dim();
        LocallyLinearCache {
            mixing: self.mixing.cache(rows),
            maps: self.maps.cache(rows),
            alpha: Array2::zeros((rows, m)),
            dalpha: Array2::zeros((rows, m)),
            dinput: Array2::zeros((rows, z + u)),
        }
    }

    fn prepare(&self, cache: &mut Self::Cache) {
        self.mixing.prepare(&mut cache.mixing);
        self.maps.prepare(&mut cache.maps);
    }

    fn forward(
        &self,
        at: usize,
        state: ArrayView2<'_, S>,
        control: ArrayView2<'_, S>,
        noise: ArrayView2<'_, S>,
        next: ArrayViewMut2<'_, S>,
        cache: &mut Self::Cache,
    ) {
        let n = state.nrows();
        let (z, u) = (state.ncols(), control.ncols());
        let mut input = cache.mixing.input(at, n);
        assert_eq!(input.dim(), (n, z + u), "state and control against the mixing network");
        assert_eq!(control.nrows(), n, "rows of controls against states");
        input.slice_mut(s![.., ..z]).assign(&state);
        input.slice_mut(s![.., z..]).assign(&control);
        let mut alpha = cache.alpha.slice_mut(s![at..at + n, ..]);
        self.mixing.forward_written(at, alpha.view_mut(), &mut cache.mixing);
        softmax_rows(alpha.view_mut());
        self.maps.forward(at, alpha.view(), state, control, noise, next, &mut cache.maps);
    }

    fn backward(
        &self,
        at: usize,
        dnext: ArrayView2<'_, S>,
        mut dstate: ArrayViewMut2<'_, S>,
        dnoise: ArrayViewMut2<'_, S>,
        cache: &mut Self::Cache,
    ) {
        let n = dnext.nrows();
        let mut dalpha = cache.dalpha.slice_mut(s![..n, ..]);
        let alpha = cache.alpha.slice(s![at..at + n, ..]);
        let (da, dz) = (dalpha.view_mut(), dstate.view_mut());
        self.maps.backward(at, dnext, alpha, da, dz, dnoise, &mut cache.maps);
        softmax_backward(alpha, dalpha.view_mut());
        let mut dinput = cache.dinput.slice_mut(s![..n, ..]);
        dinput.fill(S::ZERO);
        self.mixing.backward(at, dalpha.view(), dinput.view_mut(), &mut cache.mixing);
        dstate += &dinput.slice(s![.., ..dstate.ncols()]);
    }

    fn accumulate(&self, cache: &mut Self::Cache, grads: &mut Self) {
        self.mixing.accumulate(&mut cache.mixing, &mut grads.mixing);
        self.maps.accumulate(&mut cache.maps, &mut grads.maps);
    }
}

impl<S: Scalar> Params<S> for LocallyLinear<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        self.mixing.visit(path.child("mixing"), f);
        self.maps.visit(path, f);
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        self.mixing.visit_mut(path.child("mixing"), f);
        self.maps.visit_mut(path, f);
    }
}
