//! Settings of model, training and evaluation.

mod earlier;
mod groups;
mod model;
mod plan;
mod span;

pub use earlier::EARLIER_KEYS;
pub use groups::ParameterGroup;
pub use model::ModelSettings;
pub use plan::TrainingPlan;
pub use span::Span;

use crate::schedule::Ramp;
use serde::{Deserialize, Serialize};

/// Which rule moves the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Adam with β₁ 0.9, β₂ 0.999, ε 1e-8.
    Adam,
    /// RMSprop with decay 0.9 and offset 1e-4 inside the root: what "adadelta, step rate 0.1" of
    /// Karl et al. 2017 really was, at a learning rate of 1e-3.
    Rmsprop,
}

/// Precision of the wide products of a training. Parameters, sums and everything else stay `f32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// `f32`.
    F32,
    /// Factors rounded to bf16 where the processor has such products, `f32` elsewhere.
    Bf16,
}

/// The recipe. Ramps are over the progress of training, from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingSettings {
    /// Updates of the parameters.
    pub steps: u64,
    /// Initializations that are tried; those that predict the validation frames best after
    /// `restart_steps` updates go on. No choice is made if one.
    pub restarts: u8,
    /// Predicted frames by which the initializations are compared.
    pub restart_horizon: usize,
    /// Updates of every initialization before the choice; less than `steps` are made in any case.
    pub restart_steps: u64,
    /// Initializations that go on; the one with the highest bound on the validation set after
    /// `finalist_steps` updates is trained.
    pub finalists: u8,
    /// Updates of every finalist, trial included; less than `steps` are made in any case.
    pub finalist_steps: u64,
    /// Sequences of an update.
    pub batch: usize,
    /// Sequences that one thread computes; gradients of shards are added in order.
    pub shard: usize,
    /// Sequences that go through the model together; fewer stay in the processor's cache. A shard
    /// has one block or more.
    pub block: usize,
    /// Frames of the window that an update cuts from every sequence at a random place; the whole
    /// sequence if zero.
    pub window: usize,
    /// Precision of wide products.
    pub precision: Precision,
    /// The rule that moves the parameters.
    pub optimizer: OptimizerKind,
    /// Its learning rate.
    pub learning_rate: Ramp,
    /// Factor of the learning rate.
    pub warmup: Ramp,
    /// Parameters with a learning rate of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<ParameterGroup>,
    /// Weight decay `λ` of the recognition networks: every update multiplies their weights, not
    /// their biases, by one minus the learning rate times `λ`. What little data can be learned by
    /// heart with, the generative part cannot be.
    pub weight_decay: f64,
    /// Largest Euclidean norm of a gradient of the mean loss a step and sequence.
    pub clip: f64,
    /// Bound of every element of the state's gradient at every step; none if zero.
    pub state_clip: f64,
    /// Recognition drop-out: the probability that a step follows the prior instead of the
    /// recognition network, so that the transition must predict over several frames.
    pub drop: Ramp,
    /// Weight of the divergence.
    pub kl_weight: Ramp,
    /// Tempering constant `c` of the joint density (Karl et al. 2017, eq. 10').
    pub temper: Ramp,
    /// Updates between changes of `c`.
    pub temper_period: u64,
    /// Standard deviation of the noise added to what the recognition network sees.
    pub input_noise: Ramp,
    /// Standard deviation of the noise added to what the initial state's network sees.
    pub start_noise: Ramp,
    /// Weight of dreams: the network of the initial state also learns to read what the model itself
    /// draws (the sleep phase of wake–sleep, Hinton et al. 1995). No dreams if zero.
    #[serde(default)]
    pub dream: f64,
    /// Whether a model of recordings starts from the linear model that predicts the validation frames best,
    /// and is chosen by how much better it is than that at every horizon.
    #[serde(default)]
    pub linear_start: bool,
    /// Decay of the running average of the parameters that is evaluated; no average if zero.
    pub average: f64,
    /// Updates between evaluations on the validation set.
    pub log_interval: u64,
    /// Updates between checkpoints.
    pub checkpoint_interval: u64,
    /// Updates in a row that may be skipped for a gradient that is not finite. One more, and the
    /// training returns to its last good state with half the learning rate.
    pub max_skipped: u64,
    /// Returns to a good state, which are taken every `checkpoint_interval` updates. One more, and the
    /// training stops.
    pub max_rollbacks: u64,
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationSettings {
    /// Frames that are filtered before an open-loop prediction.
    pub filtered: usize,
    /// Predicted frames by whose open-loop error on the validation set the model is chosen that is
    /// kept. Where small errors grow, those of a long prediction say little.
    pub chosen_by: usize,
    /// Numbers of predicted frames over which the open-loop error is averaged.
    pub horizons: Vec<usize>,
    /// Samples of the importance-weighted bound; not computed if zero.
    pub importance_samples: usize,
}

impl EvaluationSettings {
    /// The prediction of the most frames.
    pub fn longest_span(&self) -> Span {
        let horizon = self.horizons.iter().copied().max().unwrap_or(0);
        Span { filtered: self.filtered, horizon }
    }
}
