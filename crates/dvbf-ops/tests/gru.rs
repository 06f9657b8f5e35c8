//! `Gru`: both gradients over several steps in either direction, accumulation, agreement of
//! batches with single sequences and of whole passes with single steps.

use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_ops::{Gru, GruCache, Linear, Params};
use dvbf_tensor::Noise;
use ndarray::{Array1, Array2, ArrayView2, s};
use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};

/// A unit, the inputs of all steps, the first state, and the weights of the loss `Σ r ⊙ h'`.
#[derive(Clone, Debug)]
struct Case {
    gru: Gru<f64>,
    x: Array2<f64>,
    start: Array2<f64>,
    r: Array2<f64>,
    reversed: bool,
}

impl Case {
    fn batch(&self) -> usize {
        self.start.nrows()
    }

    /// First rows of the steps, in the order in which they are made.
    fn order(&self) -> Vec<usize> {
        let forward = (0..self.x.nrows()).step_by(self.batch());
        if self.reversed { forward.rev().collect() } else { forward.collect() }
    }
}

fn matrix(rows: usize, columns: usize) -> impl Strategy<Value = Array2<f64>> {
    vec(-1.0..1.0, rows * columns)
        .prop_map(move |data| Array2::from_shape_vec((rows, columns), data).expect("drawn to size"))
}

/// Fails if `found` is not `expected` to about thirteen digits.
fn close(found: &[f64], expected: &[f64]) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        prop_assert!((f - e).abs() <= 1e-12 * (1.0 + e.abs()), "{} is not {}", f, e);
    }
    Ok(())
}

fn layer(inputs: usize, outputs: usize) -> impl Strategy<Value = Linear<f64>> {
    (matrix(outputs, inputs), matrix(1, outputs))
        .prop_map(|(weight, bias)| Linear::new(weight, bias.row(0).to_owned()))
}

fn case() -> impl Strategy<Value = Case> {
    (1..4_usize, 1..4_usize, 1..5_usize, 1..5_usize).prop_flat_map(|(i, h, b, t)| {
        let gates = (layer(i, 2 * h), matrix(2 * h, h));
        let candidate = (layer(i, h), matrix(h, h));
        let values = (matrix(t * b, i), matrix(b, h), matrix(t * b, h), any::<bool>());
        (gates, candidate, values).prop_map(|(gates, candidate, (x, start, r, reversed))| Case {
            gru: Gru::new(gates, candidate),
            x,
            start,
            r,
            reversed,
        })
    })
}

fn prepared(gru: &Gru<f64>, rows: usize) -> GruCache<f64> {
    let mut cache = gru.cache(rows);
    gru.prepare(&mut cache);
    cache
}

/// `h'` of all steps.
fn forward(case: &Case, cache: &mut GruCache<f64>) -> Array2<f64> {
    let n = case.batch();
    let mut states = Array2::from_elem(case.r.dim(), f64::NAN);
    let mut h = case.start.clone();
    case.gru.read(case.x.view(), cache);
    for at in case.order() {
        let mut next = states.slice_mut(s![at..at + n, ..]);
        case.gru.step(at, h.view(), next.view_mut(), cache);
        h.assign(&next);
    }
    states
}

/// Adds to `dx` and `grads`; gives the gradient of the first state.
fn backward(
    case: &Case,
    cache: &mut GruCache<f64>,
    dx: &mut Array2<f64>,
    grads: &mut Gru<f64>,
) -> Array2<f64> {
    let n = case.batch();
    let mut d = Array2::zeros(case.start.dim());
    for at in case.order().into_iter().rev() {
        let by_next = &d + &case.r.slice(s![at..at + n, ..]);
        d.fill(0.0);
        case.gru.backward_step(at, by_next.view(), d.view_mut(), cache);
    }
    case.gru.backward_input(dx.view_mut(), cache);
    case.gru.accumulate(case.x.view(), cache, grads);
    d
}

