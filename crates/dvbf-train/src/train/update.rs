//! From the shards' gradients to the next parameters, on all threads.
//!
//! Everything here is elementwise or summed piece by piece in a fixed order, so the number of
//! threads changes no bit.

use super::rates::Rates;
use super::shard::Shard;
use super::{Learner, Optimizer};
use dvbf_core::{Params, add_scaled, blend, sum_squares};
use dvbf_data::narrow;
use rayon::prelude::*;

/// Values that one thread handles at once.
const PIECE: usize = 1 << 14;

/// The gradient of an update and what is needed to compute its norm.
#[derive(Debug)]
pub(super) struct Gradient {
    values: Vec<f32>,
    squares: Vec<f32>,
    /// Values whose squares are summed one after the other.
    piece: usize,
}

impl Gradient {
    /// A gradient for the parameters of `model`.
    pub(super) fn of<M: Learner<f32>>(model: &M) -> Self {
        let (count, piece) = (model.count(), M::NORM_PIECE);
        Self { values: vec![0.0; count], squares: vec![0.0; count.div_ceil(piece)], piece }
    }

    /// Sums the gradients of all shards in their order.
    pub(super) fn fold<M: Learner<f32>>(&mut self, shards: &[Shard<M>]) {
        for (index, shard) in shards.iter().enumerate() {
            shard.gradient().each_slice(&mut |start, part| {
                let sum = &mut self.values[start..start + part.len()];
                sum.par_chunks_mut(PIECE).zip(part.par_chunks(PIECE)).for_each(|(sum, part)| {
                    if index == 0 {
                        sum.copy_from_slice(part);
                    } else {
                        add_scaled(1.0, part, sum);
                    }
                });
            });
        }
    }

    /// The Euclidean norm.
    pub(super) fn norm(&mut self) -> f32 {
        let pieces = self.values.par_chunks(self.piece);
        self.squares.par_iter_mut().zip(pieces).for_each(|(sum, piece)| *sum = sum_squares(piece));
        self.squares.iter().sum::<f32>().sqrt()
    }

    /// Moves the parameters against `scale` times the gradient.
    pub(super) fn apply(
        &self,
        optimizer: &mut Optimizer,
        model: &mut impl Params<f32>,
        scale: f32,
        rates: &Rates,
    ) {
        match optimizer {
            Optimizer::RmsProp(rmsprop) => {
                rmsprop.update_with(model, &self.values, scale, &|start| rates.of(start));
            }
            Optimizer::Adam(adam) => {
                let update = adam.begin(scale, rates.base);
                let (whole, first, second) = (update.step, update.first, update.second);
                model.each_slice_mut(&mut |start, theta| {
                    let factor = rates.factor(start);
                    if factor <= 0.0 {
                        return;
                    }
                    let step = whole.with_factor(narrow(factor));
                    let range = start..start + theta.len();
                    theta
                        .par_chunks_mut(PIECE)
                        .zip(self.values[range.clone()].par_chunks(PIECE))
                        .zip(first[range.clone()].par_chunks_mut(PIECE))
                        .zip(second[range].par_chunks_mut(PIECE))
                        .for_each(|(((theta, gradient), first), second)| {
                            step.apply(theta, gradient, first, second);
                        });
                });
            }
        }
    }
}

/// Moves the running average of the parameters towards `model`.
pub(super) fn average(average: &mut [f32], model: &impl Params<f32>, decay: f32) {
    model.each_slice(&mut |start, values| {
        let average = &mut average[start..start + values.len()];
        let pieces = average.par_chunks_mut(PIECE).zip(values.par_chunks(PIECE));
        pieces.for_each(|(average, values)| blend(decay, values, average));
    });
}
