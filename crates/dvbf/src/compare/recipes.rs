//! Sizes and recipes of the baselines. They were chosen on the validation split; the documentation
//! of the comparison says how.

use crate::baseline::{DeepKalmanSizes, PcaKalmanSettings, RecurrentSizes, VaeSizes};
use crate::data::Dataset;
use crate::schedule::Ramp;
use crate::settings::{OptimizerKind, Precision, Settings, TrainingSettings};

/// Units of each direction of the deep Kalman filter's recognition network.
const DEEP_KALMAN_UNITS: usize = 64;
/// Dimensions of the recurrent predictor's state.
const RECURRENT_STATE: usize = 128;
/// Principal components, and dimensions of the linear model's state.
const PCA: (usize, usize) = (24, 24);
/// Iterations of expectation maximization.
const EM_ITERATIONS: usize = 20;

/// The budget of the Deep Variational Bayes Filter: updates, windows, trials, average, choices; without
/// what only it has.
pub(super) fn budget(settings: &Settings) -> TrainingSettings {
    let training = &settings.training;
    TrainingSettings {
        // A shard draws its noise at once.
        block: training.shard,
        precision: Precision::F32,
        optimizer: OptimizerKind::Adam,
        warmup: Ramp::constant(1.0),
        weight_decay: 0.0,
        dream: 0.0,
        linear_start: false,
        state_clip: 0.0,
        drop: Ramp::constant(0.0),
        kl_weight: Ramp::constant(1.0),
        temper: Ramp::constant(1.0),
        start_noise: Ramp::constant(0.0),
        ..training.clone()
    }
}

pub(super) fn deep_kalman(settings: &Settings) -> TrainingSettings {
    budget(settings)
}

pub(super) fn vae(settings: &Settings) -> TrainingSettings {
    TrainingSettings { kl_weight: settings.training.kl_weight, ..budget(settings) }
}

pub(super) fn recurrent(settings: &Settings) -> TrainingSettings {
    TrainingSettings { drop: settings.training.drop, ..budget(settings) }
}

fn channels(data: &Dataset) -> (usize, usize) {
    (data.observations.dim().2, data.controls.dim().2)
}

/// `visible` leading dimensions of the state are seen by the emission.
pub(super) fn deep_kalman_sizes(
    settings: &Settings,
    data: &Dataset,
    visible: usize,
) -> DeepKalmanSizes {
    let ((observation, control), model) = (channels(data), &settings.model);
    DeepKalmanSizes {
        observation,
        control,
        state: model.state,
        emission_state: visible,
        recurrent: DEEP_KALMAN_UNITS,
        hidden: model.hidden,
        transition_hidden: model.hidden,
        emission_std: model.emission_std(),
    }
}

pub(super) fn vae_sizes(settings: &Settings, data: &Dataset) -> VaeSizes {
    let model = &settings.model;
    VaeSizes {
        observation: channels(data).0,
        state: model.state,
        hidden: model.hidden,
        emission_std: model.emission_std(),
    }
}

pub(super) fn recurrent_sizes(settings: &Settings, data: &Dataset) -> RecurrentSizes {
    let ((observation, control), model) = (channels(data), &settings.model);
    RecurrentSizes {
        observation,
        control,
        state: RECURRENT_STATE,
        hidden: model.hidden,
        emission_std: model.emission_std(),
    }
}

pub(super) fn pca_kalman(settings: &Settings, data: &Dataset) -> PcaKalmanSettings {
    let components = PCA.0.min(channels(data).0);
    PcaKalmanSettings {
        components,
        state: PCA.1.min(3 * components),
        iterations: EM_ITERATIONS,
        floor: settings.model.emission_std(),
    }
}

/// The settings of a Deep Variational Bayes Filter without what its preset knows of mechanics.
pub(super) fn plain(settings: &Settings) -> Settings {
    let mut plain = settings.clone();
    plain.model.emission.settings.remove("state");
    if plain.model.transition.settings.contains_key("shared") {
        plain.model.transition.set("shared", 0);
    }
    plain
}
