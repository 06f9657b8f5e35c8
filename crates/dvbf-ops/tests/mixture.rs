//! `Mixture`: all gradients, accumulation, blocks of rows, recurrence, contracts.

mod common;

use common::{blocks, close, matrix, sizes};
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_ops::{Mixture, MixtureCache, MixtureCotangents, MixtureDims, Params};
use ndarray::{Array2, Array3, ArrayView2, s};
use proptest::prelude::*;

/// A mixture, its inputs, the weights `r` of the loss `Σ r ⊙ y`, and blocks of rows.
#[derive(Clone, Debug)]
struct Case {
    mixture: Mixture<f64>,
    shared: usize,
    alpha: Array2<f64>,
    state: Array2<f64>,
    control: Array2<f64>,
    noise: Array2<f64>,
    r: Array2<f64>,
    sizes: Vec<usize>,
}

/// What the backward pass yields.
#[derive(Clone, Debug, PartialEq)]
struct Gradients {
    alpha: Array2<f64>,
    state: Array2<f64>,
    control: Array2<f64>,
    noise: Array2<f64>,
    parameters: Vec<f64>,
}

fn base(m: usize, z: usize, columns: usize) -> impl Strategy<Value = Array3<f64>> {
    matrix(m * z, columns)
        .prop_map(move |d| d.into_shape_with_order((m, z, columns)).expect("the same size"))
}

/// One base matrix, no control, no noise, and any number of shared components among them.
fn case_with(
    (m, z, u, w): (usize, usize, usize, usize),
    sizes: Vec<usize>,
) -> impl Strategy<Value = Case> {
    let n = sizes.iter().sum();
    let bases = (base(m, z, z), base(m, z, u), base(m, z, w));
    let inputs = (matrix(n, m), matrix(n, z), matrix(n, u), matrix(n, w), matrix(n, z));
    (bases, 0..=z, inputs).prop_map(
        move |((a, b, c), shared, (alpha, state, control, noise, r))| {
            let mixture = Mixture::new(a, b, c).with_shared_state(shared);
            Case { mixture, shared, alpha, state, control, noise, r, sizes: sizes.clone() }
        },
    )
}

fn case() -> impl Strategy<Value = Case> {
    (1..5_usize, 1..4_usize, 0..3_usize, 0..4_usize, sizes())
        .prop_flat_map(|(m, z, u, w, sizes)| case_with((m, z, u, w), sizes))
}

fn prepared(mixture: &Mixture<f64>, rows: usize) -> MixtureCache<f64> {
    let mut cache = mixture.cache(rows);
    mixture.prepare(&mut cache);
    cache
}

impl Case {
    fn rows(&self) -> usize {
        self.r.nrows()
    }

    fn cache(&self) -> MixtureCache<f64> {
        prepared(&self.mixture, self.rows())
    }

    /// Forward in blocks of these sizes.
    fn forward(&self, sizes: &[usize], cache: &mut MixtureCache<f64>) -> Array2<f64> {
        let mut y = Array2::from_elem(self.r.dim(), f64::NAN);
        for rows in blocks(sizes) {
            let (at, rows) = (rows.start, s![rows, ..]);
            let inputs = (self.alpha.slice(rows), self.state.slice(rows), self.control.slice(rows));
            let (noise, y) = (self.noise.slice(rows), y.slice_mut(rows));
            self.mixture.forward(at, inputs.0, inputs.1, inputs.2, noise, y, cache);
        }
        y
    }

    /// Backward in blocks of these sizes, last block first, onto what `to` holds.
    fn backward(&self, sizes: &[usize], cache: &mut MixtureCache<f64>, to: &mut Gradients) {
        for rows in blocks(sizes).into_iter().rev() {
            let (at, rows) = (rows.start, s![rows, ..]);
            let (dy, alpha) = (self.r.slice(rows), self.alpha.slice(rows));
            let cotangents = MixtureCotangents {
                alpha: to.alpha.slice_mut(rows),
                state: to.state.slice_mut(rows),
                control: Some(to.control.slice_mut(rows)),
                noise: to.noise.slice_mut(rows),
            };
            self.mixture.backward(at, dy, alpha, cotangents, cache);
        }
    }

