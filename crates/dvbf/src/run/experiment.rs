//! Training a model on an environment, from settings to figures.

use super::held::{Held, counted};
use super::observer::Observer;
use super::opening::{Checkpoint, Opened, open};
use super::phase::Phase;
use super::request::{Finished, Outcome, RunError, TrainRequest};
use super::{FolderError, LogRecord, RunFolder};
use crate::data::{Sequences, Set, Supply};
use crate::eval::{
    Baselines, Draw, FitTest, READ_OUT, Readout, Summary, constants_of, infer, rollout_errors,
    shown, summary_r2, training_bounds, training_range,
};
use crate::pool::Pool;
use crate::report;
use crate::settings::{Precision, Settings, Span};
use crate::train::{TrainError, Trainer};
use dvbf_core::{Dvbf, ProductPrecision, TrainingBounds};
use std::path::Path;
use std::time::Instant;

/// Runs a request: data, training, evaluation, files.
///
/// # Errors
/// If a file cannot be read or written, a setting is impossible, the training breaks down, or the bound
/// of its model is not finite; in the last case figures and report are written all the same.
pub fn train(request: &TrainRequest, observer: &mut dyn Observer) -> Result<Outcome, RunError> {
    train_on(request, Pool::new(request.threads)?, observer)
}

/// [`train`] on a pool that exists, such as that of one of several processes; each of these has a folder
/// of its own.
///
/// # Errors
/// As [`train`].
pub fn train_on(
    request: &TrainRequest,
    pool: Pool,
    observer: &mut dyn Observer,
) -> Result<Outcome, RunError> {
    let clock = Instant::now();
    let Opened { folder, settings, checkpoint, lock: _lock } = open(request)?;
    let settings = if request.resume { settings.with_files(&request.files)? } else { settings };

    let reading = settings.recordings.is_some();
    observer.phase(if reading { Phase::Reading } else { Phase::Simulation });
    let supply = Supply::open(&settings)?;
    let session = Session { folder, settings, supply, pool, clock };
    if let Some(stopped) = session.learn(checkpoint, observer)? {
        return Ok(Outcome::Stopped(stopped));
    }
    observer.phase(Phase::Evaluation);
    // Who asked during the last update is heard now.
    if observer.should_stop() {
        return Ok(Outcome::Stopped(session.settings.training.steps));
    }
    let summary = session.evaluate()?;
    observer.phase(Phase::Report);
    if observer.should_stop() {
        return Ok(Outcome::Stopped(session.settings.training.steps));
    }
    let Session { folder, settings, supply, pool, .. } = session;
    let report = report::write(&folder, &settings, &supply, &pool);
    if !summary.bound.total.is_finite() {
        let path = folder.file("metrics.jsonl");
        return Err(RunError::NotFinite { bound: summary.bound.total, path });
    }
    Ok(Outcome::Finished(Box::new(Finished { summary, folder, settings, report })))
}

/// The figures of the best model of a run, computed again; `seconds` are those of the computation. Nothing
/// is written.
///
/// Recordings are simulated again from the run's settings, or read from `files`, from those that the settings
/// name if it is empty. A run that has not come to its end is judged by its best model so far.
///
/// # Errors
/// If there is no run or no model yet, a file is damaged, or the recordings are not those of the run.
pub fn evaluate(
    run: &Path,
    files: &[String],
    pool: &Pool,
) -> Result<(Summary, Settings), RunError> {
    let clock = Instant::now();
    let folder = RunFolder::open(run)?;
    let settings = folder.settings()?.with_files(files)?;
    let model = folder.best()?.into_model();
    let supply = Supply::open(&settings)?;
    report::check(&model, &settings, &supply.sequences(Set::Test).first(1), &folder)?;
    let mut summary = figures(&model, &settings, &supply, pool);
    summary.add_history(&folder.history()?);
    summary.seconds = clock.elapsed().as_secs_f64();
    Ok((summary, settings))
}

/// The figures of a model beside those of the yardsticks.
fn figures(model: &Dvbf<f32>, settings: &Settings, supply: &Supply, pool: &Pool) -> Summary {
    let reference = Baselines::of(&settings.evaluation, supply, pool);
    Summary::evaluate(model, settings, supply, &reference, pool)
}

