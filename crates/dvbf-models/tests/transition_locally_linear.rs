//! Locally linear transition: the contract, the mixture by hand, shared components.

mod common;
#[macro_use]
mod contract;

use common::fill;
use dvbf_models::{
    LocallyLinear, Transition, TransitionDerivatives, TransitionDims, TransitionDirections,
    TransitionInput,
};
use dvbf_tensor::Noise;
use ndarray::{Array2, Array3, Axis, s};
use proptest::prelude::*;

/// Affine and hidden mixing networks, with and without shared components.
fn drawn() -> impl Strategy<Value = contract::Case<LocallyLinear<f64>>> {
    contract::cases(|dims, seed| {
        let (hidden, shared) =
            ([0, 4][(seed % 2) as usize], (seed / 2) as usize % (dims.state + 1));
        LocallyLinear::random(dims, 3, shared, hidden, Noise::new(seed, 1))
    })
}

transition_contract!(drawn());

fn next(
    transition: &LocallyLinear<f64>,
    z: &Array2<f64>,
    u: &Array2<f64>,
    w: &Array2<f64>,
) -> Array2<f64> {
    let mut cache = transition.cache(z.nrows());
    transition.prepare(&mut cache);
    let mut next = Array2::zeros(z.dim());
    let input = TransitionInput { state: z.view(), control: u.view(), noise: w.view() };
    transition.forward(0, input, next.view_mut(), &mut cache);
    next
}

#[test]
fn equal_base_matrices_make_it_affine_whatever_the_mixture() {
    let dims = TransitionDims { state: 3, control: 2, noise: 2 };
    let mut transition = LocallyLinear::<f64>::random(dims, 4, 0, 5, Noise::new(1, 1));
    let first = transition.maps().a().index_axis(Axis(0), 0).to_owned();
    for mut a in transition.maps_mut().a_mut().outer_iter_mut() {
        a.assign(&first);
    }
    let (z, u, w) = (fill(4, 3, 1, 2), Array2::zeros((4, 2)), Array2::zeros((4, 2)));
    let expected = z.dot(&first.t());
    for (got, expected) in next(&transition, &z, &u, &w).iter().zip(&expected) {
        assert!((got - expected).abs() < 1e-12, "{got} against {expected}");
    }
}

#[test]
fn control_and_noise_have_matrices_of_their_own() {
    let dims = TransitionDims { state: 2, control: 1, noise: 1 };
    let transition = LocallyLinear::<f64>::random(dims, 3, 0, 0, Noise::new(2, 1));
    let (z, u, w) = (fill(1, 2, 1, 2), fill(1, 1, 1, 3), fill(1, 1, 1, 4));
    let zero = Array2::zeros((1, 1));
    // The noise does not mix: it acts linearly on top of what state and control do.
    let base = next(&transition, &z, &u, &zero);
    let once = next(&transition, &z, &u, &w) - &base;
    let twice = next(&transition, &z, &u, &(&w * 2.0)) - &base;
    for (once, twice) in once.iter().zip(&twice) {
        assert!((2.0 * once - twice).abs() < 1e-12 && once.abs() > 1e-3);
    }
    let swapped = next(&transition, &z, &w, &u) - next(&transition, &z, &u, &w);
    assert!(swapped.iter().all(|d| d.abs() > 1e-6), "control and noise are not exchangeable");
}

#[test]
fn a_shared_component_is_linear_in_itself_and_the_control() {
    let dims = TransitionDims { state: 3, control: 1, noise: 2 };
    let transition = LocallyLinear::<f64>::random(dims, 4, 1, 5, Noise::new(3, 3));
    let w = Array2::zeros((1, 2));
    let row = |z: &Array2<f64>, u: f64| next(&transition, z, &Array2::from_elem((1, 1), u), &w);
    let (mut a, mut b) = (fill(1, 3, 1, 1), fill(1, 3, 1, 2));
    a.slice_mut(s![.., ..2]).fill(0.0);
    b.slice_mut(s![.., ..2]).fill(0.0);
    let excess = row(&a, 0.5) + row(&b, -1.0) - row(&(&a + &b), -0.5);
    assert!(excess[[0, 2]].abs() < 1e-12, "the shared component is linear");
    assert!(excess.slice(s![.., ..2]).iter().all(|e| e.abs() > 1e-6), "the others are not");
}

/// More rows than are pushed at once, in any layout of memory.
#[test]
fn derivatives_along_directions_are_differences() {
    for (hidden, rows, controls) in [(0, 5, 2), (6, 150, 1), (6, 64, 0)] {
        let (z, directions) = (3, 2);
        let dims = TransitionDims { state: z, control: controls, noise: 2 };
        let transition = LocallyLinear::<f64>::random(dims, 4, 1, hidden, Noise::new(9, 1));
        let mut cache = transition.cache(rows);
        transition.prepare(&mut cache);
        let (state, control) = (fill(rows, z, 1, 2), fill(rows, controls, 1, 3));
        // Entry by entry of the last two axes, as an estimator keeps them.
        let dstate = fill(z * directions, rows, 1, 4);
        let dstate =
            dstate.to_shape((z, directions, rows)).unwrap().permuted_axes([2, 0, 1]).to_owned();
        let dcontrol = fill(controls, directions, 1, 5);
        let mut next = Array2::from_elem((rows, z), f64::NAN);
        let mut dnext = Array3::from_elem((z, directions, rows), f64::NAN);
        let at = TransitionDirections {
            state: state.view(),
            control: control.view(),
            dstate: dstate.view(),
            dcontrol: dcontrol.view(),
        };
        let out = TransitionDerivatives {
            next: next.view_mut(),
            dnext: dnext.view_mut().permuted_axes([2, 0, 1]),
        };
        assert!(transition.push_forward(at, out, &mut cache));
        let step = |h: f64, c: usize| {
            let z = &state + &(&dstate.slice(s![.., .., c]) * h);
            let u = &control + &(&dcontrol.column(c) * h);
            step_without_noise(&transition, &z, &u)
        };
        for (a, b) in next.iter().zip(&step(0.0, 0)) {
            assert!((a - b).abs() < 1e-12, "{a} {b}");
        }
        let h = 1e-6;
        for c in 0..directions {
            let slope = (step(h, c) - step(-h, c)) / (2.0 * h);
            for ((row, i), slope) in slope.indexed_iter() {
                let found = dnext[[i, c, row]];
                assert!((found - slope).abs() < 1e-6 * (1.0 + slope.abs()), "{found} {slope}");
            }
        }
    }
}

/// [`next`] without noise.
fn step_without_noise(
    transition: &LocallyLinear<f64>,
    z: &Array2<f64>,
    u: &Array2<f64>,
) -> Array2<f64> {
    next(transition, z, u, &Array2::zeros((z.nrows(), transition.dims().noise)))
}
