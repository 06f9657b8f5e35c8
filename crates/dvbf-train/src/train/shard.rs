//! The part of a minibatch that one thread computes: its sequences pass through the model block by
//! block, and its gradient is the sum over the blocks in their order.

use super::Learner;
use super::block::{Block, Corruption};
use crate::communicator::Communicator;
use dvbf_core::GradientOptions;
use dvbf_data::Dataset;

#[derive(Debug)]
pub(super) struct Shard<M: Learner<f32>> {
    whole: Block<M>,
    /// What is left of the sequences after the whole blocks.
    rest: Option<Block<M>>,
    sequences: usize,
    grads: M,
    log_lik: f64,
    kl: f64,
}

/// The random streams of a shard in one update.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draws {
    pub(super) seed: u64,
    pub(super) step: u64,
    /// Number of the shard's first block; streams are numbered by block.
    pub(super) first_block: usize,
}

/// How the sequences of an update are learned from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lesson {
    pub(super) corruption: Corruption,
    pub(super) options: GradientOptions<f32>,
    /// Weight of dreams; none if zero.
    pub(super) dream: f32,
}

impl<M: Learner<f32>> Shard<M> {
    /// A shard of `sequences` sequences in blocks of at most `block`, with windows of `steps` steps.
    pub(super) fn new(
        model: &M,
        data: &Dataset,
        (sequences, block): (usize, usize),
        steps: usize,
    ) -> Self {
        let block = block.min(sequences);
        let rest = sequences % block;
        Self {
            whole: Block::new(model, data, (block, sequences), steps),
            rest: (rest > 0).then(|| Block::new(model, data, (rest, rest), steps)),
            sequences,
            grads: model.zeros_like(),
            log_lik: 0.0,
            kl: 0.0,
        }
    }

    pub(super) fn sequences(&self) -> usize {
        self.sequences
    }

    /// Steps of the window that is cut from every sequence.
    pub(super) fn steps(&self) -> usize {
        self.whole.steps()
    }

    /// Sum of `ln p(x | z)` over the sequences.
    pub(super) fn log_lik(&self) -> f64 {
        self.log_lik
    }

    /// Sum of the divergences of the sequences.
    pub(super) fn kl(&self) -> f64 {
        self.kl
    }

    pub(super) fn gradient(&self) -> &M {
        &self.grads
    }

    /// Brings what process `owner` computed to all others.
    pub(super) fn broadcast(&mut self, owner: usize, others: &dyn Communicator) {
        self.grads.each_slice_mut(&mut |_, values| others.broadcast(owner, values));
        let mut sums = [self.log_lik, self.kl];
        others.broadcast_double(owner, &mut sums);
        [self.log_lik, self.kl] = sums;
    }

    /// Computes the bound and the gradient of the sequences with these numbers.
    pub(super) fn compute(
        &mut self,
        model: &M,
        (data, sequences): (&Dataset, &[usize]),
        draws: Draws,
        lesson: &Lesson,
    ) {
        (self.log_lik, self.kl) = (0.0, 0.0);
        self.grads.set_zero();
        self.whole.prepare(model);
        if let Some(rest) = &mut self.rest {
            rest.prepare(model);
        }
        let size = self.whole.sequences();
        for (index, chosen) in sequences.chunks(size).enumerate() {
            let block = match &mut self.rest {
                Some(rest) if chosen.len() < size => rest,
                _ => &mut self.whole,
            };
            let place = (draws.step, draws.first_block + index);
            block.fill(data, chosen, draws.seed, place, &lesson.corruption);
            block.gradient(model, lesson.options, &mut self.grads);
            if lesson.dream > 0.0 {
                block.dream(model, draws.seed, place, lesson.dream * lesson.options.scale);
            }
            self.log_lik += block.bound().log_lik.iter().map(|&v| f64::from(v)).sum::<f64>();
            self.kl += block.bound().kl.iter().map(|&v| f64::from(v)).sum::<f64>();
        }
        self.whole.finish(model, &mut self.grads);
        if let Some(rest) = &mut self.rest {
            rest.finish(model, &mut self.grads);
        }
    }
}
