//! The preset of the tactile skin.

use super::{DataSettings, EvaluationSettings, ModelSettings, Settings, TrainingSettings};
use dvbf_core::KindTable;
use dvbf_envs::SkinSettings;
use dvbf_train::schedule::{Ramp, Shape};
use serde_json::json;

/// Readings of a cheap skin without labels: the linear model that predicts them best, and a network that learns
/// what it lacks. Sequences begin at rest and are long enough to creep.
pub(super) fn skin(base: Settings) -> Settings {
    Settings {
        preset: "skin".into(),
        data: DataSettings {
            seed: 0,
            train: 40,
            validation: 10,
            test: 10,
            steps: 2000,
            long_steps: 200,
        },
        system: Some(SkinSettings::default().into()),
        model: ModelSettings {
            state: 16,
            noise: 16,
            hidden: 64,
            initial_frames: 8,
            transition: KindTable::new("sum")
                .with("linear", json!({}))
                .with("remainder", json!({ "hidden": 64, "penalty": 0.0 })),
            emission: KindTable::new("gaussian")
                .with("std_kind", "learned-per-channel")
                .with("std", 0.1),
            ..base.model
        },
        training: TrainingSettings {
            steps: 600,
            linear_start: true,
            restarts: 1,
            finalists: 1,
            batch: 40,
            shard: 20,
            block: 20,
            window: 24,
            learning_rate: Ramp {
                from: 3e-3,
                to: 3e-4,
                start: 0.0,
                end: 1.0,
                shape: Shape::Cosine,
            },
            warmup: Ramp::constant(1.0),
            kl_weight: Ramp::constant(0.05),
            drop: Ramp { from: 0.7, to: 0.3, start: 0.3, end: 0.8, shape: Shape::Linear },
            input_noise: Ramp::constant(0.0),
            start_noise: Ramp::constant(0.0),
            log_interval: 200,
            ..base.training
        },
        evaluation: EvaluationSettings {
            filtered: 20,
            chosen_by: 20,
            horizons: vec![1, 5, 20, 50],
            importance_samples: 0,
        },
        ..base
    }
}
