//! `Mixture`: initial values, and the panics of its contract.

use dvbf_ops::{Mixture, MixtureCache, MixtureCotangents, MixtureDims};
use dvbf_tensor::Noise;
use ndarray::{Array2, Array3, s};

#[test]
fn without_deviation_the_initial_maps_are_diagonal() {
    for noise in [1, 2, 4] {
        let dims = MixtureDims { bases: 3, state: 2, control: 1, noise };
        let mixture = Mixture::<f64>::random(dims, [0.0; 3], 0.25, Noise::new(0, 0));
        assert_eq!(mixture.dims(), dims);
        for i in 0..3 {
            assert_eq!(mixture.a().slice(s![i, .., ..]), Array2::<f64>::eye(2));
        }
        let next = step(&mixture, noise, [0.0, 1.0, 0.0]);
        assert_eq!(next, Array2::zeros((noise, 2)), "the control does nothing");
        let diagonal = |(n, k)| if n == k { 0.25 } else { 0.0 };
        let next = step(&mixture, noise, [0.0, 0.0, 1.0]);
        assert_eq!(next, Array2::from_shape_fn((noise, 2), diagonal));
    }
}

/// Step of the first base matrix, row `n` with the `n`th unit vector of noise.
fn step(mixture: &Mixture<f64>, rows: usize, scale: [f64; 3]) -> Array2<f64> {
    let MixtureDims { bases: m, state: z, control: u, noise: w } = mixture.dims();
    let mut cache = mixture.cache(rows);
    mixture.prepare(&mut cache);
    let mut alpha = Array2::zeros((rows, m));
    alpha.column_mut(0).fill(1.0);
    let (state, control) = (ones(rows, z) * scale[0], ones(rows, u) * scale[1]);
    let noise = Array2::from_shape_fn((rows, w), |(n, k)| if n == k { scale[2] } else { 0.0 });
    let mut next = ones(rows, z);
    let (inputs, noise) = ((alpha.view(), state.view(), control.view()), noise.view());
    mixture.forward(0, inputs.0, inputs.1, inputs.2, noise, next.view_mut(), &mut cache);
    next
}

#[test]
fn deviations_scale_draws_of_separate_parts() {
    let stream = || Noise::new(5, 1);
    let drawn = |part: u8, columns: usize, std: f64| {
        let mut values = vec![0.0; 3 * 2 * columns];
        stream().part(part).normal(&mut values);
        Array3::from_shape_vec((3, 2, columns), values).unwrap() * std
    };
    let (mut a, b, c) = (drawn(0, 2, 0.5), drawn(1, 1, 2.0), drawn(2, 3, 0.125));
    for i in 0..3 {
        let mut a = a.slice_mut(s![i, .., ..]);
        a += &Array2::<f64>::eye(2);
    }
    let dims = MixtureDims { bases: 3, state: 2, control: 1, noise: 3 };
    let mixture = Mixture::random(dims, [0.5, 2.0, 0.125], 0.0, stream());
    assert_eq!(mixture, Mixture::new(a, b, c));
}

fn ones(rows: usize, columns: usize) -> Array2<f64> {
    Array2::ones((rows, columns))
}

fn cube(m: usize, z: usize, columns: usize) -> Array3<f64> {
    Array3::ones((m, z, columns))
}

/// Forward of `α`, `z`, `u`, `w` to `y` of these shapes.
fn pass_shapes(
    mixture: &Mixture<f64>,
    at: usize,
    shapes: [(usize, usize); 5],
    cache: &mut MixtureCache<f64>,
) {
    let [alpha, state, control, noise, mut next] = shapes.map(|(rows, c)| ones(rows, c));
    let (inputs, noise) = ((alpha.view(), state.view(), control.view()), noise.view());
    mixture.forward(at, inputs.0, inputs.1, inputs.2, noise, next.view_mut(), cache);
}

fn pass(mixture: &Mixture<f64>, at: usize, n: usize, cache: &mut MixtureCache<f64>) {
    pass_shapes(mixture, at, [(n, 5), (n, 2), (n, 1), (n, 3), (n, 2)], cache);
}

/// Backward of `dy` to `dα`, `dz`, `dw` of these shapes.
fn pull_shapes(
    mixture: &Mixture<f64>,
    at: usize,
    shapes: [(usize, usize); 4],
    cache: &mut MixtureCache<f64>,
) {
    let [next, mut dalpha, mut state, mut noise] = shapes.map(|(rows, c)| ones(rows, c));
    let alpha = ones(shapes[0].0, 5);
    let cotangents = MixtureCotangents {
        alpha: dalpha.view_mut(),
        state: state.view_mut(),
        control: None,
        noise: noise.view_mut(),
    };
    mixture.backward(at, next.view(), alpha.view(), cotangents, cache);
}

fn pull(mixture: &Mixture<f64>, at: usize, n: usize, cache: &mut MixtureCache<f64>) {
    pull_shapes(mixture, at, [(n, 2), (n, 5), (n, 2), (n, 3)], cache);
}

/// Panics of the operation `$run` on a mixture with `M` 5, `Z` 2, `U` 1, `W` 3 and 6 rows.
macro_rules! panics {
    ($($name:ident, $message:literal, $run:expr;)*) => {$(
        #[test]
        #[should_panic(expected = $message)]
        fn $name() {
            let dims = MixtureDims { bases: 5, state: 2, control: 1, noise: 3 };
            let mixture = Mixture::<f64>::random(dims, [1.0; 3], 1.0, Noise::new(0, 0));
            let run: fn(&Mixture<f64>, &mut MixtureCache<f64>) = $run;
            let mut cache = mixture.cache(6);
            mixture.prepare(&mut cache);
            run(&mixture, &mut cache);
        }
    )*};
}

