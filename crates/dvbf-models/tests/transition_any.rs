//! Transitions chosen at run time: the contract, agreement with what is inside, mixed-up kinds.

mod common;
#[macro_use]
mod contract;

use common::fill;
use dvbf_models::{AnyTransition, LocallyLinear, Residual, Transition, TransitionDims};
use dvbf_ops::Params;
use dvbf_tensor::Noise;
use ndarray::Array2;
use proptest::prelude::*;

const DIMS: TransitionDims = TransitionDims { state: 2, control: 1, noise: 2 };

fn locally_linear(dims: TransitionDims, seed: u64) -> LocallyLinear<f64> {
    LocallyLinear::random(dims, 3, 1, 4, Noise::new(seed, 1))
}

fn residual(dims: TransitionDims, seed: u64) -> Residual<f64> {
    Residual::random(TransitionDims { noise: dims.state, ..dims }, 5, Noise::new(seed, 1))
}

fn drawn() -> impl Strategy<Value = contract::Case<AnyTransition<f64>>> {
    contract::cases(|dims, seed| match seed % 2 {
        0 => AnyTransition::LocallyLinear(locally_linear(dims, seed)),
        _ => AnyTransition::Residual(residual(dims, seed)),
    })
}

transition_contract!(drawn());

fn next<T: Transition<f64>>(transition: &T) -> Array2<f64> {
    let mut cache = transition.cache(3);
    transition.prepare(&mut cache);
    let (z, u, w) = (fill(3, 2, 1, 1), fill(3, 1, 1, 2), fill(3, 2, 1, 3));
    let mut next = Array2::zeros((3, 2));
    transition.forward(0, z.view(), u.view(), w.view(), next.view_mut(), &mut cache);
    next
}

#[test]
fn it_is_what_is_inside() {
    let (a, b) = (locally_linear(DIMS, 1), residual(DIMS, 1));
    let (any_a, any_b) =
        (AnyTransition::LocallyLinear(a.clone()), AnyTransition::Residual(b.clone()));
    assert_eq!((any_a.dims(), any_b.dims()), (a.dims(), b.dims()));
    assert_eq!((any_a.to_flat(), any_b.to_flat()), (a.to_flat(), b.to_flat()));
    assert_eq!((next(&any_a), next(&any_b)), (next(&a), next(&b)));
}

#[test]
#[should_panic(expected = "cache and gradient belong to this kind of transition")]
fn the_cache_of_another_kind_panics() {
    let a = AnyTransition::LocallyLinear(locally_linear(DIMS, 1));
    let b = AnyTransition::Residual(residual(DIMS, 1));
    a.prepare(&mut b.cache(1));
}

#[test]
#[should_panic(expected = "cache and gradient belong to this kind of transition")]
fn the_gradient_of_another_kind_panics() {
    let a = AnyTransition::LocallyLinear(locally_linear(DIMS, 1));
    let mut grads = AnyTransition::Residual(residual(DIMS, 1));
    let mut cache = a.cache(1);
    a.prepare(&mut cache);
    a.accumulate(&mut cache, &mut grads);
}
