//! `Mlp`: initial values, and the panics of its contract.

use dvbf_ops::{Linear, Mlp, MlpCache, Params};
use dvbf_tensor::Noise;
use ndarray::Array2;

#[test]
fn random_layers_have_their_gain_and_their_own_noise() {
    let noise = Noise::new(4, 2);
    let mlp = Mlp::<f64>::random(&[4, 9, 2], &[2.0, 0.5], noise);
    assert_eq!(mlp.dim(), (4, 2));
    assert_eq!(mlp.layers()[0], Linear::random(4, 9, 1.0, Noise::new(4, 2).part(0)));
    assert_eq!(mlp.layers()[1], Linear::random(9, 2, 0.5 / 3.0, Noise::new(4, 2).part(1)));
}

#[test]
fn eight_layers_have_names() {
    let mlp = Mlp::<f64>::random(&[1; 9], &[1.0; 8], Noise::new(0, 0));
    assert_eq!(mlp.count(), 16);
}

fn ones(rows: usize, columns: usize) -> Array2<f64> {
    Array2::ones((rows, columns))
}

fn pass(mlp: &Mlp<f64>, at: usize, rows: usize, cache: &mut MlpCache<f64>) {
    mlp.forward(at, ones(rows, 2).view(), ones(rows, 3).view_mut(), cache);
}

fn pull(mlp: &Mlp<f64>, at: usize, rows: usize, cache: &mut MlpCache<f64>) {
    mlp.backward(at, ones(rows, 3).view(), ones(rows, 2).view_mut(), cache);
}

/// Panics of the operation `$run` on a perceptron from 2 to 3 values with a cache of 6 rows.
macro_rules! panics {
    ($($name:ident, $message:literal, $run:expr;)*) => {$(
        #[test]
        #[should_panic(expected = $message)]
        fn $name() {
            let mlp = Mlp::<f64>::random(&[2, 4, 3], &[1.0, 1.0], Noise::new(0, 0));
            let run: fn(&Mlp<f64>, &mut MlpCache<f64>) = $run;
            let mut cache = mlp.cache(6);
            mlp.prepare(&mut cache);
            run(&mlp, &mut cache);
        }
    )*};
}

panics! {
    no_layer, "one to eight layers", |_, _| drop(Mlp::<f64>::new(vec![]));
    nine_layers, "one to eight layers",
        |_, _| drop(Mlp::<f64>::new(vec![Linear::zeros(1, 1); 9]));
    neighbors_of_other_widths, "widths of neighboring layers",
        |_, _| drop(Mlp::<f64>::new(vec![Linear::zeros(2, 3), Linear::zeros(2, 3)]));
    a_gain_is_missing, "one gain per layer",
        |_, _| drop(Mlp::<f64>::random(&[2, 3, 4], &[1.0], Noise::new(0, 0)));
    cache_is_too_small, "cache of 6 rows is too small for 7", |m, c| pass(m, 0, 7, c);
    cache_is_too_small_for_a_later_block, "cache of 6 rows is too small for 7",
        |m, c| { pass(m, 0, 4, c); pass(m, 4, 3, c); };
    rows_are_skipped, "blocks of rows follow without gaps",
        |m, c| { pass(m, 0, 2, c); pass(m, 3, 2, c); };
    rows_are_written_again, "blocks of rows follow without gaps",
        |m, c| { pass(m, 0, 2, c); pass(m, 1, 2, c); };
    first_rows_are_skipped, "blocks of rows follow without gaps", |m, c| pass(m, 1, 2, c);
    input_of_another_width, "cache against given rows",
        |m, c| m.forward(0, ones(2, 1).view(), ones(2, 3).view_mut(), c);
    output_of_another_width, "c against",
        |m, c| m.forward(0, ones(2, 2).view(), ones(2, 2).view_mut(), c);
    output_with_fewer_rows, "rows of y against rows written",
        |m, c| m.forward(0, ones(3, 2).view(), ones(2, 3).view_mut(), c);
    output_with_more_rows, "rows of y against rows written",
        |m, c| m.forward(0, ones(2, 2).view(), ones(3, 3).view_mut(), c);
    output_elsewhere, "rows of y against rows written",
        |m, c| {
            pass(m, 0, 4, c);
            m.forward_written(2, ones(1, 3).view_mut(), c);
        };
    cache_is_not_prepared, "c against", |m, _| pass(m, 0, 2, &mut m.cache(2));
    rows_were_not_written, "rows 1.. were not written",
        |m, c| { pass(m, 0, 3, c); pull(m, 1, 3, c); };
    rows_were_forgotten, "rows 0.. were not written",
        |m, c| { pass(m, 0, 4, c); pass(m, 0, 3, c); pull(m, 0, 4, c); };
    cotangent_of_another_width, "cache against given rows",
        |m, c| { pass(m, 0, 2, c); m.backward_data(0, ones(2, 1).view(), c); };
    input_gradient_of_another_shape, "c against",
        |m, c| {
            pass(m, 0, 2, c);
            m.backward(0, ones(2, 3).view(), ones(1, 2).view_mut(), c);
        };
    too_few_rows_pulled_back, "rows pulled back against rows written",
        |m, c| { pass(m, 0, 4, c); pull(m, 2, 2, c); m.accumulate(c, &mut m.clone()); };
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
    gradient_of_another_shape, "c against",
        |m, c| {
            pass(m, 0, 2, c);
            pull(m, 0, 2, c);
            let mut grads = Mlp::new(vec![Linear::zeros(2, 5), Linear::zeros(5, 3)]);
            m.accumulate(c, &mut grads);
        };
    gradient_with_fewer_layers, "layers of the gradient",
        |m, c| {
            pass(m, 0, 2, c);
            pull(m, 0, 2, c);
            m.accumulate(c, &mut Mlp::new(vec![Linear::zeros(2, 4)]));
        };
}
