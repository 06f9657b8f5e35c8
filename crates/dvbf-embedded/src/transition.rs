//! The locally linear transition, `z' = Σᵢ αᵢ (Aᵢ z + Bᵢ u + Cᵢ w)` with `α = softmax(net([z, u]))`.

use crate::layout::Sizes;
use crate::math::{fused, softmax};
use crate::network::{Network, Numbers};

/// Mixing network and base matrices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transition<'a> {
    mixing: Network<'a>,
    /// Row `i` holds the columns of `Dᵢ` one after the other.
    base: Numbers<'a>,
    state: usize,
    inputs: usize,
}

/// Where a step is computed.
#[derive(Debug)]
pub(crate) struct TransitionMemory<'m> {
    /// `α (M)`.
    pub(crate) alpha: &'m mut [f32],
    /// `D̄ = Σᵢ αᵢ Dᵢ`, `Z (Z + U + W)`.
    pub(crate) mixed: &'m mut [f32],
}

impl<'a> Transition<'a> {
    pub(crate) fn new(mixing: Network<'a>, base: Numbers<'a>, sizes: &Sizes) -> Self {
        Self { mixing, base, state: sizes.state, inputs: sizes.state + sizes.control }
    }

    /// Writes `z'` for `arguments = [z, u, w]`.
    pub(crate) fn carry(
        &self,
        arguments: &[f32],
        next: &mut [f32],
        memory: &mut TransitionMemory<'_>,
        scratch: &mut [f32],
    ) {
        let TransitionMemory { alpha, mixed } = memory;
        self.mixing.apply(&arguments[..self.inputs], alpha, scratch);
        softmax(alpha);
        mixed.fill(0.0);
        for (row, &a) in self.base.rows(mixed.len()).zip(alpha.iter()) {
            for (sum, d) in mixed.iter_mut().zip(row.iter()) {
                *sum = fused(a, d, *sum);
            }
        }
        next.fill(0.0);
        for (column, &v) in mixed.chunks_exact(self.state).zip(arguments) {
            for (sum, &d) in next.iter_mut().zip(column) {
                *sum = fused(d, v, *sum);
            }
        }
    }
}