/// States, and gradients of parameters, inputs and first state.
fn run(case: &Case) -> (Array2<f64>, Vec<f64>, Array2<f64>, Array2<f64>) {
    let mut cache = prepared(&case.gru, case.x.nrows());
    let (mut dx, mut grads) = (Array2::zeros(case.x.dim()), case.gru.zeros_like());
    let states = forward(case, &mut cache);
    let dstart = backward(case, &mut cache, &mut dx, &mut grads);
    (states, grads.to_flat(), dx, dstart)
}

fn loss(case: &Case) -> f64 {
    (forward(case, &mut prepared(&case.gru, case.x.nrows())) * &case.r).sum()
}

/// One step of one sequence by the equations; shares no code with the operation.
fn naive(gru: &Gru<f64>, x: &Array1<f64>, h: &Array1<f64>) -> Array1<f64> {
    let mut parts: Vec<Array2<f64>> = Vec::new();
    gru.visit(dvbf_ops::Path::ROOT, &mut |_, array| {
        let columns = if array.ndim() == 2 { array.shape()[1] } else { 1 };
        let rows = array.len() / columns;
        let values = array.iter().copied().collect();
        parts.push(Array2::from_shape_vec((rows, columns), values).expect("read row by row"));
    });
    let [w, b, u, v, c, big_r] = &parts[..] else { panic!("six arrays") };
    let logistic = |a: f64| 1.0 / (1.0 + (-a).exp());
    let gates = (w.dot(x) + b.column(0) + u.dot(h)).mapv(logistic);
    let (reset, keep) = gates.view().split_at(ndarray::Axis(0), h.len());
    let candidate = (v.dot(x) + c.column(0) + big_r.dot(&(&reset * h))).mapv(f64::tanh);
    &keep * h + (1.0 - &keep) * candidate
}

