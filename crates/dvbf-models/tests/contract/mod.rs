//! The contract of every [`Transition`]: gradients, accumulation, blocks, independence of rows.
//!
//! A file of tests draws its transitions and calls [`transition_contract`].

use crate::common::fill;
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_models::{
    Cache, Linearizer, Transition, TransitionCotangents, TransitionDims, TransitionInput,
    TransitionJacobians,
};
use ndarray::{Array2, Array3, s};
use proptest::{prelude::*, test_runner::TestCaseError};
use std::ops::Range;

/// Scale of penalties.
const PENALTY: f64 = 0.3;

/// A transition, the blocks of rows that it is applied to one after the other, and the seed of its
/// inputs.
#[derive(Clone, Debug)]
pub(crate) struct Case<T> {
    transition: T,
    steps: usize,
    rows: usize,
    seed: u64,
}

/// Transitions that `make` builds of small sizes (without controls among them) and a seed, with
/// parameters far enough from where training starts that no term is negligible.
pub(crate) fn cases<T: Transition<f64> + Clone>(
    make: impl Fn(TransitionDims, u64) -> T,
) -> impl Strategy<Value = Case<T>> {
    let sizes = (1..4_usize, 0..3_usize, 1..3_usize);
    (sizes, 1..4_usize, 1..4_usize, any::<u64>()).prop_map(
        move |((state, control, noise), steps, rows, seed)| {
            let mut transition = make(TransitionDims { state, control, noise }, seed);
            let step = fill(1, transition.count(), seed, 9);
            let moved: Vec<f64> =
                transition.to_flat().iter().zip(&step).map(|(p, n)| p + 0.3 * n).collect();
            transition.set_flat(&moved);
            Case { transition, steps, rows, seed }
        },
    )
}

/// `z`, `u`, `w` and the weight `r` of the loss `Σ r ⊙ f(z, u, w)`.
#[derive(Clone, Debug)]
struct Inputs {
    z: Array2<f64>,
    u: Array2<f64>,
    w: Array2<f64>,
    weight: Array2<f64>,
}

impl<T: Transition<f64> + Clone> Case<T> {
    fn inputs(&self) -> Inputs {
        let TransitionDims { state, control, noise } = self.transition.dims();
        let draw = |columns, stream| fill(self.steps * self.rows, columns, self.seed, stream);
        Inputs { z: draw(state, 2), u: draw(control, 3), w: draw(noise, 4), weight: draw(state, 5) }
    }

    fn blocks(&self) -> Vec<Range<usize>> {
        (0..self.steps).map(|t| t * self.rows..(t + 1) * self.rows).collect()
    }
}

/// `f(z, u, w)` of the rows in `blocks`, which follow one another from some row on.
fn apply<T: Transition<f64> + Clone>(
    transition: &T,
    blocks: &[Range<usize>],
    inputs: &Inputs,
    cache: &mut Cache,
) -> Array2<f64> {
    let start = blocks[0].start;
    let mut next = Array2::zeros((blocks[blocks.len() - 1].end - start, inputs.z.ncols()));
    for block in blocks {
        let (r, out) = (s![block.clone(), ..], s![block.start - start..block.end - start, ..]);
        let input = TransitionInput {
            state: inputs.z.slice(r),
            control: inputs.u.slice(r),
            noise: inputs.w.slice(r),
        };
        transition.forward(block.start - start, input, next.slice_mut(out), cache);
    }
    next
}

/// [`apply`] with a cache of its own.
fn value<T: Transition<f64> + Clone>(
    transition: &T,
    blocks: &[Range<usize>],
    inputs: &Inputs,
) -> Array2<f64> {
    value_and_penalty(transition, blocks, inputs).0
}

/// [`value`], and what the transition penalizes itself with.
fn value_and_penalty<T: Transition<f64> + Clone>(
    transition: &T,
    blocks: &[Range<usize>],
    inputs: &Inputs,
) -> (Array2<f64>, f64) {
    let mut cache = transition.cache(inputs.z.nrows());
    transition.prepare(&mut cache);
    transition.set_penalty_scale(PENALTY, &mut cache);
    let value = apply(transition, blocks, inputs, &mut cache);
    (value, transition.penalty(&mut cache))
}

