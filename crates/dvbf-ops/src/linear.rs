//! Affine map. Shapes: `x (B, I)`, `y (B, O)`, `W (O, I)`, `b (O)`.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | forward | `y = x Wᵀ + 1 bᵀ` | `x`, `W`, `b` |
//! | `dx` | `dx += dy W` | `dy`, `W` |
//! | `dW` | `dW += dyᵀ x` | `dy`, `x` |
//! | `db` | `db += dyᵀ 1` | `dy` |
//!
//! Gradients are sums over `B`: whoever averages a loss divides there, not here. The backward pass
//! takes `x` again, so that a caller can keep the rows of many time steps in one array.

use crate::{Params, Path};
use dvbf_tensor::{
    Accum, Fused, Noise, PackedMatrix, Scalar, add_column_sums, gemm, gemm_fused, gemm_packed,
};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD};

/// Parameters of the affine map and, as a gradient, their cotangents.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear<S> {
    // Invariant: `weight.nrows() == bias.len()`, both contiguous in row-major order.
    weight: Array2<S>,
    bias: Array1<S>,
}

/// The weights in the layout of the products, valid until the parameters change.
#[derive(Clone, Debug, Default)]
pub struct LinearPack<S> {
    forward: PackedMatrix<S>,
    backward: PackedMatrix<S>,
}

impl<S: Scalar> LinearPack<S> {
    /// An empty pack, to be filled by [`Linear::pack`].
    pub fn new() -> Self {
        Self { forward: PackedMatrix::new(), backward: PackedMatrix::new() }
    }
}

impl<S: Scalar> Linear<S> {
    /// The map with weight `W` and bias `b`.
    ///
    /// # Panics
    /// If the two disagree about `O`.
    #[track_caller]
    pub fn new(weight: Array2<S>, bias: Array1<S>) -> Self {
        assert_eq!(weight.nrows(), bias.len(), "one bias per output");
        Self { weight: weight.as_standard_layout().into_owned(), bias }
    }

    /// All-zero parameters.
    pub fn zeros(inputs: usize, outputs: usize) -> Self {
        Self::new(Array2::zeros((outputs, inputs)), Array1::zeros(outputs))
    }

    /// Weights from `N(0, std²)`, biases zero.
    ///
    /// # Panics
    /// Never: a fresh array is contiguous.
    pub fn random(inputs: usize, outputs: usize, std: f64, noise: Noise) -> Self {
        let mut layer = Self::zeros(inputs, outputs);
        let weight = layer.weight.as_slice_mut().expect("a fresh array is contiguous");
        noise.normal(weight);
        for w in weight {
            *w *= S::of(std);
        }
        layer
    }

    /// `(O, I)`.
    pub fn dim(&self) -> (usize, usize) {
        self.weight.dim()
    }

    /// `W (O, I)`.
    pub fn weight(&self) -> ArrayView2<'_, S> {
        self.weight.view()
    }

    /// `W (O, I)`, to be changed.
    pub fn weight_mut(&mut self) -> ArrayViewMut2<'_, S> {
        self.weight.view_mut()
    }

    /// `b (O)`.
    pub fn bias(&self) -> &Array1<S> {
        &self.bias
    }

    /// `b (O)`, to be changed.
    pub fn bias_mut(&mut self) -> &mut Array1<S> {
        &mut self.bias
    }

    /// Brings the weights into the layout of the products, for both directions.
    pub fn pack(&self, pack: &mut LinearPack<S>) {
        self.pack_forward(pack);
        pack.backward.pack(self.weight.view());
    }

    /// [`pack`](Linear::pack) for a layer whose input needs no gradient.
    pub fn pack_forward(&self, pack: &mut LinearPack<S>) {
        pack.forward.pack(self.weight.t());
    }

    /// Writes `y = x Wᵀ + b`.
    ///
    /// # Panics
    /// If the shapes disagree or `pack` is not of this layer.
    #[track_caller]
    pub fn apply(&self, pack: &LinearPack<S>, x: ArrayView2<'_, S>, y: ArrayViewMut2<'_, S>) {
        gemm_fused(Accum::Replace, y, x, &pack.forward, Fused::Bias(self.bias.view()));
    }

    /// Writes `y = max(0, x Wᵀ + b)`.
    ///
    /// # Panics
    /// If the shapes disagree or `pack` is not of this layer.
    #[track_caller]
    pub fn apply_relu(&self, pack: &LinearPack<S>, x: ArrayView2<'_, S>, y: ArrayViewMut2<'_, S>) {
        gemm_fused(Accum::Replace, y, x, &pack.forward, Fused::BiasRelu(self.bias.view()));
    }

    /// Pulls `dy` back to the input: `dx ← dy W` or `dx += dy W`.
    ///
    /// # Panics
    /// If the shapes disagree or `pack` is not of this layer.
    #[track_caller]
    pub fn backward_input(
        &self,
        pack: &LinearPack<S>,
        dy: ArrayView2<'_, S>,
        accum: Accum,
        dx: ArrayViewMut2<'_, S>,
    ) {
        gemm_packed(accum, dx, dy, &pack.backward);
    }

    /// Pulls `dy` back to an input that a rectifier gave: `dx ← (dy W) ⊙ [x > 0]`.
    ///
    /// # Panics
    /// If the shapes disagree or `pack` is not of this layer.
    #[track_caller]
    pub fn backward_rectified(
        &self,
        pack: &LinearPack<S>,
        dy: ArrayView2<'_, S>,
        x: ArrayView2<'_, S>,
        dx: ArrayViewMut2<'_, S>,
    ) {
        gemm_fused(Accum::Replace, dx, dy, &pack.backward, Fused::MaskByPositive(x));
    }

    /// Books the parameter gradients of any number of rows: `dW += dyᵀ x`, `db += dyᵀ 1`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn backward_params(x: ArrayView2<'_, S>, dy: ArrayView2<'_, S>, grads: &mut Self) {
        gemm(Accum::Add, grads.weight.view_mut(), dy.t(), x);
        add_column_sums(grads.bias.view_mut(), dy);
    }
}

impl<S: Scalar> Params<S> for Linear<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        f(path.child("weight"), self.weight.view().into_dyn());
        f(path.child("bias"), self.bias.view().into_dyn());
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        f(path.child("weight"), self.weight.view_mut().into_dyn());
        f(path.child("bias"), self.bias.view_mut().into_dyn());
    }
}
