//! What everything that is learned in a world stands on: dynamics, visited states and their unit.

use dvbf_control::StateScale;
use dvbf_core::Noise;
use ndarray::{Array2, ArrayView2};

/// Dynamics, the states that were visited, `(N, Z)`, and their unit.
pub(super) struct Ground<'a, D> {
    pub(super) dynamics: &'a D,
    pub(super) visited: ArrayView2<'a, f32>,
    pub(super) scale: &'a StateScale<f32>,
}

/// States drawn with replacement.
pub(super) fn draw(states: ArrayView2<'_, f32>, count: usize, noise: Noise) -> Array2<f32> {
    let mut draws = vec![0.0_f64; count];
    noise.uniform(&mut draws);
    let mut out = Array2::zeros((count, states.ncols()));
    for (mut to, draw) in out.rows_mut().into_iter().zip(&draws) {
        to.assign(&states.row(place(*draw, states.nrows())));
    }
    out
}

/// A place among `count` for a draw from 0 to 1.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
fn place(draw: f64, count: usize) -> usize {
    ((draw * count as f64) as usize).min(count - 1)
}
