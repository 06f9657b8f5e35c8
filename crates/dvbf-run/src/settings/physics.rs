//! Presets with known physics in place of a network.

use super::{DataSettings, ModelSettings, ParameterGroup, Settings, TrainingSettings};
use dvbf_core::KindTable;
use dvbf_envs::{Camera, CartPoleImageSettings, CartPoleSettings};
use dvbf_train::schedule::{Ramp, Shape};
use serde_json::json;

/// The pendulum with its equation: angle and velocity as state, constants learned from pixels; `base`
/// are the settings with a network.
pub(super) fn pendulum(base: Settings) -> Settings {
    Settings {
        preset: "pendulum-physics".into(),
        model: ModelSettings {
            state: 2,
            noise: 2,
            initial: KindTable::new("known-state"),
            transition: KindTable::new("sum")
                .with("known", json!({ "dynamics": "damped-pendulum" }))
                .with("noise", json!({ "std": 0.02 })),
            emission: KindTable::new("gaussian").with("state", 1).with("std", 0.05),
            ..base.model.clone()
        },
        training: TrainingSettings {
            steps: 12_000,
            restarts: 3,
            restart_steps: 1500,
            finalists: 1,
            window: 15,
            learning_rate: Ramp {
                from: 1e-2,
                to: 1e-4,
                start: 0.0,
                end: 1.0,
                shape: Shape::Cosine,
            },
            groups: vec![
                ParameterGroup {
                    prefix: "transition.constants".into(),
                    rate: 10.0,
                    start: 0.02,
                    end: 1.0,
                    optional: false,
                },
                // A remainder explains what the equation cannot, once the equation does what it can.
                ParameterGroup {
                    prefix: "transition.remainder".into(),
                    rate: 1.0,
                    start: 0.4,
                    end: 1.0,
                    optional: true,
                },
                ParameterGroup {
                    prefix: "transition.log_std".into(),
                    rate: 1.0,
                    start: 0.75,
                    end: 1.0,
                    optional: false,
                },
                // The pictures are learned first, of angles that the data tell from the start.
                ParameterGroup {
                    prefix: "initial".into(),
                    rate: 1.0,
                    start: 0.05,
                    end: 1.0,
                    optional: false,
                },
            ],
            input_noise: Ramp::constant(0.0),
            start_noise: Ramp::constant(0.0),
            dream: 1.0,
            drop: Ramp::constant(0.7),
            kl_weight: Ramp { from: 10.0, to: 1.0, start: 0.0, end: 0.5, shape: Shape::Geometric },
            ..base.training.clone()
        },
        ..base
    }
}

/// A pole on a cart with its equation: half length, ratio of the masses and gain of the force are
/// learned from pixels.
pub(super) fn cart_pole(base: Settings) -> Settings {
    let base = pendulum(base);
    Settings {
        preset: "cart-pole".into(),
        system: Some(
            CartPoleSettings {
                // As heavy as the cart: of a light pole, frames hardly tell the mass.
                pole_mass: 1.0,
                image: CartPoleImageSettings {
                    camera: Camera::Cart,
                    ..CartPoleImageSettings::default()
                },
                ..CartPoleSettings::default()
            }
            .into(),
        ),
        data: DataSettings { train: 1000, ..base.data.clone() },
        model: ModelSettings {
            state: 4,
            noise: 4,
            transition: KindTable::new("sum")
                .with("known", json!({ "dynamics": "cart-pole" }))
                .with("noise", json!({ "std": 0.002 })),
            emission: KindTable::new("gaussian").with("state", 2).with("std", 0.05),
            ..base.model.clone()
        },
        ..base
    }
}
