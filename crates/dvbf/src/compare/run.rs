//! Training and evaluation of one contender with one seed.

use super::figures::Figures;
use super::{CompareError, Watcher, recipes, timing};
use crate::baseline::{self, DeepKalman, PcaKalman, PhysicsFilter, Recurrent, Vae};
use crate::data::{Dataset, Set, Supply};
use crate::eval::{
    Draw, FitTest, Generative, Predictor, importance_weighted_bound, infer, open_loop,
    rollout_errors,
};
use crate::pool::Pool;
use crate::run::{LogRecord, Observer, Outcome, Phase, RunFolder, TrainRequest};
use crate::settings::{Settings, Span, TrainingSettings};
use crate::train::{Learner, StepStats};
use dvbf_core::Noise;
use dvbf_core::bayes::BayesError;
use dvbf_envs::{PendulumSettings, System};
use ndarray::Array3;
use std::borrow::Cow;
use std::convert::Infallible;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What every contender gets.
pub(super) struct Arena<'a> {
    pub(super) settings: &'a Settings,
    pub(super) supply: &'a Supply,
    pub(super) pool: &'a Pool,
    /// Where a Deep Variational Bayes Filter has its run folder.
    pub(super) folder: PathBuf,
}

/// Figures, or `None` if the watcher stopped it.
type Ran = Result<Option<Figures>, CompareError>;

