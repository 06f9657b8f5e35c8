//! Locally linear transition, eqs 11 to 13 of Karl et al. 2017.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | mixing | `α = softmax(net([z, u]))` | |
//! | forward | `z' = Σᵢ αᵢ (Aᵢ z + Bᵢ u + Cᵢ w)` | |
//! | `dz` | `Āᵀ dz'` and the mixing network's part | caches of [`Mixture`] and [`Mlp`] |
//! | `du` | `B̄ᵀ dz'` and the mixing network's part | |
//! | `dw` | `C̄ᵀ dz'` | |
//!
//! Along a direction, `ż' = Σᵢ α̇ᵢ (Aᵢ z + Bᵢ u) + Σᵢ αᵢ (Aᵢ ż + Bᵢ u̇)`.
//!
//! The mixing network is affine or has one hidden layer. In the first author's code of 2016 it is affine, sees
//! `z` alone, and the matrices are changes of the identity.

use super::{
    Transition, TransitionCotangents, TransitionDerivatives, TransitionDims, TransitionDirections,
    TransitionInput, TransitionRole,
};
use crate::kind::{Context, KindError, PartConfig, affine};
use crate::part::{Cache, gradient_of};
use dvbf_ops::{
    LANES, Mixture, MixtureCache, MixtureCotangents, MixtureDims, MixtureLanes, Mlp, MlpCache,
    MlpLanes, Params, Path, gather, softmax_backward, softmax_lanes, softmax_push_lanes, spread,
};
use dvbf_tensor::{Noise, Scalar, softmax_rows};
use ndarray::{Array2, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s};
use serde::{Deserialize, Serialize};

/// Rows that are pushed forward at once: their buffers stay in cache, and rows of two lanes each do not lie a
/// power of two apart, which would put them into few sets of it.
const PUSHED: usize = 192;

/// Settings of a locally linear transition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LocallyLinearConfig {
    /// `M`, base matrices.
    pub matrices: usize,
    /// `R`, trailing dimensions of the state whose own dynamics all base matrices share: how they
    /// act on themselves, and how the control acts on them. At most `Z`.
    pub shared: usize,
    /// Hidden units of the mixing network, which is affine if zero.
    pub hidden: usize,
}

impl Default for LocallyLinearConfig {
    fn default() -> Self {
        Self { matrices: 16, shared: 0, hidden: 64 }
    }
}

impl PartConfig<TransitionRole> for LocallyLinearConfig {
    const KIND: &'static str = "locally-linear";

    fn check(&self, context: &Context) -> Result<(), KindError> {
        KindError::check_size("matrices", self.matrices, 1 << 16)?;
        KindError::check_limit("hidden", self.hidden, 1 << 16)?;
        if self.shared > context.state {
            let problem = format!("is {}, more than model.state = {}", self.shared, context.state);
            return Err(KindError::new("shared", problem));
        }
        Ok(())
    }

    fn parameters(&self, context: &Context) -> usize {
        let (z, inputs) = (context.state, context.state + context.control);
        let mixing = match self.hidden {
            0 => affine(inputs, self.matrices),
            hidden => affine(inputs, hidden).saturating_add(affine(hidden, self.matrices)),
        };
        let map = z.saturating_mul(inputs + context.noise);
        mixing.saturating_add(map.saturating_mul(self.matrices))
    }

    fn init<S: Scalar>(&self, context: &Context, noise: Noise) -> Box<dyn Transition<S>> {
        let dims = TransitionDims::from(context);
        Box::new(LocallyLinear::random(dims, self.matrices, self.shared, self.hidden, noise))
    }
}

/// Parameters: the mixing network and the base matrices.
#[derive(Clone, Debug, PartialEq)]
pub struct LocallyLinear<S> {
    // Invariant: the network maps `Z + U` values to `M` logits.
    mixing: Mlp<S>,
    maps: Mixture<S>,
}

