//! `Features`: the input gradient, accumulation, rows, and what the columns are.

use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_ops::{Feature, Features};
use dvbf_tensor::Noise;
use ndarray::{Array2, array, s};
use proptest::{collection::vec, prelude::*};

/// Values in `[-1, 1)`, a function of seed and stream.
fn fill(rows: usize, columns: usize, seed: u64, stream: u64) -> Array2<f64> {
    let mut values = vec![0.0; rows * columns];
    Noise::new(seed, stream).uniform(&mut values);
    let values = values.into_iter().map(|v| 2.0 * v - 1.0).collect();
    Array2::from_shape_vec((rows, columns), values).expect("as many values as entries")
}

fn kinds() -> impl Strategy<Value = Vec<Feature>> {
    let kind = prop_oneof![
        Just(Feature::Angle),
        Just(Feature::CountedAngle),
        Just(Feature::Hidden),
        (0.1..10.0).prop_map(|scale| Feature::Linear { scale }),
    ];
    vec(kind, 1..5)
}

fn value(features: &Features, z: &Array2<f64>) -> Array2<f64> {
    let mut out = Array2::zeros((z.nrows(), features.outputs()));
    features.apply(z.view(), out.view_mut());
    out
}

proptest! {
    #[test]
    fn input_gradient_matches_differences(kinds in kinds(), rows in 1..4_usize, seed in any::<u64>()) {
        let features = Features::new(kinds);
        let z: Array2<f64> = fill(rows, features.inputs(), seed, 1) * 3.0;
        let r: Array2<f64> = fill(rows, features.outputs(), seed, 2);
        let mut dz = Array2::zeros(z.dim());
        let phi = value(&features, &z);
        features.backward(phi.view(), r.view(), dz.view_mut());
        let at = |v: &[f64]| {
            let z = Array2::from_shape_vec(z.dim(), v.to_vec()).unwrap();
            (value(&features, &z) * &r).sum()
        };
        let flat = |a: &Array2<f64>| a.iter().copied().collect::<Vec<f64>>();
        check_coordinates(at, &flat(&z), &flat(&dz), Tol::SMOOTH)?;
        let once = dz.clone();
        features.backward(phi.view(), r.view(), dz.view_mut());
        for (one, two) in once.iter().zip(&dz) {
            prop_assert!((2.0 * one - two).abs() <= 1e-12 * (1.0 + two.abs()), "it accumulates");
        }
    }

    #[test]
    fn rows_are_independent(kinds in kinds(), seed in any::<u64>()) {
        let features = Features::new(kinds);
        let z: Array2<f64> = fill(3, features.inputs(), seed, 1);
        let all = value(&features, &z);
        for i in 0..3 {
            prop_assert_eq!(all.slice(s![i..=i, ..]), value(&features, &z.slice(s![i..=i, ..]).to_owned()));
        }
    }
}

#[test]
fn an_angle_is_sine_and_cosine_and_turns_do_not_matter() {
    let features = Features::new(vec![Feature::Linear { scale: 2.0 }, Feature::Angle]);
    let turn = 2.0 * std::f64::consts::PI;
    let phi = value(&features, &array![[3.0, 0.5], [3.0, 0.5 - 3.0 * turn]]);
    for (got, expected) in phi.iter().zip([1.5, 0.5_f64.sin(), 0.5_f64.cos()].iter().cycle()) {
        assert!((got - expected).abs() < 1e-12, "{got} against {expected}");
    }
    assert!(!features.is_identity());
    assert!(Features::identity(3).is_identity());
}

#[test]
fn a_counted_angle_stands_beside_its_sine_and_cosine() {
    let features = Features::new(vec![Feature::CountedAngle, Feature::Linear { scale: 1.0 }]);
    let phi = value(&features, &array![[7.0, -2.0]]);
    for (got, expected) in phi.iter().zip([7.0, 7.0_f64.sin(), 7.0_f64.cos(), -2.0]) {
        assert!((got - expected).abs() < 1e-12, "{got} against {expected}");
    }
    assert!(features.shows_state() && !features.is_identity());
    assert!(Features::identity(2).shows_state());
    assert!(!Features::new(vec![Feature::Angle]).shows_state());
    assert!(!Features::new(vec![Feature::Linear { scale: 2.0 }]).shows_state());
}

#[test]
#[should_panic(expected = "the scale of component 1 is 0")]
fn a_scale_of_zero_panics() {
    Features::new(vec![Feature::Angle, Feature::Linear { scale: 0.0 }]);
}

#[test]
#[should_panic(expected = "features against (B, F)")]
fn a_wrong_width_panics() {
    Features::new(vec![Feature::Angle])
        .apply(array![[0.0]].view(), Array2::zeros((1, 1)).view_mut());
}