pub(super) struct Session {
    folder: RunFolder,
    pub(super) settings: Settings,
    supply: Supply,
    pub(super) pool: Pool,
    clock: Instant,
}

impl Session {
    /// Trains from the beginning or from a checkpoint to the end; the number of updates if the
    /// observer stopped it before. What only a training needs is gone afterwards.
    fn learn(
        &self,
        checkpoint: Option<Checkpoint>,
        observer: &mut dyn Observer,
    ) -> Result<Option<u64>, RunError> {
        let training = &self.settings.training;
        let held = Held::of(&self.settings, &self.supply, &self.pool, observer);
        if observer.should_stop() {
            return Ok(Some(checkpoint.map_or(0, |(_, state)| state.step)));
        }
        if let Some((file, _)) = &checkpoint {
            let widths = (file.config.observation, file.config.control);
            let given = (held.train.observations.dim().2, held.train.controls.dim().2);
            if widths != given {
                let problem = format!(
                    "it is for (channels, controls) = {widths:?}, the recordings of config.toml have \
                     {given:?}"
                );
                let path = self.folder.file("checkpoint.dvbf");
                return Err(FolderError::Damaged { path, problem }.into());
            }
        }
        if training.precision == Precision::Bf16 && !ProductPrecision::Bf16.available() {
            observer.note("no bf16 products on this processor, computing in f32");
        }
        let mut trainer = match checkpoint {
            Some((file, state)) => Trainer::resume(&self.settings, file, state, &held.learned)?,
            None => match self.start(&held, observer)? {
                Some(trainer) => {
                    // From here on the run can be continued, whatever happens.
                    self.folder.save_checkpoint(&trainer.checkpoint())?;
                    trainer
                }
                None => return Ok(Some(0)),
            },
        };
        observer.phase(Phase::Training);
        let done = self.train(&mut trainer, &held, observer)?;
        Ok((!done).then(|| trainer.step_count()))
    }

    /// Trains to the end; false if the observer stopped it before.
    fn train(
        &self,
        trainer: &mut Trainer,
        held: &Held<'_>,
        observer: &mut dyn Observer,
    ) -> Result<bool, RunError> {
        let total = self.settings.training.steps;
        if let Some(linear) = &held.judge.linear
            && trainer.best_score() == f64::INFINITY
        {
            // What training has to be better than is a candidate itself.
            let mut model = trainer.evaluated_model();
            if !held.counted.is_empty() {
                observer.logged(&self.validate(trainer, &model, held, 0.0)?);
            }
            if model.start_linear(&linear.found.best_start(self.settings.model.state)).is_ok() {
                observer.logged(&self.validate(trainer, &model, held, 0.0)?);
            }
        }
        let mut since = (Instant::now(), trainer.step_count());
        while !trainer.is_done() {
            if observer.should_stop() {
                self.folder.save_checkpoint(&trainer.checkpoint())?;
                return Ok(false);
            }
            let stats = match trainer.step(&held.learned, &self.pool) {
                Err(error @ TrainError::NotFinite { .. })
                    if held.judge.linear.is_some() && trainer.best_score().is_finite() =>
                {
                    observer.note(&format!("{error}; what predicted best until then is kept"));
                    return Ok(true);
                }
                other => other?,
            };
            let step = trainer.step_count();
            observer.step(step, total, &stats);
            if let Some(good) = stats.returned_to {
                observer.note(&format!(
                    "update {step}: the gradient has not been finite for too long; back to the state of update \
                     {good} with half the learning rate"
                ));
            }
            if step.is_multiple_of(self.settings.training.log_interval) || trainer.is_done() {
                let (clock, first) = since;
                let rate = (step - first) as f64 / clock.elapsed().as_secs_f64().max(1e-9);
                let model = trainer.evaluated_model();
                let record = self.validate(trainer, &model, held, rate)?;
                since = (Instant::now(), step);
                observer.logged(&record);
                if observer.is_enough() {
                    self.folder.save_checkpoint(&trainer.checkpoint())?;
                    observer.note(&format!("update {step}: what was asked for is reached"));
                    return Ok(true);
                }
            }
            if step.is_multiple_of(self.settings.training.checkpoint_interval) || trainer.is_done()
            {
                self.folder.save_checkpoint(&trainer.checkpoint())?;
            }
        }
        Ok(true)
    }

