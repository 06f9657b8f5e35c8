//! Updates: gradients that are not finite, and the observer's figures.

use crate::tiny::{STEPS, Stop, run, settings};
use dvbf::data::Splits;
use dvbf::pool::Pool;
use dvbf::run::{Outcome, RunFolder};
use dvbf::train::{TrainError, Trainer, TrainerState};
use dvbf_core::{Params, Path};

#[test]
fn an_update_that_is_not_finite_touches_nothing() {
    let mut settings = settings();
    (settings.training.max_skipped, settings.training.max_rollbacks) = (3, 0);
    let good = Splits::make(&settings).unwrap().train;
    let mut bad = good.clone();
    bad.observations.fill(f32::NAN);
    let pool = Pool::new(2).unwrap();
    let mut trainer = Trainer::new(&settings, &good, 0).unwrap();
    for _ in 0..2 {
        assert!(trainer.step(&good, &pool).unwrap().applied);
    }
    let before = trainer.checkpoint();
    let state = |t: &Trainer| {
        let file = t.checkpoint();
        TrainerState::decode(&file.trainer, file.values.len()).unwrap()
    };
    let first = state(&trainer);
    for skipped in 1..=3 {
        let stats = trainer.step(&bad, &pool).unwrap();
        assert!(!stats.applied && !stats.grad_norm.is_finite());
        let now = state(&trainer);
        assert_eq!(trainer.checkpoint().values, before.values);
        assert_eq!((&now.optimizer, &now.average), (&first.optimizer, &first.average));
        assert_eq!((now.step, now.skipped), (2 + skipped, skipped));
    }
    // The next one is one too many: the diagnosis names settings that help.
    let error = trainer.step(&bad, &pool).unwrap_err();
    assert!(matches!(error, TrainError::NotFinite { skipped: 4, step: 5, .. }), "{error}");
    let message = error.to_string();
    for part in ["4 updates in a row", "update 5", "training.learning_rate", "training.clip"] {
        assert!(message.contains(part), "{message}");
    }
    // A good update ends the count.
    assert!(trainer.step(&good, &pool).unwrap().applied);
    assert_eq!(state(&trainer).skipped, 0);
    assert_ne!(trainer.checkpoint().values, before.values);
}

/// The good state is that of the last multiple of the checkpoint interval, also after a resumption.
#[test]
fn a_training_returns_to_its_last_good_state_and_halves_its_rate() {
    let mut settings = settings();
    (settings.training.max_skipped, settings.training.max_rollbacks) = (1, 2);
    assert_eq!(settings.training.checkpoint_interval, 5);
    let good = Splits::make(&settings).unwrap().train;
    let mut bad = good.clone();
    bad.observations.fill(f32::INFINITY);
    let pool = Pool::new(1).unwrap();
    let state = |t: &Trainer| {
        let file = t.checkpoint();
        TrainerState::decode(&file.trainer, file.values.len()).unwrap()
    };
    for resumed in [false, true] {
        let mut trainer = Trainer::new(&settings, &good, 0).unwrap();
        for _ in 0..5 {
            assert!(trainer.step(&good, &pool).unwrap().applied);
        }
        let (kept, kept_state) = (trainer.checkpoint().values, state(&trainer));
        assert_eq!(kept_state.good, None, "the state itself is the good one");
        for _ in 0..2 {
            assert!(trainer.step(&good, &pool).unwrap().applied);
        }
        assert_eq!(trainer.step(&bad, &pool).unwrap().returned_to, None);
        if resumed {
            let (file, state) = (trainer.checkpoint(), state(&trainer));
            assert_eq!(state.good.as_ref().map(|good| good.step), Some(5));
            trainer = Trainer::resume(&settings, file, state, &good).unwrap();
        }
        assert_ne!(trainer.checkpoint().values, kept);
        let training = &settings.training;
        let rate = |step: f64| {
            let progress = step / STEPS as f64;
            training.learning_rate.at(progress) * training.warmup.at(progress)
        };
        let stats = trainer.step(&bad, &pool).unwrap();
        assert_eq!((stats.applied, stats.returned_to), (false, Some(5)));
        assert_eq!(trainer.checkpoint().values, kept);
        let now = state(&trainer);
        assert_eq!((&now.optimizer, &now.average), (&kept_state.optimizer, &kept_state.average));
        assert_eq!((now.step, now.skipped, now.rollbacks), (9, 0, 1));
        let stats = trainer.step(&good, &pool).unwrap();
        assert!(stats.applied && (stats.learning_rate / rate(9.0) - 0.5).abs() < 1e-12);
        // That was update 10, so its state is the good one from here on. A second return, then none.
        for expected in [None, Some(10), None] {
            assert_eq!(trainer.step(&bad, &pool).unwrap().returned_to, expected);
        }
        let error = trainer.step(&bad, &pool).unwrap_err();
        assert!(matches!(error, TrainError::NotFinite { rollbacks: 2, .. }), "{error}");
        assert!(error.to_string().contains("after 2 returns"), "{error}");
    }
}