/// Gradients of state, control, noise and parameters.
#[derive(Clone, Debug)]
struct Gradients {
    state: Array2<f64>,
    control: Array2<f64>,
    noise: Array2<f64>,
    parameters: Vec<f64>,
}

impl Gradients {
    fn all(&self) -> Vec<f64> {
        let inputs = self.state.iter().chain(&self.control).chain(&self.noise);
        inputs.chain(&self.parameters).copied().collect()
    }
}

/// The gradients, pulled back `times` times into the same buffers.
fn gradients<T: Transition<f64> + Clone>(
    case: &Case<T>,
    inputs: &Inputs,
    times: usize,
) -> Gradients {
    let transition = &case.transition;
    let zeros = |like: &Array2<f64>| Array2::zeros(like.dim());
    let (mut state, mut control, mut noise) =
        (zeros(&inputs.z), zeros(&inputs.u), zeros(&inputs.w));
    let (mut cache, mut grads) = (transition.cache(inputs.z.nrows()), transition.zeros_like());
    for _ in 0..times {
        transition.prepare(&mut cache);
        transition.set_penalty_scale(PENALTY, &mut cache);
        apply(transition, &case.blocks(), inputs, &mut cache);
        for block in case.blocks().into_iter().rev() {
            let (at, r) = (block.start, s![block, ..]);
            let weight = inputs.weight.slice(r);
            let cotangents = TransitionCotangents {
                state: state.slice_mut(r),
                control: Some(control.slice_mut(r)),
                noise: noise.slice_mut(r),
            };
            transition.backward(at, weight, cotangents, &mut cache);
        }
        transition.accumulate(&mut cache, &mut grads);
    }
    Gradients { state, control, noise, parameters: grads.to_flat() }
}

/// State, control, noise and parameter gradients equal central differences.
pub(crate) fn gradients_match_differences<T: Transition<f64> + Clone>(
    case: &Case<T>,
) -> Result<(), TestCaseError> {
    let (inputs, blocks) = (case.inputs(), case.blocks());
    let found = gradients(case, &inputs, 1);
    let tol = Tol { abs: 1e-6, rel: 1e-5 };
    let loss = |transition: &T, inputs: &Inputs| {
        let (value, penalty) = value_and_penalty(transition, &blocks, inputs);
        (value * &inputs.weight).sum() + penalty
    };
    let flat = |a: &Array2<f64>| a.iter().copied().collect::<Vec<f64>>();
    let shaped = |a: &Array2<f64>, v: &[f64]| {
        Array2::from_shape_vec(a.dim(), v.to_vec()).expect("as many values as before")
    };
    let at =
        |v: &[f64]| loss(&case.transition, &Inputs { z: shaped(&inputs.z, v), ..inputs.clone() });
    check_coordinates(at, &flat(&inputs.z), &flat(&found.state), tol)?;
    let at =
        |v: &[f64]| loss(&case.transition, &Inputs { u: shaped(&inputs.u, v), ..inputs.clone() });
    check_coordinates(at, &flat(&inputs.u), &flat(&found.control), tol)?;
    let at =
        |v: &[f64]| loss(&case.transition, &Inputs { w: shaped(&inputs.w, v), ..inputs.clone() });
    check_coordinates(at, &flat(&inputs.w), &flat(&found.noise), tol)?;
    let mut moved = case.transition.clone();
    let at = |v: &[f64]| {
        moved.set_flat(v);
        loss(&moved, &inputs)
    };
    check_coordinates(at, &case.transition.to_flat(), &found.parameters, tol)
}

