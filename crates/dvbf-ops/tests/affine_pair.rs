//! `affine_pair`: two layers that are an affine map, and how they go on from there.

use dvbf_ops::{Linear, Mlp, Params};
use dvbf_tensor::Noise;
use ndarray::{Array1, Array2};
use proptest::{collection::vec, prelude::*};

fn outputs(mlp: &Mlp<f64>, x: &Array2<f64>) -> Array2<f64> {
    let mut cache = mlp.cache(x.nrows());
    mlp.prepare(&mut cache);
    let mut y = Array2::zeros((x.nrows(), mlp.dim().1));
    mlp.forward(0, x.view(), y.view_mut(), &mut cache);
    y
}

fn matrix(rows: usize, columns: usize) -> impl Strategy<Value = Array2<f64>> {
    let values = vec(-2.0..2.0_f64, rows * columns);
    values.prop_map(move |values| {
        Array2::from_shape_vec((rows, columns), values).expect("as many values as cells")
    })
}

fn sizes() -> impl Strategy<Value = (usize, usize, usize)> {
    (1..6_usize, 1..6_usize, 0..5_usize)
}

fn case() -> impl Strategy<Value = (Mlp<f64>, Array2<f64>, Array1<f64>, Array2<f64>)> {
    sizes().prop_flat_map(|(inputs, outputs, more)| {
        let hidden = 2 * inputs.min(outputs) + more;
        let mlp = Mlp::random(&[inputs, hidden, outputs], &[1.4, 1.0], Noise::new(3, 1));
        (matrix(outputs, inputs), matrix(1, outputs), matrix(7, inputs))
            .prop_map(move |(map, c, x)| (mlp.clone(), map, c.row(0).to_owned(), x))
    })
}

proptest! {
    #[test]
    fn the_network_is_the_map((mut mlp, map, offset, x) in case()) {
        prop_assert!(mlp.set_affine(map.view(), offset.view()));
        let expected = x.dot(&map.t()) + &offset;
        let off = (outputs(&mlp, &x) - expected).mapv(f64::abs);
        prop_assert!(off.iter().all(|&o| o < 1e-12), "{off}");
    }

    #[test]
    fn too_few_units_change_nothing((mlp, map, offset, _) in case()) {
        prop_assume!(map.iter().all(|v| *v != 0.0));
        let (inputs, outputs) = mlp.dim();
        let hidden = 2 * inputs.min(outputs) - 1;
        let mut small = Mlp::random(&[inputs, hidden, outputs], &[1.4, 1.0], Noise::new(3, 1));
        let before = small.to_flat();
        prop_assert!(!small.set_affine(map.view(), offset.view()));
        prop_assert_eq!(small.to_flat(), before);
    }
}

/// No unit has neither input weights nor output weights, which would never learn, even where outputs do not
/// depend on the input.
#[test]
fn no_unit_is_dead() {
    let mut mlp: Mlp<f64> = Mlp::random(&[3, 6, 4], &[1.4, 1.0], Noise::new(5, 0));
    let map = ndarray::array![[1.0, 2.0, 0.5], [0.0; 3], [0.0; 3], [0.0, -1.0, 0.0]];
    assert!(mlp.set_affine(map.view(), ndarray::aview1(&[0.0, 1.0, 2.0, 3.0])));
    let (first, second) = (mlp.layers()[0].weight(), mlp.layers()[1].weight());
    for unit in 0..6 {
        let sum = |values: ndarray::ArrayView1<'_, f64>| values.mapv(f64::abs).sum();
        assert!(sum(first.row(unit)) + sum(second.column(unit)) > 0.0, "unit {unit}");
    }
    let mut none: Mlp<f64> = Mlp::random(&[3, 1, 2], &[1.4, 1.0], Noise::new(5, 0));
    assert!(none.set_affine(Array2::zeros((2, 3)).view(), ndarray::aview1(&[1.0, 2.0])));
}

/// Units beside the pairs have input weights and no output weights, so their gradient is not zero.
#[test]
fn other_units_can_learn() {
    let mut mlp: Mlp<f64> = Mlp::random(&[2, 7, 1], &[1.4, 1.0], Noise::new(5, 0));
    let drawn = mlp.layers()[0].weight().to_owned();
    assert!(mlp.set_affine(ndarray::aview2(&[[2.0, -1.0]]), ndarray::aview1(&[0.5])));
    let first = mlp.layers()[0].weight();
    for unit in 2..7 {
        assert_eq!(first.row(unit), drawn.row(unit));
    }
    assert!(mlp.layers()[1].weight().iter().skip(2).all(|&w| w == 0.0));
}

#[test]
fn one_layer_is_set_and_three_are_refused() {
    let mut one = Mlp::new(vec![Linear::<f64>::zeros(2, 1)]);
    assert!(one.set_affine(ndarray::aview2(&[[2.0, -1.0]]), ndarray::aview1(&[0.5])));
    let y = outputs(&one, &ndarray::array![[1.0, 1.0]])[[0, 0]];
    assert!((y - 1.5).abs() < 1e-12, "{y}");
    let mut three: Mlp<f64> = Mlp::random(&[2, 8, 8, 1], &[1.0; 3], Noise::new(5, 0));
    assert!(!three.set_affine(ndarray::aview2(&[[2.0, -1.0]]), ndarray::aview1(&[0.5])));
}
