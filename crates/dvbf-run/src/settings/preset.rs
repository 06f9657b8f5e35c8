//! Named sets of settings.

use super::physics;
use super::{
    DataSettings, EvaluationSettings, ModelSettings, OptimizerKind, Precision, Settings,
    SettingsError, TrainingSettings,
};
use dvbf_core::{ImageConfig, KindTable};
use dvbf_envs::{BouncingBallSettings, PendulumSettings, TwoBallsSettings, VideoSettings};
use dvbf_train::schedule::{Ramp, Shape};
use serde_json::json;

/// Names of all presets.
pub const PRESETS: [&str; 9] = [
    "pendulum",
    "pendulum-physics",
    "cart-pole",
    "ball",
    "two-balls",
    "video",
    "skin",
    "paper",
    "smoke",
];

/// Presets that follow from recordings: `auto`, and `auto-network`, which does not start from a linear model.
pub(super) const AUTOMATIC: [&str; 2] = ["auto", "auto-network"];

/// The settings of the preset `name`.
///
/// - `pendulum`: the recipe that learns the pendulum in about a minute.
/// - `pendulum-physics`: the equation of the pendulum in place of the network, its constants learned.
/// - `cart-pole`: a pole on a cart with its equation, whose constants are learned.
/// - `ball`: a ball in a box with velocity control, four dimensions of which the emission sees two.
/// - `two-balls`: two balls in a box that collide, ten dimensions of which the emission sees six.
/// - `video`: the pendulum as a video of 64 by 64 pixels in color, before a textured background and
///   under a moving shadow, with convolutions.
/// - `skin`: a cheap tactile skin, whose force is told after a calibration of 20 s.
/// - `paper`: close to the recipe of Karl et al. 2017: joint tempering over 1e5 updates, their
///   optimizer, friction and sizes, full batch, 180 000 updates. Base matrices are point estimates,
///   the start is a network on the first frames, and parameters are initialized as in `pendulum`.
///   Takes hours.
/// - `smoke`: a short `pendulum` that shows in seconds that everything works.
///
/// # Errors
/// If there is no such preset; the error names the nearest one.
pub fn preset(name: &str) -> Result<Settings, SettingsError> {
    match name {
        "pendulum" => Ok(pendulum()),
        "pendulum-physics" => Ok(physics::pendulum(pendulum())),
        "cart-pole" => Ok(physics::cart_pole(pendulum())),
        "ball" => Ok(ball()),
        "two-balls" => Ok(two_balls()),
        "video" => Ok(video()),
        "skin" => Ok(super::tactile::skin(pendulum())),
        "paper" => Ok(paper()),
        "smoke" => Ok(smoke()),
        name if AUTOMATIC.contains(&name) => {
            let key = format!("preset {name}");
            Err(super::value_error(&key, "is for recordings, which --data names"))
        }
        _ => Err(SettingsError::UnknownPreset {
            name: name.into(),
            suggestion: super::overrides::nearest(name, PRESETS.into_iter().chain(AUTOMATIC)),
        }),
    }
}

pub(super) fn pendulum() -> Settings {
    Settings {
        preset: "pendulum".into(),
        seed: 0,
        data: DataSettings {
            seed: 0,
            train: 500,
            validation: 500,
            test: 500,
            steps: 15,
            long_steps: 100,
        },
        system: Some(PendulumSettings::default().into()),
        recordings: None,
        model: ModelSettings {
            state: 3,
            noise: 3,
            hidden: 128,
            initial_frames: 5,
            initial: KindTable::new("first-frames"),
            recognition: KindTable::new("feedforward"),
            transition: KindTable::new("locally-linear")
                .with("matrices", 16)
                .with("shared", 1)
                .with("hidden", 64),
            emission: KindTable::new("gaussian")
                .with("state", 2)
                .with("std_kind", "fixed")
                .with("std", 0.05),
        },
        training: TrainingSettings {
            steps: 18_000,
            restarts: 6,
            restart_horizon: 10,
            restart_steps: 300,
            finalists: 3,
            finalist_steps: 2_000,
            batch: 60,
            shard: 30,
            block: 30,
            window: 12,
            precision: Precision::F32,
            optimizer: OptimizerKind::Adam,
            learning_rate: Ramp {
                from: 5e-3,
                to: 3e-4,
                start: 0.0,
                end: 1.0,
                shape: Shape::Cosine,
            },
            warmup: Ramp { from: 0.5, to: 1.0, start: 0.0, end: 0.15, shape: Shape::Linear },
            groups: Vec::new(),
            weight_decay: 0.0,
            dream: 0.0,
            linear_start: false,
            clip: 10.0,
            state_clip: 0.0,
            drop: Ramp { from: 0.7, to: 0.25, start: 0.5, end: 0.8, shape: Shape::Linear },
            kl_weight: Ramp { from: 10.0, to: 1.0, start: 0.0, end: 0.5, shape: Shape::Geometric },
            temper: Ramp::constant(1.0),
            temper_period: 1,
            input_noise: Ramp { from: 0.1, to: 0.025, start: 0.5, end: 0.8, shape: Shape::Linear },
            start_noise: Ramp { from: 0.2, to: 0.05, start: 0.5, end: 0.8, shape: Shape::Linear },
            average: 0.998,
            log_interval: 1_000,
            checkpoint_interval: 2_000,
            max_skipped: 20,
            max_rollbacks: 3,
        },
        evaluation: EvaluationSettings {
            filtered: 5,
            chosen_by: 45,
            horizons: vec![10, 45, 95],
            importance_samples: 64,
        },
    }
}

/// A rate that needs no warm-up.
pub(super) fn slow() -> Ramp {
    Ramp { from: 3e-3, to: 3e-4, start: 0.0, end: 1.0, shape: Shape::Cosine }
}