/// Pulling back three times gives three times the gradient.
pub(crate) fn backward_accumulates<T: Transition<f64> + Clone>(
    case: &Case<T>,
) -> Result<(), TestCaseError> {
    let inputs = case.inputs();
    let (one, three) = (gradients(case, &inputs, 1), gradients(case, &inputs, 3));
    for (one, three) in one.all().into_iter().zip(three.all()) {
        prop_assert!((3.0 * one - three).abs() <= 1e-11 * (1.0 + three.abs()));
    }
    Ok(())
}

/// All rows at once, block by block, and every row alone give the same bits.
pub(crate) fn rows_are_independent<T: Transition<f64> + Clone>(
    case: &Case<T>,
) -> Result<(), TestCaseError> {
    let (inputs, rows) = (case.inputs(), case.steps * case.rows);
    let run = |blocks: &[Range<usize>]| value(&case.transition, blocks, &inputs);
    #[expect(clippy::single_range_in_vec_init, reason = "all rows are one block")]
    let whole = run(&[0..rows]);
    prop_assert_eq!(&whole, &run(&case.blocks()));
    for i in 0..rows {
        #[expect(clippy::single_range_in_vec_init, reason = "a row is one block")]
        let alone = run(&[i..i + 1]);
        prop_assert_eq!(whole.slice(s![i..=i, ..]), alone);
    }
    Ok(())
}

/// A gradient of a part of the rows: what an earlier, longer pass left in a cache is not seen.
pub(crate) fn used_caches_are_as_good_as_new<T: Transition<f64> + Clone>(
    case: &Case<T>,
) -> Result<(), TestCaseError> {
    let (inputs, transition) = (case.inputs(), &case.transition);
    let mut cache = transition.cache(case.steps * case.rows);
    transition.prepare(&mut cache);
    let pull = |blocks: &[Range<usize>], cache: &mut Cache| {
        let mut grads = transition.zeros_like();
        apply(transition, blocks, &inputs, cache);
        for block in blocks.iter().rev() {
            let r = s![block.clone(), ..];
            let (mut dz, mut dw) =
                (Array2::zeros(inputs.z.slice(r).dim()), Array2::zeros(inputs.w.slice(r).dim()));
            let weight = inputs.weight.slice(r);
            let cotangents =
                TransitionCotangents { state: dz.view_mut(), control: None, noise: dw.view_mut() };
            transition.backward(block.start, weight, cotangents, cache);
        }
        transition.accumulate(cache, &mut grads);
        // Packed parameters serve one accumulation.
        transition.prepare(cache);
        grads.to_flat()
    };
    pull(&case.blocks(), &mut cache);
    let used = pull(&case.blocks()[..1], &mut cache);
    let mut fresh = transition.cache(case.rows);
    transition.prepare(&mut fresh);
    prop_assert_eq!(used, pull(&case.blocks()[..1], &mut fresh));
    Ok(())
}

/// Carrying without a way back gives the bits of the forward pass, for any number of rows and any
/// order in memory, and leaves the cache fit for both.
pub(crate) fn carrying_is_forwarding<T: Transition<f64> + Clone>(
    case: &Case<T>,
) -> Result<(), TestCaseError> {
    let (inputs, rows) = (case.inputs(), case.steps * case.rows);
    #[expect(clippy::single_range_in_vec_init, reason = "all rows are one block")]
    let expected = value(&case.transition, &[0..rows], &inputs);
    let mut cache = case.transition.cache(rows);
    case.transition.prepare(&mut cache);
    // A column after the other.
    let turned = |a: &Array2<f64>| a.t().as_standard_layout().into_owned();
    let (z, u, w) = (turned(&inputs.z), turned(&inputs.u), turned(&inputs.w));
    for n in [rows, 1, rows] {
        let input = TransitionInput {
            state: z.slice(s![.., ..n]).reversed_axes(),
            control: u.slice(s![.., ..n]).reversed_axes(),
            noise: w.slice(s![.., ..n]).reversed_axes(),
        };
        let mut next = Array2::zeros((z.nrows(), n));
        case.transition.carry(input, next.view_mut().reversed_axes(), &mut cache);
        prop_assert_eq!(next.t(), expected.slice(s![..n, ..]));
        let input = TransitionInput {
            state: inputs.z.slice(s![..n, ..]),
            control: inputs.u.slice(s![..n, ..]),
            noise: inputs.w.slice(s![..n, ..]),
        };
        let mut next = Array2::zeros((n, z.nrows()));
        case.transition.forward(0, input, next.view_mut(), &mut cache);
        prop_assert_eq!(&next, &expected.slice(s![..n, ..]));
        case.transition.carry(input, next.view_mut(), &mut cache);
        prop_assert_eq!(next, expected.slice(s![..n, ..]));
    }
    Ok(())
}

