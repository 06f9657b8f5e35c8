//! A perceptron of rows in [lanes](crate::spread), without a way back.
//!
//! Shapes: `x (I, L)`, `y (O, L)`; with `C` directions `[x, ẋ₁, …] (I, (1 + C) L)`, and `y` likewise.
//!
//! | | equation |
//! |-|----------|
//! | forward | `h₀ = x`, `hₗ₊₁ = max(0, Wₗ hₗ + bₗ)`, without the rectifier in the last layer |
//! | along a direction | `ḣ₀ = ẋ`, `ḣₗ₊₁ = [hₗ₊₁ > 0] ⊙ Wₗ ḣₗ`, without the mask in the last layer |

use crate::mlp::Mlp;
use dvbf_tensor::{Accum, Fused, Scalar, gemm, gemm_views};
use ndarray::{ArrayView2, ArrayViewMut2, Axis};

/// Buffers of [`Mlp::forward_lanes`]; they grow when they are first used.
#[derive(Clone, Debug, Default)]
pub struct MlpLanes<S> {
    /// What each layer gives, `(Oₗ, L)`.
    layers: Vec<Vec<S>>,
}

impl<S: Scalar> Mlp<S> {
    /// Computes `y (O, L)` of `x (I, L)`, one row in each lane, to the bits of
    /// [`forward`](Mlp::forward), and leaves it in the buffers.
    ///
    /// # Panics
    /// If `x` has another number of values than `I · L`.
    #[track_caller]
    pub fn forward_lanes<'a>(
        &self,
        x: &[S],
        lanes: usize,
        buffers: &'a mut MlpLanes<S>,
    ) -> &'a mut [S] {
        self.push_lanes(x, (lanes, 0), buffers)
    }

    /// [`forward_lanes`](Mlp::forward_lanes), and the derivatives of `y` along `C` directions, for
    /// `(L, C)`. Every row of `x (I, (1 + C) L)` holds the values of all lanes, then their derivatives
    /// along each direction, and so does every row of `y (O, (1 + C) L)`.
    ///
    /// # Panics
    /// If `x` has another number of values than `I (1 + C) L`.
    #[track_caller]
    pub fn push_lanes<'a>(
        &self,
        x: &[S],
        (lanes, directions): (usize, usize),
        buffers: &'a mut MlpLanes<S>,
    ) -> &'a mut [S] {
        let width = (1 + directions) * lanes;
        assert_eq!(x.len(), self.dim().0 * width, "x against (I, (1 + C) L)");
        let layers = self.layers();
        buffers.layers.resize_with(layers.len(), Vec::new);
        for (l, layer) in layers.iter().enumerate() {
            let (outputs, inputs) = layer.dim();
            let (before, rest) = buffers.layers.split_at_mut(l);
            let from = before.last().map_or(x, |h| &h[..inputs * width]);
            let to = &mut rest[0];
            if to.len() < outputs * width {
                to.resize(outputs * width, S::ZERO);
            }
            let to = &mut to[..outputs * width];
            let from = ArrayView2::from_shape((inputs, width), from).expect("whole lanes");
            let to = ArrayViewMut2::from_shape((outputs, width), to).expect("whole lanes");
            let (mut values, mut derivatives) = to.split_at(Axis(1), lanes);
            let bias = layer.bias().view();
            let rectified = l + 1 < layers.len();
            let fused = if rectified { Fused::RowBiasRelu(bias) } else { Fused::RowBias(bias) };
            let weight = layer.weight();
            let (x, dx) = from.split_at(Axis(1), lanes);
            gemm_views(Accum::Replace, values.view_mut(), weight, x, fused);
            if !rectified {
                gemm(Accum::Replace, derivatives, weight, dx);
                continue;
            }
            let along = dx.axis_chunks_iter(Axis(1), lanes);
            for (mut dy, dx) in derivatives.axis_chunks_iter_mut(Axis(1), lanes).zip(along) {
                let mask = Fused::MaskByPositive(values.view());
                gemm_views(Accum::Replace, dy.view_mut(), weight, dx, mask);
            }
        }
        let outputs = self.dim().1;
        &mut buffers.layers[layers.len() - 1][..outputs * width]
    }
}
