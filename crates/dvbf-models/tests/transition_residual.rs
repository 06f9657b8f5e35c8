//! Residual transition: the contract, the identity that it adds to, the scale of its noise.

mod common;
#[macro_use]
mod contract;

use common::fill;
use dvbf_models::{Residual, Transition, TransitionDims, TransitionInput};
use dvbf_ops::{Linear, Mlp};
use dvbf_tensor::Noise;
use ndarray::{Array1, Array2};
use proptest::prelude::*;

fn drawn() -> impl Strategy<Value = contract::Case<Residual<f64>>> {
    contract::cases(|dims, seed| {
        let dims = TransitionDims { noise: dims.state, ..dims };
        Residual::random(dims, 5, Noise::new(seed, 1))
    })
}

transition_contract!(drawn());

#[test]
fn without_a_network_it_adds_scaled_noise_to_the_state() {
    let net = Mlp::new(vec![Linear::<f64>::zeros(3, 4), Linear::zeros(4, 2)]);
    let std = [0.5, 2.0];
    let transition = Residual::new(net, std.iter().map(|s: &f64| s.ln()).collect());
    assert_eq!(transition.dims(), TransitionDims { state: 2, control: 1, noise: 2 });
    let (z, u, w) = (fill(3, 2, 1, 1), fill(3, 1, 1, 2), fill(3, 2, 1, 3));
    let mut cache = transition.cache(3);
    transition.prepare(&mut cache);
    let mut next = Array2::zeros((3, 2));
    let input = TransitionInput { state: z.view(), control: u.view(), noise: w.view() };
    transition.forward(0, input, next.view_mut(), &mut cache);
    let expected = &z + &(w * Array1::from(std.to_vec()));
    for (got, expected) in next.iter().zip(&expected) {
        assert!((got - expected).abs() < 1e-12, "{got} against {expected}");
    }
}

#[test]
#[should_panic(expected = "noise against state")]
fn noise_of_another_size_than_the_state_panics() {
    let dims = TransitionDims { state: 3, control: 0, noise: 2 };
    let _ = Residual::<f64>::random(dims, 4, Noise::new(0, 0));
}
