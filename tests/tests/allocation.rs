//! Nothing allocates after set-up: neither the online filter nor an update of the parameters.
//!
//! The allocator of this binary counts. It holds one test, so that no other one is counted with it.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf::data::{Dataset, Splits};
use dvbf::pool::Pool;
use dvbf::settings::{OptimizerKind, Settings, preset};
use dvbf::train::Trainer;
use dvbf_core::{
    DelayedFilter, Dvbf, Filter, FilterOptions, Forecast, KindTable, ModelFile, Noise,
    TrainingBounds, TrainingRange,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

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

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ASKED.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ASKED.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(old, layout) }
    }
}

/// Allocations while `work` runs, of all threads.
fn allocations(work: impl FnOnce()) -> usize {
    let before = ASKED.load(Ordering::Relaxed);
    work();
    ASKED.load(Ordering::Relaxed) - before
}

/// A small training in which everything that a step can do is switched on.
fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = preset("smoke").unwrap();
    settings.data.train = 64;
    settings.model.hidden = 32;
    settings.training.steps = 1000;
    settings.training.batch = 40;
    // The last shard is smaller than the others, and the last block than its shard's others.
    settings.training.shard = 16;
    settings.training.block = 7;
    change(&mut settings);
    settings
}

fn recordings(settings: &Settings) -> Dataset {
    Splits::make(settings).unwrap().train
}

/// Allocations of fifty updates, after a few that may fill buffers of their thread.
fn of_updates(settings: &Settings, threads: usize) -> usize {
    let data = recordings(settings);
    let mut trainer = Trainer::new(settings, &data, 0).unwrap();
    let pool = Pool::new(threads).unwrap();
    let mut update = |times: usize| {
        for _ in 0..times {
            assert!(trainer.step(&data, &pool).unwrap().applied);
        }
    };
    update(10);
    allocations(|| update(50))
}

/// A stream of frames of which some are dropped, those that start the state included.
fn stream(filter: &mut Filter, frame: &[f32], dropped: &[usize]) {
    for t in 0..20 {
        let frame = (!dropped.contains(&t)).then_some(frame);
        black_box(filter.step(frame, &[0.5], 0.1).unwrap());
    }
}

fn filter_allocates_nothing(kind: &KindTable, options: FilterOptions) {
    let settings = settings(|s| s.model.transition = kind.clone());
    let data = recordings(&settings);
    let frame: Vec<f32> = data.observations.slice(ndarray::s![0, 0, ..]).to_vec();
    let config = settings.model.resolve(frame.len(), 1).unwrap();
    let model = Arc::new(Dvbf::random(&config, Noise::new(0, 0)).unwrap());
    let mut filter = Filter::new(model, 0.1, options).unwrap();
    let what = format!("{kind:?}, {options:?}");

    // The very first call counts, too.
    assert_eq!(allocations(|| stream(&mut filter, &frame, &[])), 0, "{what}: all frames seen");
    assert_eq!(allocations(|| filter.reset()), 0, "{what}: reset");
    let count = allocations(|| stream(&mut filter, &frame, &[1, 7, 8, 15]));
    assert_eq!(count, 0, "{what}: some frames dropped");
    filter.reset();
    let count = allocations(|| stream(&mut filter, &frame, &[0, 1, 2, 3, 4]));
    assert_eq!(count, 0, "{what}: no frame to start from");
    let mut partly = frame.clone();
    partly[..100].fill(f32::NAN);
    assert_eq!(allocations(|| stream(&mut filter, &partly, &[])), 0, "{what}: half a frame");
    let far = vec![1e30_f32; frame.len()];
    let count = allocations(|| {
        let wrong = [f32::INFINITY; 256];
        assert!(filter.step(Some(&wrong), &[0.5], 0.1).is_err());
        assert!(filter.step(Some(&wrong[..3]), &[0.5], 0.1).is_err());
        assert!(filter.step(Some(&frame), &[0.5], 0.2).is_err());
        let _ = black_box(filter.step(Some(&far), &[0.5], 0.1));
    });
    assert_eq!(count, 0, "{what}: refused observations");
    if options.samples > 0 {
        filter.reset();
        stream(&mut filter, &frame, &[]);
        let controls = ndarray::Array2::from_elem((5, 1), 0.1);
        let mut forecast = Forecast::of(&filter, 5);
        let count = allocations(|| filter.predict_into(controls.view(), &mut forecast).unwrap());
        assert_eq!(count, 0, "{what}: a forecast");
    }

    let mut filter = DelayedFilter::new(filter, 8).unwrap();
    let at = |t: u64| Duration::from_millis(100 * t);
    let count = allocations(|| {
        for t in 0..40 {
            let frame = (t % 3 == 0).then_some(&frame[..]);
            black_box(filter.step_at(at(t), frame, &[0.5]).unwrap());
            if t % 4 == 3 {
                black_box(filter.update_at(at(t - 2), &partly).unwrap());
            }
        }
        assert!(filter.update_at(at(3), &partly).is_err());
        assert!(filter.step_at(at(400), None, &[0.5]).is_err());
        filter.reset();
    });
    assert_eq!(count, 0, "{what}: late frames");
}