    /// Buffers that hold `start`.
    fn buffers(&self, start: f64) -> Gradients {
        let filled = |like: &Array2<f64>| Array2::from_elem(like.dim(), start);
        Gradients {
            alpha: filled(&self.alpha),
            state: filled(&self.state),
            control: filled(&self.control),
            noise: filled(&self.noise),
            parameters: vec![start; self.mixture.count()],
        }
    }

    fn accumulate(&self, cache: &mut MixtureCache<f64>, to: &mut Gradients) {
        let mut grads = self.mixture.clone();
        grads.set_flat(&to.parameters);
        self.mixture.accumulate(cache, &mut grads);
        to.parameters = grads.to_flat();
    }

    /// Output and gradients, computed in blocks of these sizes.
    fn run(&self, sizes: &[usize]) -> (Array2<f64>, Gradients) {
        let (mut cache, mut gradients) = (self.cache(), self.buffers(0.0));
        let y = self.forward(sizes, &mut cache);
        self.backward(sizes, &mut cache, &mut gradients);
        self.accumulate(&mut cache, &mut gradients);
        (y, gradients)
    }

    fn loss(&self) -> f64 {
        (self.forward(&[self.rows()], &mut self.cache()) * &self.r).sum()
    }

    /// Compares `gradient` with differences of the loss in the matrix that `part` picks.
    fn check(
        &self,
        part: fn(&mut Self) -> &mut Array2<f64>,
        gradient: &Array2<f64>,
    ) -> Result<(), TestCaseError> {
        let mut moved = self.clone();
        let point = part(&mut moved).clone();
        let at = |v: &[f64]| {
            let dim = part(&mut moved).dim();
            part(&mut moved).assign(&ArrayView2::from_shape(dim, v).expect("as many values"));
            moved.loss()
        };
        let flat = |a: &Array2<f64>| a.iter().copied().collect::<Vec<_>>();
        check_coordinates(at, &flat(&point), &flat(gradient), Tol::SMOOTH)
    }
}

