//! The Gaussian filters allocate nothing after set-up, and with constant sizes nothing at all.
//!
//! The allocator of this binary counts. It holds one test, so that no other one is counted with it.
#![cfg(feature = "bayes")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "no test uses everything")]
mod systems;

use dvbf_models::bayes::{
    Belief, Const, Dims, Extended, Form, GaussianFilter, GaussianModel, KalmanFilter,
    LinearGaussian, Memory, SigmaPoints, Unscented,
};
use nalgebra::{DefaultAllocator, Dim, SMatrix, SVector};
use std::alloc::{GlobalAlloc, Layout, System as Heap};
use std::sync::atomic::{AtomicUsize, Ordering};
use systems::System;

/// Hands everything to the system's allocator and counts what is asked for.
struct Counting;

static ASKED: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "an allocator is unsafe; this one only counts")]
// SAFETY: every call goes unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { Heap.alloc(layout) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { Heap.dealloc(old, layout) }
    }
}

fn allocations(work: impl FnOnce()) -> usize {
    let before = ASKED.load(Ordering::Relaxed);
    work();
    ASKED.load(Ordering::Relaxed) - before
}

/// Observations with and without gaps, one refused, controls.
fn run<M, Z: Dim, X: Dim, F>(filter: &mut GaussianFilter<M, Z, X, F>)
where
    M: GaussianModel<Z, X>,
    F: Form<Z, X>,
    DefaultAllocator: Memory<Z, X>,
{
    let observations = [[0.1, 0.2, 0.3], [f64::NAN, 0.1, 0.2], [1e3; 3], [f64::NAN; 3]];
    for observation in observations.iter().cycle().take(40) {
        filter.condition(Some(observation)).unwrap();
        filter.predict(&[0.5]).unwrap();
    }
}

type Fixed = LinearGaussian<Const<6>, Const<3>, Const<1>>;

fn fix(system: &System) -> (Fixed, Belief<Const<6>>) {
    let LinearGaussian { transition, control, process_noise, emission, observation_noise } =
        &system.model;
    let model = LinearGaussian {
        transition: SMatrix::from_column_slice(transition.as_slice()),
        control: SMatrix::from_column_slice(control.as_slice()),
        process_noise: SMatrix::from_column_slice(process_noise.as_slice()),
        emission: SMatrix::from_column_slice(emission.as_slice()),
        observation_noise: SMatrix::from_column_slice(observation_noise.as_slice()),
    };
    let mean = SVector::from_column_slice(system.initial.mean.as_slice());
    let covariance = SMatrix::from_column_slice(system.initial.covariance.as_slice());
    (model, Belief::new(mean, covariance).unwrap())
}

#[test]
fn steps_of_filters_allocate_nothing() {
    let system = System::draw(1, Dims { state: 6, control: 1, observation: 3 }, 1, 0.0);
    let (model, start) = (system.model.clone(), system.initial.clone());
    let gate = Some(0.999);
    let mut root = KalmanFilter::exact(model.clone(), start.clone()).unwrap();
    root = root.with_gate(gate).unwrap();
    let mut joseph = GaussianFilter::joseph(model, start).unwrap().with_gate(gate).unwrap();
    assert_eq!(allocations(|| run(&mut root)), 0, "root form, sizes at run time");
    assert_eq!(allocations(|| run(&mut joseph)), 0, "covariance form, sizes at run time");
    assert!(allocations(|| drop(root.clone())) > 0, "the allocator counts");

    let (model, start) = fix(&system);
    let constant = allocations(|| {
        run(&mut KalmanFilter::exact(model.clone(), start.clone())
            .unwrap()
            .with_gate(gate)
            .unwrap());
        run(&mut GaussianFilter::joseph(model.clone(), start.clone()).unwrap());
        run(&mut GaussianFilter::new(Extended(&model), start.clone()).unwrap());
        run(&mut GaussianFilter::joseph(Extended(&model), start.clone()).unwrap());
        let unscented = || Unscented::new(&model, SigmaPoints::GAUSSIAN).unwrap();
        run(&mut GaussianFilter::new(unscented(), start.clone()).unwrap());
        run(&mut GaussianFilter::joseph(unscented(), start.clone()).unwrap());
    });
    assert_eq!(constant, 0, "constant sizes, set-up included");
}
