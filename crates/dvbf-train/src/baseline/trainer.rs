//! Training of a baseline by the [`Trainer`] of the Deep Variational Bayes Filter: several
//! initializations, of which the best on the validation set goes on, and the best moment of it.

use crate::pool::Pool;
use crate::settings::TrainingSettings;
use crate::train::{Learner, TrainError, Trainer};
use dvbf_data::Dataset;

/// Trains the best of `restarts` initializations after `restart_steps` updates of each. Of the evaluations
/// every `log_interval` updates, the best model is kept. Results do not depend on the pool.
///
/// `fresh` gives the initialization of a number, `score` judges a model on the validation set
/// (lower is better), and `progress` hears of every update, `(made, of)`; it may stop the
/// training, which then gives `None`.
///
/// # Errors
/// If the settings ask for what a baseline does not have, or the training breaks down.
///
/// # Panics
/// If an update has more sequences than there are.
pub fn train<M: Learner<f32, Facts = ()>>(
    (seed, recipe): (u64, &TrainingSettings),
    data: &Dataset,
    fresh: &dyn Fn(u8) -> M,
    score: &dyn Fn(&M) -> f64,
    pool: &Pool,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Option<M>, TrainError> {
    let trials = recipe.restarts.max(1);
    let trial_updates = if trials > 1 { recipe.restart_steps.min(recipe.steps) } else { 0 };
    let total = recipe.steps + trial_updates * u64::from(trials - 1);
    let mut made = 0;
    let mut best: Option<(f64, Trainer<M>)> = None;
    for trial in 0..trials {
        let mut trainer = Trainer::of(fresh(trial), (), (seed, recipe), data)?;
        for _ in 0..trial_updates {
            made += 1;
            if !progress(made, total) {
                return Ok(None);
            }
            trainer.step(data, pool)?;
        }
        let value = if trials > 1 { finite(score(trainer.model())) } else { 0.0 };
        if best.as_ref().is_none_or(|(least, _)| value < *least) {
            best = Some((value, trainer));
        }
    }
    let Some((_, mut trainer)) = best else { return Ok(None) };
    let mut kept: Option<(f64, M)> = None;
    while !trainer.is_done() {
        made += 1;
        if !progress(made, total) {
            return Ok(None);
        }
        trainer.step(data, pool)?;
        if trainer.step_count().is_multiple_of(recipe.log_interval) || trainer.is_done() {
            let model = trainer.evaluated_model();
            let value = finite(score(&model));
            if kept.as_ref().is_none_or(|(least, _)| value < *least) {
                kept = Some((value, model));
            }
        }
    }
    Ok(Some(kept.map_or_else(|| trainer.evaluated_model(), |(_, model)| model)))
}

fn finite(score: f64) -> f64 {
    if score.is_finite() { score } else { f64::INFINITY }
}
