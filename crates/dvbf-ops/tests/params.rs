//! `Params`: names, order, the flat vector.

use dvbf_ops::{Linear, Mixture, Mlp, Params, Path};
use dvbf_tensor::Noise;
use ndarray::{Array3, array};

/// Names and shapes in the order of visits, which both visits must share.
fn names(params: &mut dyn Params<f64>) -> Vec<(String, Vec<usize>)> {
    let (mut names, mut names_mut) = (Vec::new(), Vec::new());
    let root = Path::ROOT;
    let path = root.child("model");
    params.visit(path, &mut |p, a| names.push((p.to_string(), a.shape().to_vec())));
    params.visit_mut(path, &mut |p, a| names_mut.push((p.to_string(), a.shape().to_vec())));
    assert_eq!(names, names_mut);
    names
}

fn named(list: &[(&str, &[usize])]) -> Vec<(String, Vec<usize>)> {
    list.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())).collect()
}

#[test]
fn names_and_order_are_part_of_the_contract() {
    let list = named(&[("model.weight", &[3, 2]), ("model.bias", &[3])]);
    assert_eq!(names(&mut Linear::<f64>::zeros(2, 3)), list);

    let mut mlp = Mlp::<f64>::random(&[2, 4, 1], &[1.0, 1.0], Noise::new(0, 0));
    let list = named(&[
        ("model.0.weight", &[4, 2]),
        ("model.0.bias", &[4]),
        ("model.1.weight", &[1, 4]),
        ("model.1.bias", &[1]),
    ]);
    assert_eq!(names(&mut mlp), list);

    let zeros = |columns| Array3::<f64>::zeros((5, 2, columns));
    let mut mixture = Mixture::new(zeros(2), zeros(1), zeros(3));
    let list = named(&[("model.a", &[5, 2, 2]), ("model.b", &[5, 2, 1]), ("model.c", &[5, 2, 3])]);
    assert_eq!(names(&mut mixture), list);
}

#[test]
fn flat_vector_follows_the_order_of_visits() {
    let mut layer = Linear::new(array![[1.0, 2.0], [3.0, 4.0]], array![5.0, 6.0]);
    assert_eq!(layer.count(), 6);
    assert_eq!(layer.to_flat(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    layer.set_flat(&[6.0, 5.0, 4.0, 3.0, 2.0, 1.0]);
    assert_eq!(layer, Linear::new(array![[6.0, 5.0], [4.0, 3.0]], array![2.0, 1.0]));
    assert_eq!(layer.zeros_like(), Linear::zeros(2, 2));
    assert_eq!(layer.bias(), array![2.0, 1.0], "the original stays");
    layer.set_zero();
    assert_eq!(layer, Linear::zeros(2, 2));
}

#[test]
fn slices_come_with_their_place_in_the_flat_vector() {
    let mut mlp = Mlp::<f64>::random(&[2, 3, 1], &[1.0, 1.0], Noise::new(0, 1));
    let flat = mlp.to_flat();
    let mut places = Vec::new();
    mlp.each_slice(&mut |start, slice| {
        assert_eq!(slice, &flat[start..start + slice.len()]);
        places.push((start, slice.len()));
    });
    assert_eq!(places, [(0, 6), (6, 3), (9, 3), (12, 1)]);
    places.clear();
    mlp.each_slice_mut(&mut |start, slice| places.push((start, slice.len())));
    assert_eq!(places, [(0, 6), (6, 3), (9, 3), (12, 1)]);
    assert_eq!(mlp.count(), 13);
}

#[test]
#[should_panic(expected = "flat values against parameters")]
fn flat_vector_of_another_length() {
    Linear::<f64>::zeros(2, 2).set_flat(&[0.0; 7]);
}
