//! What a training is made from.

use super::{ModelSettings, TrainingSettings};

/// What a training is made from. Settings of a whole run convert into it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingPlan<'a> {
    /// Seed of the parameters, of the order of sequences and of all training noise.
    pub seed: u64,
    /// Sizes and kinds of the model's parts.
    pub model: &'a ModelSettings,
    /// The recipe.
    pub training: &'a TrainingSettings,
}