proptest! {
    #[test]
    fn forward_is_the_equation(case in case()) {
        let n = case.batch();
        let states = run(&case).0;
        let mut h = case.start.clone();
        for at in case.order() {
            for b in 0..n {
                let (x, before) = (case.x.row(at + b).to_owned(), h.row(b).to_owned());
                let next = naive(&case.gru, &x, &before);
                close(states.row(at + b).as_slice().unwrap(), next.as_slice().unwrap())?;
                h.row_mut(b).assign(&next);
            }
        }
    }

    #[test]
    fn parameter_gradient_matches_differences(case in case()) {
        let mut moved = case.clone();
        let at = |theta: &[f64]| {
            moved.gru.set_flat(theta);
            loss(&moved)
        };
        check_coordinates(at, &case.gru.to_flat(), &run(&case).1, Tol::SEQUENCE)?;
    }

    #[test]
    fn input_gradients_match_differences(case in case()) {
        let (_, _, dx, dstart) = run(&case);
        let mut moved = case.clone();
        let at = |v: &[f64]| {
            moved.x = ArrayView2::from_shape(case.x.dim(), v).unwrap().to_owned();
            loss(&moved)
        };
        check_coordinates(at, case.x.as_slice().unwrap(), dx.as_slice().unwrap(), Tol::SEQUENCE)?;
        let mut moved = case.clone();
        let at = |v: &[f64]| {
            moved.start = ArrayView2::from_shape(case.start.dim(), v).unwrap().to_owned();
            loss(&moved)
        };
        let (start, dstart) = (case.start.as_slice().unwrap(), dstart.as_slice().unwrap());
        check_coordinates(at, start, dstart, Tol::SEQUENCE)?;
    }

    #[test]
    fn backward_accumulates(case in case(), start in -2.0..2.0) {
        let (_, dtheta, dx, _) = run(&case);
        let mut cache = prepared(&case.gru, case.x.nrows());
        let mut dx3 = Array2::from_elem(case.x.dim(), start);
        let mut grads3 = case.gru.clone();
        grads3.set_flat(&vec![start; case.gru.count()]);
        forward(&case, &mut cache);
        for _ in 0..3 {
            backward(&case, &mut cache, &mut dx3, &mut grads3);
        }
        let thrice = |one: &[f64]| one.iter().map(|g| start + 3.0 * g).collect::<Vec<_>>();
        close(dx3.as_slice().unwrap(), &thrice(dx.as_slice().unwrap()))?;
        close(&grads3.to_flat(), &thrice(&dtheta))?;
        // The state's cotangent is added to as well.
        let n = case.batch();
        let at = case.order()[0];
        let by_next = case.r.slice(s![at..at + n, ..]);
        let mut once = Array2::zeros(case.start.dim());
        let mut thrice_onto = Array2::from_elem(case.start.dim(), start);
        case.gru.backward_step(at, by_next, once.view_mut(), &mut cache);
        for _ in 0..3 {
            case.gru.backward_step(at, by_next, thrice_onto.view_mut(), &mut cache);
        }
        close(thrice_onto.as_slice().unwrap(), &thrice(once.as_slice().unwrap()))?;
    }

    /// Every sequence of a batch is what it is alone, and every step what it is alone.
    #[test]
    fn batches_and_single_steps_agree_bitwise(case in case()) {
        let (states, _, dx, dstart) = run(&case);
        let n = case.batch();
        for b in 0..n {
            let alone = Case {
                x: case.x.slice(s![b..;n, ..]).to_owned(),
                start: case.start.slice(s![b..=b, ..]).to_owned(),
                r: case.r.slice(s![b..;n, ..]).to_owned(),
                ..case.clone()
            };
            let (own, _, own_dx, own_dstart) = run(&alone);
            prop_assert_eq!(own, states.slice(s![b..;n, ..]));
            prop_assert_eq!(own_dx, dx.slice(s![b..;n, ..]));
            prop_assert_eq!(own_dstart, dstart.slice(s![b..=b, ..]));
        }
        let mut cache = prepared(&case.gru, n);
        let mut h = case.start.clone();
        for at in case.order() {
            let mut next = Array2::zeros(h.dim());
            case.gru.read(case.x.slice(s![at..at + n, ..]), &mut cache);
            case.gru.step(0, h.view(), next.view_mut(), &mut cache);
            prop_assert_eq!(&next, &states.slice(s![at..at + n, ..]));
            h = next;
        }
    }

    /// A pass forgets longer and unfinished ones before it, and parameters count once packed.
    #[test]
    fn a_used_cache_is_as_good_as_a_new_one(case in case()) {
        let mut cache = prepared(&case.gru, 20);
        let ones = |columns| Array2::from_elem((20, columns), 0.7);
        let (inputs, hidden) = case.gru.dim();
        case.gru.read(ones(inputs).view(), &mut cache);
        case.gru.step(3, ones(hidden).view().slice(s![..2, ..]), ones(hidden).slice_mut(s![..2, ..]), &mut cache);
        let mut half = case.clone();
        half.gru.set_flat(&case.gru.to_flat().iter().map(|w| 0.5 * w).collect::<Vec<_>>());
        half.gru.prepare(&mut cache);
        let (mut dx, mut grads) = (Array2::zeros(case.x.dim()), case.gru.zeros_like());
        let states = forward(&half, &mut cache);
        let dstart = backward(&half, &mut cache, &mut dx, &mut grads);
        prop_assert_eq!((states, grads.to_flat(), dx, dstart), run(&half));
    }
}