#[test]
fn the_gradient_is_clipped_to_its_norm() {
    // RMSprop from zero moments moves by the gradient's direction only; a clipped and a scaled
    // gradient differ by the offset under the root alone. So look at the moments themselves.
    let mut settings = settings();
    settings.training.optimizer = dvbf::settings::OptimizerKind::Adam;
    settings.training.clip = 0.5;
    let data = Splits::make(&settings).unwrap().train;
    let mut trainer = Trainer::new(&settings, &data, 0).unwrap();
    let stats = trainer.step(&data, &Pool::new(1).unwrap()).unwrap();
    assert!(stats.grad_norm > 0.5, "the first gradient is larger: {}", stats.grad_norm);
    let file = trainer.checkpoint();
    let state = TrainerState::decode(&file.trainer, file.values.len()).unwrap();
    let moments = serde_json::to_value(&state.optimizer).unwrap();
    let first = moments["Adam"]["first"].as_array().unwrap();
    let norm = first.iter().map(|m| m.as_f64().unwrap().powi(2)).sum::<f64>().sqrt();
    assert!((norm - 0.1 * 0.5).abs() < 1e-5, "m = (1 − β₁) g: {norm}");
}

#[test]
fn a_run_that_breaks_down_says_why() {
    let mut settings = settings();
    settings.training.learning_rate = dvbf::schedule::Ramp::constant(10.0);
    settings.training.clip = 1e30;
    (settings.training.max_skipped, settings.training.max_rollbacks) = (0, 1);
    settings.training.steps = 400;
    settings.training.log_interval = 400;
    let folder = tempfile::tempdir().unwrap();
    // Enormous steps may or may not end in infinity; when they do, it is said.
    match run(&settings, folder.path(), (false, 1), &mut Stop::default()) {
        Err(error) => assert!(error.to_string().contains("training.learning_rate"), "{error}"),
        Ok(outcome) => assert!(matches!(outcome, Outcome::Finished(_))),
    }
}

#[test]
fn the_observer_sees_every_update_and_every_record() {
    let settings = settings();
    let folder = tempfile::tempdir().unwrap();
    let mut watcher = Stop::default();
    run(&settings, folder.path(), (false, 2), &mut watcher).unwrap();
    assert_eq!(watcher.stats.len() as u64, STEPS);
    let steps: Vec<u64> = watcher.records.iter().map(|r| r.step).collect();
    assert_eq!(steps, [4, 8, 12, 14]);
    assert_eq!(RunFolder::open(folder.path()).unwrap().history().unwrap(), watcher.records);
    // A record holds the means of its updates.
    let mean = watcher.stats[4..8].iter().map(|s| s.bound).sum::<f64>() / 4.0;
    assert!((watcher.records[1].bound - mean).abs() < 1e-9 * mean.abs());
    for stats in &watcher.stats {
        let gap = stats.reconstruction - stats.kl - stats.bound;
        assert!(gap.abs() < 1e-9 * (1.0 + stats.bound.abs()), "bound = reconstruction − KL");
    }
}

/// The first update with decay differs from the one without by `η λ` times the old weights of the
/// recognition networks, and by nothing elsewhere.
#[test]
fn weight_decay_acts_on_the_weights_of_recognition_alone() {
    let mut settings = settings();
    let data = Splits::make(&settings).unwrap().train;
    let pool = Pool::new(1).unwrap();
    let mut values = |decay: f64| {
        settings.training.weight_decay = decay;
        let mut trainer = Trainer::new(&settings, &data, 0).unwrap();
        let mut before = Vec::new();
        trainer.model().visit(Path::ROOT, &mut |path, array| {
            before.extend(array.iter().map(|&v| (path.to_string(), v)));
        });
        let rate = trainer.step(&data, &pool).unwrap().learning_rate;
        (before, trainer.model().to_flat(), rate)
    };
    let decay = 0.9;
    let (before, free, rate) = values(0.0);
    let (_, decayed, _) = values(decay);
    let mut moved = 0;
    for (((name, old), free), decayed) in before.iter().zip(free).zip(decayed) {
        let network = name.starts_with("recognition.") || name.starts_with("initial.recognition.");
        if network && name.ends_with(".weight") {
            let shift = rate * decay * f64::from(*old);
            let off = f64::from(free) - f64::from(decayed) - shift;
            assert!(off.abs() < 1e-6 * (1.0 + f64::from(old.abs())), "{name}: {off}");
            moved += usize::from(free.to_bits() != decayed.to_bits());
        } else {
            assert_eq!(free.to_bits(), decayed.to_bits(), "{name}");
        }
    }
    assert!(moved > 100, "{moved} weights decayed");
}
