//! How the terms of a baseline's loss are weighted, and which settings of a training it cannot have.

use crate::schedule::Ramp;
use crate::settings::TrainingSettings;
use dvbf_core::{GradientOptions, Scalar};
use dvbf_data::settings::ValueError;

/// Weights of the terms of the loss of a sequence, `−ln p(x | z) + kl · KL`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Weights<S> {
    /// Weight of the divergence.
    pub(super) kl: S,
    /// Factor of the summed loss of all sequences, such as one over their number.
    pub(super) scale: S,
}

impl<S: Scalar> Weights<S> {
    /// The weights of these options.
    ///
    /// # Panics
    /// If the options temper the likelihood or the prior, or limit the gradient of the state.
    #[track_caller]
    pub(super) fn of(options: GradientOptions<S>) -> Self {
        let GradientOptions { objective, scale, state_limit } = options;
        let plain = (objective.likelihood, objective.prior) == (S::ONE, S::ONE);
        assert!(
            plain && state_limit == S::infinity(),
            "a baseline has the plain loss: {options:?}"
        );
        Self { kl: objective.kl, scale }
    }
}

/// Refuses what the baselines do not have: tempering, a limit of the state's gradient, decay of weights,
/// dreams, and a start with noise of its own.
pub(super) fn check(training: &TrainingSettings) -> Result<(), ValueError> {
    let none = |key: &str, is: bool, only: &str| {
        let problem = format!("has to be {only}: a baseline has nothing of the kind");
        if is { Ok(()) } else { Err(ValueError::new(key, problem)) }
    };
    none("training.temper", training.temper == Ramp::constant(1.0), "1")?;
    none("training.state_clip", training.state_clip <= 0.0, "0")?;
    none("training.weight_decay", training.weight_decay <= 0.0, "0")?;
    none("training.dream", training.dream <= 0.0, "0")?;
    none("training.start_noise", training.start_noise == Ramp::constant(0.0), "0")
}