fn ball() -> Settings {
    let base = pendulum();
    Settings {
        preset: "ball".into(),
        data: DataSettings { train: 5000, ..base.data.clone() },
        system: Some(BouncingBallSettings::default().into()),
        model: ModelSettings {
            state: 4,
            noise: 4,
            hidden: 256,
            transition: KindTable::new("residual").with("hidden", 128),
            ..base.model.clone()
        },
        training: TrainingSettings {
            steps: 16_000,
            restarts: 1,
            learning_rate: slow(),
            warmup: Ramp::constant(1.0),
            drop: Ramp { from: 0.7, to: 0.3, start: 0.4, end: 0.7, shape: Shape::Linear },
            kl_weight: Ramp { from: 10.0, to: 1.0, start: 0.0, end: 0.6, shape: Shape::Geometric },
            input_noise: Ramp { from: 0.1, to: 0.025, start: 0.3, end: 0.6, shape: Shape::Linear },
            start_noise: Ramp { from: 0.2, to: 0.05, start: 0.3, end: 0.6, shape: Shape::Linear },
            log_interval: 1_000,
            ..base.training.clone()
        },
        evaluation: EvaluationSettings {
            chosen_by: 20,
            horizons: vec![10, 20, 45],
            ..base.evaluation.clone()
        },
        ..base
    }
}

fn two_balls() -> Settings {
    let base = ball();
    Settings {
        preset: "two-balls".into(),
        system: Some(TwoBallsSettings::default().into()),
        model: ModelSettings {
            state: 10,
            noise: 10,
            emission: base.model.emission.clone().with("state", 6),
            ..base.model.clone()
        },
        training: TrainingSettings {
            restarts: 3,
            restart_steps: 400,
            finalists: 2,
            finalist_steps: 1_500,
            ..base.training.clone()
        },
        evaluation: EvaluationSettings { chosen_by: 10, ..base.evaluation.clone() },
        ..base
    }
}

fn video() -> Settings {
    let image = ImageConfig { colors: Some(3), ..ImageConfig::default() };
    let base = through_convolutions(&image);
    Settings {
        preset: "video".into(),
        data: DataSettings { validation: 100, test: 100, ..base.data.clone() },
        system: Some(VideoSettings::default().into()),
        model: ModelSettings {
            state: 5,
            noise: 5,
            emission: base.model.emission.clone().with("state", 4),
            ..base.model.clone()
        },
        ..base
    }
}

/// The recipe for recordings of images of `(height, width)` pixels with so many planes of color.
pub(super) fn of_images((height, width): (usize, usize), colors: usize) -> Settings {
    through_convolutions(&ImageConfig::of(height, width, colors))
}

/// The recipe of the pendulum with parts that see images. An image of so many pixels weighs as much as
/// a small one: its standard deviation is larger.
fn through_convolutions(image: &ImageConfig) -> Settings {
    let base = pendulum();
    let image = json!(image);
    Settings {
        model: ModelSettings {
            initial: KindTable::new("first-images").with("image", image.clone()),
            recognition: KindTable::new("convolutional").with("image", image.clone()),
            emission: KindTable::new("convolutional").with("std", 0.12).with("image", image),
            ..base.model.clone()
        },
        training: TrainingSettings {
            steps: 12_000,
            restarts: 1,
            batch: 30,
            shard: 15,
            block: 15,
            learning_rate: slow(),
            warmup: Ramp::constant(1.0),
            log_interval: 250,
            checkpoint_interval: 500,
            ..base.training.clone()
        },
        evaluation: EvaluationSettings { importance_samples: 8, ..base.evaluation.clone() },
        ..base
    }
}

fn paper() -> Settings {
    let base = pendulum();
    Settings {
        preset: "paper".into(),
        system: Some(PendulumSettings { damping: 0.5, ..PendulumSettings::default() }.into()),
        model: ModelSettings {
            initial_frames: 15,
            transition: base.model.transition.clone().with("hidden", 0).with("shared", 0),
            emission: KindTable::new("gaussian")
                .with("state", 3)
                .with("std_kind", "learned-per-channel")
                .with("std", 1.0),
            ..base.model.clone()
        },
        training: TrainingSettings {
            steps: 180_000,
            restarts: 1,
            batch: 500,
            shard: 125,
            block: 25,
            window: 0,
            optimizer: OptimizerKind::Rmsprop,
            learning_rate: Ramp::constant(1e-3),
            warmup: Ramp::constant(1.0),
            clip: f64::INFINITY,
            state_clip: 2.0,
            drop: Ramp::constant(0.0),
            kl_weight: Ramp::constant(1.0),
            temper: Ramp { from: 0.01, to: 1.0, start: 0.0, end: 0.55, shape: Shape::Linear },
            temper_period: 250,
            input_noise: Ramp::constant(0.0),
            start_noise: Ramp::constant(0.0),
            average: 0.0,
            log_interval: 1_000,
            checkpoint_interval: 2_000,
            ..base.training.clone()
        },
        evaluation: EvaluationSettings {
            filtered: 15,
            horizons: vec![10, 45, 85],
            ..base.evaluation.clone()
        },
        ..base
    }
}

fn smoke() -> Settings {
    let base = pendulum();
    Settings {
        preset: "smoke".into(),
        data: DataSettings { train: 300, validation: 100, test: 100, ..base.data.clone() },
        training: TrainingSettings {
            steps: 3_000,
            restarts: 4,
            restart_steps: 400,
            finalists: 1,
            learning_rate: slow(),
            warmup: Ramp::constant(1.0),
            log_interval: 250,
            checkpoint_interval: 500,
            ..base.training.clone()
        },
        evaluation: EvaluationSettings { importance_samples: 8, ..base.evaluation.clone() },
        ..base
    }
}
