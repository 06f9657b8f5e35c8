//! A perceptron of rows in [lanes](crate::spread), without a way back.
//!
//! Shapes: `x (I, L)`, `y (O, L)`; with `C` directions `[x, ẋ₁, …] (I, (1 + C) L)`, and `y` likewise.
//!
//! | | equation |
//! |-|----------|
//! | forward | `h₀ = x`, `hₗ₊₁ = max(0, Wₗ hₗ + bₗ)`, without the rectifier in the last layer |
//! | along a direction | `ḣ₀ = ẋ`, `ḣₗ₊₁ = [hₗ₊₁ > 0] ⊙ Wₗ ḣₗ`, without the mask in the last layer |

use crate::mlp::Mlp;
use dvbf_tensor::{Accum, Kernel, Scalar, gemm, vectorize};
use ndarray::{ArrayView2, ArrayViewMut2};

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
            let product = ArrayViewMut2::from_shape((outputs, width), &mut *to);
            gemm(Accum::Replace, product.expect("whole lanes"), layer.weight(), from);
            let bias = layer.bias().as_slice().expect("a bias is contiguous");
            vectorize(AddBias { values: to, bias, lanes, width, rectify: l + 1 < layers.len() });
        }
        let outputs = self.dim().1;
        &mut buffers.layers[layers.len() - 1][..outputs * width]
    }
}

/// Adds a bias to the values of every row, and rectifies them; derivatives are masked.
struct AddBias<'a, S> {
    values: &'a mut [S],
    bias: &'a [S],
    lanes: usize,
    width: usize,
    rectify: bool,
}

impl<S: Scalar> Kernel for AddBias<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (row, &bias) in self.values.chunks_exact_mut(self.width).zip(self.bias) {
            let (values, derivatives) = row.split_at_mut(self.lanes);
            if self.rectify {
                for value in values.iter_mut() {
                    let a = *value + bias;
                    *value = if a > S::ZERO { a } else { S::ZERO };
                }
                for derivatives in derivatives.chunks_exact_mut(self.lanes) {
                    for (d, &h) in derivatives.iter_mut().zip(&*values) {
                        *d = if h > S::ZERO { *d } else { S::ZERO };
                    }
                }
            } else {
                for value in values {
                    *value += bias;
                }
            }
        }
    }
}
