//! How a training begins: the choice among initializations.
//!
//! From some initializations training ends where every frame is encoded afresh and no dynamics are
//! learned; the open-loop error shows it early, and without labels. Others lead to a bent latent
//! space that training straightens slowly or never; it costs evidence, which the bound on held-out
//! sequences shows later.

use super::experiment::Session;
use super::held::Held;
use super::observer::Observer;
use super::phase::Phase;
use super::request::RunError;
use crate::eval::{Draw, infer, rollout_errors};
use crate::settings::Span;
use crate::train::{Trainer, TrainerState};
use dvbf_core::{Dvbf, ModelFile};

/// A training that waits for others to be tried.
struct Waiting {
    error: f64,
    file: ModelFile,
    state: TrainerState,
}

/// Updates so far and updates in all, for the observer.
struct Count {
    done: u64,
    total: u64,
}

impl Session {
    /// A training that has begun: from one initialization, or from the best of several. `None` if
    /// the observer stopped it.
    ///
    /// All are tried for `restart_steps` updates. Those with the least open-loop error on the
    /// validation set, `finalists` in number, go on to `finalist_steps`, and the one with the highest
    /// bound there is trained.
    pub(super) fn start(
        &self,
        held: &Held<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Option<Trainer>, RunError> {
        let training = &self.settings.training;
        // The last update is never a trial: an evaluation follows it.
        let trial = training.restart_steps.min(training.steps - 1);
        if training.restarts <= 1 || trial == 0 {
            return Ok(Some(self.begin(held, 0)?));
        }
        let finalists = training.finalists.min(training.restarts);
        let last = if finalists > 1 { training.finalist_steps.min(training.steps - 1) } else { 0 };
        let mut count = Count {
            done: 0,
            total: trial * u64::from(training.restarts)
                + last.saturating_sub(trial) * u64::from(finalists),
        };
        observer.phase(Phase::Trials(training.restarts));
        let mut waiting: Vec<Waiting> = Vec::new();
        for start in 0..training.restarts {
            let mut trainer = self.begin(held, start)?;
            if !self.advance(&mut trainer, trial, held, (&mut count, observer))? {
                return Ok(None);
            }
            let error = self.prediction_error(trainer.model(), held, training.restart_horizon);
            let error = if error.is_finite() { error } else { f64::INFINITY };
            // Of equals the first is the best.
            let place = waiting.partition_point(|other| other.error <= error);
            if place < usize::from(finalists) {
                let (file, state) = trainer.suspend();
                waiting.insert(place, Waiting { error, file, state });
                waiting.truncate(usize::from(finalists));
            }
        }

        let mut best: Option<(f64, Trainer)> = None;
        for Waiting { file, state, .. } in waiting {
            let mut trainer = Trainer::resume(&self.settings, file, state, &held.learned)?;
            if !self.advance(&mut trainer, last, held, (&mut count, observer))? {
                return Ok(None);
            }
            let bound = if finalists > 1 { self.validation_bound(&trainer, held) } else { 0.0 };
            let bound = if bound.is_finite() { bound } else { f64::NEG_INFINITY };
            if best.as_ref().is_none_or(|(highest, _)| bound > *highest) {
                best = Some((bound, trainer));
            }
        }
        Ok(best.map(|(_, trainer)| trainer))
    }

    /// The `start`-th initialization.
    fn begin(&self, held: &Held<'_>, start: u8) -> Result<Trainer, RunError> {
        let state = self.settings.model.state;
        let linear = held.judge.linear.as_ref();
        let linear = linear.map(|linear| linear.found.training_start(state));
        Ok(Trainer::from_linear(&self.settings, &held.learned, start, linear.as_ref())?)
    }

    /// Trains until `steps` updates are made; false if the observer stopped it before.
    fn advance(
        &self,
        trainer: &mut Trainer,
        steps: u64,
        held: &Held<'_>,
        (count, observer): (&mut Count, &mut dyn Observer),
    ) -> Result<bool, RunError> {
        while trainer.step_count() < steps {
            if observer.should_stop() {
                return Ok(false);
            }
            let stats = trainer.step(&held.learned, &self.pool)?;
            count.done += 1;
            observer.step(count.done, count.total, &stats);
        }
        Ok(true)
    }

    /// Open-loop error on the validation set over at most `horizon` frames, or what the judge makes of it
    /// beside a linear model.
    fn prediction_error(&self, model: &Dvbf<f32>, held: &Held<'_>, horizon: usize) -> f64 {
        let filtered = self.settings.evaluation.filtered;
        if held.judge.linear.is_some() {
            let span = Span { filtered, horizon: held.judge.ahead() };
            return held.judge.score(&rollout_errors(model, &*held.long, span, &self.pool));
        }
        let horizon = horizon.min(self.settings.data.long_steps.saturating_sub(filtered)).max(1);
        rollout_errors(model, &*held.long, Span { filtered, horizon }, &self.pool).at(horizon)
    }

    /// Bound of the averaged model on the validation set, in nats per sequence.
    fn validation_bound(&self, trainer: &Trainer, held: &Held<'_>) -> f64 {
        let (model, steps) = (trainer.evaluated_model(), self.settings.data.steps);
        let inferred = infer(&model, &held.validation, steps, Draw::Sample(1), &self.pool);
        (inferred.log_lik.sum() - inferred.kl.sum()) / inferred.kl.len() as f64
    }
}