proptest! {
    #[test]
    fn forward_is_the_equation(case in case()) {
        let MixtureDims { bases: m, state: z, control: u, noise: w } = case.mixture.dims();
        let flat = case.mixture.to_flat();
        let mut naive = Array2::zeros((case.rows(), z));
        let mut start = 0;
        // Rows from `own` on are shared in columns from `first` on: those of the noise never are.
        let own = z - case.shared;
        for (columns, input, own, first) in
            [(z, &case.state, own, own), (u, &case.control, own, 0), (w, &case.noise, z, 0)]
        {
            let place = |i: usize, k: usize, j: usize| start + (i * z + k) * columns + j;
            for (i, k, j) in ndarray::indices((m, z, columns)) {
                let d = if k < own || j < first {
                    flat[place(i, k, j)]
                } else {
                    (0..m).map(|i| flat[place(i, k, j)]).sum::<f64>() / m as f64
                };
                for n in 0..case.rows() {
                    naive[[n, k]] += case.alpha[[n, i]] * d * input[[n, j]];
                }
            }
            start += m * z * columns;
        }
        let (y, _) = case.run(&case.sizes);
        close(y.as_slice().unwrap(), naive.as_slice().unwrap())?;
    }

    #[test]
    fn parameter_gradient_matches_differences(case in case()) {
        let mut moved = case.clone();
        let at = |theta: &[f64]| {
            moved.mixture.set_flat(theta);
            moved.loss()
        };
        let (_, gradients) = case.run(&case.sizes);
        check_coordinates(at, &case.mixture.to_flat(), &gradients.parameters, Tol::SMOOTH)?;
    }

    /// The control has no gradient: nothing of it may end up in its neighbors.
    #[test]
    fn input_gradients_match_differences(case in case()) {
        let (_, gradients) = case.run(&case.sizes);
        case.check(|c| &mut c.alpha, &gradients.alpha)?;
        case.check(|c| &mut c.state, &gradients.state)?;
        case.check(|c| &mut c.control, &gradients.control)?;
        case.check(|c| &mut c.noise, &gradients.noise)?;
    }

    /// Three passes add three times the gradient to what was there; only `dα` is overwritten.
    #[test]
    fn backward_accumulates(case in case(), start in -2.0..2.0) {
        let (_, one) = case.run(&case.sizes);
        let (mut cache, mut three) = (case.cache(), case.buffers(start));
        three.alpha.fill(f64::NAN);
        case.forward(&case.sizes, &mut cache);
        for _ in 0..3 {
            case.backward(&case.sizes, &mut cache, &mut three);
            case.accumulate(&mut cache, &mut three);
        }
        let thrice = |one: &[f64]| one.iter().map(|g| start + 3.0 * g).collect::<Vec<_>>();
        prop_assert_eq!(three.alpha, one.alpha);
        close(three.state.as_slice().unwrap(), &thrice(one.state.as_slice().unwrap()))?;
        close(three.noise.as_slice().unwrap(), &thrice(one.noise.as_slice().unwrap()))?;
        close(&three.parameters, &thrice(&one.parameters))?;
    }

    /// Rows do not see their block; parameter gradients are sums over blocks in another order.
    #[test]
    fn blocks_of_rows_agree_bitwise(case in case()) {
        let (y, whole) = case.run(&[case.rows()]);
        for sizes in [case.sizes.clone(), vec![1; case.rows()]] {
            let (again, parts) = case.run(&sizes);
            prop_assert_eq!(&again, &y);
            close(&parts.parameters, &whole.parameters)?;
            prop_assert_eq!(parts.alpha, whole.alpha.clone());
            prop_assert_eq!(parts.state, whole.state.clone());
            prop_assert_eq!(parts.noise, whole.noise.clone());
        }
    }

    #[test]
    fn gradient_of_blocks_is_the_sum_over_separate_passes(case in case()) {
        let (_, whole) = case.run(&case.sizes);
        let mut sum = vec![0.0; case.mixture.count()];
        for rows in blocks(&case.sizes) {
            let (n, rows) = (rows.len(), s![rows, ..]);
            let part = Case {
                mixture: case.mixture.clone(),
                shared: case.shared,
                alpha: case.alpha.slice(rows).to_owned(),
                state: case.state.slice(rows).to_owned(),
                control: case.control.slice(rows).to_owned(),
                noise: case.noise.slice(rows).to_owned(),
                r: case.r.slice(rows).to_owned(),
                sizes: vec![n],
            };
            for (sum, g) in sum.iter_mut().zip(part.run(&[n]).1.parameters) {
                *sum += g;
            }
        }
        close(&whole.parameters, &sum)?;
    }

    /// A pass at row 0 forgets longer and unfinished ones before it.
    #[test]
    fn a_used_cache_is_as_good_as_a_new_one(case in case()) {
        let MixtureDims { bases: m, state: z, control: u, noise: w } = case.mixture.dims();
        let filled = |columns| Array2::from_elem((20, columns), 0.7);
        let wide = Case {
            alpha: filled(m),
            state: filled(z),
            control: filled(u),
            noise: filled(w),
            r: filled(z),
            ..case.clone()
        };
        let mut cache = wide.cache();
        let mut gradients = wide.buffers(0.0);
        wide.forward(&[15, 5], &mut cache);
        wide.backward(&[15], &mut cache, &mut gradients);

        let mut gradients = case.buffers(0.0);
        let y = case.forward(&case.sizes, &mut cache);
        case.backward(&case.sizes, &mut cache, &mut gradients);
        case.accumulate(&mut cache, &mut gradients);
        prop_assert_eq!((y, gradients), case.run(&case.sizes));
    }

    /// Booking gradients uses the cache's copy of the base matrices; both directions still work.
    #[test]
    fn a_booked_cache_works_with_and_without_packing_again(case in case()) {
        let mut cache = case.cache();
        for pack in [false, false, true] {
            if pack {
                case.mixture.prepare(&mut cache);
            }
            let mut gradients = case.buffers(0.0);
            let y = case.forward(&case.sizes, &mut cache);
            case.backward(&case.sizes, &mut cache, &mut gradients);
            case.accumulate(&mut cache, &mut gradients);
            prop_assert_eq!((y, gradients), case.run(&case.sizes));
        }
    }

    #[test]
    fn changed_parameters_count_once_packed(case in case()) {
        let mut moved = case.clone();
        moved.mixture.a_mut().mapv_inplace(|a| a * 0.5);
        let mut cache = case.cache();
        case.forward(&case.sizes, &mut cache);
        moved.mixture.prepare(&mut cache);
        prop_assert_eq!(moved.forward(&case.sizes, &mut cache), moved.run(&case.sizes).0);
    }

    /// `zₜ₊₁ = f(zₜ, uₜ, wₜ)` with one row a step: every step has its own row of the one cache.
    #[test]
    fn recurrence_matches_differences(
        case in (1..4_usize, 1..4_usize, 0..3_usize, 0..3_usize)
            .prop_flat_map(|dim| case_with(dim, vec![1; 5]))
    ) {
        let unrolled = |case: &Case, cache: &mut MixtureCache<f64>| {
            let mut z = case.state.slice(s![..1, ..]).to_owned();
            let mut loss = 0.0;
            for t in 0..5 {
                let row = s![t..t + 1, ..];
                let mut y = Array2::zeros(z.dim());
                let (alpha, control) = (case.alpha.slice(row), case.control.slice(row));
                let noise = case.noise.slice(row);
                case.mixture.forward(t, alpha, z.view(), control, noise, y.view_mut(), cache);
                loss += (&y * &case.r.slice(row)).sum();
                z = y;
            }
            loss
        };
        let (mut cache, mut gradients) = (case.cache(), case.buffers(0.0));
        unrolled(&case, &mut cache);
        let mut d = Array2::zeros((1, case.state.ncols()));
        for t in (0..5).rev() {
            let row = s![t..t + 1, ..];
            let dy = &d + &case.r.slice(row);
            d.fill(0.0);
            let alpha = case.alpha.slice(row);
            let cotangents = MixtureCotangents {
                alpha: gradients.alpha.slice_mut(row),
                state: d.view_mut(),
                control: None,
                noise: gradients.noise.slice_mut(row),
            };
            case.mixture.backward(t, dy.view(), alpha, cotangents, &mut cache);
        }
        case.accumulate(&mut cache, &mut gradients);

        let flat = |a: &Array2<f64>| a.iter().copied().collect::<Vec<_>>();
        let mut moved = case.clone();
        let at = |theta: &[f64]| {
            moved.mixture.set_flat(theta);
            unrolled(&moved, &mut moved.cache())
        };
        check_coordinates(at, &case.mixture.to_flat(), &gradients.parameters, Tol::SEQUENCE)?;
        let mut moved = case.clone();
        let at = |v: &[f64]| {
            moved.state.row_mut(0).assign(&ndarray::aview1(v));
            unrolled(&moved, &mut moved.cache())
        };
        check_coordinates(at, &case.state.row(0).to_vec(), &flat(&d), Tol::SEQUENCE)?;
        let mut moved = case.clone();
        let at = |v: &[f64]| {
            moved.noise = Array2::from_shape_vec(moved.noise.dim(), v.to_vec()).unwrap();
            unrolled(&moved, &mut moved.cache())
        };
        check_coordinates(at, &flat(&case.noise), &flat(&gradients.noise), Tol::SEQUENCE)?;
        let mut moved = case.clone();
        let at = |v: &[f64]| {
            moved.alpha = Array2::from_shape_vec(moved.alpha.dim(), v.to_vec()).unwrap();
            unrolled(&moved, &mut moved.cache())
        };
        check_coordinates(at, &flat(&case.alpha), &flat(&gradients.alpha), Tol::SEQUENCE)?;
    }
}
