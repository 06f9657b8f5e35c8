//! A transition chosen by name at run time.

use super::{
    LocallyLinear, LocallyLinearCache, Residual, ResidualCache, Transition, TransitionDims,
};
use dvbf_ops::{Params, Path};
use dvbf_tensor::Scalar;
use ndarray::{ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD};

/// One of the transitions of this crate.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyTransition<S> {
    /// [`LocallyLinear`].
    LocallyLinear(LocallyLinear<S>),
    /// [`Residual`].
    Residual(Residual<S>),
}

/// The cache of an [`AnyTransition`].
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one a workspace, never a collection")]
pub enum AnyTransitionCache<S> {
    /// Of [`LocallyLinear`].
    LocallyLinear(LocallyLinearCache<S>),
    /// Of [`Residual`].
    Residual(ResidualCache<S>),
}

const MISMATCH: &str = "cache and gradient belong to this kind of transition";

/// Calls a method on the transition inside, with the cache of the same kind.
macro_rules! with_cache {
    ($self:expr, $cache:expr, |$t:ident, $c:ident| $call:expr) => {
        match ($self, $cache) {
            (AnyTransition::LocallyLinear($t), AnyTransitionCache::LocallyLinear($c)) => $call,
            (AnyTransition::Residual($t), AnyTransitionCache::Residual($c)) => $call,
            _ => panic!("{MISMATCH}"),
        }
    };
}

/// Calls a method on the transition inside.
macro_rules! within {
    ($self:expr, |$t:ident| $call:expr) => {
        match $self {
            AnyTransition::LocallyLinear($t) => $call,
            AnyTransition::Residual($t) => $call,
        }
    };
}

impl<S: Scalar> Transition<S> for AnyTransition<S> {
    type Cache = AnyTransitionCache<S>;

    fn dims(&self) -> TransitionDims {
        within!(self, |t| t.dims())
    }

    fn cache(&self, rows: usize) -> Self::Cache {
        match self {
            Self::LocallyLinear(t) => AnyTransitionCache::LocallyLinear(t.cache(rows)),
            Self::Residual(t) => AnyTransitionCache::Residual(t.cache(rows)),
        }
    }

    fn prepare(&self, cache: &mut Self::Cache) {
        with_cache!(self, cache, |t, c| t.prepare(c));
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
        with_cache!(self, cache, |t, c| t.forward(at, state, control, noise, next, c));
    }

    fn backward(
        &self,
        at: usize,
        dnext: ArrayView2<'_, S>,
        dstate: ArrayViewMut2<'_, S>,
        dnoise: ArrayViewMut2<'_, S>,
        cache: &mut Self::Cache,
    ) {
        with_cache!(self, cache, |t, c| t.backward(at, dnext, dstate, dnoise, c));
    }

    fn accumulate(&self, cache: &mut Self::Cache, grads: &mut Self) {
        match (self, cache, grads) {
            (
                Self::LocallyLinear(t),
                AnyTransitionCache::LocallyLinear(c),
                Self::LocallyLinear(g),
            ) => t.accumulate(c, g),
            (Self::Residual(t), AnyTransitionCache::Residual(c), Self::Residual(g)) => {
                t.accumulate(c, g);
            }
            _ => panic!("{MISMATCH}"),
        }
    }
}

impl<S: Scalar> Params<S> for AnyTransition<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        within!(self, |t| t.visit(path, f));
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        within!(self, |t| t.visit_mut(path, f));
    }
}
