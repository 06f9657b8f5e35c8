//! Transitions `z' = f(z, u, w)`: what carries the latent state from one step to the next.
//!
//! Shapes: `z, z' (B, Z)`, `u (B, U)`, `w (B, W)`. Nothing observed enters a transition.

mod linearizer;
mod locally_linear;
mod residual;
mod sum;

pub use linearizer::{Linearizer, Pulled, TransitionJacobians};
pub use locally_linear::{LocallyLinear, LocallyLinearConfig};
pub use residual::{Residual, ResidualConfig};
pub use sum::{
    ConstantSettings, KnownConfig, KnownPart, LinearConfig, Motion, NoiseConfig, PerComponent,
    RemainderAction, RemainderConfig, StepLength, Sum, SumConfig,
};

use crate::kind::{Context, Kind, Registry, Role, unnamed};
use crate::linear_start::AffineMap;
use crate::part::{Cache, cloned_boxes};
use dvbf_dynamics::Component;
use dvbf_ops::Params;
use dvbf_tensor::Scalar;
use ndarray::{ArrayView2, ArrayView3, ArrayViewMut2, ArrayViewMut3};
use std::any::Any;
use std::fmt::Debug;

/// Sizes of a transition's arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransitionDims {
    /// `Z`.
    pub state: usize,
    /// `U`.
    pub control: usize,
    /// `W`.
    pub noise: usize,
}

impl From<&Context> for TransitionDims {
    fn from(context: &Context) -> Self {
        Self { state: context.state, control: context.control, noise: context.noise }
    }
}

/// Arguments of a transition.
#[derive(Clone, Copy, Debug)]
pub struct TransitionInput<'a, S> {
    /// `z (n, Z)`.
    pub state: ArrayView2<'a, S>,
    /// `u (n, U)`.
    pub control: ArrayView2<'a, S>,
    /// `w (n, W)`.
    pub noise: ArrayView2<'a, S>,
}

/// Cotangents of the arguments of a transition; a backward pass adds to them.
#[derive(Debug)]
pub struct TransitionCotangents<'a, S> {
    /// Of `z (n, Z)`.
    pub state: ArrayViewMut2<'a, S>,
    /// Of `u (n, U)`, where somebody asks for it.
    pub control: Option<ArrayViewMut2<'a, S>>,
    /// Of `w (n, W)`.
    pub noise: ArrayViewMut2<'a, S>,
}

/// Where a step without noise is taken, and `C` directions in which its arguments move.
#[derive(Clone, Copy, Debug)]
pub struct TransitionDirections<'a, S> {
    /// `z (n, Z)`.
    pub state: ArrayView2<'a, S>,
    /// `u (n, U)`.
    pub control: ArrayView2<'a, S>,
    /// `ż (n, Z, C)`.
    pub dstate: ArrayView3<'a, S>,
    /// `u̇ (U, C)`, the same for all rows.
    pub dcontrol: ArrayView2<'a, S>,
}

/// Where a step and its derivatives along `C` directions are written.
#[derive(Debug)]
pub struct TransitionDerivatives<'a, S> {
    /// `z' (n, Z)`.
    pub next: ArrayViewMut2<'a, S>,
    /// `ż' (n, Z, C)`.
    pub dnext: ArrayViewMut3<'a, S>,
}

