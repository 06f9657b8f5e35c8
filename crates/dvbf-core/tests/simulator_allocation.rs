//! A simulator allocates nothing after construction, its first calls included.
//!
//! The allocator of this binary counts. It holds one test, so that no other one is counted with it.

use dvbf_core::{
    Dvbf, Filter, FilterOptions, KindTable, ModelConfig, Noise, SimulatedModel, Simulator,
    SimulatorOptions, TrainingRange,
};
use ndarray::{Array2, Array3};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(old, layout) }
    }
}

#[test]
fn nothing_allocates_after_construction() {
    for (transition, count) in [
        (KindTable::new("locally-linear").with("matrices", 4), 1),
        (KindTable::new("locally-linear").with("matrices", 4), 300),
        (KindTable::new("residual").with("hidden", 8), 300),
    ] {
        let config =
            ModelConfig { hidden: 8, initial_frames: 1, transition, ..ModelConfig::new(70, 1, 3) };
        let model = Arc::new(Dvbf::random(&config, Noise::new(0, 0)).unwrap());
        let mut filter = Filter::new(Arc::clone(&model), 0.1, FilterOptions::default()).unwrap();
        filter.step(Some(&[0.1; 70]), &[0.0], 0.1).unwrap();
        let mut source = SimulatedModel::of(&filter);
        let extremes = Array2::from_shape_fn((2, 3), |(r, _)| if r == 0 { -1.0 } else { 1.0 });
        source.range = TrainingRange::of(extremes.view()).map(Arc::new);
        let options = SimulatorOptions::default();
        let mut simulator = Simulator::new(&source, 0..count as u64, options).unwrap();
        let mut snapshot = simulator.snapshot();
        let (controls, run) = (Array2::ones((count, 1)), Array3::ones((4, count, 1)));
        let (mut states, mut frames) = (Array3::zeros((4, count, 3)), Array2::zeros((count, 70)));
        let (given, mask) = (Array2::zeros((count, 3)), vec![true; count]);
        let before = ASKED.load(Ordering::Relaxed);
        for _ in 0..3 {
            simulator.step(controls.view()).unwrap();
            simulator.run(run.view(), states.view_mut()).unwrap();
            simulator.observation_means(frames.view_mut());
            simulator.observation_samples(frames.view_mut());
            simulator.start_from_prior(Some(&mask));
            simulator.start_from_belief(&filter, Some(&mask)).unwrap();
            simulator.start_from_states(given.view(), None).unwrap();
            simulator.save(&mut snapshot);
            simulator.restore(&snapshot);
            simulator.reseed(3);
        }
        let asked = ASKED.load(Ordering::Relaxed) - before;
        assert_eq!(asked, 0, "{count} rollouts, {}", config.transition.kind);
    }
}
