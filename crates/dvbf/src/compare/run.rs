//! Training and evaluation of one contender with one seed.

use super::figures::{Figures, States};
use super::{CompareError, Watcher, recipes, timing};
use crate::baseline::{
    self, DeepKalman, Generative, Learner, PcaKalman, PhysicsFilter, Predictor, Recipe, Recurrent,
    Vae,
};
use crate::data::{Dataset, Splits};
use crate::eval::{Draw, OpenLoop, importance_weighted_bound, infer, rollout_errors};
use crate::pool::Pool;
use crate::run::{LogRecord, Observer, Outcome, Phase, RunFolder, TrainRequest};
use crate::settings::Settings;
use crate::train::StepStats;
use dvbf_core::Noise;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What every contender gets.
pub(super) struct Arena<'a> {
    pub(super) settings: &'a Settings,
    pub(super) splits: &'a Splits,
    pub(super) pool: &'a Pool,
    /// Where a Deep Variational Bayes Filter has its run folder.
    pub(super) folder: PathBuf,
}

/// Figures, or `None` if the watcher stopped it.
type Ran = Result<Option<Figures>, CompareError>;

impl Arena<'_> {
    fn window(&self) -> (usize, usize) {
        let evaluation = &self.settings.evaluation;
        (evaluation.filtered, evaluation.horizons.iter().copied().max().unwrap_or(1))
    }

    /// Error over as many validation frames as choose a Deep Variational Bayes Filter.
    fn validation_error<M: Predictor<f32>>(&self, model: &M) -> f64 {
        let (filtered, longest) = self.window();
        let horizon = longest.min(45);
        let data = &self.splits.validation_long;
        let predicted = baseline::predict(model, data, (filtered, horizon), self.pool);
        OpenLoop::between(&predicted, data, filtered).at(horizon)
    }

    /// The negative bound on the validation set.
    fn validation_loss<M: Learner<f32>>(&self, model: &M) -> f64 {
        let steps = self.settings.data.steps;
        let data = &self.splits.validation;
        let inferred = baseline::infer(model, data, steps, Draw::Sample(1), self.pool);
        inferred.kl.sum() - inferred.log_lik.sum()
    }

    fn states(&self, mut state: impl FnMut(&Dataset, u64) -> ndarray::Array3<f32>) -> States {
        let seed = self.settings.seed;
        let train = state(&self.splits.train, seed);
        States { train, test: state(&self.splits.test, seed.wrapping_add(1)) }
    }

    fn read_out(&self, figures: &mut Figures, states: &States) {
        let pair = (&self.splits.train, &self.splits.test);
        figures.read_out(pair, states, self.settings.evaluation.filtered);
    }

    fn predicted(&self, figures: &mut Figures, frames: &ndarray::Array3<f32>) {
        let errors = OpenLoop::between(frames, &self.splits.test_long, self.window().0);
        figures.predicted(&errors, &self.settings.evaluation.horizons);
    }

    /// A Deep Variational Bayes Filter with these settings, in a run folder of its own.
    pub(super) fn dvbf(&self, settings: Settings, watcher: &mut dyn Watcher) -> Ran {
        let resume = self.folder.join("config.toml").exists();
        let request = TrainRequest {
            files: Vec::new(),
            settings,
            folder: self.folder.clone(),
            resume,
            threads: self.pool.threads(),
        };
        let mut timed = Timed { watcher, begun: None, training: Duration::ZERO };
        let outcome = crate::run::train(&request, &mut timed)?;
        let training = timed.training.as_secs_f64();
        let Outcome::Finished(finished) = outcome else { return Ok(None) };
        let model = RunFolder::open(&self.folder)
            .and_then(|folder| folder.best())
            .map_err(crate::run::RunError::from)?
            .into_model();
        let (splits, steps) = (self.splits, self.settings.data.steps);
        let states = self
            .states(|data, seed| infer(&model, data, steps, Draw::Sample(seed), self.pool).state);
        let samples = self.settings.evaluation.importance_samples;
        let weighted = || {
            let seed = self.settings.seed;
            importance_weighted_bound(&model, &splits.test, samples, seed, self.pool)
        };
        let bound = &finished.summary.bound;
        let mut figures = Figures {
            bound: Some(bound.total),
            kl: Some(bound.kl),
            weighted: bound.iwae64.or_else(|| (samples > 0).then(weighted)),
            seconds: (!resume).then_some(training),
            step_micros: timing::dvbf(&model, &splits.test),
            ..Figures::default()
        };
        self.read_out(&mut figures, &states);
        let errors = rollout_errors(&model, &splits.test_long, self.window(), self.pool);
        figures.predicted(&errors, &self.settings.evaluation.horizons);
        Ok(Some(figures))
    }

    /// Trains a baseline; the seconds are those of the training.
    fn train<M: Learner<f32>>(
        &self,
        recipe: &Recipe,
        fresh: impl Fn(Noise) -> M,
        score: impl Fn(&M) -> f64,
        watcher: &mut dyn Watcher,
    ) -> Result<Option<(M, f64)>, CompareError> {
        let (seed, clock) = (self.settings.seed, Instant::now());
        let fresh = |trial: u8| fresh(Noise::new(seed, u64::from(trial)));
        let mut progress = |made, of| {
            watcher.progress(made, of);
            !watcher.should_stop()
        };
        let data = &self.splits.train;
        let model = baseline::train(recipe, seed, data, &fresh, &score, self.pool, &mut progress)?;
        Ok(model.map(|model| (model, clock.elapsed().as_secs_f64())))
    }

    /// What any trained baseline has.
    fn learned<M: Learner<f32>>(&self, model: &M, seconds: f64) -> Figures {
        let steps = self.settings.data.steps;
        let states = self.states(|data, seed| {
            baseline::infer(model, data, steps, Draw::Sample(seed), self.pool).state
        });
        let mut figures = Figures {
            seconds: Some(seconds),
            step_micros: timing::learner(model, &self.splits.test),
            ..Figures::default()
        };
        self.read_out(&mut figures, &states);
        figures
    }

    /// The bounds of a model that has them.
    fn bounds<M: Generative<f32>>(&self, model: &M, figures: &mut Figures) {
        let (seed, data) = (self.settings.seed, &self.splits.test);
        let steps = self.settings.data.steps;
        let draw = Draw::Sample(seed.wrapping_add(1));
        let inferred = baseline::infer(model, data, steps, draw, self.pool);
        let average = |v: &ndarray::Array1<f64>| v.sum() / v.len() as f64;
        let kl = average(&inferred.kl);
        (figures.bound, figures.kl) = (Some(average(&inferred.log_lik) - kl), Some(kl));
        let samples = self.settings.evaluation.importance_samples;
        if samples > 0 {
            figures.weighted =
                Some(baseline::importance_weighted(model, data, samples, seed, self.pool));
        }
    }

    /// The open-loop errors of a model that predicts.
    fn forecast<M: Predictor<f32>>(&self, model: &M, figures: &mut Figures) {
        let long = &self.splits.test_long;
        let frames = baseline::predict(model, long, self.window(), self.pool);
        self.predicted(figures, &frames);
    }

    /// A deep Kalman filter whose emission sees the first `visible` dimensions of the state.
    pub(super) fn deep_kalman(&self, visible: usize, watcher: &mut dyn Watcher) -> Ran {
        let sizes = recipes::deep_kalman_sizes(self.settings, &self.splits.train, visible);
        let trained = self.train(
            &recipes::deep_kalman(self.settings),
            |noise| DeepKalman::random(&sizes, noise),
            |model| self.validation_loss(model),
            watcher,
        )?;
        Ok(trained.map(|(model, seconds)| {
            let mut figures = self.learned(&model, seconds);
            self.bounds(&model, &mut figures);
            self.forecast(&model, &mut figures);
            figures
        }))
    }

    pub(super) fn vae(&self, watcher: &mut dyn Watcher) -> Ran {
        let sizes = recipes::vae_sizes(self.settings, &self.splits.train);
        let trained = self.train(
            &recipes::vae(self.settings),
            |noise| Vae::random(&sizes, noise),
            |model| self.validation_loss(model),
            watcher,
        )?;
        Ok(trained.map(|(model, seconds)| {
            let mut figures = self.learned(&model, seconds);
            self.bounds(&model, &mut figures);
            figures
        }))
    }

    pub(super) fn recurrent(&self, watcher: &mut dyn Watcher) -> Ran {
        let sizes = recipes::recurrent_sizes(self.settings, &self.splits.train);
        let trained = self.train(
            &recipes::recurrent(self.settings),
            |noise| Recurrent::random(&sizes, noise),
            |model| self.validation_error(model),
            watcher,
        )?;
        Ok(trained.map(|(model, seconds)| {
            let mut figures = self.learned(&model, seconds);
            self.forecast(&model, &mut figures);
            figures
        }))
    }

    pub(super) fn pca_kalman(&self) -> Ran {
        let clock = Instant::now();
        let settings = recipes::pca_kalman(self.settings, &self.splits.train);
        let model = PcaKalman::fit(&self.splits.train, settings)?;
        let seconds = clock.elapsed().as_secs_f64();
        let (seed, pool) = (self.settings.seed, self.pool);
        let train = model.infer(&self.splits.train, seed, pool)?;
        let test = model.infer(&self.splits.test, seed.wrapping_add(1), pool)?;
        let likelihood = Some(test.log_lik.sum() / test.log_lik.len() as f64);
        let mut figures = Figures {
            bound: likelihood,
            kl: Some(0.0),
            weighted: likelihood,
            seconds: Some(seconds),
            step_micros: Some(timing::pca_kalman(&model, &self.splits.test)?),
            ..Figures::default()
        };
        self.read_out(&mut figures, &States { train: train.state, test: test.state });
        let frames = model.predict(&self.splits.test_long, self.window(), pool)?;
        self.predicted(&mut figures, &frames);
        Ok(Some(figures))
    }

    /// Figures without any if the system is not a pendulum that is drawn as a blob.
    pub(super) fn physics(&self) -> Ran {
        let Some(settings) = &self.settings.pendulum else {
            return Ok(Some(Figures::default()));
        };
        let filter = PhysicsFilter::new(settings).map_err(crate::data::DataError::from)?;
        let Some(filter) = filter else { return Ok(Some(Figures::default())) };
        let (seed, pool) = (self.settings.seed, self.pool);
        let states = States {
            train: filter.infer(&self.splits.train, seed, pool)?,
            test: filter.infer(&self.splits.test, seed.wrapping_add(1), pool)?,
        };
        let step_micros = Some(timing::physics(&filter, &self.splits.test)?);
        let mut figures = Figures { step_micros, ..Figures::default() };
        self.read_out(&mut figures, &states);
        let frames = filter.predict(&self.splits.test_long, self.window(), pool)?;
        self.predicted(&mut figures, &frames);
        Ok(Some(figures))
    }
}

/// Passes progress on, and measures the time from the first trial to the end of training.
struct Timed<'a> {
    watcher: &'a mut dyn Watcher,
    begun: Option<Instant>,
    training: Duration,
}

impl Observer for Timed<'_> {
    fn note(&mut self, _: &str) {}

    fn phase(&mut self, _: Phase) {
        if let Some(begun) = self.begun {
            self.training = self.training.max(begun.elapsed());
        }
    }

    fn step(&mut self, step: u64, total: u64, _: &StepStats) {
        let begun = *self.begun.get_or_insert_with(Instant::now);
        if step == total {
            self.training = begun.elapsed();
        }
        self.watcher.progress(step, total);
    }

    fn logged(&mut self, _: &LogRecord) {}

    fn should_stop(&self) -> bool {
        self.watcher.should_stop()
    }
}