/// The Jacobians of all rows at once equal central differences of each.
pub(crate) fn jacobians_match_differences<T: Transition<f64> + Clone>(
    case: &Case<T>,
) -> Result<(), TestCaseError> {
    let (inputs, n) = (case.inputs(), case.steps * case.rows);
    let TransitionDims { state: z, control: u, noise: w } = case.transition.dims();
    // With room for more rows than there are.
    let mut linearizer = Linearizer::new(&case.transition, n + 3);
    let mut next = Array2::zeros((n, z));
    let (mut by_state, mut by_control) = (Array3::zeros((n, z, z)), Array3::zeros((n, z, u)));
    let mut by_noise = Array3::zeros((n, z, w));
    let input = TransitionInput {
        state: inputs.z.view(),
        control: inputs.u.view(),
        noise: inputs.w.view(),
    };
    let out = TransitionJacobians {
        next: next.view_mut(),
        state: by_state.view_mut(),
        control: by_control.view_mut(),
        noise: by_noise.view_mut(),
    };
    linearizer.jacobians(&case.transition, input, out);
    #[expect(clippy::single_range_in_vec_init, reason = "all rows are one block")]
    let whole = value(&case.transition, &[0..n], &inputs);
    prop_assert_eq!(&next, &whole);
    let tol = Tol { abs: 1e-6, rel: 1e-6 };
    for row in 0..n {
        let point: Vec<f64> =
            [&inputs.z, &inputs.u, &inputs.w].iter().flat_map(|a| a.row(row).to_vec()).collect();
        for i in 0..z {
            let at = |v: &[f64]| {
                let part = |range: Range<usize>| {
                    Array2::from_shape_vec((1, range.len()), v[range].to_vec()).expect("one row")
                };
                let moved = Inputs {
                    z: part(0..z),
                    u: part(z..z + u),
                    w: part(z + u..z + u + w),
                    weight: Array2::zeros((1, z)),
                };
                #[expect(clippy::single_range_in_vec_init, reason = "a row is one block")]
                let value = value(&case.transition, &[0..1], &moved);
                value[[0, i]]
            };
            let jacobian: Vec<f64> = by_state
                .slice(s![row, i, ..])
                .iter()
                .chain(by_control.slice(s![row, i, ..]))
                .chain(by_noise.slice(s![row, i, ..]))
                .copied()
                .collect();
            check_coordinates(at, &point, &jacobian, tol)?;
        }
    }
    Ok(())
}

/// The tests of the contract, for a strategy of [`Case`]s.
macro_rules! transition_contract {
    ($cases:expr) => {
        proptest::prelude::proptest! {
            #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

            #[test]
            fn gradients_match_differences(case in $cases) {
                contract::gradients_match_differences(&case)?;
            }

            #[test]
            fn backward_accumulates(case in $cases) {
                contract::backward_accumulates(&case)?;
            }

            #[test]
            fn rows_are_independent(case in $cases) {
                contract::rows_are_independent(&case)?;
            }

            #[test]
            fn used_caches_are_as_good_as_new(case in $cases) {
                contract::used_caches_are_as_good_as_new(&case)?;
            }

            #[test]
            fn carrying_is_forwarding(case in $cases) {
                contract::carrying_is_forwarding(&case)?;
            }

            #[test]
            fn jacobians_match_differences(case in $cases) {
                contract::jacobians_match_differences(&case)?;
            }
        }
    };
}
