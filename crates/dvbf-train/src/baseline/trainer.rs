//! Training of a baseline, with what the training of a Deep Variational Bayes Filter has: windows,
//! noise on what is read, a schedule of the divergence, Adam along a cosine, clipping, the average
//! of the parameters, several initializations, and the choice of the best on the validation set.

use super::windows::{Corruption, Windows};
use super::{Learner, Weights};
use crate::pool::Pool;
use crate::schedule::Ramp;
use crate::train::Order;
use dvbf_core::{Adam, Bound, add_scaled, blend, global_norm};
use dvbf_data::{Dataset, narrow};
use rayon::prelude::*;

/// How a baseline is trained. Ramps are over the progress of training, from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Updates of the parameters.
    pub updates: u64,
    /// Initializations that are tried; the best on the validation set goes on.
    pub trials: u8,
    /// Updates of every initialization before the choice.
    pub trial_updates: u64,
    /// Sequences of an update.
    pub batch: usize,
    /// Sequences that one thread computes.
    pub shard: usize,
    /// Frames of a window, at most the length of the sequences.
    pub window: usize,
    /// Learning rate of Adam.
    pub learning_rate: Ramp,
    /// Largest norm of a gradient of the mean loss a step and sequence.
    pub clip: f64,
    /// Weight of the divergence.
    pub kl_weight: Ramp,
    /// Probability that a step is not seen, for models that can do without.
    pub drop: Ramp,
    /// Standard deviation of the noise on what is read.
    pub input_noise: Ramp,
    /// Decay of the running average of the parameters that is evaluated; none if zero.
    pub average: f64,
    /// Updates between evaluations on the validation set, of which the best is kept.
    pub log_interval: u64,
}

/// The gradient was not finite too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the gradient was not finite at {skipped} updates in a row, the last at update {update}")]
pub struct TrainingFailed {
    /// Updates that were skipped.
    pub skipped: u64,
    /// The last of them.
    pub update: u64,
}

/// Updates in a row that may be skipped for a gradient that is not finite.
const MAX_SKIPPED: u64 = 20;