/// What [`LocallyLinear`]'s backward pass reads.
#[derive(Debug)]
struct LocallyLinearCache<S> {
    mixing: MlpCache<S>,
    maps: MixtureCache<S>,
    alpha: Array2<S>,
    dalpha: Array2<S>,
    dinput: Array2<S>,
    carried: Carried<S>,
}

/// Buffers of rows that are carried without a way back; they grow when they are first used.
#[derive(Debug, Default)]
struct Carried<S> {
    /// `[z, u, w]`, one row in each lane.
    inputs: Vec<S>,
    mixing: MlpLanes<S>,
    maps: MixtureLanes<S>,
}

impl<S: Scalar> LocallyLinear<S> {
    /// The transition of this mixing network and these base matrices.
    ///
    /// # Panics
    /// If the network does not map `Z + U` values to `M` logits.
    #[track_caller]
    pub fn new(mixing: Mlp<S>, maps: Mixture<S>) -> Self {
        let MixtureDims { bases: m, state: z, control: u, .. } = maps.dims();
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
        let TransitionDims { state, control, noise: width } = dims;
        let sizes = MixtureDims { bases, state, control, noise: width };
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
    fn dims(&self) -> TransitionDims {
        let MixtureDims { state, control, noise, .. } = self.maps.dims();
        TransitionDims { state, control, noise }
    }

    fn cache(&self, rows: usize) -> Cache {
        let MixtureDims { bases: m, state: z, control: u, .. } = self.maps.dims();
        Cache::new(LocallyLinearCache {
            mixing: self.mixing.cache(rows),
            maps: self.maps.cache(rows),
            alpha: Array2::<S>::zeros((rows, m)),
            dalpha: Array2::zeros((rows, m)),
            dinput: Array2::zeros((rows, z + u)),
            carried: Carried::<S>::default(),
        })
    }

    fn prepare(&self, cache: &mut Cache) {
        let cache = cache.get::<LocallyLinearCache<S>>();
        self.mixing.prepare(&mut cache.mixing);
        self.maps.prepare(&mut cache.maps);
    }

    fn forward(
        &self,
        at: usize,
        input: TransitionInput<'_, S>,
        next: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    ) {
        let cache = cache.get::<LocallyLinearCache<S>>();
        let TransitionInput { state, control, noise } = input;
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

    fn carry(&self, input: TransitionInput<'_, S>, next: ArrayViewMut2<'_, S>, cache: &mut Cache) {
        let cache = cache.get::<LocallyLinearCache<S>>();
        let TransitionInput { state, control, noise } = input;
        let MixtureDims { state: z, control: u, noise: w, .. } = self.maps.dims();
        let n = state.nrows();
        assert_eq!((state.dim(), next.dim()), ((n, z), (n, z)), "states against (n, Z)");
        assert_eq!(control.dim(), (n, u), "controls against (n, U)");
        assert_eq!(noise.dim(), (n, w), "noise against (n, W)");
        let Carried { inputs, mixing, maps } = &mut cache.carried;
        let lanes = n.next_multiple_of(LANES);
        if inputs.len() < (z + u + w) * lanes {
            inputs.resize((z + u + w) * lanes, S::ZERO);
        }
        let inputs = &mut inputs[..(z + u + w) * lanes];
        spread(state, lanes, &mut inputs[..z * lanes]);
        spread(control, lanes, &mut inputs[z * lanes..(z + u) * lanes]);
        spread(noise, lanes, &mut inputs[(z + u) * lanes..]);
        let alpha = self.mixing.forward_lanes(&inputs[..(z + u) * lanes], lanes, mixing);
        softmax_lanes(alpha, lanes);
        gather(self.maps.forward_lanes(alpha, inputs, lanes, &cache.maps, maps), lanes, next);
    }

    fn push_forward(
        &self,
        at: TransitionDirections<'_, S>,
        out: TransitionDerivatives<'_, S>,
        cache: &mut Cache,
    ) -> bool {
        let TransitionDirections { state, control, dstate, dcontrol } = at;
        let TransitionDerivatives { mut next, mut dnext } = out;
        let MixtureDims { state: z, control: u, .. } = self.maps.dims();
        let (n, directions) = (state.nrows(), dcontrol.ncols());
        assert_eq!((state.dim(), next.dim()), ((n, z), (n, z)), "states against (n, Z)");
        assert_eq!(control.dim(), (n, u), "controls against (n, U)");
        assert_eq!(dcontrol.nrows(), u, "directions of the control against (U, C)");
        let derivatives = (n, z, directions);
        assert_eq!(dstate.dim(), derivatives, "directions of the state against (n, Z, C)");
        assert_eq!(dnext.dim(), derivatives, "derivatives against (n, Z, C)");
        let cache = cache.get::<LocallyLinearCache<S>>();
        let Carried { inputs, mixing, maps } = &mut cache.carried;
        for first in (0..n).step_by(PUSHED) {
            let rows = first..n.min(first + PUSHED);
            let lanes = rows.len().next_multiple_of(LANES);
            let width = (1 + directions) * lanes;
            if inputs.len() < (z + u) * width {
                inputs.resize((z + u) * width, S::ZERO);
            }
            let inputs = &mut inputs[..(z + u) * width];
            for (i, lane) in inputs.chunks_exact_mut(width).enumerate() {
                let (values, rest) = lane.split_at_mut(lanes);
                let of = if i < z { &state } else { &control };
                let column = of.slice(s![rows.clone(), if i < z { i..=i } else { i - z..=i - z }]);
                spread(column, lanes, values);
                for (c, lane) in rest.chunks_exact_mut(lanes).enumerate() {
                    if i < z {
                        spread(dstate.slice(s![rows.clone(), i..=i, c]), lanes, lane);
                    } else {
                        lane.fill(dcontrol[[i - z, c]]);
                    }
                }
            }
            let alpha = self.mixing.push_lanes(inputs, (lanes, directions), mixing);
            softmax_push_lanes(alpha, (lanes, directions));
            let y = self.maps.push_lanes((alpha, inputs), (lanes, directions), &cache.maps, maps);
            for (i, lane) in y.chunks_exact(width).enumerate() {
                gather(lane, lanes, next.slice_mut(s![rows.clone(), i..=i]));
                for (c, lane) in lane.chunks_exact(lanes).skip(1).enumerate() {
                    gather(lane, lanes, dnext.slice_mut(s![rows.clone(), i..=i, c]));
                }
            }
        }
        true
    }

    fn backward(
        &self,
        at: usize,
        dnext: ArrayView2<'_, S>,
        cotangents: TransitionCotangents<'_, S>,
        cache: &mut Cache,
    ) {
        let cache = cache.get::<LocallyLinearCache<S>>();
        let TransitionCotangents { state: mut dstate, control: mut dcontrol, noise: dnoise } =
            cotangents;
        let n = dnext.nrows();
        let mut dalpha = cache.dalpha.slice_mut(s![..n, ..]);
        let alpha = cache.alpha.slice(s![at..at + n, ..]);
        let through_maps = MixtureCotangents {
            alpha: dalpha.view_mut(),
            state: dstate.view_mut(),
            control: dcontrol.as_mut().map(|dcontrol| dcontrol.view_mut()),
            noise: dnoise,
        };
        self.maps.backward(at, dnext, alpha, through_maps, &mut cache.maps);
        softmax_backward(alpha, dalpha.view_mut());
        let mut dinput = cache.dinput.slice_mut(s![..n, ..]);
        dinput.fill(S::ZERO);
        self.mixing.backward(at, dalpha.view(), dinput.view_mut(), &mut cache.mixing);
        dstate += &dinput.slice(s![.., ..dstate.ncols()]);
        if let Some(mut dcontrol) = dcontrol {
            dcontrol += &dinput.slice(s![.., dstate.ncols()..]);
        }
    }

    fn accumulate(&self, cache: &mut Cache, grads: &mut dyn Transition<S>) {
        let (cache, grads) = (cache.get::<LocallyLinearCache<S>>(), gradient_of::<Self>(grads));
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
