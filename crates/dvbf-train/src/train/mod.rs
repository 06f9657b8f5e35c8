//! Training: shards, updates, the running average, checkpoints.

mod block;
mod filter;
mod learner;
mod optimizer;
mod order;
mod rates;
mod shard;
mod state;
mod statistics;
mod streams;
mod totals;
mod update;

pub use filter::FilterFacts;
pub use learner::Learner;
pub use optimizer::Optimizer;
use order::Order;
pub use state::{GoodState, TrainerState};
pub(crate) use streams::{Purpose, stream};
pub use totals::Totals;

use crate::communicator::Communicator;
use crate::pool::Pool;
use crate::settings::{Precision, TrainingSettings};
use block::Corruption;
use dvbf_core::{ConfigError, Dvbf, GradientOptions, Objective, ProductPrecision};
use dvbf_data::settings::ValueError;
use dvbf_data::{Dataset, narrow};
use rates::Groups;
use rayon::prelude::*;
use shard::{Draws, Lesson, Shard};
use update::Gradient;

/// What one update did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepStats {
    /// Mean bound of the batch's sequences, in nats: `reconstruction − kl`.
    pub bound: f64,
    /// Mean log-likelihood of a sequence.
    pub reconstruction: f64,
    /// Mean of `E_q[ln q − c ln p]` of a sequence: the divergence where the tempering constant `c` is 1.
    pub kl: f64,
    /// Norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Learning rate.
    pub learning_rate: f64,
    /// Whether the update was applied; it is not when the gradient is not finite.
    pub applied: bool,
    /// The update to whose state the training returned after too many that were not applied.
    pub returned_to: Option<u64>,
}

/// Why training stopped.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A setting of the model.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A group of parameters has none.
    #[error("training.groups: no parameter of the model has a name that begins with {prefix}")]
    NoParameters {
        /// The beginning of the names.
        prefix: String,
    },
    /// A part of the model cannot be linear.
    #[error(
        "training.linear_start: the {part} cannot start as a linear map, because of its kind or because \
         it has too few hidden units"
    )]
    NotLinear {
        /// The part.
        part: &'static str,
    },
    /// A setting that this kind of model cannot be trained with.
    #[error(transparent)]
    Setting(#[from] ValueError),
    /// The gradient was not finite too often.
    #[error(
        "the gradient was not finite at {skipped} updates in a row, the last at update {step} with \
         learning rate {learning_rate:.2e}, after {rollbacks} returns to a good state with half the \
         rate; a smaller training.learning_rate or training.clip helps"
    )]
    NotFinite {
        /// Updates that were skipped.
        skipped: u64,
        /// Returns to an earlier state before.
        rollbacks: u64,
        /// The last of them.
        step: u64,
        /// The learning rate there.
        learning_rate: f64,
    },
}

/// A training in progress: of a Deep Variational Bayes Filter, or of any other [`Learner`].
#[derive(Debug)]
pub struct Trainer<M: Learner<f32> = Dvbf<f32>> {
    settings: TrainingSettings,
    groups: Groups,
    seed: u64,
    facts: M::Facts,
    model: M,
    state: TrainerState,
    shards: Vec<Shard<M>>,
    gradient: Gradient,
    order: Order,
    good: GoodState,
}

impl<M: Learner<f32>> Trainer<M> {
    /// A training of `model`, whose order of sequences and noise are drawn from `seed`.
    ///
    /// # Errors
    /// If the settings ask for what this kind of model does not have.
    ///
    /// # Panics
    /// If an update has more sequences than there are, or the model is for other channels than the data
    /// have.
    pub fn of(
        model: M,
        facts: M::Facts,
        (seed, training): (u64, &TrainingSettings),
        data: &Dataset,
    ) -> Result<Self, TrainError> {
        M::check(training)?;
        let count = data.observations.dim().0;
        let batch = training.batch;
        assert!(batch <= count, "an update of {batch} among {count} sequences");
        let state = TrainerState::new(training, seed, &model.to_flat());
        Self::put_together((seed, training), facts, model, state, data)
    }

    fn put_together(
        (seed, training): (u64, &TrainingSettings),
        facts: M::Facts,
        model: M,
        mut state: TrainerState,
        data: &Dataset,
    ) -> Result<Self, TrainError> {
        let groups = Groups::of(&training.groups, &model)
            .map_err(|group| TrainError::NoParameters { prefix: group.prefix })?;
        let good = state.good.take().unwrap_or_else(|| GoodState::of(&model, &state));
        let steps = data.observations.dim().1;
        let window = if training.window == 0 { steps } else { training.window.min(steps) };
        let (mut shards, mut left) = (Vec::new(), training.batch);
        while left > 0 {
            let size = training.shard.min(left);
            shards.push(Shard::new(&model, data, (size, training.block), window));
            left -= size;
        }
        let (gradient, order) = (Gradient::of(&model), Order::default());
        let settings = training.clone();
        Ok(Self { settings, groups, seed, facts, model, state, shards, gradient, order, good })
    }

    /// Updates that were made.
    pub fn step_count(&self) -> u64 {
        self.state.step
    }

    /// Whether all updates were made.
    pub fn is_done(&self) -> bool {
        self.state.step >= self.settings.steps
    }

    /// Returns to an earlier state so far.
    pub fn rollbacks(&self) -> u64 {
        self.state.rollbacks
    }

    /// Sequences of an update.
    pub fn batch(&self) -> usize {
        self.settings.batch
    }

    /// The model to evaluate: the running average of the parameters, or the parameters themselves
    /// without one.
    pub fn evaluated_model(&self) -> M {
        let mut model = self.model.clone();
        if self.settings.average > 0.0 {
            model.set_flat(&self.state.average);
        }
        model
    }