/// Trains the best of several initializations. Results do not depend on the pool.
///
/// `fresh` gives the initialization of a number, `score` judges a model on the validation set
/// (lower is better), and `progress` hears of every update, `(made, of)`; it may stop the
/// training, which then gives `None`.
///
/// # Errors
/// If too many gradients in a row were not finite.
///
/// # Panics
/// If an update has more sequences than there are.
pub fn train<M: Learner<f32>>(
    recipe: &Recipe,
    seed: u64,
    data: &Dataset,
    fresh: &dyn Fn(u8) -> M,
    score: &dyn Fn(&M) -> f64,
    pool: &Pool,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Option<M>, TrainingFailed> {
    let trials = if recipe.trials > 1 { recipe.trials } else { 1 };
    let trial_updates = if trials > 1 { recipe.trial_updates.min(recipe.updates) } else { 0 };
    let total = recipe.updates + trial_updates * u64::from(trials - 1);
    let mut made = 0;
    let mut best: Option<(f64, Session<'_, M>)> = None;
    for trial in 0..trials {
        let mut session = Session::new(recipe, seed, data, fresh(trial));
        for _ in 0..trial_updates {
            made += 1;
            if !progress(made, total) {
                return Ok(None);
            }
            session.update(pool)?;
        }
        let value = if trials > 1 { finite(score(&session.model)) } else { 0.0 };
        if best.as_ref().is_none_or(|(least, _)| value < *least) {
            best = Some((value, session));
        }
    }
    let Some((_, mut session)) = best else { return Ok(None) };
    let mut kept: Option<(f64, M)> = None;
    while session.step < recipe.updates {
        made += 1;
        if !progress(made, total) {
            return Ok(None);
        }
        session.update(pool)?;
        if session.step.is_multiple_of(recipe.log_interval) || session.step == recipe.updates {
            let model = session.averaged();
            let value = finite(score(&model));
            if kept.as_ref().is_none_or(|(least, _)| value < *least) {
                kept = Some((value, model));
            }
        }
    }
    Ok(Some(kept.map_or_else(|| session.averaged(), |(_, model)| model)))
}

fn finite(score: f64) -> f64 {
    if score.is_finite() { score } else { f64::INFINITY }
}

/// The part of an update that one thread computes.
struct Shard<M: Learner<f32>> {
    windows: Windows,
    work: M::Work,
    bound: Bound<f32>,
    grads: M,
}

struct Session<'a, M: Learner<f32>> {
    recipe: &'a Recipe,
    seed: u64,
    data: &'a Dataset,
    model: M,
    average: Vec<f32>,
    adam: Adam<f32>,
    shards: Vec<Shard<M>>,
    gradient: Vec<f32>,
    order: Order,
    step: u64,
    skipped: u64,
}

impl<'a, M: Learner<f32>> Session<'a, M> {
    fn new(recipe: &'a Recipe, seed: u64, data: &'a Dataset, model: M) -> Self {
        let (count, steps, _) = data.observations.dim();
        assert!(recipe.batch <= count, "an update of {} among {count} sequences", recipe.batch);
        let window = recipe.window.min(steps);
        let (mut shards, mut left) = (Vec::new(), recipe.batch);
        while left > 0 {
            let n = recipe.shard.min(left);
            shards.push(Shard {
                windows: Windows::new(data, n, window, model.noise()),
                work: model.work(n, n * window),
                bound: Bound::zeros(n),
                grads: model.zeros_like(),
            });
            left -= n;
        }
        Self {
            recipe,
            seed,
            data,
            average: model.to_flat(),
            adam: Adam::new(model.count()),
            gradient: vec![0.0; model.count()],
            shards,
            order: Order::default(),
            step: 0,
            skipped: 0,
            model,
        }
    }

    /// The model to evaluate.
    fn averaged(&self) -> M {
        let mut model = self.model.clone();
        if self.recipe.average > 0.0 {
            model.set_flat(&self.average);
        }
        model
    }

    fn update(&mut self, pool: &Pool) -> Result<(), TrainingFailed> {
        let (recipe, seed, step) = (self.recipe, self.seed, self.step);
        let progress = step as f64 / recipe.updates as f64;
        let chosen = self.order.choose(seed, step, recipe.batch, self.data.observations.dim().0);
        let corruption = Corruption {
            drop: narrow(recipe.drop.at(progress)),
            input_noise: narrow(recipe.input_noise.at(progress)),
        };
        let steps = self.shards[0].windows.steps();
        let kl = narrow(recipe.kl_weight.at(progress));
        let weights = Weights { kl, scale: 1.0 / (recipe.batch * steps) as f32 };
        let (model, data) = (&self.model, self.data);
        let shards = &mut self.shards;
        pool.install(|| {
            shards.par_iter_mut().enumerate().for_each(|(index, shard)| {
                let Shard { windows, work, bound, grads } = shard;
                let chosen = &chosen[index * recipe.shard..][..windows.sequences()];
                windows.fill(data, chosen, seed, (step, index), corruption);
                grads.set_zero();
                model.prepare(work);
                model.gradient(&windows.batch(), weights, work, bound, grads);
            });
        });
        self.gradient.fill(0.0);
        for shard in &self.shards {
            shard.grads.each_slice(&mut |start, part| {
                add_scaled(1.0, part, &mut self.gradient[start..start + part.len()]);
            });
        }
        self.step += 1;
        let norm = global_norm(&self.gradient);
        if !norm.is_finite() {
            self.skipped += 1;
            let failed = TrainingFailed { skipped: self.skipped, update: step };
            return if self.skipped > MAX_SKIPPED { Err(failed) } else { Ok(()) };
        }
        self.skipped = 0;
        let limit = narrow(recipe.clip);
        let scale = if norm > limit { limit / norm } else { 1.0 };
        let rate = recipe.learning_rate.at(progress);
        self.adam.update(&mut self.model, &self.gradient, scale, rate);
        let (decay, average) = (narrow(recipe.average), &mut self.average);
        self.model.each_slice(&mut |start, values| {
            blend(decay, values, &mut average[start..start + values.len()]);
        });
        Ok(())
    }
}
