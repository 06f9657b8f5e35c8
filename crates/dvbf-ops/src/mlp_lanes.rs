//! A perceptron of rows in [lanes](crate::spread), without a way back.
//!
//! `h₀ = x`, `hₗ₊₁ = max(0, Wₗ hₗ + bₗ)`, without the rectifier in the last layer; `x (I, L)`, `y (O, L)`.

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
        assert_eq!(x.len(), self.dim().0 * lanes, "x against (I, L)");
        let layers = self.layers();
        buffers.layers.resize_with(layers.len(), Vec::new);
        for (l, layer) in layers.iter().enumerate() {
            let (outputs, inputs) = layer.dim();
            let (before, rest) = buffers.layers.split_at_mut(l);
            let from = before.last().map_or(x, |h| &h[..inputs * lanes]);
            let to = &mut rest[0];
            if to.len() < outputs * lanes {
                to.resize(outputs * lanes, S::ZERO);
            }
            let to = &mut to[..outputs * lanes];
            let from = ArrayView2::from_shape((inputs, lanes), from).expect("whole lanes");
            let product = ArrayViewMut2::from_shape((outputs, lanes), &mut *to);
            gemm(Accum::Replace, product.expect("whole lanes"), layer.weight(), from);
            let bias = layer.bias().as_slice().expect("a bias is contiguous");
            vectorize(AddBias { values: to, bias, lanes, rectify: l + 1 < layers.len() });
        }
        let outputs = self.dim().1;
        &mut buffers.layers[layers.len() - 1][..outputs * lanes]
    }
}

/// Adds a bias to every row of values, and rectifies.
struct AddBias<'a, S> {
    values: &'a mut [S],
    bias: &'a [S],
    lanes: usize,
    rectify: bool,
}

impl<S: Scalar> Kernel for AddBias<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (values, &bias) in self.values.chunks_exact_mut(self.lanes).zip(self.bias) {
            if self.rectify {
                for value in values {
                    let a = *value + bias;
                    *value = if a > S::ZERO { a } else { S::ZERO };
                }
            } else {
                for value in values {
                    *value += bias;
                }
            }
        }
    }
}