impl Arena<'_> {
    fn span(&self) -> Span {
        let evaluation = &self.settings.evaluation;
        let horizon = evaluation.horizons.iter().copied().max().unwrap_or(1);
        Span { filtered: evaluation.filtered, horizon }
    }

    fn set(&self, set: Set) -> Cow<'_, Dataset> {
        self.supply.sequences(set).all()
    }

    /// Frames that choose a model: as many as choose a Deep Variational Bayes Filter.
    fn choosing_span(&self) -> Span {
        let longest = self.span();
        let horizon = self.settings.evaluation.chosen_by.min(longest.horizon).max(1);
        Span { horizon, ..longest }
    }

    /// Error over the frames that choose.
    fn validation_error<M: Predictor<f32>>(&self, model: &M, held: &Dataset) -> f64 {
        let span = self.choosing_span();
        rollout_errors(model, held, span, self.pool).at(span.horizon)
    }

    /// The negative bound on the validation set.
    fn validation_loss<M: Learner<f32>>(&self, model: &M, held: &Dataset) -> f64 {
        let steps = self.settings.data.steps;
        let inferred = infer(model, held, steps, Draw::Sample(1), self.pool);
        inferred.kl.sum() - inferred.log_lik.sum()
    }

    /// R² of states that `state` gives of a set and a seed.
    fn read_out<E>(
        &self,
        figures: &mut Figures,
        sets: FitTest<&Dataset>,
        mut state: impl FnMut(&Dataset, u64) -> Result<Array3<f32>, E>,
    ) -> Result<(), E> {
        let seed = self.settings.seed;
        let fit = state(sets.fit, seed)?;
        let states = FitTest { fit, test: state(sets.test, seed.wrapping_add(1))? };
        figures.read_out(sets, &states, self.settings.evaluation.filtered);
        Ok(())
    }

    /// The open-loop errors of what `predict` gives of some of the long test sequences.
    fn forecast<E: Send>(
        &self,
        figures: &mut Figures,
        predict: impl Fn(&Dataset) -> Result<Array3<f32>, E> + Sync,
    ) -> Result<(), E> {
        let long = self.supply.sequences(Set::TestLong);
        let errors = open_loop(long, self.span(), self.pool, predict)?;
        figures.predicted(&errors, &self.settings.evaluation.horizons);
        Ok(())
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
        let (train, test) = (self.set(Set::Train), self.set(Set::Test));
        let samples = self.settings.evaluation.importance_samples;
        let weighted = || {
            let seed = self.settings.seed;
            importance_weighted_bound(&model, &test, samples, seed, self.pool)
        };
        let bound = &finished.summary.bound;
        let mut figures = Figures {
            bound: Some(bound.total),
            kl: Some(bound.kl),
            weighted: bound.iwae64.or_else(|| (samples > 0).then(weighted)),
            seconds: (!resume).then_some(training),
            step_micros: timing::dvbf(&model, &test),
            ..Figures::default()
        };
        let steps = self.settings.data.steps;
        let Ok(()) =
            self.read_out(&mut figures, FitTest { fit: &*train, test: &*test }, |data, seed| {
                let draw = Draw::Sample(seed);
                Ok::<_, Infallible>(infer(&model, data, steps, draw, self.pool).state)
            });
        self.forecast_learned(&model, &mut figures);
        Ok(Some(figures))
    }

    /// Trains a baseline; the seconds are those of the training.
    fn train<M: Learner<f32, Facts = ()>>(
        &self,
        recipe: &TrainingSettings,
        data: &Dataset,
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
        let model =
            baseline::train((seed, recipe), data, &fresh, &score, self.pool, &mut progress)?;
        Ok(model.map(|model| (model, clock.elapsed().as_secs_f64())))
    }

    /// What any trained baseline has.
    fn learned<M: Learner<f32>>(
        &self,
        model: &M,
        seconds: f64,
        sets: FitTest<&Dataset>,
    ) -> Figures {
        let steps = self.settings.data.steps;
        let mut figures = Figures {
            seconds: Some(seconds),
            step_micros: timing::learner(model, sets.test),
            ..Figures::default()
        };
        let Ok(()) = self.read_out(&mut figures, sets, |data, seed| {
            let draw = Draw::Sample(seed);
            Ok::<_, Infallible>(infer(model, data, steps, draw, self.pool).state)
        });
        figures
    }

    /// The bounds of a model that has them.
    fn bounds<M: Generative<f32>>(&self, model: &M, data: &Dataset, figures: &mut Figures) {
        let (seed, steps) = (self.settings.seed, self.settings.data.steps);
        let draw = Draw::Sample(seed.wrapping_add(1));
        let inferred = infer(model, data, steps, draw, self.pool);
        let average = |v: &ndarray::Array1<f64>| v.sum() / v.len() as f64;
        let kl = average(&inferred.kl);
        (figures.bound, figures.kl) = (Some(average(&inferred.log_lik) - kl), Some(kl));
        let samples = self.settings.evaluation.importance_samples;
        if samples > 0 {
            figures.weighted =
                Some(importance_weighted_bound(model, data, samples, seed, self.pool));
        }
    }

    /// The open-loop errors of a trained model that predicts.
    fn forecast_learned<M: Predictor<f32>>(&self, model: &M, figures: &mut Figures) {
        let long = self.supply.sequences(Set::TestLong);
        let errors = rollout_errors(model, long, self.span(), self.pool);
        figures.predicted(&errors, &self.settings.evaluation.horizons);
    }

    /// A deep Kalman filter whose emission sees the first `visible` dimensions of the state.
    pub(super) fn deep_kalman(&self, visible: usize, watcher: &mut dyn Watcher) -> Ran {
        let (train, held) = (self.set(Set::Train), self.set(Set::Validation));
        let sizes = recipes::deep_kalman_sizes(self.settings, &train, visible);
        let trained = self.train(
            &recipes::deep_kalman(self.settings),
            &train,
            |noise| DeepKalman::random(&sizes, noise),
            |model| self.validation_loss(model, &held),
            watcher,
        )?;
        Ok(trained.map(|(model, seconds)| {
            let test = self.set(Set::Test);
            let mut figures = self.learned(&model, seconds, FitTest { fit: &*train, test: &*test });
            self.bounds(&model, &test, &mut figures);
            self.forecast_learned(&model, &mut figures);
            figures
        }))
    }

    pub(super) fn vae(&self, watcher: &mut dyn Watcher) -> Ran {
        let (train, held) = (self.set(Set::Train), self.set(Set::Validation));
        let sizes = recipes::vae_sizes(self.settings, &train);
        let trained = self.train(
            &recipes::vae(self.settings),
            &train,
            |noise| Vae::random(&sizes, noise),
            |model| self.validation_loss(model, &held),
            watcher,
        )?;
        Ok(trained.map(|(model, seconds)| {
            let test = self.set(Set::Test);
            let mut figures = self.learned(&model, seconds, FitTest { fit: &*train, test: &*test });
            self.bounds(&model, &test, &mut figures);
            figures
        }))
    }

    pub(super) fn recurrent(&self, watcher: &mut dyn Watcher) -> Ran {
        let frames = self.choosing_span().frames();
        let long = self.supply.sequences(Set::ValidationLong);
        let (train, held) = (self.set(Set::Train), long.beginnings(frames));
        let sizes = recipes::recurrent_sizes(self.settings, &train);
        let trained = self.train(
            &recipes::recurrent(self.settings),
            &train,
            |noise| Recurrent::random(&sizes, noise),
            |model| self.validation_error(model, &held),
            watcher,
        )?;
        drop(held);
        Ok(trained.map(|(model, seconds)| {
            let test = self.set(Set::Test);
            let mut figures = self.learned(&model, seconds, FitTest { fit: &*train, test: &*test });
            self.forecast_learned(&model, &mut figures);
            figures
        }))
    }

    pub(super) fn pca_kalman(&self) -> Ran {
        let (train, test) = (self.set(Set::Train), self.set(Set::Test));
        let clock = Instant::now();
        let settings = recipes::pca_kalman(self.settings, &train);
        let model = PcaKalman::fit(&train, settings)?;
        let seconds = clock.elapsed().as_secs_f64();
        let pool = self.pool;
        let mut figures = Figures {
            kl: Some(0.0),
            seconds: Some(seconds),
            step_micros: Some(timing::pca_kalman(&model, &test)?),
            ..Figures::default()
        };
        let mut likelihood = None;
        self.read_out(&mut figures, FitTest { fit: &*train, test: &*test }, |data, seed| {
            let inferred = model.infer(data, seed, pool)?;
            // That of the test set comes last.
            likelihood = Some(inferred.log_lik.sum() / inferred.log_lik.len() as f64);
            Ok::<_, BayesError>(inferred.state)
        })?;
        (figures.bound, figures.weighted) = (likelihood, likelihood);
        let span = self.span();
        self.forecast(&mut figures, |some| model.predict(some, span, pool))?;
        Ok(Some(figures))
    }

    /// Figures without any if the system is not a pendulum that is drawn as a blob.
    pub(super) fn physics(&self) -> Ran {
        let system = self.settings.system.as_ref();
        let Some(settings) = system.and_then(System::get::<PendulumSettings>) else {
            return Ok(Some(Figures::default()));
        };
        let filter = PhysicsFilter::new(&settings).map_err(crate::data::DataError::from)?;
        let Some(filter) = filter else { return Ok(Some(Figures::default())) };
        let (train, test) = (self.set(Set::Train), self.set(Set::Test));
        let (span, pool) = (self.span(), self.pool);
        let step_micros = Some(timing::physics(&filter, &test)?);
        let mut figures = Figures { step_micros, ..Figures::default() };
        self.read_out(&mut figures, FitTest { fit: &*train, test: &*test }, |data, seed| {
            filter.infer(data, seed, pool)
        })?;
        self.forecast(&mut figures, |some| filter.predict(some, span, pool))?;
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
