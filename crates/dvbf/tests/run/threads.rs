//! The number of threads changes no bit of any file; the seed changes all.

use crate::tiny::{Stop, files, run, settings};
use dvbf::settings::OptimizerKind;

#[test]
fn threads_change_nothing() {
    let mut settings = settings();
    for optimizer in [OptimizerKind::Adam, OptimizerKind::Rmsprop] {
        settings.training.optimizer = optimizer;
        let of = |threads: usize| {
            let folder = tempfile::tempdir().unwrap();
            run(&settings, folder.path(), (false, threads), &mut Stop::default()).unwrap();
            files(folder.path())
        };
        let one = of(1);
        for threads in [1, 2, 3, 8] {
            assert!(of(threads) == one, "{threads} threads");
        }
    }
}

#[test]
fn seeds_change_everything() {
    let of = |seed: u64| {
        let folder = tempfile::tempdir().unwrap();
        let settings = dvbf::settings::Settings { seed, ..settings() };
        run(&settings, folder.path(), (false, 1), &mut Stop::default()).unwrap();
        files(folder.path())
    };
    let (a, b) = (of(1), of(2));
    assert_ne!(a.checkpoint, b.checkpoint);
    assert_ne!(a.best, b.best);
    assert_ne!(a.metrics[0]["bound"], b.metrics[0]["bound"]);
    // The data have a seed of their own.
    let persistence = |f: &crate::tiny::Files| f.summary["open_loop"]["2"]["persistence"].clone();
    assert_eq!(persistence(&a), persistence(&b));
}
