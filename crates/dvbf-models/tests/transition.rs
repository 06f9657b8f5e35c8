//! The contract of every transition: gradients, accumulation, blocks, independence of rows.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::fill;
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_models::{AnyTransition, LocallyLinear, Residual, Transition, TransitionDims};
use dvbf_ops::Params;
use dvbf_tensor::Noise;
use ndarray::{Array2, s};
use proptest::prelude::*;

type Case = (AnyTransition<f64>, usize, usize, u64);

fn locally_linear(dims: TransitionDims, hidden: usize, seed: u64) -> AnyTransition<f64> {
    let shared = usize::from(seed.is_multiple_of(2));
    let noise = Noise::new(seed, 1);
    AnyTransition::LocallyLinear(LocallyLinear::random(dims, 3, shared, hidden, noise))
}

fn residual(dims: TransitionDims, seed: u64) -> AnyTransition<f64> {
    let dims = TransitionDims { noise: dims.state, ..dims };
    AnyTransition::Residual(Residual::random(dims, 5, Noise::new(seed, 1)))
}

/// A transition, steps, rows a step, and the seed of the inputs.
fn case() -> impl Strategy<Value = Case> {
    (random_dims(), 0..3_usize, 1..4_usize, 1..4_usize, any::<u64>()).prop_map(
        |(dims, kind, steps, rows, seed)| {
            let mut transition = match kind {
                0 => locally_linear(dims, 0, seed),
                1 => locally_linear(dims, 4, seed),
                _ => residual(dims, seed),
            };
            // Larger than at the start of training, so that no term is negligible.
            let moved: Vec<f64> = transition
                .to_flat()
                .iter()
                .zip(fill(1, transition.count(), seed, 9).iter())
                .map(|(p, n)| p + 0.3 * n)
                .collect();
            transition.set_flat(&moved);
            (transition, steps, rows, seed)
        },
    )
}

/// Small sizes, without controls among them.
fn random_dims() -> impl Strategy<Value = TransitionDims> {
    (1..4_usize, 0..3_usize, 1..3_usize).prop_map(|(state, control, noise)| TransitionDims {
        state,
        control,
        noise,
    })
}

struct Inputs {
    z: Array2<f64>,
    u: Array2<f64>,
    w: Array2<f64>,
    weight: Array2<f64>,
}

impl Inputs {
    fn new((transition, steps, rows, seed): &Case) -> Self {
        let TransitionDims { state, control, noise } = transition.dims();
        let all = steps * rows;
        Self {
            z: fill(all, state, *seed, 2),
            u: fill(all, control, *seed, 3),
            w: fill(all, noise, *seed, 4),
            weight: fill(all, state, *seed, 5),
        }
    }
}

/// `Σ weight ⊙ f(z, u, w)` with every block its own step.
fn loss(transition: &AnyTransition<f64>, steps: usize, inputs: &Inputs) -> f64 {
    let rows = inputs.z.nrows() / steps;
    let mut cache = transition.cache(inputs.z.nrows());
    transition.prepare(&mut cache);
    let mut next = Array2::zeros(inputs.z.dim());
    for t in 0..steps {
        let r = s![t * rows..(t + 1) * rows, ..];
        let (z, u, w) = (inputs.z.slice(r), inputs.u.slice(r), inputs.w.slice(r));
        transition.forward(t * rows, z, u, w, next.slice_mut(r), &mut cache);
    }
    (&next * &inputs.weight).sum()
}

/// `(dz, dw, dθ)`, pulled back `times` times into the same buffers.
fn gradients(case: &Case, inputs: &Inputs, times: usize) -> (Array2<f64>, Array2<f64>, Vec<f64>) {
    let (transition, steps, rows, _) = case;
    let (mut dz, mut dw) = (Array2::zeros(inputs.z.dim()), Array2::zeros(inputs.w.dim()));
    let (mut cache, mut grads) = (transition.cache(inputs.z.nrows()), transition.zeros_like());
    for _ in 0..times {
        transition.prepare(&mut cache);
        let mut next = Array2::zeros(inputs.z.dim());
        for t in 0..*steps {
            let r = s![t * rows..(t + 1) * rows, ..];
            let (z, u, w) = (inputs.z.slice(r), inputs.u.slice(r), inputs.w.slice(r));
            transition.forward(t * rows, z, u, w, next.slice_mut(r), &mut cache);
        }
        for t in (0..*steps).rev() {
            let r = s![t * rows..(t + 1) * rows, ..];
            let weight = inputs.weight.slice(r);
            transition.backward(t * rows, weight, dz.slice_mut(r), dw.slice_mut(r), &mut cache);
        }
        transition.accumulate(&mut cache, &mut grads);
    }
    (dz, dw, grads.to_flat())
}