/// A filter whose file knows what is usual, and therefore judges its beliefs and starts again.
fn filter_that_starts_again_allocates_nothing(options: FilterOptions) {
    let settings = settings(|_| ());
    let mut config = settings.model.resolve(4, 1).unwrap();
    config.dt = Some(0.1);
    let model = Dvbf::random(&config, Noise::new(0, 0)).unwrap();
    let usual = Some([-1.0, 1.0]);
    let bounds = TrainingBounds { observation: vec![usual; 4], control: vec![usual] };
    let extremes = ndarray::Array2::from_shape_fn((2, config.state), |(r, _)| r as f32 - 0.5);
    let range = TrainingRange::of(extremes.view());
    let file = ModelFile { bounds: Some(bounds), range, ..ModelFile::new(&config, &model) };
    let mut filter = Filter::from_file(file, Path::new("model")).unwrap();
    filter = filter.with_options(options).unwrap();
    let count = allocations(|| {
        for t in 0..400_u16 {
            let value = if t % 7 < 5 { f32::from(t).sin() } else { 3.0 };
            let value = if t % 90 < 4 { 1e30 } else { value };
            let frame = (t % 50 < 40).then_some([value; 4]);
            let seen = frame.as_ref().map(|frame| &frame[..]);
            black_box(filter.step(seen, &[value], 0.1).unwrap());
            let _ = black_box(filter.step(seen, &[f32::NAN], 0.1).is_err());
        }
    });
    assert_eq!(count, 0, "{options:?}: a hostile stream");
    let health = filter.health();
    assert!(health.restarted > 0 && health.gated > 0 && health.clamped > 0, "{health:?}");
    assert_eq!((health.steps, health.refused), (400, 400));
}

#[test]
fn nothing_allocates_after_set_up() {
    assert!(allocations(|| drop(black_box(vec![0_u8; 100]))) > 0, "the allocator counts");

    for kind in [
        KindTable::new("locally-linear").with("hidden", 0),
        KindTable::new("locally-linear").with("hidden", 16),
        KindTable::new("residual").with("hidden", 16),
    ] {
        let gated = FilterOptions { gate: Some(0.9), ..FilterOptions::default() };
        let many = FilterOptions { samples: 300, ..gated };
        for options in [FilterOptions::MEAN_PATH, gated, many] {
            filter_allocates_nothing(&kind, options);
            filter_that_starts_again_allocates_nothing(options);
        }
        let settings = settings(|s| s.model.transition = kind.clone());
        assert_eq!(of_updates(&settings, 1), 0, "{kind:?}: updates on one thread");
    }

    let rmsprop = settings(|s| {
        s.training.optimizer = OptimizerKind::Rmsprop;
        s.training.average = 0.0;
        s.training.state_clip = 2.0;
        s.training.window = 0;
    });
    assert_eq!(of_updates(&rmsprop, 1), 0, "RMSprop, whole sequences, clipped state gradients");

    // A rest of one slice beyond whole blocks of the inner axis.
    let rest = settings(|s| s.model.initial_frames = 2);
    assert_eq!(of_updates(&rest, 1), 0, "513 inputs of the initial state's network");

    // The queue through which a pool of threads gets its work allocates a block for some dozens of
    // jobs; an update is one job.
    let count = of_updates(&settings(|_| ()), 2);
    assert!(count <= 5, "{count} allocations in 50 updates on two threads");
}
