//! Buffers and gradients of parts: only the kind that made them can use them.

use dvbf_models::{Cache, gradient_of};
use std::any::Any;

#[test]
fn a_gradient_is_a_value_of_its_own_kind() {
    let mut value = 3.0_f64;
    let gradient: &mut dyn Any = &mut value;
    *gradient_of::<f64>(gradient) += 1.0;
    assert!((value - 4.0).abs() < 1e-15);
}

#[test]
#[should_panic(expected = "the gradient belongs to a part of another kind; this one is f64")]
fn a_gradient_of_another_kind_panics() {
    let mut value = 3.0_f32;
    gradient_of::<f64>(&mut value);
}

#[test]
#[should_panic(expected = "the cache belongs to a part of another kind; this one has f64")]
fn a_cache_of_another_kind_panics() {
    Cache::new(3.0_f32).get::<f64>();
}