panics! {
    a_is_not_square, "A is square",
        |_, _| drop(Mixture::new(cube(5, 2, 3), cube(5, 2, 1), cube(5, 2, 3)));
    b_has_other_bases, "B against A",
        |_, _| drop(Mixture::new(cube(5, 2, 2), cube(4, 2, 1), cube(5, 2, 3)));
    b_has_other_rows, "B against A",
        |_, _| drop(Mixture::new(cube(5, 2, 2), cube(5, 3, 1), cube(5, 2, 3)));
    c_has_other_bases, "C against A",
        |_, _| drop(Mixture::new(cube(5, 2, 2), cube(5, 2, 1), cube(4, 2, 3)));
    c_has_other_rows, "C against A",
        |_, _| drop(Mixture::new(cube(5, 2, 2), cube(5, 2, 1), cube(5, 1, 3)));
    cache_is_too_small, "cache is too small for 7 rows", |m, c| pass(m, 0, 7, c);
    cache_is_too_small_for_a_later_block, "cache is too small for 7 rows",
        |m, c| { pass(m, 0, 4, c); pass(m, 4, 3, c); };
    cache_is_not_prepared, "the cache is not prepared", |m, _| pass(m, 0, 2, &mut m.cache(2));
    rows_are_skipped, "blocks of rows follow without gaps",
        |m, c| { pass(m, 0, 2, c); pass(m, 3, 2, c); };
    rows_are_written_again, "blocks of rows follow without gaps",
        |m, c| { pass(m, 0, 2, c); pass(m, 1, 2, c); };
    first_rows_are_skipped, "blocks of rows follow without gaps", |m, c| pass(m, 1, 2, c);
    weights_of_other_rows, "α against (B, M)",
        |m, c| pass_shapes(m, 0, [(1, 5), (2, 2), (2, 1), (2, 3), (2, 2)], c);
    state_of_another_width, "z against (B, Z)",
        |m, c| pass_shapes(m, 0, [(2, 5), (2, 1), (2, 1), (2, 3), (2, 2)], c);
    control_of_another_width, "u against (B, U)",
        |m, c| pass_shapes(m, 0, [(2, 5), (2, 2), (2, 2), (2, 3), (2, 2)], c);
    noise_of_other_rows, "w against (B, W)",
        |m, c| pass_shapes(m, 0, [(2, 5), (2, 2), (2, 1), (1, 3), (2, 2)], c);
    next_state_of_other_rows, "next state against (B, Z)",
        |m, c| pass_shapes(m, 0, [(2, 5), (2, 2), (2, 1), (2, 3), (3, 2)], c);
    rows_were_not_written, "rows 1..4 were not written as one block",
        |m, c| { pass(m, 0, 3, c); pull(m, 1, 3, c); };
    rows_were_forgotten, "rows 0..4 were not written as one block",
        |m, c| { pass(m, 0, 4, c); pass(m, 0, 3, c); pull(m, 0, 4, c); };
    cotangent_of_another_width, "dy against (B, Z)",
        |m, c| { pass(m, 0, 2, c); pull_shapes(m, 0, [(2, 1), (2, 5), (2, 2), (2, 3)], c); };
    weight_gradient_of_other_rows, "dα against (B, M)",
        |m, c| { pass(m, 0, 2, c); pull_shapes(m, 0, [(2, 2), (1, 5), (2, 2), (2, 3)], c); };
    state_gradient_of_other_rows, "dz against (B, Z)",
        |m, c| { pass(m, 0, 2, c); pull_shapes(m, 0, [(2, 2), (2, 5), (3, 2), (2, 3)], c); };
    noise_gradient_of_another_width, "dw against (B, W)",
        |m, c| { pass(m, 0, 2, c); pull_shapes(m, 0, [(2, 2), (2, 5), (2, 2), (2, 4)], c); };
    too_few_rows_pulled_back, "rows pulled back against rows written",
        |m, c| {
            pass(m, 0, 2, c);
            pass(m, 2, 2, c);
            pull(m, 2, 2, c);
            m.accumulate(c, &mut m.clone());
        };
    blocks_are_pulled_back_as_written, "rows 2..4 were not written as one block",
        |m, c| { pass(m, 0, 4, c); pull(m, 2, 2, c); };
    too_many_rows_pulled_back, "rows pulled back against rows written",
        |m, c| {
            pass(m, 0, 2, c);
            pull(m, 0, 2, c);
            pull(m, 0, 2, c);
            m.accumulate(c, &mut m.clone());
        };
    accumulated_twice, "rows pulled back against rows written",
        |m, c| {
            pass(m, 0, 2, c);
            pull(m, 0, 2, c);
            m.accumulate(c, &mut m.clone());
            m.accumulate(c, &mut m.clone());
        };
    gradient_of_another_shape, "gradient against the mixture",
        |m, c| {
            pass(m, 0, 2, c);
            pull(m, 0, 2, c);
            let mut grads = Mixture::new(cube(6, 2, 2), cube(6, 2, 1), cube(6, 2, 3));
            m.accumulate(c, &mut grads);
        };
}