/// A differentiable transition. Its gradient is a value of its own type.
///
/// A cache holds the rows of a whole sequence. `forward` writes block after block of them from row
/// zero on, `backward` pulls every block back once, and `accumulate` adds the parameter gradients
/// of all rows; it is left out where the parameters are not trained. `prepare` comes first, and
/// again after every change of the parameters.
pub trait Transition<S: Scalar>:
    Params<S> + CloneTransition<S> + Any + Debug + Send + Sync
{
    /// Sizes of the arguments.
    fn dims(&self) -> TransitionDims;

    /// The components of the state.
    fn components(&self) -> Vec<Component> {
        unnamed(self.dims().state)
    }

    /// Makes the transition `z' = V [z, u] + c + σ ⊙ w` with the affine `map` and `noise = σ`; false, and
    /// nothing is changed, if the kind or its size cannot.
    ///
    /// # Panics
    /// If the shapes disagree.
    fn start_linear(&mut self, map: &AffineMap, noise: &[f64]) -> bool {
        let _ = (map, noise);
        false
    }

    /// Makes what the transition adds to its linear part the affine `map` of `[φ(z), u]`, `(Z, F + U)`, with the
    /// features that this part sees; false, and nothing is changed, if the kind or its size cannot.
    ///
    /// # Panics
    /// If the shapes disagree.
    fn start_remainder(&mut self, map: &AffineMap) -> bool {
        let _ = map;
        false
    }

    /// A cache for at most `rows` rows.
    fn cache(&self, rows: usize) -> Cache;

    /// Brings the parameters into the layout of the products.
    fn prepare(&self, cache: &mut Cache);

    /// Writes `z' = f(z, u, w)` and keeps rows `at..at + n`.
    ///
    /// # Panics
    /// If the shapes disagree, the cache is too small or belongs to another kind.
    fn forward(
        &self,
        at: usize,
        input: TransitionInput<'_, S>,
        next: ArrayViewMut2<'_, S>,
        cache: &mut Cache,
    );

    /// Writes `z' = f(z, u, w)` to the bits of [`forward`](Self::forward) and keeps nothing: the cache
    /// then holds no pass that can be pulled back. A kind that is faster without overrides it.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    fn carry(&self, input: TransitionInput<'_, S>, next: ArrayViewMut2<'_, S>, cache: &mut Cache) {
        self.forward(0, input, next, cache);
    }

    /// Writes the step without noise, `z' = f(z, u, 0)`, and its derivatives along directions,
    /// `ż' = (∂f/∂z) ż + (∂f/∂u) u̇`; keeps nothing, as [`carry`](Self::carry). False, and nothing is
    /// written, if the kind does not do this.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    fn push_forward(
        &self,
        at: TransitionDirections<'_, S>,
        out: TransitionDerivatives<'_, S>,
        cache: &mut Cache,
    ) -> bool {
        let _ = (at, out, cache);
        false
    }

    /// Pulls `dz' (n, Z)` back through rows `at..at + n`.
    ///
    /// # Panics
    /// If the shapes disagree, or the rows were not written.
    fn backward(
        &self,
        at: usize,
        dnext: ArrayView2<'_, S>,
        cotangents: TransitionCotangents<'_, S>,
        cache: &mut Cache,
    );

    /// Adds the parameter gradients of all rows to `grads`, a transition of the same kind.
    ///
    /// # Panics
    /// If rows were written and not pulled back, or the gradient is of another kind.
    fn accumulate(&self, cache: &mut Cache, grads: &mut dyn Transition<S>);

    /// Sets the scale of the loss of one step of one sequence, for parts that penalize themselves:
    /// a [`backward`](Self::backward) that follows adds the gradient of
    /// [`penalty`](Self::penalty). Zero, where a cache starts, is no penalty.
    fn set_penalty_scale(&self, scale: S, cache: &mut Cache) {
        let _ = (scale, cache);
    }

    /// What a part adds to the loss for the rows that were written last.
    fn penalty(&self, cache: &mut Cache) -> S {
        let _ = cache;
        S::ZERO
    }

    /// The differential equation inside, if there is one.
    fn known(&self) -> Option<KnownPart> {
        None
    }

    /// Sets the learned constants of the differential equation inside to the values of all its
    /// constants; nothing happens if there is none.
    ///
    /// # Panics
    /// If there are more or fewer constants, or a value lies outside its range.
    fn set_constants(&mut self, values: &[f64]) {
        let _ = values;
    }

    /// What a step without noise does to each row, part by part, for a transition that is a sum of
    /// parts. The cache then holds no pass that can be pulled back.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    fn motion(&self, input: TransitionInput<'_, S>, cache: &mut Cache) -> Option<Motion<S>> {
        let _ = (input, cache);
        None
    }
}

cloned_boxes!(Transition, CloneTransition);

/// The part that carries the state.
#[derive(Clone, Copy, Debug)]
pub struct TransitionRole;

impl Role for TransitionRole {
    type Part<S: Scalar> = dyn Transition<S>;
    const NAME: &'static str = "transition";
    const BUILT_IN: &'static [Kind<Self>] =
        &[Kind::of::<LocallyLinearConfig>(), Kind::of::<ResidualConfig>(), Kind::of::<SumConfig>()];
}

/// All transitions that are known by name.
pub static TRANSITIONS: Registry<TransitionRole> = Registry::built_in();