    /// Evaluates on the validation set, logs, and keeps the best model; `rate` is in updates a
    /// second.
    fn validate(
        &self,
        trainer: &mut Trainer,
        model: &Dvbf<f32>,
        held: &Held<'_>,
        rate: f64,
    ) -> Result<LogRecord, RunError> {
        let (data, evaluation) = (&self.settings.data, &self.settings.evaluation);
        let sample = |split, seed| infer(model, split, data.steps, Draw::Sample(seed), &self.pool);
        let validated = sample(&held.validation, 1);
        let figures = if held.train.state_names.is_empty() {
            Vec::new()
        } else {
            let fitted = Sequences::from(&*held.train).first(READ_OUT);
            let train = shown(model, &sample(&fitted, 0).state);
            let held_out = shown(model, &validated.state);
            let sets = FitTest { fit: (&*fitted, &train), test: (&*held.validation, &held_out) };
            summary_r2(Readout::Linear, sets)
        };
        let horizon = evaluation.chosen_by;
        let span = Span { filtered: evaluation.filtered, horizon: held.judge.ahead() };
        let errors = rollout_errors(model, &*held.long, span, &self.pool);
        let average = |v: &ndarray::Array1<f64>| v.sum() / v.len() as f64;
        let kl = average(&validated.kl);
        let totals = trainer.take_totals();
        let [bound, reconstruction, divergence, grad_norm] = totals.means();
        let record = LogRecord {
            step: trainer.step_count(),
            bound,
            reconstruction,
            kl: divergence,
            grad_norm,
            learning_rate: totals.learning_rate,
            skipped: totals.skipped,
            rollbacks: trainer.rollbacks(),
            r2: figures.into_iter().collect(),
            constants: constants_of(model),
            validation_bound: average(&validated.log_lik) - kl,
            validation_kl: kl,
            open_loop: errors.at(horizon),
            open_loop_horizon: horizon,
            linear_ratio: held.judge.ratios(&errors),
            kept: held.judge.score(&errors) < trainer.best_score(),
            sequences_per_second: rate * trainer.batch() as f64,
            seconds: self.clock.elapsed().as_secs_f64(),
        };
        self.folder.append(&record)?;
        if record.kept {
            trainer.set_best_score(held.judge.score(&errors));
            self.folder.save_best(&trainer.file(model))?;
        }
        Ok(record)
    }

    /// The figures of the best model on the test sets.
    fn evaluate(&self) -> Result<Summary, RunError> {
        if !self.folder.file("best.dvbf").exists() {
            // No evaluation gave a finite error.
            let path = self.folder.file("metrics.jsonl");
            return Err(RunError::NotFinite { bound: f64::NAN, path });
        }
        let mut file = self.folder.best()?;
        let model = file.clone().into_model();
        let mut summary = figures(&model, &self.settings, &self.supply, &self.pool);
        summary.add_history(&self.folder.history()?);
        summary.seconds = self.clock.elapsed().as_secs_f64();
        // Whoever filters with the model gets predictions that cover.
        let (train, settings) = (self.supply.sequences(Set::Train), &self.settings);
        file.range = training_range(&model, train, settings.data.steps, settings.seed, &self.pool);
        file.bounds = Some(self.bounds(train, file.config.uneven));
        file.std_scale = summary.one_step().map_or(1.0, |c| c.scale);
        self.folder.save_best(&file)?;
        crate::skin::evaluate(
            &self.folder,
            &self.settings,
            &mut summary,
            (&self.supply, &self.pool),
        )?;
        summary.seconds = self.clock.elapsed().as_secs_f64();
        self.folder.save_summary(&summary)?;
        Ok(summary)
    }

    /// What is plausible: of angles whose turns count and of levels every value is, and a step may be longer
    /// than all that were trained on.
    fn bounds(&self, train: Sequences<'_>, uneven: bool) -> TrainingBounds {
        let mut bounds = training_bounds(train);
        for of in counted(&self.settings, &train.first(1)) {
            bounds.observation[of.channel] = None;
        }
        if uneven && let Some(seconds) = bounds.control.last_mut() {
            *seconds = None;
        }
        bounds
    }
}