fn with(inputs: &Inputs, z: Option<&[f64]>, w: Option<&[f64]>) -> Inputs {
    let replaced = |a: &Array2<f64>, v: Option<&[f64]>| match v {
        Some(v) => Array2::from_shape_vec(a.dim(), v.to_vec()).unwrap(),
        None => a.clone(),
    };
    Inputs {
        z: replaced(&inputs.z, z),
        u: inputs.u.clone(),
        w: replaced(&inputs.w, w),
        weight: inputs.weight.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn gradients_match_differences(case in case()) {
        let inputs = Inputs::new(&case);
        let (transition, steps, ..) = &case;
        let (dz, dw, dtheta) = gradients(&case, &inputs, 1);
        let slice = |a: &Array2<f64>| a.as_slice().unwrap().to_vec();
        let tol = Tol { abs: 1e-6, rel: 1e-5 };
        let at = |v: &[f64]| loss(transition, *steps, &with(&inputs, Some(v), None));
        check_coordinates(at, &slice(&inputs.z), &slice(&dz), tol)?;
        let at = |v: &[f64]| loss(transition, *steps, &with(&inputs, None, Some(v)));
        check_coordinates(at, &slice(&inputs.w), &slice(&dw), tol)?;
        let mut moved = transition.clone();
        let at = |v: &[f64]| { moved.set_flat(v); loss(&moved, *steps, &inputs) };
        check_coordinates(at, &transition.to_flat(), &dtheta, tol)?;
    }

    #[test]
    fn backward_accumulates(case in case()) {
        let inputs = Inputs::new(&case);
        let (one, three) = (gradients(&case, &inputs, 1), gradients(&case, &inputs, 3));
        let all = |g: &(Array2<f64>, Array2<f64>, Vec<f64>)| {
            g.0.iter().chain(&g.1).chain(&g.2).copied().collect::<Vec<f64>>()
        };
        for (one, three) in all(&one).into_iter().zip(all(&three)) {
            prop_assert!((3.0 * one - three).abs() <= 1e-11 * (1.0 + three.abs()));
        }
    }

    #[test]
    fn a_row_does_not_depend_on_its_neighbors(case in case()) {
        let inputs = Inputs::new(&case);
        let (transition, ..) = &case;
        let rows = inputs.z.nrows();
        let run = |range: std::ops::Range<usize>| {
            let mut cache = transition.cache(rows);
            transition.prepare(&mut cache);
            let r = s![range.clone(), ..];
            let mut next = Array2::zeros((range.len(), inputs.z.ncols()));
            let (z, u, w) = (inputs.z.slice(r), inputs.u.slice(r), inputs.w.slice(r));
            transition.forward(0, z, u, w, next.view_mut(), &mut cache);
            next
        };
        let whole = run(0..rows);
        for i in 0..rows {
            prop_assert_eq!(whole.slice(s![i..=i, ..]), run(i..i + 1));
        }
    }
}

#[test]
fn shared_rows_are_linear_in_state_and_control() {
    let dims = TransitionDims { state: 3, control: 1, noise: 2 };
    let transition = LocallyLinear::<f64>::random(dims, 4, 1, 5, Noise::new(3, 3));
    let mut cache = transition.cache(1);
    transition.prepare(&mut cache);
    let mut hidden = |z: &Array2<f64>, u: f64| {
        let (u, w) = (Array2::from_elem((1, 1), u), Array2::zeros((1, 2)));
        let mut next = Array2::zeros((1, 3));
        transition.forward(0, z.view(), u.view(), w.view(), next.view_mut(), &mut cache);
        (next[[0, 2]], next[[0, 0]])
    };
    let (a, b) = (fill(1, 3, 1, 1), fill(1, 3, 1, 2));
    let (fa, fb, fab) = (hidden(&a, 0.5), hidden(&b, -1.0), hidden(&(&a + &b), -0.5));
    assert!((fa.0 + fb.0 - fab.0).abs() < 1e-12, "the shared row is linear");
    assert!((fa.1 + fb.1 - fab.1).abs() > 1e-6, "the others are not");
}