/// Sizes beyond one tile of the products, where the order of a sum could change.
#[test]
fn large_batches_agree_with_single_sequences_bitwise() {
    let draw = |rows, columns, stream| {
        let mut a = Array2::<f64>::zeros((rows, columns));
        Noise::new(2, stream).normal(a.as_slice_mut().unwrap());
        a
    };
    let gru = Gru::random(120, 70, Noise::new(1, 0));
    assert_eq!(gru.dim(), (120, 70));
    let (x, start, r) = (draw(3 * 37, 120, 1), draw(37, 70, 2), draw(3 * 37, 70, 3));
    let case = Case { gru, x, start, r, reversed: false };
    let states = forward(&case, &mut prepared(&case.gru, 3 * 37));
    let alone = Case {
        x: case.x.slice(s![5..;37, ..]).to_owned(),
        start: case.start.slice(s![5..6, ..]).to_owned(),
        r: case.r.slice(s![5..;37, ..]).to_owned(),
        ..case.clone()
    };
    let own = forward(&alone, &mut prepared(&case.gru, 3));
    assert_eq!(own, states.slice(s![5..;37, ..]));
}

/// Panics of the operation `$run` on a unit from 2 to 3 values with a cache of 6 rows.
macro_rules! panics {
    ($($name:ident, $message:literal, $run:expr;)*) => {$(
        #[test]
        #[should_panic(expected = $message)]
        fn $name() {
            let gru = Gru::<f64>::random(2, 3, Noise::new(0, 0));
            let run: fn(&Gru<f64>, &mut GruCache<f64>) = $run;
            run(&gru, &mut prepared(&gru, 6));
        }
    )*};
}

fn ones(rows: usize, columns: usize) -> Array2<f64> {
    Array2::ones((rows, columns))
}

fn pass(gru: &Gru<f64>, rows: usize, cache: &mut GruCache<f64>) {
    gru.read(ones(rows, 2).view(), cache);
    gru.step(0, ones(rows, 3).view(), ones(rows, 3).view_mut(), cache);
}

panics! {
    gates_of_another_shape, "gates against (2H, I)",
        |_, _| drop(Gru::new((Linear::zeros(2, 5), ones(6, 3)), (Linear::zeros(2, 3), ones(3, 3))));
    recurrence_of_another_shape, "candidate of the state against (H, H)",
        |_, _| drop(Gru::new((Linear::zeros(2, 6), ones(6, 3)), (Linear::zeros(2, 3), ones(3, 2))));
    cache_is_too_small, "cache of 6 rows is too small for 7",
        |g, c| g.read(ones(7, 2).view(), c);
    rows_were_not_read, "rows 4.. were not read",
        |g, c| {
            g.read(ones(5, 2).view(), c);
            g.step(4, ones(2, 3).view(), ones(2, 3).view_mut(), c);
        };
    state_of_another_width, "state against H",
        |g, c| {
            g.read(ones(2, 2).view(), c);
            g.step(0, ones(2, 2).view(), ones(2, 2).view_mut(), c);
        };
    next_state_of_another_shape, "next state against state",
        |g, c| {
            g.read(ones(2, 2).view(), c);
            g.step(0, ones(2, 3).view(), ones(1, 3).view_mut(), c);
        };
    steps_are_missing, "rows stepped through against rows read",
        |g, c| {
            g.read(ones(4, 2).view(), c);
            g.step(0, ones(2, 3).view(), ones(2, 3).view_mut(), c);
            g.backward_step(0, ones(2, 3).view(), ones(2, 3).view_mut(), c);
        };
    cotangent_of_another_width, "state cotangent against H",
        |g, c| {
            pass(g, 2, c);
            g.backward_step(0, ones(2, 2).view(), ones(2, 2).view_mut(), c);
        };
    too_few_rows_pulled_back, "rows pulled back against rows read",
        |g, c| {
            pass(g, 4, c);
            g.backward_step(0, ones(2, 3).view(), ones(2, 3).view_mut(), c);
            g.accumulate(ones(4, 2).view(), c, &mut g.clone());
        };
    input_pulled_back_too_early, "rows pulled back against rows read",
        |g, c| {
            pass(g, 4, c);
            g.backward_input(ones(4, 2).view_mut(), c);
        };
}