    /// The model as the last update left it.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// Sums over the updates since the last call, which begin anew.
    pub fn take_totals(&mut self) -> Totals {
        std::mem::take(&mut self.state.totals)
    }

    /// The best score on the validation set so far; lower is better.
    pub fn best_score(&self) -> f64 {
        self.state.best_score
    }

    /// Notes a better score on the validation set.
    pub fn set_best_score(&mut self, score: f64) {
        self.state.best_score = score;
    }

    /// The precision of wide products that the settings ask for.
    pub fn precision(&self) -> ProductPrecision {
        match self.settings.precision {
            Precision::F32 => ProductPrecision::F32,
            Precision::Bf16 => ProductPrecision::Bf16,
        }
    }

    /// Makes one update.
    ///
    /// # Errors
    /// If too many gradients in a row were not finite.
    pub fn step(&mut self, data: &Dataset, pool: &Pool) -> Result<StepStats, TrainError> {
        pool.install(|| self.step_inside(data, pool.communicator()))
    }

    /// [`step`](Self::step) on a thread of the pool.
    fn step_inside(
        &mut self,
        data: &Dataset,
        others: Option<&dyn Communicator>,
    ) -> Result<StepStats, TrainError> {
        let (step, training) = (self.state.step, &self.settings);
        let progress = step as f64 / training.steps as f64;
        let tempered = step - step % training.temper_period;
        let temper = narrow(training.temper.at(tempered as f64 / training.steps as f64));
        let kl = narrow(training.kl_weight.at(progress));
        let objective = Objective { likelihood: temper, prior: temper, kl };
        let rate = training.learning_rate.at(progress) * training.warmup.at(progress)
            / 2.0_f64.powi(self.halvings());

        let (mut log_lik, mut kl) = (0.0, 0.0);
        self.compute_gradient(data, (objective, progress), others);
        self.gradient.fold(&self.shards);
        for shard in &self.shards {
            log_lik += shard.log_lik();
            kl += shard.kl();
        }

        let training = &self.settings;
        let sequences = training.batch as f64;
        let norm = self.gradient.norm();
        let mut stats = StepStats {
            bound: (log_lik - kl) / sequences,
            reconstruction: log_lik / sequences,
            kl: kl / sequences,
            grad_norm: f64::from(norm),
            learning_rate: rate,
            applied: true,
            returned_to: None,
        };
        self.state.step += 1;
        if norm.is_finite() && stats.bound.is_finite() {
            let limit = narrow(training.clip);
            let scale = if norm > limit { limit / norm } else { 1.0 };
            if training.weight_decay > 0.0 {
                // Decoupled from the optimizer's step (Loshchilov and Hutter 2019, algorithm 2).
                self.model.decay(narrow(1.0 - rate * training.weight_decay));
            }
            let rates = self.groups.rates(rate, progress);
            self.gradient.apply(&mut self.state.optimizer, &mut self.model, scale, &rates);
            self.state.skipped = 0;
            if training.average > 0.0 {
                let decay = narrow(training.average);
                update::average(&mut self.state.average, &self.model, decay);
            }
            if self.state.step.is_multiple_of(training.checkpoint_interval) {
                self.good = GoodState::of(&self.model, &self.state);
            }
        } else {
            stats.applied = false;
            self.state.skipped += 1;
            if self.state.skipped > training.max_skipped {
                let (skipped, rollbacks) = (self.state.skipped, self.state.rollbacks);
                if rollbacks >= training.max_rollbacks {
                    let learning_rate = rate;
                    return Err(TrainError::NotFinite { skipped, rollbacks, step, learning_rate });
                }
                self.good.restore(&mut self.model, &mut self.state);
                stats.returned_to = Some(self.good.step);
            }
        }
        self.state.totals.add(&stats);
        Ok(stats)
    }

    /// How often the learning rate was halved.
    fn halvings(&self) -> i32 {
        i32::try_from(self.state.rollbacks).unwrap_or(i32::MAX)
    }

    /// Every shard's bound and gradient, on the pool's threads and those of other processes.
    fn compute_gradient(
        &mut self,
        data: &Dataset,
        (objective, progress): (Objective<f32>, f64),
        others: Option<&dyn Communicator>,
    ) {
        let (step, seed, settings) = (self.state.step, self.seed, &self.settings);
        let corruption = Corruption {
            drop: narrow(settings.drop.at(progress)),
            input_noise: narrow(settings.input_noise.at(progress)),
            start_noise: narrow(settings.start_noise.at(progress)),
        };
        let precision = self.precision();
        let chosen = self.order.choose(seed, step, settings.batch, data.observations.dim().0);
        let (model, shards) = (&self.model, &mut self.shards);
        let window = shards[0].steps();
        let state_limit = match settings.state_clip {
            limit if limit > 0.0 => narrow(limit),
            _ => f32::INFINITY,
        };
        let scale = 1.0 / narrow((settings.batch * window) as f64);
        let options = GradientOptions { objective, scale, state_limit };
        let lesson = Lesson { corruption, options, dream: narrow(settings.dream) };
        let blocks = settings.shard.div_ceil(settings.block.min(settings.shard));
        let (rank, ranks) = others.map_or((0, 1), |others| (others.rank(), others.count()));
        shards.par_iter_mut().enumerate().for_each(|(index, shard)| {
            if index % ranks != rank {
                return;
            }
            let sequences = &chosen[index * settings.shard..][..shard.sequences()];
            let draws = Draws { seed, step, first_block: index * blocks };
            precision.run(|| shard.compute(model, (data, sequences), draws, &lesson));
        });
        if let Some(others) = others {
            for (index, shard) in shards.iter_mut().enumerate() {
                shard.broadcast(index % ranks, others);
            }
        }
    }
}
